"""How the neurons of a population differ: a law for each of eta, g and theta."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, get_dimensions, get_unit

from hetbrian._support.allowed import Allowed
from hetbrian._support.arguments import checked
from hetbrian._support.checks import (
    choice,
    count,
    finite,
    generator,
    instance,
    is_number,
    not_negative,
    shown,
    text,
)
from hetbrian.network.distribution import Distribution
from hetbrian.network.laws import Constant, Lorentzian

PARAMETERS = ("eta", "g", "theta")
"""What can differ between neurons, in the order of their streams of random numbers."""


CUT = Allowed("more than 0", "leave it out for none", low=0.0, included=(False, True))
"""Half widths from its centre at which a Lorentzian may be truncated."""


def _bounds(value: Any, name: str) -> None:
    """Refuse what does not say between which numbers parameters are truncated."""
    instance(value, name, Mapping, "write {'theta': (0, 1)}, say")
    for parameter, ends in value.items():
        choice(parameter, f"a parameter in {name}", PARAMETERS)
        is_pair = isinstance(ends, (tuple, list)) and len(ends) == 2
        if not is_pair or not all(is_number(end) and not np.isnan(float(end)) for end in ends):
            raise ValueError(f"{name} has {parameter!r}: {shown(ends)}, expected (low, high): give two numbers.")


@dataclass(frozen=True)
class Heterogeneity:
    """
    The laws by which the neurons of a population differ: external (eta), network (g) and intrinsic (theta).

    Each parameter has a stream of its own, the first three that ``rng.spawn`` gives, whether it differs or not: one
    kind of heterogeneity changes no other random number of a network.

    Not for correlations between parameters: they are independent.

    Parameters
    ----------
    eta : Distribution or Quantity [amp, or 1]
        Law of the background current, or the value that all neurons share.
    g : Distribution, Quantity [siemens] or float
        Law of the coupling.
    theta : Distribution or float
        Law of the reset coefficient; the reset rule limits it, see `Reset`.

    Raises
    ------
    ValueError
        If a value is no finite scalar.

    Examples
    --------
    >>> from hetbrian.network import Izhikevich, LogNormal, population, single_exponential
    >>> from brian2 import pA
    >>> laws = Heterogeneity(eta=LogNormal(900 * pA, sigma=0.3), g=1.0, theta=Lorentzian(0.3, 0.1).truncated(0, 1))
    >>> laws.differing
    ('eta', 'theta')
    >>> values = laws.draw(100, np.random.default_rng(1))
    >>> neurons = population(100, Izhikevich.FORCE, single_exponential(), **values)
    """

    eta: Distribution | Quantity | float
    g: Distribution | Quantity | float
    theta: Distribution | float = 0.0

    def __post_init__(self) -> None:
        tuple(self._laws)  # a value that is no law has to make one

    @classmethod
    @checked(
        bounds=_bounds,
        cut=CUT,
    )
    def lorentzian(
        cls,
        *,
        eta: Distribution | Quantity | float,
        g: Distribution | Quantity | float,
        theta: Distribution | float = 0.0,
        eta_half_width: Quantity | float = 0.0,
        g_half_width: Quantity | float = 0.0,
        theta_half_width: float = 0.0,
        bounds: Mapping[str, tuple[float, float]] | None = None,
        cut: float = np.inf,
    ) -> Heterogeneity:
        """
        Return Lorentzians of given centres and half widths, as the models take them by keyword.

        Parameters
        ----------
        eta, g, theta : Quantity or float
            Centres. A Distribution is taken as it is.
        eta_half_width, g_half_width, theta_half_width : Quantity or float
            Half widths at half maximum, in the units of the centres; with 0 all neurons have the centre.
        bounds : mapping of str to (low, high), optional
            Where the Lorentzian of a parameter is truncated.
        cut : float
            Half widths from the centre at which all are truncated.

        Returns
        -------
        Heterogeneity

        Raises
        ------
        ValueError
            If a Distribution comes with a half width, a parameter with one has no room for it, a half width is no
            scalar, ``bounds`` names another parameter or has no (low, high), or ``cut`` is not positive.
        TypeError
            If ``bounds`` is no mapping, or a half width no number.
        """
        centres = {"eta": eta, "g": g, "theta": theta}
        widths = {"eta": eta_half_width, "g": g_half_width, "theta": theta_half_width}
        for name, width in widths.items():
            if np.ndim(width) != 0:
                raise ValueError(
                    f"{name}_half_width has shape {np.shape(width)}, expected one number for all neurons: "
                    f"give an array as {name} instead, or a Distribution."
                )
            if not is_number(width):  # None and "" would pass for 0
                raise TypeError(f"{name}_half_width is {shown(width)}, expected one number: give 0 for none.")
        laws = {}
        for name, centre in centres.items():
            low, high = (bounds or {}).get(name, (-np.inf, np.inf))
            laws[name] = _lorentzian(name, centre, widths[name], low, high, cut) if widths[name] else centre
        return cls(**laws)

    @property
    def differing(self) -> tuple[str, ...]:
        """Tuple of str : the parameters that differ between neurons."""
        return tuple(name for name, law in self._laws.items() if not isinstance(law, Constant))

    @property
    def _laws(self) -> dict[str, Distribution]:
        values = {name: getattr(self, name) for name in PARAMETERS}
        return {name: law if isinstance(law, Distribution) else _constant(name, law) for name, law in values.items()}

    @checked(
        n_neurons=count,
        rng=generator,
    )
    def draw(self, n_neurons: int, rng: np.random.Generator) -> dict[str, Any]:
        """
        Draw eta, g and theta of each neuron, for ``population(..., **drawn)``.

        Parameters
        ----------
        n_neurons : int
            N.
        rng : numpy.random.Generator
            Gives its next three streams.

        Returns
        -------
        dict of str to Quantity or ndarray, shape (n_neurons,)
        """
        streams = zip(self._laws.items(), rng.spawn(len(PARAMETERS)), strict=True)
        return {name: law.draw(n_neurons, stream) for (name, law), stream in streams}

    @checked(
        n_neurons=count,
        rng=generator,
    )
    def quantiles(self, n_neurons: int, rng: np.random.Generator) -> dict[str, Any]:
        """
        Return the grids of quantiles of eta, g and theta; those of g and theta are in random order.

        Parameters
        ----------
        n_neurons : int
            N.
        rng : numpy.random.Generator
            Gives its next three streams.

        Returns
        -------
        dict of str to Quantity or ndarray, shape (n_neurons,)
            Eta ascends.
        """
        grids = {name: law.quantiles(n_neurons) for name, law in self._laws.items()}
        _, *streams = rng.spawn(len(PARAMETERS))
        for name, stream in zip(PARAMETERS[1:], streams, strict=True):
            grids[name] = grids[name][stream.permutation(n_neurons)]
        return grids

    @checked(
        n_neurons=count,
        rng=generator,
        name=text,
    )
    def values(self, n_neurons: int, rng: np.random.Generator, name: str = "neurons") -> dict[str, Any]:
        """
        Draw as `draw`, for a built program: ``program.run(values=...)``.

        Parameters
        ----------
        n_neurons : int
            N.
        rng : numpy.random.Generator
            Gives its next three streams.
        name : str
            Name of the group of neurons.

        Returns
        -------
        dict of str to Quantity or ndarray, shape (n_neurons,)
            By ``"neurons.eta"`` and so on.
        """
        return {f"{name}.{parameter}": drawn for parameter, drawn in self.draw(n_neurons, rng).items()}


def _constant(name: str, value: Any) -> Distribution:
    """Return the law of neurons that are alike; an error names the parameter."""
    try:
        return Constant(value)
    except ValueError as error:
        raise ValueError(str(error).replace("Constant: value", name, 1)) from None


def _lorentzian(
    name: str, centre: Quantity | float, half_width: Quantity | float, low: float, high: float, cut: float
) -> Distribution:
    """Return a Lorentzian, truncated if there are bounds."""
    if isinstance(centre, Distribution):
        raise ValueError(
            f"{name}_half_width is {half_width} beside a {type(centre).__name__} as {name}, expected none: omit it."
        )
    if not low < high:
        raise ValueError(f"{name}_half_width is {half_width}, expected 0, because {name} can only be {low:g} here.")
    unit = get_unit(get_dimensions(centre)) if is_number(centre) else None
    finite(centre, name, unit)
    not_negative(half_width, f"{name}_half_width", unit)
    law = Lorentzian(centre, half_width)
    low, high = max(low, centre - cut * half_width), min(high, centre + cut * half_width)
    if np.isinf(float(low)) and np.isinf(float(high)):
        return law
    try:
        return law.truncated(low, high)
    except ValueError as error:
        raise ValueError(str(error).replace("Truncated", f"{name} with {name}_half_width", 1)) from None
