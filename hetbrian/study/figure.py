"""Figures of protocols: the function that draws one, the data that are archived for it, and its files."""

import contextlib
import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import xarray

from hetbrian._support.files import replacing
from hetbrian.plot.style import STYLE
from hetbrian.study.protocol import PUBLISHED, hook, is_published

FIGURES = PUBLISHED.parent / "figures"
"""The folder of hetbrian's own figures, and their data."""


def archived(name: str) -> Path:
    """
    Return the file with the archived data of a figure, which come with hetbrian.

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
    known = {path.stem: path for path in sorted((FIGURES / "data").glob("*.nc"))}
    if name in known:
        return known[name]
    raise FileNotFoundError(
        f"{name!r} has no archived data, expected {', '.join(known)}: "
        f"run 'hetbrian run {name}' and give its file, --data out/{name}/{name}.nc."
    )


def find_figure(module: ModuleType) -> Callable[..., Any] | None:
    """
    Return what draws a protocol's figure.

    Parameters
    ----------
    module : module
        The protocol.

    Returns
    -------
    callable or None
        Its ``draw(dataset)``, or that of the file of its name in `hetbrian.published.figures` if it is hetbrian's.
    """
    draw, name = hook(module, "draw"), module.__name__.rpartition(".")[2]
    if draw is None and is_published(module) and (FIGURES / f"{name}.py").is_file():
        return importlib.import_module(f"hetbrian.published.figures.{name}").draw
    return draw


def save_figure(
    draw: Callable[..., Any], dataset: xarray.Dataset, stem: Path, suffixes: Iterable[str] = (".png", ".pdf")
) -> list[Path]:
    """Write the figure, by default as PNG and PDF, and return their paths."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.style.context(STYLE):
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
