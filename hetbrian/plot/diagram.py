"""Bifurcation diagrams: branches of equilibria and of limit cycles, with their stability and special points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hetbrian._support.arguments import checked
from hetbrian._support.checks import shown, text
from hetbrian.plot.inputs import a_dataset, of_numbers, some_axes
from hetbrian.plot.labels import label
from hetbrian.plot.style import name_once, panels, styled

if TYPE_CHECKING:
    import xarray as xr

DYNAMICS: dict[str, dict[str, Any]] = {
    "stable fixed point": {"color": "#009e73", "lw": 2.0},
    "unstable fixed point": {"color": "#0072b2", "ls": (0, (4, 1.5)), "lw": 1.4},
    "stable limit cycle": {"color": "#d55e00", "lw": 2.0},
    "unstable limit cycle": {"color": "#c99700", "ls": (0, (4, 1.5)), "lw": 1.4},
}
"""The paper's green, blue, red and mustard as colour-blind eyes tell them apart; what is unstable is dashed."""

OPEN = {"color": "0.5", "ls": ":"}
"""How cycles are drawn that integration did not confirm, so that nobody knows whether they are stable."""

SPECIAL: dict[str, dict[str, Any]] = {
    "hopf": {"marker": "o", "label": "Hopf point"},
    "fold": {"marker": "s", "label": "fold"},
    "branch point": {"marker": "D", "label": "branch point"},
    "fold of cycles": {"marker": "^", "label": "fold of cycles"},
    "period doubling": {"marker": "v", "label": "period doubling"},
    "torus": {"marker": "P", "label": "torus"},
}
"""Markers of special points, by their kind; a subcritical Hopf point is open."""


def _cycles(value: Any, name: str) -> None:
    """Refuse what is neither a Dataset of cycles nor several."""
    for item in value if isinstance(value, (list, tuple)) else [value]:
        a_dataset(item, name)


@checked(
    equilibria=a_dataset,
    cycles=_cycles,
    axes=some_axes,
    variable=text,
)
@styled
def bifurcation_diagram(
    equilibria: xr.Dataset,
    cycles: xr.Dataset | Sequence[xr.Dataset] = (),
    axes: Any = None,
    *,
    variable: str | None = None,
) -> np.ndarray:
    """
    Draw equilibria along a parameter, and the smallest and largest value of limit cycles.

    Solid lines are stable, dashed ones not; cycles that integration did not confirm are dotted.

    Parameters
    ----------
    equilibria : xarray.Dataset
        Of `hetbrian.equilibria` or `hetbrian.MeanField.equilibria`.
    cycles : xarray.Dataset or sequence of them, optional
        Each of `hetbrian.limit_cycles`.
    axes : Axes, optional
        Where to draw.
    variable : str, optional
        What is drawn, by default the first variable of the equations.

    Returns
    -------
    ndarray of Axes, shape (1,)

    Raises
    ------
    ValueError
        If a Dataset has no equilibria or cycles, or no such variable.
    TypeError
        If an argument is of another kind.
    """
    several: list[Any] = list(cycles) if isinstance(cycles, (list, tuple)) else [cycles]
    parameter = equilibria.attrs.get("parameter")
    if parameter is None or "stable" not in equilibria or "kind" not in equilibria:
        raise ValueError(
            "equilibria has no parameter and stability, expected a branch: take what hb.equilibria returns."
        )
    variable = variable if variable is not None else _first(equilibria)
    record = "take what hb.equilibria returns"
    x, y = (of_numbers(equilibria, name, record, "point", given="equilibria") for name in (parameter, variable))
    found = [_extrema(data, parameter, variable) for data in several]
    (axis,) = panels(axes, 1, (7.0, 4.0))
    branches = equilibria["branch"].values if "branch" in equilibria else np.zeros(x.size)
    for branch in np.unique(branches):
        rows = branches == branch
        segments(axis, x.values[rows], y.values[rows], equilibria["stable"].values[rows], "fixed point")
    for data, (at, low, high) in zip(several, found, strict=True):
        is_open = np.zeros(at.size, dtype=bool)
        if "verified" in data:
            is_open = ~data["verified"].values.astype(bool) & (data["kind"].values == "regular")
        for values in (low, high):
            segments(axis, at, values, data["stable"].values, "limit cycle", is_open)
    _mark(axis, equilibria, x.values, y.values)
    for data, (at, low, high) in zip(several, found, strict=True):
        for values in (low, high):
            _mark(axis, data.drop_vars("lyapunov", errors="ignore"), at, values, without=("hopf",))
    axis.set(xlabel=label(x), ylabel=label(y), xlim=(float(x.min()), float(x.max())))
    name_once(axis, loc="center left", bbox_to_anchor=(1.01, 0.5), borderaxespad=0)
    return np.array([axis])


def segments(axis: Any, x: Any, y: Any, stable: Any, what: str, is_open: Any = False) -> None:
    """
    Draw a curve in one style per stability, without gaps.

    A Hopf point or a fold has no stability of its own and counts as unstable: both pieces that it divides reach to it.
    A piece of one point would be a name for nothing to be seen.

    Parameters
    ----------
    axis : Axes
        Where to draw.
    x, y : ndarray, shape (n_points,)
        The curve.
    stable, is_open : array_like of bool, shape (n_points,) or ()
        Which points are stable, and of which nobody knows.
    what : {"fixed point", "limit cycle"}
        What the points are.
    """
    style = np.where(is_open, 2, np.where(np.asarray(stable, dtype=bool), 1, 0))
    for piece in np.split(np.arange(len(x)), np.flatnonzero(np.diff(style)) + 1):
        kind = style[piece[0]]
        name = f"{('unstable', 'stable')[kind]} {what}" if kind < 2 else f"{what}, stability unknown"
        if kind:
            piece = np.arange(max(piece[0] - 1, 0), min(piece[-1] + 2, len(x)))
        if len(piece) < 2:
            continue
        axis.plot(x[piece], y[piece], label=name, solid_capstyle="round", **(OPEN if kind == 2 else DYNAMICS[name]))


def _first(equilibria):
    """Return the first state variable of a Dataset of equilibria."""
    found = [str(name) for name in equilibria.data_vars if equilibria[name].dims == ("point",)]
    states = [name for name in found if name not in ("stable", "kind", "branch", "period", "lyapunov")]
    if not states:
        raise ValueError("equilibria has no state variables, expected some: take what hb.equilibria returns.")
    return states[0]


def _extrema(data, parameter, variable):
    """Return parameter, smallest and largest value of cycles, each shape (n_points,)."""
    record = f"take what hb.limit_cycles returns for {parameter!r}"
    names = (parameter, f"{variable}_min", f"{variable}_max")
    found = [of_numbers(data, name, record, "point", given="cycles").values for name in names]
    missing = [name for name in ("stable", "kind") if name not in data]
    if missing:
        raise ValueError(f"cycles has no {missing[0]!r}, expected it: {record} ({shown(list(data.data_vars))}).")
    return found


def _mark(axis, data, x, y, without=()):
    """Mark special points; Hopf points by whether the cycles that are born there are stable."""
    kind = data["kind"].values
    lyapunov = data["lyapunov"].values if "lyapunov" in data else np.full(len(kind), np.nan)
    for name, look in SPECIAL.items():
        here = (kind == name) & (name not in without)
        for is_sub in (False, True):
            rows = here & ((lyapunov > 0) == is_sub)
            if not rows.any():
                continue
            face = {"mfc": "white" if is_sub else "black", "mec": "black", "mew": 1.0, "ms": 5.0}
            side = " (subcritical)" if is_sub else " (supercritical)" if np.isfinite(lyapunov[rows]).all() else ""
            text = look["label"] + (side if name == "hopf" else "")
            axis.plot(x[rows], y[rows], ls="", zorder=4, marker=look["marker"], label=text, **face)
