"""Figures of protocols: the function that draws one, the data that are archived for it, and its files."""

import contextlib
import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from hetbrian._support.files import replacing
from hetbrian.study.protocol import places


def archived(name: str) -> Path:
    """
    Return the file with the archived data of a figure, ``figures/data/NAME.nc`` of the checkout we are in.

    Parameters
    ----------
    name : str
        Name of the protocol.

    Returns
    -------
    Path

    Raises
    ------
    FileNotFoundError
        If there is none; the message lists those that are there.
    """
    known: dict[str, Path] = {}
    for place in places():
        for path in sorted((place.parent / "figures" / "data").glob("*.nc")):
            known.setdefault(path.stem, path)
    if name in known:
        return known[name]
    raise FileNotFoundError(
        f"{name!r} has no archived data, expected {', '.join(sorted(known)) or 'a checkout of hetbrian'}: "
        f"run 'hetbrian run {name}' and give its file, --data out/{name}/{name}.nc."
    )


def find_figure(name: str) -> Callable[..., Any] | None:
    """Return ``draw`` of figures/NAME.py in the protocol's checkout, or None."""
    try:
        spec = importlib.util.find_spec(f"figures.{name}")
    except ModuleNotFoundError:
        return None
    if spec is None:
        return None
    return importlib.import_module(f"figures.{name}").draw


def save_figure(
    draw: Callable[..., Any], dataset: xarray.Dataset, stem: Path, suffixes: Iterable[str] = (".png", ".pdf")
) -> list[Path]:
    """Write the figure, by default as PNG and PDF, and return their paths."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.style.context(_styles()):
        axes = np.atleast_1d(np.asarray(draw(dataset), dtype=object)).ravel()
        figure = axes[0].figure
        if "small" in dataset.attrs:
            figure.text(0.995, 0.995, "small size", ha="right", va="top", color="0.4", fontsize=8)
        paths = [stem.with_suffix(suffix) for suffix in suffixes]
        for path in paths:
            with replacing(path, "choose another --out") as temporary:  # a viewer may be looking
                figure.savefig(temporary)
        pyplot.close(figure)
    return paths


def redraw(draw: Callable[..., Any], stem: Path) -> Callable[[xarray.Dataset], None]:
    """Return what redraws a figure from a Dataset in which points may be missing."""

    def redrawn(dataset):
        with contextlib.suppress(AttributeError, IndexError, KeyError, ValueError):  # too little to draw yet
            save_figure(draw, dataset, stem, (".png",))

    return redrawn


def _styles():
    """Return the style file of the protocol's checkout, if there is one."""
    spec = importlib.util.find_spec("figures")
    folders = list(spec.submodule_search_locations or []) if spec else []
    return [str(path) for folder in folders for path in Path(folder).glob("*.mplstyle")]
