"""Limit cycles as a branch from a Hopf point, each checked by its Floquet multipliers."""

from typing import TYPE_CHECKING, Any

import numpy as np

from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import count, finite, text
from hetbrian.analysis.continuation import STEP, Model, approach, check_range, dataset, reach
from hetbrian.analysis.equilibrium import located
from hetbrian.analysis.orbit import DEGREE, RESTS
from hetbrian.analysis.shooting import floquet, nontrivial
from hetbrian.analysis.vectorfield import VectorField

if TYPE_CHECKING:
    import xarray as xr

APART = 0.2
RETRACED = 0.02
"""How a branch that runs back over itself is told from others, in ranges of parameter, period and extent."""


CHUNK = 50
"""Cycles computed before the branch is checked for its end."""


CLOSURE = 1e-3
"""Largest gap of a cycle after one period, relative to its extent, that counts as closed."""


GROWTH = 1e4
"""Growth of errors within a period up to which integration can contradict the engine."""


REFINEMENTS = ((1, DEGREE), (1, 7), (2, 7))
"""Multiples of the mesh intervals and degrees, up to its highest, tried where the engine turns round at a canard."""


STOPS = 1e-4
"""Distance from a saddle, in extents of the cycle, at which a branch ends in a homoclinic orbit."""


TOLERANCE = 1e-7
"""Relative tolerance of that integration: times `GROWTH` it is `CLOSURE`."""


@checked(
    field=of(VectorField, advice="make one of the equations"),
    parameter=text,
    lower=finite,
    upper=finite,
    hopf=dataset,
    max_step=STEP,
    max_points=count,
    intervals=count,
)
def limit_cycles(
    field: VectorField,
    parameter: str,
    lower: float,
    upper: float,
    hopf: "xr.Dataset",
    max_step: float | None = None,
    max_points: int = 1000,
    intervals: int = 100,
) -> "xr.Dataset":
    """
    Follow the limit cycles that are born at a Hopf point.

    The branch begins with the Hopf point, a cycle without extent. It ends at the range, at another Hopf point, at a
    homoclinic orbit (the cycle all but stops at a saddle, or its period grows a hundredfold), where the engine fails
    or turns round (failure), or after ``max_points``.
    Extrema are those of the collocation polynomials. Every cycle is integrated over one period; those that do not
    close or have other Floquet multipliers than the engine says are refused. Where errors grow too much for that
    (canards), cycles are kept, but not ``verified``, and never called stable.

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
        Mesh intervals of a cycle, of four collocation points each; bursts need more. Where the engine turns round
        for want of them, the branch is followed again with seven points each, then with twice as many intervals too.

    Returns
    -------
    xarray.Dataset
        Dims (point,): the parameter; ``x`` (a state on the cycle), ``x_min`` and ``x_max`` for
        every state variable x; ``period``, ``stable``, ``verified`` and ``kind`` (regular, hopf, fold
        of cycles, period doubling or torus). Dims (point, mode): ``multiplier_real`` and
        ``multiplier_imag``, without the trivial multiplier. Attributes: ``end`` (range, hopf,
        homoclinic, failure or points) and the number of ``refused`` cycles.

    Raises
    ------
    ValueError
        If the parameter is unknown, the range is empty, or ``hopf`` is no single equilibrium.
    ImportError
        If xpplab is not installed.
    RuntimeError
        If the engine does not find the Hopf point, or none of its cycles closes.
    """
    check_range(field, parameter, lower, upper)
    max_step = (upper - lower) / 50 if max_step is None else max_step
    near, at = approach(field, parameter, hopf, max_step / 4)
    for finer, degree in REFINEMENTS:
        mesh = finer * intervals, degree
        cycles, end, other = _followed(field, parameter, (lower, upper), (near, at), max_step, max_points, mesh)
        turn = _turn(np.array([[row["value"], row["period"], row["extent"]] for row in cycles]))
        if turn is None:
            break
        # no branch runs back over itself: the engine turned round at a cycle that the mesh did not resolve
        cycles, end, other = cycles[: turn + 1], "failure", None
    if end in ("failure", "points") and cycles and _rests(field, parameter, cycles, len(cycles) - 1, RESTS):
        end = "homoclinic"
    hopfs = [_still(field, parameter, point) for point in (at, other) if point is not None]
    return _dataset(field, parameter, cycles, hopfs, end, upper - lower)


def _followed(field, parameter, limits, places, max_step, max_points, mesh):
    """Return the engine's cycles, why they end, and the Hopf point at their end; a mesh is (intervals, degree)."""
    from hetbrian._support.progress import Bar

    near, at = places
    intervals, degree = mesh
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
        # a label for each cycle, since only those have an orbit
        model.set(parmin=limits[0], parmax=limits[1], ntst=intervals, ncol=degree, npr=1)
        cycles: list[dict[str, Any]] = []
        action, point, end, other = "periodic", label, None, None
        with Bar(max_points, text="cycles") as bar:
            while end is None:
                points = model.follow(
                    point, action, max_step / 10, min(CHUNK, max_points + 1 - len(cycles)), dsmax=max_step
                )
                cycles += _rows(model, points[1:], degree)  # the first has no multipliers, or repeats the last
                end, keep, other = _end(field, parameter, cycles, limits, max_points)
                end = end or (None if len(points) > 1 else "failure")
                cycles, point, action = cycles[:keep], points[-1], "extend"
                bar.show(len(cycles), f"cycles, {parameter} = {point.value:.4g}")
    return cycles, end, other


def _rows(model, points, degree):
    """Return what is kept of the engine's cycles."""
    rows = []
    for point in points:
        orbit = model.orbit(point, degree)
        low, high = orbit.extrema()
        rows.append(
            {
                "type": point.type,
                "value": point.value,
                "period": point.period,
                "state": model.state(point),
                "low": low,
                "high": high,
                "extent": np.linalg.norm(high - low),
                "multipliers": nontrivial(point.multipliers),
                "centre": model.state(point, "umean"),
                "orbit": orbit,
            }
        )
    return rows


def _end(field, parameter, cycles, limits, max_points):
    """Return why the branch ends (None: it goes on), how many of its cycles to keep, and the Hopf point at its end."""
    extents = np.array([row["extent"] for row in cycles])
    for i, row in enumerate(cycles):
        if row["type"] == "MX" or not np.all(np.isfinite([row["value"], row["period"], extents[i]])):
            return "failure", i, None
        if row["period"] > 100 * cycles[0]["period"] or _rests(field, parameter, cycles, i, STOPS):
            return "homoclinic", i + 1, None
        shrunk = 0 < i < len(cycles) - 1 and extents[i - 1] >= extents[i] < extents[i + 1]
        other = _at_hopf(field, parameter, row) if shrunk and extents[i] < 0.1 * extents[:i].max() else None
        if other is not None:
            return "hopf", i, other
        if i and not limits[0] <= row["value"] <= limits[1]:
            return "range", i, None
    return ("points" if len(cycles) >= max_points else None), len(cycles), None


def _turn(way):
    """
    Return where the engine turned round, as it does where it cannot go on, or None.

    From there a branch, points of shape (cycle, quantity), runs back over itself: it comes to less than `RETRACED` of
    where it was `APART` before, in ranges of the quantities. Other branches stay ten times as far from themselves.
    """
    if len(way) < 3:
        return None
    way = way / np.maximum(np.ptp(way, axis=0), 1e-300)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
    for i, before in enumerate(np.searchsorted(length, length - APART)):
        steps = np.diff(way[:before], axis=0)
        start = way[: len(steps)]
        share = np.sum((way[i] - start) * steps, axis=1) / np.maximum(np.sum(steps**2, axis=1), 1e-300)
        distances = np.linalg.norm(start + share.clip(0, 1)[:, None] * steps - way[i], axis=1)
        if np.any(distances < RETRACED):
            met = length[np.argmin(distances)]
            return int(np.searchsorted(length, (met + length[i]) / 2)) - 1  # half of the way back
    return None


def _rests(field, parameter, cycles, i, closeness):
    """Return whether a cycle, slower than the first ones, all but stops at a saddle."""
    row = cycles[i]
    slow = row["period"] > 1.5 * min(other["period"] for other in cycles[: i + 1])
    return slow and row["orbit"].rests_at(field, closeness, **{parameter: row["value"]}) is not None


def _at_hopf(field, parameter, row):
    """Return the Hopf point that a small cycle surrounds and that oscillates with its period, None if there is none."""
    units = np.append(np.maximum(row["high"] - row["low"], 1e-300), max(abs(row["value"]), row["extent"]))
    point = located(field, parameter, np.append(row["centre"], row["value"]), "hopf", units)
    if point is None or np.any(np.abs(point[:-1] - row["centre"]) > 2 * units[:-1]):
        return None
    frequency = 2 * np.pi / row["period"]
    values = field.eigenvalues(point[:-1], **{parameter: point[-1]})
    return point if np.any(np.abs(values - 1j * frequency) < 0.1 * frequency) else None


def _still(field, parameter, point):
    """Return a Hopf point as a cycle without extent; its multipliers are those of the linearised system."""
    state, values = point[:-1], field.eigenvalues(point[:-1], **{parameter: point[-1]})
    frequency = values[np.argmin(np.where(values.imag > 0, np.abs(values.real), np.inf))].imag
    multipliers = nontrivial(np.exp(values * 2 * np.pi / frequency))
    return {
        "type": "HB",
        "value": point[-1],
        "period": 2 * np.pi / frequency,
        "state": state,
        "low": state,
        "high": state,
        "multipliers": multipliers,
    }


def _dataset(field, parameter, cycles, hopfs, end, width):
    """Return cycles and the Hopf points before and after them as a Dataset."""
    import xarray as xr

    if not cycles:
        raise RuntimeError("the engine returned no cycle from the Hopf point, expected some: take another max_step.")
    column = {key: np.array([row[key] for row in cycles]) for key in cycles[0] if key != "orbit"}
    verified, decided = _verify(field, parameter, column)
    wrong = decided & ~verified
    if wrong.all():
        raise RuntimeError(f"none of the {len(cycles)} cycles of the engine closes, expected some: lower max_step.")
    kinds = _kinds(column, verified & decided, ~wrong, 5e-6 * width)
    stable = verified & (np.abs(column["multipliers"]).max(axis=-1) < 1) & (kinds == "regular")
    column |= {"kind": kinds, "stable": stable, "verified": verified}
    for place, hopf in zip((0, len(kinds) + 1), hopfs, strict=False):
        hopf = hopf | {"kind": "hopf", "stable": False, "verified": True}
        column = {key: np.insert(column[key], place, hopf[key], axis=0) for key in hopf}
        wrong = np.insert(wrong, place, False)
    data: dict[str, Any] = {}
    for suffix, key in (("", "state"), ("_min", "low"), ("_max", "high")):
        data |= field.columns("point", column[key].T, suffix=suffix)
    data |= {
        "period": ("point", column["period"], {"units": "unit of time of the equations"}),
        "stable": ("point", column["stable"]),
        "verified": ("point", column["verified"]),
        "kind": ("point", column["kind"]),
        "multiplier_real": (("point", "mode"), column["multipliers"].real),
        "multiplier_imag": (("point", "mode"), column["multipliers"].imag),
    }
    attrs = {"parameter": parameter, "end": end, "refused": int(wrong.sum())}
    coords = field.columns("point", [column["value"]], [parameter])
    return xr.Dataset(data, coords, attrs | field.attributes).isel(point=~wrong)


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
