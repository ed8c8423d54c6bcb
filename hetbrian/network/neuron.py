"""The heterogeneous Izhikevich neuron: equations, parameter sets, units."""

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
from brian2 import (
    DimensionMismatchError,
    Equations,
    Quantity,
    amp,
    farad,
    get_dimensions,
    ms,
    mV,
    nS,
    pA,
    pF,
    second,
    siemens,
    volt,
)
from brian2.units.fundamentalunits import have_same_dimensions

from hetbrian._support.arguments import checked, one_of
from hetbrian._support.checks import instance, is_number, shown, text

NEURON = """
dv/dt = (k*(v - v_r)*(v - v_t) - w + eta + I_ext + I_syn + I_feedback)/C : {voltage}  # membrane potential
dw/dt = (beta*(v - v_r) - w)/tau_w : {current}                           # recovery current
eta : {current} (constant)                                               # heterogeneous background current
g : {coupling} (constant)                                                # heterogeneous coupling
theta : 1 (constant)                                                     # heterogeneous reset coefficient
"""
"""Eq. 1. Who couples the neuron defines ``I_ext``, ``I_syn`` and ``I_feedback``."""


THRESHOLD = "v >= v_peak"

VOLTAGES = ("v_r", "v_t", "v_peak", "v_reset", "E")

OPTIONAL = ("E", "tau_s", "s_jump")
"""Parameters of gating synapses, which a set may lack."""

ADAPTATIONS = ("own", "shared")
"""Whether every neuron has a recovery current of its own (Eq. 1) or all read the population's mean."""


def _dimensional(value: Any, name: str) -> None:
    """Refuse what is no parameter set with units."""
    instance(value, name, Izhikevich, "pass Izhikevich.CA3, say")
    if value.is_dimensionless:
        raise ValueError(f"{name} is a dimensionless set, expected one with units: pass Izhikevich.CA3, say.")


@checked(
    source=text,
)
@dataclass(frozen=True)
class Izhikevich:
    r"""
    Parameters of the Izhikevich neuron, dimensional or dimensionless.

    .. math:: C \dot v = k (v - v_r)(v - v_t) - w + \eta + I, \quad
              \tau_w \dot w = \beta (v - v_r) - w

    with a spike when :math:`v \ge v_{peak}`, then the reset rule and
    :math:`w \leftarrow w + w_{jump}`. In the dimensionless form v, w and all currents are
    numbers, C is the unit of time and k = 1, :math:`v_r = 0`, :math:`v_t = \alpha`. Time
    stays in seconds, so both forms run in Brian2 with the same time step.

    Not for per-neuron values: ``eta`` and ``g`` are the centres that heterogeneity spreads.

    Parameters
    ----------
    C : Quantity [farad, or second if dimensionless]
        Membrane capacitance.
    k : Quantity [siemens/volt, or 1]
        Steepness of the quadratic.
    v_r, v_t, v_peak, v_reset : Quantity [volt, or 1]
        Resting, threshold, cutoff and reset potential.
    beta : Quantity [siemens, or 1]
        Coupling of the recovery current to the potential.
    tau_w : Quantity [second]
        Time constant of the recovery current.
    w_jump : Quantity [amp, or 1]
        Increase of the recovery current at a spike.
    eta : Quantity [amp, or 1]
        Centre of the background current.
    g : Quantity [siemens for gating synapses, 1 for current synapses or if dimensionless]
        Centre of the coupling.
    E : Quantity [volt, or 1], optional
        Reversal potential of gating synapses.
    tau_s : Quantity [second], optional
        Decay time of gating synapses.
    s_jump : float, optional
        Increase of the gating variable when every neuron fires once.
    source : str
        Where the numbers come from.

    Raises
    ------
    DimensionMismatchError
        If the units of a parameter do not fit the others.
    ValueError
        If a parameter is not finite, a time constant is not positive, or v_reset >= v_peak.

    References
    ----------
    Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070, Eqs. 1-2.

    Examples
    --------
    >>> print(Izhikevich.CA3.time_unit)
    1.53846154 ms
    >>> round(float(Izhikevich.CA3.dimensionless().v_t), 6)
    0.621538
    """

    C: Quantity
    k: Quantity
    v_r: Quantity
    v_t: Quantity
    v_peak: Quantity
    v_reset: Quantity
    beta: Quantity
    tau_w: Quantity
    w_jump: Quantity
    eta: Quantity
    g: Quantity | float = 1.0
    E: Quantity | None = None
    tau_s: Quantity | None = None
    s_jump: float | None = None
    source: str = ""

    CA3: ClassVar["Izhikevich"]
    FORCE: ClassVar["Izhikevich"]

    def __post_init__(self) -> None:
        """Check that the parameters fit together."""
        for name in (item.name for item in fields(self) if item.name != "source"):
            value = getattr(self, name)
            if value is None and name in OPTIONAL:
                continue
            if not is_number(value) or not np.isfinite(float(value)):
                raise ValueError(f"{name} is {shown(value)}, expected a finite number: check the parameter set.")
        if self.is_dimensionless:
            voltage, current, conductance, capacitance = 1, 1, 1, second
        else:
            voltage, current, conductance, capacitance = volt, amp, siemens, farad
        expected = {
            "C": capacitance,
            "k": conductance / voltage,
            "beta": conductance,
            "s_jump": 1,
            **dict.fromkeys(VOLTAGES, voltage),
            **dict.fromkeys(("w_jump", "eta"), current),
            **dict.fromkeys(("tau_w", "tau_s"), second),
        }
        for name, unit in expected.items():
            value = getattr(self, name)
            if value is None:
                continue
            if not have_same_dimensions(value, unit):
                raise DimensionMismatchError(
                    f"{name} is {value}, expected the unit {unit!r}: give all parameters with units, or all without",
                    get_dimensions(value),
                    get_dimensions(unit),
                )
            if name in ("C", "k", "tau_w", "tau_s") and not float(value) > 0:
                raise ValueError(f"{name} is {value}, expected a positive value: check its sign.")
        if not self.v_reset < self.v_peak:
            raise ValueError(
                f"v_reset is {self.v_reset} and v_peak {self.v_peak}, expected v_reset < v_peak: exchange them."
            )

    @property
    def is_dimensionless(self) -> bool:
        """Bool : whether v, w and currents are plain numbers."""
        return have_same_dimensions(self.v_r, 1.0)

    @property
    def time_unit(self) -> Quantity:
        """Quantity [second] : C/(k abs(v_r)), the unit of time of the dimensionless form."""
        return self.C if self.is_dimensionless else self.C / (self.k * abs(self.v_r))

    @property
    def rheobase(self) -> Quantity:
        """
        Quantity [amp, or 1] : k (v_t - v_r)^2/4, the smallest current that makes v escape while w = 0.

        That of a step of current from rest; `rheobase_with_adaptation` is that of a slow rise.
        """
        return self.k * (self.v_t - self.v_r) ** 2 / 4

    @property
    def rheobase_with_adaptation(self) -> Quantity:
        """
        Quantity [amp, or 1] : k (v_t + beta/k - v_r)^2/4, the current beyond which no resting state is left.

        There w = beta (v - v_r), and both roots of k (v - v_r)(v - v_t) - beta (v - v_r) + I meet. Of
        `Izhikevich.FORCE` it is 1000 pA, less than the 1040 pA of `rheobase`, because beta < 0: w helps v up.
        """
        return self.k * (self.v_t + self.beta / self.k - self.v_r) ** 2 / 4

    @property
    def namespace(self) -> dict[str, Quantity]:
        """Dict : every parameter that the equations, threshold and reset name."""
        names = ("C", "k", "v_r", "v_t", "v_peak", "v_reset", "beta", "tau_w", "w_jump", "E")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @checked(
        coupling=one_of("conductance", "current"),
        adaptation=one_of(*ADAPTATIONS),
    )
    def equations(self, coupling: str = "conductance", adaptation: str = "own") -> Equations:
        """
        Return Eq. 1 as Brian2 equations; the caller adds ``I_ext``, ``I_syn`` and ``I_feedback``.

        Parameters
        ----------
        coupling : {"conductance", "current"}
            Whether ``g`` multiplies a conductance (Eq. 1) or a synaptic current (FORCE).
        adaptation : {"own", "shared"}
            Whether w follows Eq. 1 or is linked to a variable of the population.

        Returns
        -------
        Equations

        Raises
        ------
        ValueError
            If there is no such adaptation.
        """
        voltage, current, conductance = ("1", "1", "1") if self.is_dimensionless else ("volt", "amp", "siemens")
        unit_of_g = conductance if coupling == "conductance" else "1"
        equations = Equations(NEURON.format(voltage=voltage, current=current, coupling=unit_of_g))
        if adaptation == "own":
            return equations
        rest = [equation for name, equation in equations.items() if name != "w"]
        return Equations(rest) + Equations(f"w : {current} (linked)")

    def replace(self, **changes: Any) -> "Izhikevich":
        """Return a copy with some parameters changed, checked again."""
        return replace(self, **changes)

    def scales(self) -> dict[str, Quantity]:
        """
        Return what one dimensionless unit of each parameter is worth, for a dimensional set.

        Returns
        -------
        dict of str to Quantity
        """
        conductance = self.k * abs(self.v_r)
        current = conductance * abs(self.v_r)
        voltages = dict.fromkeys(VOLTAGES, abs(self.v_r))
        currents = dict.fromkeys(("w_jump", "eta"), current)
        scales = {"C": self.C / self.time_unit, "k": self.k, "beta": conductance, **voltages, **currents}
        return scales if have_same_dimensions(self.g, 1.0) else {**scales, "g": conductance}

    def dimensionless(self) -> "Izhikevich":
        """
        Return the same neuron without units: v -> 1 + v/abs(v_r), w -> w/(k v_r^2).

        Returns
        -------
        Izhikevich
        """
        if self.is_dimensionless:
            return self
        ratios = {name: value / scale for name, value, scale in self._given(self.scales())}
        return self.replace(**{name: x if name == "C" else float(x) + (name in VOLTAGES) for name, x in ratios.items()})

    @checked(
        like=_dimensional,
    )
    def dimensional(self, like: "Izhikevich") -> "Izhikevich":
        """
        Return the same neuron with units, the inverse of `dimensionless`.

        Parameters
        ----------
        like : Izhikevich
            A dimensional set that gives the scales C, k and v_r.

        Returns
        -------
        Izhikevich

        Raises
        ------
        ValueError
            If ``like`` is dimensionless.
        """
        if not self.is_dimensionless:
            return self
        given = self._given(like.scales())
        return self.replace(**{name: (value - (name in VOLTAGES)) * scale for name, value, scale in given})

    def _given(self, scales: dict[str, Quantity]) -> list[tuple[str, Quantity, Quantity]]:
        """Return name, value and scale of every parameter that the set has."""
        return [(name, getattr(self, name), scale) for name, scale in scales.items() if getattr(self, name) is not None]


def _ca3() -> Izhikevich:
    v_r, k, beta = -65 * mV, 2.5 * nS / mV, -1 * nS
    return Izhikevich(
        C=250 * pF,
        k=k,
        v_r=v_r,
        v_t=v_r + 40 * mV - beta / k,
        v_peak=12935 * mV,
        v_reset=-13065 * mV,
        beta=beta,
        tau_w=200 * ms,
        w_jump=200 * pA,
        eta=1267.5 * pA,
        g=200 * nS,
        E=0 * mV,
        tau_s=4 * ms,
        s_jump=200 / 162.5,
        source="Nicola & Campbell 2013, doi 10.1007/s10827-013-0442-z; Chen & Campbell 2022; "
        "v_peak and v_reset are the 'infinite' limits +-200 of the mean field",
    )


def _force() -> Izhikevich:
    v_r, k, beta = -60 * mV, 2.5 * nS / mV, -2 * nS
    return Izhikevich(
        C=250 * pF,
        k=k,
        v_r=v_r,
        v_t=v_r + 40 * mV - beta / k,
        v_peak=30 * mV,
        v_reset=-65 * mV,
        beta=beta,
        tau_w=100 * ms,
        w_jump=200 * pA,
        eta=1000 * pA,
        source="Nicola & Clopath 2017, doi 10.1038/s41467-017-01827-3, ModelDB 190565, 5 Hz sine",
    )


Izhikevich.CA3 = _ca3()


Izhikevich.FORCE = _force()
