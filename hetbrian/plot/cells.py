"""Heat maps: a score over two parameters of a sweep, cell by cell, and the border of what works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hetbrian._support.arguments import checked, one_of
from hetbrian._support.checks import finite, flag, instance, numbers, shown, text
from hetbrian.plot.inputs import a_dataset, of_numbers, some_axes
from hetbrian.plot.labels import label
from hetbrian.plot.style import panels, styled

if TYPE_CHECKING:
    import xarray as xr

DONE = 1
"""What ``status`` of a sweep says of a point that was computed, see `hetbrian.study.columns.STATUS`."""

LOG_LIMITS = (1e-12, 1e12)
"""What has no logarithm, or an infinite one, counts as these: a diverged run stays in the median."""

HATCH: dict[str, Any] = {"fill": False, "lw": 0, "hatch": "/////"}
"""How cells are marked that do not work, in `ink`."""

BORDER: dict[str, Any] = {"color": "black", "lw": 1.6, "solid_capstyle": "butt"}
"""How the border of what works is drawn."""


def _limits(value: Any, name: str) -> None:
    """Refuse what is no range of colours."""
    given = numbers(value, name)
    if given.shape != (2,) or not given[0] < given[1]:
        raise ValueError(f"{name} is {shown(value)}, expected (low, high): give both ends of the colour bar.")


def _works(value: Any, name: str) -> None:
    """Refuse what is not one score and its limit."""
    instance(value, name, Mapping, "write {'relative_error': 0.5}, say")
    if len(value) != 1:
        raise ValueError(f"{name} has {len(value)} scores, expected one: write {{'relative_error': 0.5}}, say.")
    for score, most in value.items():
        text(score, f"a score of {name}")
        finite(most, f"{score} of {name}")


@checked(
    dataset=a_dataset,
    variable=text,
    x=text,
    y=text,
    axes=some_axes,
    over=one_of("median", "mean"),
    log=flag,
    limits=_limits,
    works=_works,
    even=flag,
    written=text,
    colours=text,
    bar=flag,
)
@styled
def heat_map(
    dataset: xr.Dataset,
    variable: str,
    x: str | None = None,
    y: str | None = None,
    axes: Any = None,
    *,
    over: Literal["median", "mean"] = "median",
    log: bool = False,
    limits: tuple[float, float] | None = None,
    works: Mapping[str, float] | None = None,
    even: bool = False,
    written: str | None = None,
    colours: str = "viridis",
    bar: bool | None = None,
) -> np.ndarray:
    """
    Draw a variable of a sweep over two of its parameters: the median, or mean, over the others.

    White cells are points that were not computed or failed with an error.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `hetbrian.sweep`, also while it runs.
    variable : str
        What is drawn in colour.
    x, y : str, optional
        Parameters on the horizontal and vertical axis, by default the last two but a ``seed``, the last one on x.
    axes : Axes, optional
        Where to draw.
    over : {"median", "mean"}
        What is taken over the other parameters.
    log : bool
        Whether colours show the logarithm, base 10.
    limits : tuple of float, optional
        Ends of the colour bar, of the logarithm if that is shown; what lies beyond has the last colour.
    works : mapping of str to float, optional
        A score and its limit, ``{"relative_error": 0.5}``: cells whose median is below are outlined, the others
        hatched.
    even : bool
        Whether cells are of one size, whatever the distance of values; those of texts always are.
    written : str, optional
        Format of numbers that are written into the cells, as ``".0%"``.
    colours : str
        Name of a matplotlib colour map.
    bar : bool, optional
        Whether there is a colour bar, by default in a new figure only.

    Returns
    -------
    ndarray of Axes, shape (1,)

    Raises
    ------
    ValueError
        If the Dataset has no such variable or parameters, a format or colour map is unknown, or values to be placed by
        their distance are no numbers that increase.
    TypeError
        If an argument is of another kind.
    """
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    if colours not in colormaps:
        raise ValueError(f"colours is {colours!r}, expected a colour map of matplotlib: write 'viridis', say.")
    record = "name a variable that the points of the sweep return"
    names = _parameters(of_numbers(dataset, variable, record), x, y)
    values = _summary(dataset, variable, names, over, log)
    marks = None
    if works is not None:
        (score, most), *_ = works.items()
        of_numbers(dataset, score, record)
        marks = _summary(dataset, score, names, "median", False).values, most
    texts = None if written is None else [[_text(value, written) for value in row] for row in values.values]
    places = [_Place(dataset[name], even) for name in reversed(names)]
    is_new = axes is None
    (axis,) = panels(axes, 1, (5.8, 4.2))
    edges = [place.edges for place in places]
    given = limits if limits is not None else _range(values.values)
    image = axis.pcolormesh(
        *edges, values, norm=Normalize(*given), cmap=colormaps[colours], edgecolors="none", rasterized=True
    )
    if marks is not None:
        outline(axis, image, edges, *marks)
    for row, line in enumerate(texts or []):
        for column, string in enumerate(line):
            middle = [(edge[i] + edge[i + 1]) / 2 for edge, i in zip(edges, (column, row), strict=True)]
            axis.text(
                *middle, string, ha="center", va="center", fontsize=7, color=ink(image, values.values[row, column])
            )
    axis.spines[:].set_visible(True)
    for place, side in zip(places, (axis.xaxis, axis.yaxis), strict=True):
        if place.ticks is not None:
            side.set_ticks(*place.ticks)
            side.set_tick_params(length=0)
        side.set_label_text(label(place.parameter))
    axis.set(xlim=edges[0][[0, -1]], ylim=edges[1][[0, -1]])
    if is_new if bar is None else bar:
        name = label(dataset[variable])
        others = ", ".join(str(dim) for dim in dataset[variable].dims if dim not in names)
        text_of_bar = f"$\\log_{{10}}$ {name}" if log else name
        extend = _extend(values.values, given)
        axis.figure.colorbar(image, ax=axis, extend=extend).set_label(
            f"{text_of_bar}\n{over} over {others}" if others else text_of_bar
        )
    if marks is not None and is_new:
        explain(axis.figure, next(iter(works or {})), dict(works or {}))
    return np.array([axis])


def outline(axis: Any, image: Any, edges: Any, values: np.ndarray, most: float) -> None:
    """
    Hatch the cells that fail, and outline those that work.

    Parameters
    ----------
    axis : Axes
        Where to draw.
    image : QuadMesh
        The cells.
    edges : pair of ndarray, shape (columns + 1,) and (rows + 1,)
        Borders of the cells.
    values : ndarray, shape (rows, columns)
        Score of each cell, NaN where there is none.
    most : float
        A cell works below it.
    """
    from matplotlib.patches import Rectangle

    (x, y), works, drawn = edges, np.pad(values < most, 1), np.reshape(image.get_array(), values.shape)
    for row, column in np.argwhere(values >= most):
        corner, size = (x[column], y[row]), (x[column + 1] - x[column], y[row + 1] - y[row])
        axis.add_patch(Rectangle(corner, *size, ec=ink(image, drawn[row, column]), **HATCH))
    for row, column in np.argwhere(works[:, 1:] != works[:, :-1]):
        axis.plot([x[column]] * 2, [y[row - 1], y[row]], **BORDER)
    for row, column in np.argwhere(works[1:] != works[:-1]):
        axis.plot([x[column - 1], x[column]], [y[row]] * 2, **BORDER)


def ink(image: Any, value: float) -> str:
    """Return what is seen on the colour of a value: white or black."""
    shade = image.cmap(image.norm(value))
    return "white" if np.dot(shade[:3], (0.299, 0.587, 0.114)) < 0.5 else "black"


def explain(figure: Any, score: str, limits: Mapping[str, float]) -> None:
    """Say below the axes of a figure what hatching and outline mean."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    name = score.replace("_", " ")
    marks = [
        Line2D([], [], **BORDER, label=f"border of {name} < {limits[score]:g}"),
        Patch(**HATCH, ec="0.35", label="above it (median)"),
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=2)


class _Place:
    """
    Where the values of a parameter lie along an axis.

    Parameters
    ----------
    parameter : xarray.DataArray
        The parameter.
    even : bool
        Whether all cells are of one size.
    """

    def __init__(self, parameter: xr.DataArray, even: bool) -> None:
        values = parameter.values
        self.parameter, self.ticks = parameter, None
        self.edges = np.arange(len(values) + 1) - 0.5
        if even or values.dtype.kind not in "iuf":
            texts = [f"{value:g}" if values.dtype.kind in "iuf" else str(value) for value in values]
            self.ticks = (np.arange(len(values)), texts)
            return
        if (np.diff(values) <= 0).any():
            raise ValueError(
                f"{parameter.name} is {shown(values.tolist())}, expected increasing values: sort dataset by it, or "
                "give even=True."
            )
        self.edges = borders(values)


def borders(values: np.ndarray) -> np.ndarray:
    """Return the edges of cells around increasing values: halfway between neighbours."""
    if len(values) < 2:
        return values[0] + np.array([-0.5, 0.5])
    middle = (values[1:] + values[:-1]) / 2
    return np.r_[2 * values[0] - middle[0], middle, 2 * values[-1] - middle[-1]]


def _parameters(variable, x, y):
    """Return the names of the parameters on y and x."""
    dims = [str(dim) for dim in variable.dims]
    for name, given in (("x", x), ("y", y)):
        if given is not None and given not in dims:
            raise ValueError(
                f"{name} is {given!r}, expected a dimension of {variable.name!r}: {', '.join(dims) or 'none'}."
            )
    left = [dim for dim in dims if dim not in (x, y, "seed")]
    x = x if x is not None else left.pop() if left else None
    y = y if y is not None else left.pop() if left else None
    if x is None or y is None or x == y:
        raise ValueError(
            f"variable {variable.name!r} has the dimensions {', '.join(dims) or 'none'}, expected two for x and y: "
            "name them, or take a sweep of two parameters."
        )
    return y, x


def _summary(dataset, name, names, over, log):
    """Return a variable over y and x, over what was computed; NaN elsewhere."""
    variable = dataset[name].astype(float)
    missing = [dim for dim in names if dim not in variable.dims]
    if missing:
        raise ValueError(
            f"{name!r} of dataset does not depend on {missing[0]!r}, expected both parameters: take another."
        )
    if "status" in dataset:
        variable = variable.where(dataset["status"] == DONE)
    if log:
        variable = np.log10(variable.clip(*LOG_LIMITS))
    others = [dim for dim in variable.dims if dim not in names]
    reduced = getattr(variable, over)(others) if others else variable
    return reduced.transpose(*names)


def _range(values):
    """Return the smallest and largest finite value, apart from each other."""
    found = values[np.isfinite(values)]
    low, high = (found.min(), found.max()) if found.size else (0.0, 1.0)
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def _extend(values, limits):
    """Return at which ends of the colour bar something lies beyond."""
    found = values[~np.isnan(values)]
    below, above = (found < limits[0]).any(), (found > limits[1]).any()
    return {(True, True): "both", (True, False): "min", (False, True): "max"}.get((bool(below), bool(above)), "neither")


def _text(value, written):
    """Return a number as text, nothing where there is none."""
    try:
        return "" if np.isnan(value) else format(float(value), written)
    except ValueError as error:
        raise ValueError(f"written is {written!r}, expected a format of numbers: write '.0%' or '.2g', say.") from error
