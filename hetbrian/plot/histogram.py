"""How a quantity is distributed over neurons: samples as a histogram, and the law that they were drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hetbrian._support.allowed import Allowed
from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import count, instance, shown, text
from hetbrian.network.distribution import Distribution
from hetbrian.plot.inputs import a_colour, a_dataset, of_numbers, some_axes
from hetbrian.plot.labels import label
from hetbrian.plot.style import COLOURS, panels, styled
from hetbrian.simulation.record import DISPLAY_UNITS

if TYPE_CHECKING:
    import xarray as xr

ROOM = 0.25
"""Room beside that, as a share of the width."""


TAILS = Allowed("0 <= tails < 0.5", "give a share", low=0.0, high=0.5, included=(True, False))
"""The share beyond either end of the axis."""


def _names(value: Any, name: str) -> None:
    """Refuse what names no variables."""
    if isinstance(value, str):
        return
    instance(value, name, Mapping, "write 'eta', or {'before': 'eta_start', 'after': 'eta'}")
    if not value:
        raise ValueError(f"{name} is {shown(value)}, expected at least one variable: write 'eta', say.")
    for key, variable in value.items():
        text(key, f"a key of {name}")
        text(variable, f"{key} of {name}")


@checked(
    dataset=a_dataset,
    variables=_names,
    axes=some_axes,
    law=of(Distribution, advice="give the one that the values were drawn from"),
    n_bins=count,
    tails=TAILS,
    colour=a_colour,
)
@styled
def distribution(
    dataset: xr.Dataset,
    variables: str | Mapping[str, str],
    axes: Any = None,
    *,
    law: Distribution | None = None,
    n_bins: int = 30,
    tails: float = 0.05,
    colour: str | None = None,
) -> np.ndarray:
    """
    Draw the histogram of a variable over neurons, and the density of a law.

    The axis ends beyond the first and last twentieth of the law, or of the values, because Lorentzians have tails
    without end; the title says how many values lie outside. All other dimensions, as the seeds of a sweep, are taken
    together.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `hetbrian.simulate` with ``record="eta"``, say.
    variables : str or mapping of str to str
        Name of a variable; or of two and more by what they are called, ``{"before": "eta_start", "after": "eta"}``.
    axes : Axes, optional
        Where to draw.
    law : Distribution, optional
        Law of the values, in the same unit.
    n_bins : int
        Bins between the ends of the axis.
    tails : float
        Share of the law, or of the values, at either end that is not needed to see what it is like; with 0 the axis
        ends where the values do.
    colour : str, optional
        Of the last histogram, by default that of the kind of heterogeneity.

    Returns
    -------
    ndarray of Axes, shape (1,)

    Raises
    ------
    ValueError
        If a variable was not recorded, has no finite value, the law has another unit, or the colour is none.
    TypeError
        If an argument is of another kind.
    """
    named = {"": variables} if isinstance(variables, str) else dict(variables)
    found = {}
    for name, variable in named.items():
        values = of_numbers(dataset, variable, f"record={variable!r} with hb.simulate").values.ravel().astype(float)
        found[name] = values[np.isfinite(values)]
        if not found[name].size:
            raise ValueError(f"{variable!r} of dataset has no finite values, expected some: look where they come from.")
    last = dataset[list(named.values())[-1]]
    unit = None if law is None else _unit(law, last)
    low, high = _span(list(found.values()), law, unit, tails)
    edges = np.linspace(low, high, n_bins + 1)
    (axis,) = panels(axes, 1, (5.5, 3.2))
    own = colour or COLOURS.get(list(named.values())[-1], COLOURS["eta"])
    for name, values in found.items():
        heights = np.histogram(values, edges)[0]
        if law is not None:
            heights = heights / (values.size * np.diff(edges))
        is_last = name == list(found)[-1]
        text_of = name or f"{values.size} neurons"
        look = {"color": own, "lw": 1.6} if len(found) > 1 else {"color": own, "alpha": 0.45, "fill": True, "lw": 0}
        look = look if is_last else {"color": "0.75", "fill": True, "lw": 0}
        axis.stairs(heights, edges, label=text_of, **look)
    if law is not None:
        x, density = _density(law, unit, low, high)
        axis.plot(x, density, color=COLOURS["target"], lw=1.4, label=type(law).__name__)
    beyond = sum(int(((values < low) | (values > high)).sum()) for values in found.values())
    if beyond:
        total = sum(values.size for values in found.values())
        axis.set_title(f"{beyond} of {total} values lie beyond the axis", fontweight="normal", color="0.4")
    height = "neurons" if law is None else _density_label(last)
    axis.set(xlabel=label(last), ylabel=height, xlim=(low, high), ylim=(0, None))
    axis.legend(loc="upper right", borderaxespad=0)
    return np.array([axis])


def _density_label(variable):
    """Return the name and unit of a density."""
    unit = label(variable).rpartition(" (")
    return f"density (1/{unit[2]}" if unit[0] else "density"


def _unit(law, variable):
    """Return the unit in which a law is to be drawn: that of a variable."""
    unit, name = DISPLAY_UNITS.get(law.dimensions, (None, None))
    given = str(variable.attrs.get("units", "1"))
    if unit is None or given != name:
        raise ValueError(
            f"law is in {name or 'another unit'}, expected {given}, as {variable.name!r} is: give it in that."
        )
    return float(unit)


def _span(samples, law, unit, tails):
    """Return the ends of the axis."""
    ends = (tails, 1 - tails)
    bounds = [np.quantile(values, ends) for values in samples]
    if law is not None and tails > 0:
        bounds = [np.asarray(law._inverse_cdf(np.array(ends)), dtype=float) / unit]
    low, high = min(found[0] for found in bounds), max(found[1] for found in bounds)
    room = ROOM * (high - low) * (tails > 0) if high > low else max(abs(high) * 0.1, 0.5)
    return low - room, high + room


def _density(law, unit, low, high):
    """Return values and the density of a law there, from differences of its distribution function."""
    edges = np.linspace(low, high, 801)
    density = np.diff(law._cdf(edges * unit)) / np.diff(edges)
    return (edges[1:] + edges[:-1]) / 2, density
