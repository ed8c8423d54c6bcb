"""Figures of protocols: the function that draws one, the data that are archived for it, and its files."""

import contextlib
import importlib
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import xarray

from hetbrian._support.checks import shown
from hetbrian._support.files import replacing
from hetbrian._support.lines import raised_by
from hetbrian.plot.learning import output_and_target
from hetbrian.plot.style import STYLE
from hetbrian.study.options import brief
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


def find_figure(module: ModuleType, function: str = "draw") -> Callable[..., Any] | None:
    """
    Return what draws a protocol's figure, or makes one to ask.

    Parameters
    ----------
    module : module
        The protocol.
    function : {"draw", "ask"}
        Name of what is looked for.

    Returns
    -------
    callable or None
        Its function of that name of a dataset, or that of the file of its name in `hetbrian.published.figures` if it
        is hetbrian's.
    """
    found, name = hook(module, function), module.__name__.rpartition(".")[2]
    if found is None and is_published(module) and (FIGURES / f"{name}.py").is_file():
        return getattr(importlib.import_module(f"hetbrian.published.figures.{name}"), function, None)
    return found


def save_figure(
    draw: Callable[..., Any], dataset: xarray.Dataset, stem: Path, suffixes: Iterable[str] = (".png", ".pdf")
) -> list[Path]:
    """Write the figure, by default as PNG and PDF, and return their paths."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.axes import Axes

    with pyplot.style.context(STYLE):
        drawn = draw(dataset)
        axes = np.atleast_1d(np.asarray(drawn, dtype=object)).ravel()
        if not len(axes) or not all(isinstance(item, Axes) for item in axes):
            raise TypeError(f"draw returned {shown(drawn)}, expected axes of matplotlib: return them.")
        figure = axes[0].figure
        if "small" in dataset.attrs:
            figure.text(0.995, 0.995, "small size", ha="right", va="top", color="0.4", fontsize=8)
        paths = [stem.with_suffix(suffix) for suffix in suffixes]
        for path in paths:
            with replacing(path, "choose another --out") as temporary:  # a viewer may be looking
                figure.savefig(temporary)
        pyplot.close(figure)
    return paths


@contextlib.contextmanager
def refusing_others(dataset: xarray.Dataset, path: Path, name: str) -> Iterator[None]:
    """
    Refuse a Dataset from which a figure cannot be drawn; errors in the user's own lines remain.

    Parameters
    ----------
    dataset : xarray.Dataset
        What is drawn.
    path : Path
        Its file.
    name : str
        Name of the protocol.

    Raises
    ------
    ValueError
        If drawing fails; the message says what the Dataset lacks.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as error:
        if raised_by(error) == "user":
            raise
        lacks = f"it lacks {asked}" if (asked := _asked(error)) else f"{type(error).__name__}: {shown(str(error))}"
        has = ", ".join(map(str, dataset.variables))
        raise ValueError(
            f"{str(path)!r} is no whole result of {name} ({lacks}; it has {brief(has)}), "
            f"expected the Dataset that 'hetbrian run {name}' writes: give that file."
        ) from error


def _asked(error: Exception) -> str:
    """Return the name that a Dataset or its attributes lack, empty if the error is of another kind."""
    if isinstance(error, AttributeError):
        return str(error.name or "")
    if not isinstance(error, KeyError) or not error.args:
        return ""
    found = re.match(r"No variable named '(\w+)'", str(error.args[0]))
    return found[1] if found else str(error.args[0]) if str(error.args[0]).isidentifier() else ""


def redraw(draw: Callable[..., Any], stem: Path) -> Callable[[xarray.Dataset], None]:
    """Return what redraws a figure from a Dataset in which points may be missing."""

    def redrawn(dataset):
        with contextlib.suppress(AttributeError, IndexError, KeyError, TypeError, ValueError):  # too little to draw yet
            save_figure(draw, dataset, stem, (".png",))

    return redrawn


class RunPicture:
    """
    The picture of a run that is watched: output against target, redrawn while it trains.

    Parameters
    ----------
    stem : Path
        The file without its suffix.

    Attributes
    ----------
    paths : list of Path
        The file, once something was drawn.
    """

    def __init__(self, stem: Path) -> None:
        self.stem, self.paths = stem, []  # type: Path, list[Path]

    def __call__(self, dataset: xarray.Dataset) -> None:
        """Draw what a run has sampled so far, over the whole time that it takes."""
        if not {"z", "y"} <= set(dataset):
            has = ", ".join(map(str, dataset)) or "nothing over time"
            raise ValueError(
                f"the run records {brief(has)}, expected output 'z' and target 'y' to watch: "
                "record them too, or leave --watch out."
            )
        if dataset.sizes["time"] >= 2:
            self.paths = save_figure(_over_the_run, dataset, self.stem, (".png",))


def _over_the_run(dataset: xarray.Dataset) -> np.ndarray:
    """Draw output and target on an axis as long as the run."""
    axes, begin = output_and_target(dataset), float(dataset.time[0])
    axes[-1].set_xlim(begin, begin + dataset.attrs["duration"])
    return axes
