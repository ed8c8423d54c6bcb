"""Branches of limit cycles along a parameter: followed from a Hopf point by the engine, checked by integration."""

from typing import Any

import numpy as np

from hetbrian.continuation import Model, approach, check_range, correct, reach
from hetbrian.equilibrium import field_attributes
from hetbrian.limitcycle import floquet, nontrivial

CHUNK = 50
"""Cycles computed before the branch is checked for its end."""

CLOSURE = 1e-3
"""Largest gap of a cycle after one period, relative to its extent, that counts as closed."""

GROWTH = 1e4
"""Growth of errors within a period up to which integration can contradict the engine."""

TOLERANCE = 1e-7
"""Relative tolerance of that integration: times `GROWTH` it is `CLOSURE`."""


def limit_cycles(field, parameter, lower, upper, hopf, max_step=None, max_points=1000, intervals=100):
    """
    Follow the limit cycles that are born at a Hopf point.

    The branch ends at the range, at another Hopf point, at a homoclinic orbit (diverging period)
    or after ``max_points``. Every cycle is integrated over one period; those that do not close or
    have other Floquet multipliers than the engine says are refused. Where errors grow too much
    for that (canards), cycles are kept, but not ``verified``, and never called stable.

    Parameters
    ----------
    field : VectorField
        The system.
    parameter : str
        Parameter to vary.
    lower, upper : float
        Its range.
    hopf : xarray.Dataset
        One Hopf point of a Dataset of equilibria.
    max_step : float, optional
        Largest arc length between cycles, by default a fiftieth of the range.
    max_points : int, optional
        Largest number of cycles.
    intervals : int, optional
        Mesh intervals of a cycle, of four collocation points each; bursts need more.

    Returns
    -------
    xarray.Dataset
        Dims (point,): the parameter; ``x`` (a state on the cycle), ``x_min`` and ``x_max`` for
        every state variable x; ``period``, ``stable``, ``verified`` and ``kind`` (regular, fold
        of cycles, period doubling or torus). Dims (point, mode): ``multiplier_real`` and
        ``multiplier_imag``, without the trivial multiplier. Attributes: ``end`` (range, hopf,
        homoclinic, failure or points) and the number of ``refused`` cycles.

    Raises
    ------
    ValueError
        If the parameter is unknown, the range is empty, or ``hopf`` is no single equilibrium.
    ModuleNotFoundError
        If xpplab is not installed.
    RuntimeError
        If the engine does not find the Hopf point, or none of its cycles closes.
    """
    check_range(field, parameter, lower, upper)
    max_step = (upper - lower) / 50 if max_step is None else max_step
    near, at = approach(field, parameter, hopf, max_step / 4)
    margin = 20 * max_step
    with Model(
        field,
        (parameter,),
        {parameter: near[-1]},
        near[:-1],
        (at[-1] - margin, at[-1] + margin),
        max_step / 10,
    ) as model:
        label = reach(model, near, at, "HB", max_step / 10)
        model.set(parmin=lower, parmax=upper, ntst=intervals, ncol=4)
        cycles: list[dict[str, Any]] = []
        action, point, end = "periodic", label, None
        while end is None:
            points = model.follow(
                point, action, max_step / 10, min(CHUNK, max_points + 1 - len(cycles)), dsmax=max_step
            )
            cycles += _rows(model, points[1:])  # the first has no multipliers, or repeats the last
            end, keep = _end(field, parameter, cycles, (lower, upper), max_points)
            end = end or (None if len(points) > 1 else "failure")
            cycles, point, action = cycles[:keep], points[-1], "extend"
    return _dataset(field, parameter, cycles, end, upper - lower)


def _rows(model, points):
    """Return what is kept of the engine's cycles."""
    return [
        {
            "type": point.type,
            "value": point.value,
            "period": point.period,
            "state": model.state(point),
            "centre": model.state(point, "umean"),
            "low": model.state(point, "umin"),
            "high": model.state(point, "umax"),
            "extent": np.linalg.norm(model.state(point, "umax") - model.state(point, "umin")),
            "multipliers": nontrivial(point.multipliers),
        }
        for point in points
    ]


def _end(field, parameter, cycles, limits, max_points):
    """Return why the branch ends (None: it goes on) and how many of its cycles to keep."""
    extents = np.array([row["extent"] for row in cycles])
    for i, row in enumerate(cycles):
        if row["type"] == "MX" or not np.all(np.isfinite([row["value"], row["period"], extents[i]])):
            return "failure", i
        if row["period"] > 100 * cycles[0]["period"]:
            return "homoclinic", i
        shrunk = 0 < i < len(cycles) - 1 and extents[i - 1] >= extents[i] < extents[i + 1]
        if shrunk and extents[i] < 0.1 * extents[:i].max() and _at_hopf(field, parameter, row):
            return "hopf", i
        if i and not limits[0] <= row["value"] <= limits[1]:
            return "range", i
    return ("points" if len(cycles) >= max_points else None), len(cycles)


def _at_hopf(field, parameter, row):
    """Return whether a small cycle surrounds an equilibrium that oscillates with its period."""
    along = np.append(np.zeros(len(field.variables)), 1)
    centre = correct(field, parameter, np.append(row["centre"], row["value"]), along)
    if not np.all(np.isfinite(centre)):
        return False
    values = field.eigenvalues(centre[:-1], **{parameter: centre[-1]})
    frequency = 2 * np.pi / row["period"]
    return bool(np.any(np.abs(values - 1j * frequency) < 0.1 * frequency))


def _dataset(field, parameter, cycles, end, extent):
    import xarray as xr

    if not cycles:
        raise RuntimeError("the engine returned no cycle from the Hopf point: take another max_step.")
    column = {key: np.array([row[key] for row in cycles]) for key in cycles[0]}
    values, multipliers = column["value"], column["multipliers"]
    verified, decided = _verify(field, parameter, column)
    wrong = decided & ~verified
    if wrong.all():
        raise RuntimeError(f"none of the {len(cycles)} cycles of the engine closes: take a smaller max_step.")
    kinds = _kinds(column, verified & decided, ~wrong, 5e-6 * extent)
    data: dict[str, Any] = {}
    for i, name in enumerate(field.variables):
        for suffix, key in (("", "state"), ("_min", "low"), ("_max", "high")):
            data[name + suffix] = ("point", column[key][:, i], {"units": field.units[name]})
    stable = verified & (np.abs(multipliers).max(axis=-1) < 1) & (kinds == "regular")
    data |= {
        "period": ("point", column["period"], {"units": "unit of time of the equations"}),
        "stable": ("point", stable),
        "verified": ("point", verified),
        "kind": ("point", kinds),
        "multiplier_real": (("point", "mode"), multipliers.real),
        "multiplier_imag": (("point", "mode"), multipliers.imag),
    }
    attrs = {"parameter": parameter, "end": end, "refused": int(wrong.sum())}
    coords = {parameter: ("point", values, {"units": field.units[parameter]})}
    return xr.Dataset(data, coords, attrs | field_attributes(field)).isel(point=~wrong)


def _verify(field, parameter, column):
    """Integrate the cycles: which ones are as the engine says, and for which integration decides that."""
    states, theirs = column["state"], np.abs(column["multipliers"]).max(axis=-1)
    verified, decided = np.zeros((2, len(states)), dtype=bool)
    tame = np.flatnonzero(theirs < 1 / TOLERANCE)
    if not tame.size:
        return verified, decided
    orbit, monodromy, growth = floquet(
        field, states[tame], column["period"][tame], TOLERANCE, **{parameter: column["value"][tame]}
    )
    closed = np.linalg.norm(orbit[..., -1] - states[tame], axis=-1) < CLOSURE * column["extent"][tame]
    ours = np.abs(nontrivial(np.linalg.eigvals(monodromy))).max(axis=-1)
    agree = np.abs(ours - theirs[tame]) < 0.05 * (1 + ours)
    decided[tame] = growth < GROWTH
    verified[tame] = closed & (agree | (growth >= GROWTH))
    return verified, decided


def _kinds(column, sure, kept, width):
    """Name the special cycles, of the engine's labels those that the branch itself confirms."""
    from scipy.signal import find_peaks

    values = column["value"]
    kinds = np.full(len(values), "regular", dtype="U15")
    for label, kind in (("PD", "period doubling"), ("TR", "torus")):
        critical = np.abs(np.abs(column["multipliers"]) - 1).min(axis=-1) < 1e-2
        kinds[(column["type"] == label) & sure & critical] = kind
    indices = np.flatnonzero(kept)
    for sign in (1, -1):
        # a fold is where the branch turns; along a canard the engine labels dozens closer than the width
        turns = find_peaks(sign * values[kept], prominence=width)[0]
        kinds[indices[turns]] = "fold of cycles"
    return kinds
