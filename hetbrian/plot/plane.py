"""Phase planes: nullclines, flow, equilibria and trajectories in two variables of a vector field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import choice, finite, instance, numbers, shown
from hetbrian.analysis.meanfield import MeanField
from hetbrian.analysis.vectorfield import VectorField
from hetbrian.plot.inputs import a_dataset, of_numbers, some_axes
from hetbrian.plot.style import COLOURS, name_once, panels, styled

if TYPE_CHECKING:
    import xarray as xr

GRID = 201
"""Points along each side of the plane at which the right-hand side is taken."""

NULLCLINES = (COLOURS["eta"], COLOURS["g"])


def _ranges(value: Any, name: str) -> None:
    """Refuse what is not two variables with their ranges."""
    instance(value, name, Mapping, "write {'v': (-2, 2), 'w': (-1, 1)}, say")
    if len(value) != 2:
        raise ValueError(f"{name} has {len(value)} variables, expected two: give the range of each.")
    for variable, ends in value.items():
        given = numbers(ends, f"{variable} of {name}")
        if given.shape != (2,) or not given[0] < given[1]:
            raise ValueError(
                f"{variable} of {name} is {shown(ends)}, expected (low, high): give both ends of its range."
            )


def _state(value: Any, name: str) -> None:
    """Refuse what gives no values of variables by name."""
    instance(value, name, Mapping, "write {'w': 0.1}, say")
    for variable, given in value.items():
        finite(given, f"{variable} of {name}")


@checked(
    field=of(VectorField, MeanField, advice="make one of the equations"),
    ranges=_ranges,
    axes=some_axes,
    at=_state,
    trajectory=a_dataset,
)
@styled
def phase_plane(
    field: VectorField | MeanField,
    ranges: Mapping[str, tuple[float, float]],
    axes: Any = None,
    *,
    at: Mapping[str, float] | None = None,
    trajectory: xr.Dataset | None = None,
) -> np.ndarray:
    r"""
    Draw the flow in two variables and the nullclines, along which one of them rests.

    Where the system has two variables, nullclines cross at its equilibria, which are marked: filled if they are stable.
    Of more variables the plane is a section, in which the others are held.

    Parameters
    ----------
    field : VectorField or MeanField
        The system; a `MeanField` stands for its ``field``.
    ranges : mapping of str to (low, high)
        The variables on the horizontal and on the vertical axis, and their ranges.
    axes : Axes, optional
        Where to draw.
    at : mapping of str to float, optional
        Values of all other variables.
    trajectory : xarray.Dataset, optional
        Of `hetbrian.analysis.VectorField.trajectory` or `hetbrian.MeanField.trajectory`.

    Returns
    -------
    ndarray of Axes, shape (1,)

    Raises
    ------
    ValueError
        If a variable is unknown, has no value or an empty range, or the trajectory lacks it.
    TypeError
        If an argument is of another kind.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("Agg")
    >>> field = VectorField("dv/dt = v - v**3/3 - w + 0.5 : 1\ndw/dt = 0.08*(v + 0.7 - 0.8*w) : 1", {})
    >>> (axis,) = phase_plane(field, {"v": (-2.5, 2.5), "w": (-1, 2)})
    >>> axis.get_xlabel(), sorted(axis.get_legend_handles_labels()[1])
    ('v', ['unstable equilibrium', 'v rests (nullcline)', 'w rests (nullcline)'])
    """
    system = field.field if isinstance(field, MeanField) else field
    first, second = (choice(name, "a variable of ranges", system.variables) for name in ranges)
    held = dict(at or {})
    for name in held:
        choice(name, "a variable of at", [name for name in system.variables if name not in ranges])
    missing = [name for name in system.variables if name not in ranges and name not in held]
    if missing:
        raise ValueError(
            f"at gives no {missing[0]!r}, expected a value of each other variable: the plane is a section."
        )
    path = None
    if trajectory is not None:
        path = [
            of_numbers(trajectory, name, "take one of this system", "time", given="trajectory").values
            for name in (first, second)
        ]
    limits = [(float(low), float(high)) for low, high in (ranges[name] for name in (first, second))]
    x, y = np.meshgrid(*(np.linspace(low, high, GRID) for low, high in limits))
    state = _states(system, {first: x, second: y, **held})
    flow = system.rhs(state)
    u, v = (flow[..., system.variables.index(name)] for name in (first, second))
    found = _equilibria(system, state, u, v) if len(system.variables) == 2 else []
    (axis,) = panels(axes, 1, (5.6, 4.4))
    axis.streamplot(x[0], y[:, 0], u, v, color="0.8", linewidth=0.7, density=1.1, arrowsize=0.8, zorder=0)
    for values, name, colour, line in zip((u, v), (first, second), NULLCLINES, ("-", "--"), strict=True):
        axis.contour(x, y, values, [0.0], colors=colour, linewidths=1.8, linestyles=line)
        axis.plot([], [], color=colour, ls=line, lw=1.8, label=f"{name} rests (nullcline)")
    for point in found:
        is_stable = system.eigenvalues(point).real.max() < 0
        place = [point[system.variables.index(name)] for name in (first, second)]
        look = {"mfc": "black" if is_stable else "white", "mec": "black", "ms": 6, "zorder": 5}
        text = "stable equilibrium" if is_stable else "unstable equilibrium"
        axis.plot(*place, "o", ls="", label=text, **look)
    if path is not None:
        axis.plot(*path, color=COLOURS["theta"], lw=1.4, label="trajectory", zorder=4)
        axis.plot(path[0][0], path[1][0], "s", color=COLOURS["theta"], ms=5, label="its start", zorder=4)
    units = [system.units[name] for name in (first, second)]
    texts = [name if unit == "1" else f"{name} ({unit})" for name, unit in zip((first, second), units, strict=True)]
    axis.set(xlabel=texts[0], ylabel=texts[1], xlim=limits[0], ylim=limits[1])
    if held:
        axis.set_title("at " + ", ".join(f"{name} = {value:.3g}" for name, value in held.items()), fontweight="normal")
    name_once(axis, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2)
    return np.array([axis])


def _states(system, values):
    """Return states of values by name, shape (..., n_variables)."""
    shape = np.broadcast_shapes(*(np.shape(value) for value in values.values()))
    return np.stack([np.broadcast_to(values[name], shape) for name in system.variables], axis=-1).astype(float)


def _equilibria(system, state, u, v):
    """Return the equilibria of a planar system, each from a cell in which both components change sign."""
    from scipy.optimize import root

    def changes(values):
        corners = np.stack([values[:-1, :-1], values[1:, :-1], values[:-1, 1:], values[1:, 1:]])
        return (corners.min(axis=0) <= 0) & (corners.max(axis=0) >= 0)

    cell = np.abs(state[1, 1] - state[0, 0])
    found: list[np.ndarray] = []
    for row, column in np.argwhere(changes(u) & changes(v)):
        middle = (state[row, column] + state[row + 1, column + 1]) / 2
        solved = root(system.rhs, middle, jac=system.jacobian, tol=1e-12)
        is_near = (np.abs(solved.x - middle) <= 1.5 * cell).all()
        if solved.success and is_near and not any((np.abs(solved.x - other) < 1e-6 * cell).all() for other in found):
            found.append(solved.x)
    return found
