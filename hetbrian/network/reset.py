"""What a spike does to the potential of its neuron: the reset rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hetbrian._support.allowed import Allowed
from hetbrian._support.arguments import checked
from hetbrian._support.checks import flag, function, instance, not_negative, numbers, shown, text

if TYPE_CHECKING:
    from hetbrian.network.neuron import Izhikevich


def dimensionless(value: Any, name: str) -> None:
    """Refuse what is no parameter set without units."""
    from hetbrian.network.neuron import Izhikevich

    instance(value, name, Izhikevich, "give a parameter set, as Izhikevich.CA3.dimensionless()")
    if not value.is_dimensionless:
        raise ValueError(f"{name} has units, expected a dimensionless set: pass {name}.dimensionless().")


BELOW_ONE = float(np.nextafter(1.0, 0.0))


@checked(
    name=text,
    statement=text,
    highest_theta=not_negative,
    depends_on_dt=flag,
    mean=function,
)
@dataclass(frozen=True)
class Reset:
    r"""
    A reset rule: what a spike makes of the potential (Eq. 2); ``w += w_jump`` follows whatever the rule.

    With a fixed time step the overshoot v - v_peak is what one step adds. Where theta multiplies it, what theta does
    is made by dt and vanishes with it (``depends_on_dt``). The overshoot of a long step grows with the square of v:
    under ``residual`` and ``retain`` v can then start above v_peak and grow without limit, under ``capped`` it cannot,
    whatever the step.

    Parameters
    ----------
    name : str
        What the rule is called.
    statement : str
        Brian2 statement that sets v; it may name theta, v_r, v_t, v_peak and v_reset.
    highest_theta : float
        Largest theta that the rule allows; the smallest is 0.
    depends_on_dt : bool
        Whether what theta does is made by the time step and vanishes with it.
    mean : callable, optional
        ``mean(v_reset, v_peak, overshoot, theta)`` returns where a spike leads on average over overshoots that are
        uniform between 0 and twice ``overshoot``, in dimensionless potentials (v_r = 0). Without it
        `hetbrian.analysis.asynchronous_state` refuses the rule.

    Examples
    --------
    >>> Reset.of("retain").highest_theta < 1, Reset.of("retain").depends_on_dt
    (True, False)
    """

    name: str
    statement: str
    highest_theta: float = 1.0
    depends_on_dt: bool = True
    mean: Callable[[float, float, float, np.ndarray], np.ndarray] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, rule: str | Reset) -> Reset:
        """
        Return a rule by its name; a rule is returned as it is.

        Parameters
        ----------
        rule : str or Reset
            One of `RESETS`, or a rule of the user's own.

        Returns
        -------
        Reset

        Raises
        ------
        ValueError
            If there is no rule of that name.
        """
        if isinstance(rule, Reset):
            return rule
        if not isinstance(rule, str) or rule not in RESETS:
            raise ValueError(f"reset is {shown(rule)}, expected one of {', '.join(RESETS)}: choose one of them.")
        return RESETS[rule]

    def check(self, theta: npt.ArrayLike) -> None:
        """
        Refuse reset coefficients that the rule does not allow.

        Parameters
        ----------
        theta : array_like, shape (n_neurons,) or ()
            Reset coefficients.

        Raises
        ------
        ValueError
            If a coefficient is outside the range of the rule.
        """
        self.allowed.check("theta", theta)

    @property
    def allowed(self) -> Allowed:
        """Allowed : the reset coefficients that the rule allows."""
        limit = "< 1" if self.highest_theta == BELOW_ONE else f"<= {self.highest_theta:g}"
        return Allowed(
            f"{f'0 <= theta {limit}' if self.highest_theta else 'theta = 0'} for the reset rule {self.name!r}",
            "truncate the distribution of theta",
            low=0.0,
            high=self.highest_theta,
            element="neuron",
        )

    @checked(neuron=dimensionless, dt=not_negative)
    def mean_potential(self, neuron: Izhikevich, theta: npt.ArrayLike, dt: float = 0.0) -> np.ndarray:
        """
        Return where a spike leads on average, given the reset coefficient and Euler's overshoot.

        Parameters
        ----------
        neuron : Izhikevich
            Dimensionless parameter set.
        theta : array_like, shape () or (n_neurons,)
            Reset coefficients.
        dt : float, optional
            Time step in units of C/(k abs(v_r)); the overshoot is up to dt v_peak^2, the length of the last step, and
            half of that on average.

        Returns
        -------
        ndarray, shape () or (n_neurons,)
            Dimensionless potential.

        Raises
        ------
        ValueError
            If the rule does not say.

        Examples
        --------
        >>> from hetbrian.network import Izhikevich
        >>> round(float(Reset.of("residual").mean_potential(Izhikevich.CA3.dimensionless(), 0.5, 1e-3)), 6)
        -190.0
        """
        if self.mean is None:
            raise ValueError(
                f"the reset rule {self.name!r} has no mean, expected one: give Reset(mean=...) a function of "
                "v_reset, v_peak, overshoot and theta."
            )
        peak = float(neuron.v_peak)
        theta = numbers(theta, "theta")
        return self.mean(float(neuron.v_reset), peak, dt * peak**2 / 2, theta)

    @checked(neuron=dimensionless)
    def theta_below_threshold(self, neuron: Izhikevich) -> float:
        """
        Return the largest theta with which a short time step leaves the neuron below v_t after a spike.

        Above it the neuron fires again at once, faster and faster, because v^2 outgrows what w can take back.

        Parameters
        ----------
        neuron : Izhikevich
            Dimensionless parameter set.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If the rule does not say where a spike leads, or its mean is not linear in theta.
        """
        low, middle, high = (float(self.mean_potential(neuron, theta)) for theta in (0.0, 0.5, 1.0))
        if abs(low + high - 2 * middle) > 1e-9 * max(abs(low), abs(high)):  # some roundings
            raise ValueError(
                f"the mean of the reset rule {self.name!r} is not linear in theta, expected it to be so to tell which "
                "theta leaves the neuron below threshold: give theta without a half width, and check its range."
            )
        threshold = float(neuron.v_t)
        return min(self.highest_theta, (threshold - low) / (high - low)) if high > threshold else self.highest_theta


def _capped(v_reset: float, v_peak: float, overshoot: float, theta: np.ndarray) -> np.ndarray:
    reach = min(2 * overshoot, v_peak - v_reset)  # of an overshoot up to 2 overshoot, what is beyond counts as reach
    return v_reset + theta * (reach - reach**2 / (4 * overshoot) if overshoot else 0.0)


RESETS = {
    rule.name: rule
    for rule in (
        Reset(  # the paper's: theta of the overshoot stays
            "residual",
            "v = v_reset + theta*(v - v_peak)",
            mean=lambda v_reset, v_peak, overshoot, theta: v_reset + theta * overshoot,
        ),
        Reset(  # the same of at most v_peak - v_reset, so that v is below v_peak after it
            "capped",
            "v = v_reset + theta*clip(v - v_peak, 0*v_peak, v_peak - v_reset)",
            highest_theta=BELOW_ONE,
            mean=_capped,
        ),
        Reset(  # incomplete repolarisation: theta of the excursion above v_reset stays
            "retain",
            "v = v_reset + theta*(v - v_reset)",
            highest_theta=BELOW_ONE,
            depends_on_dt=False,
            mean=lambda v_reset, v_peak, overshoot, theta: v_reset + theta * (v_peak + overshoot - v_reset),
        ),
        Reset(  # of the authors' reservoir script: v is reflected at v_r
            "mirror",
            "v = 2*v_r - v",
            highest_theta=0.0,
            depends_on_dt=False,
            mean=lambda v_reset, v_peak, overshoot, theta: -(v_peak + overshoot) + 0 * theta,
        ),
    )
}
"""The rules by name."""
