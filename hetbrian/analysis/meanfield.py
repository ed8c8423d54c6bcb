"""The mean field of the all-to-all network (Eqs. 8-11): equations, equilibria, Hopf points, trajectories."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from brian2 import DimensionMismatchError, Quantity, get_dimensions, hertz, ms, mV, second, volt
from brian2.units.fundamentalunits import have_same_dimensions
from numpy.typing import ArrayLike

from hetbrian._support.arguments import array, checked, of, quantity
from hetbrian._support.checks import choice, count, finite, function, is_number, not_negative, positive, shown
from hetbrian.analysis.continuation import check_range
from hetbrian.analysis.equilibrium import branch
from hetbrian.analysis.vectorfield import VectorField
from hetbrian.network.neuron import Izhikevich

if TYPE_CHECKING:
    import xarray as xr

EQUATIONS = """
dr/dt = (Delta_eta/pi + 2*r*v - r*(g*s + alpha) + sigma*Delta_g*s*(e_r - v)/pi)/time_unit : 1  # rate
dv/dt = (v**2 - alpha*v + g*s*(e_r - v) - pi**2*r**2 - w + eta + I_ext
         + sigma*Delta_g*s*pi*r)/time_unit : 1                                  # mean membrane potential
dw/dt = (a*(b*v - w) + w_jump*r)/time_unit : 1                                  # mean recovery current
ds/dt = (-s/tau_s + s_jump*r)/time_unit : 1                                     # gating variable
"""
"""Eqs. 8-11, dimensionless but for the time, so that a Brian2 ``NeuronGroup`` can integrate them."""

CLOSURE_SIGN = -1
"""Default half plane of the pole of g; -1 is the closer to networks wherever they were compared (docs/meanfield.md)."""


def _sign(value: Any, name: str) -> None:
    """Refuse what is no sign of the closure."""
    if not is_number(value) or value not in (-1, 1):
        raise ValueError(f"{name} is {shown(value)}, expected 1 or -1: choose the half plane of the pole of g.")


@checked(
    a=positive,
    b=finite,
    alpha=finite,
    e_r=finite,
    w_jump=finite,
    tau_s=positive,
    s_jump=finite,
    g=finite,
    eta=finite,
    time_unit=quantity(second, positive),
    voltage_unit=quantity(volt, positive),
    g_half_width=not_negative,
    eta_half_width=not_negative,
    current=finite,
    sigma=_sign,
)
@dataclass(frozen=True)
class MeanField:
    r"""
    Mean field of the all-to-all Izhikevich network with Lorentzian heterogeneity.

    .. math::
        \dot r &= \Delta_\eta/\pi + 2 r v - r (g s + \alpha) + \sigma \Delta_g s (e_r - v)/\pi \\
        \dot v &= v^2 - \alpha v + g s (e_r - v) - \pi^2 r^2 - w + \eta + I
                  + \sigma \Delta_g s \pi r \\
        \dot w &= a (b v - w) + w_{jump} r \\
        \dot s &= -s/\tau_s + s_{jump} r

    Exact for infinitely many neurons, an infinite cutoff and reset, w equal to its mean, and
    :math:`\Delta_g = 0`; for :math:`\Delta_g > 0` an approximate closure, which does not keep r
    positive for large :math:`\Delta_g`. Not for the reset coefficient theta, which does not enter in this
    limit, nor for other distributions, nor for adaptation of every neuron's own (Eq. 1) where most neurons are
    silent: its rates there are twice too high (``docs/meanfield.md``).

    Parameters
    ----------
    a, b : float
        Rate and coupling of the recovery current.
    alpha, e_r : float
        Threshold and reversal potential.
    w_jump, s_jump : float
        Increase of the recovery current and of the gating variable at a spike of every neuron.
    tau_s : float
        Decay time of the gating variable, in units of time.
    g, eta : float
        Centre of the coupling and of the background current.
    time_unit : Quantity [second]
        One unit of time, C/(k \|v_r\|).
    voltage_unit : Quantity [volt]
        One unit of voltage, \|v_r\|.
    g_half_width, eta_half_width : float, optional
        Half width at half maximum of the coupling and of the background current.
    current : float, optional
        Current I common to all neurons.
    sigma : {-1, 1}, optional
        Half plane of the pole of g in the closure for a positive ``g_half_width``.

    Raises
    ------
    ValueError
        If a parameter is not finite, a half width is negative, a or tau_s is not positive, or
        sigma is neither 1 nor -1.
    DimensionMismatchError
        If ``time_unit`` is no time or ``voltage_unit`` no voltage.

    References
    ----------
    Chen & Campbell 2022, doi 10.1007/s10827-022-00825-9; Zhang & Cui 2025,
    doi 10.3389/fncom.2025.1661070, Eqs. 8-11. ``docs/meanfield_derivation.py`` derives them.

    Examples
    --------
    >>> hopf = MeanField.CA3.hopf_points(0.0, 0.3)
    >>> [round(float(eta), 5) for eta in hopf.eta]
    [0.07489, 0.19094]
    """

    a: float
    b: float
    alpha: float
    e_r: float
    w_jump: float
    tau_s: float
    s_jump: float
    g: float
    eta: float
    time_unit: Quantity
    voltage_unit: Quantity
    g_half_width: float = 0.0
    eta_half_width: float = 0.0
    current: float = 0.0
    sigma: int = CLOSURE_SIGN

    CA3: ClassVar["MeanField"]

    @classmethod
    @checked(
        neuron=of(Izhikevich, advice="pass Izhikevich.CA3, say"),
    )
    def from_parameters(
        cls,
        neuron: Izhikevich,
        eta_half_width: Quantity | float,
        g_half_width: Quantity | float = 0.0,
        sigma: int = CLOSURE_SIGN,
    ) -> "MeanField":
        """
        Return the mean field of a network of the given neurons.

        The published dimensionless numbers (`MeanField.CA3`) are these, rounded to four digits;
        the rounding moves the Hopf points of CA3 by up to 7e-4 in eta.

        Parameters
        ----------
        neuron : Izhikevich
            Parameter set with units and gating synapses.
        eta_half_width : Quantity [amp] or float
            Half width at half maximum of the background current; a plain number is dimensionless.
        g_half_width : Quantity [siemens] or float, optional
            Half width at half maximum of the coupling; a plain number is dimensionless.
        sigma : {-1, 1}, optional
            Sign of the closure in g.

        Returns
        -------
        MeanField

        Raises
        ------
        ValueError
            If the neuron has no units, or no gating synapses.
        DimensionMismatchError
            If a half width has another unit than the neuron's eta or g.
        """
        if neuron.is_dimensionless:
            raise ValueError("neuron has no units, expected a set that gives the scales: pass Izhikevich.CA3, say.")
        number, scales = neuron.dimensionless(), neuron.scales()
        if number.E is None or neuron.tau_s is None or neuron.s_jump is None:
            raise ValueError("neuron has no gating synapses, expected E, tau_s and s_jump: pass Izhikevich.CA3, say.")

        def plain(width, name):
            if have_same_dimensions(width if is_number(width) else 1, 1):
                return not_negative(width, f"{name}_half_width")
            if not have_same_dimensions(width, scales[name]):
                raise DimensionMismatchError(
                    f"{name}_half_width is {width}, expected the unit of {name}: give {getattr(neuron, name)}, say",
                    get_dimensions(width),
                    get_dimensions(scales[name]),
                )
            return float(width / scales[name])

        return cls(
            a=float(neuron.time_unit / neuron.tau_w),
            b=float(number.beta),
            alpha=float(number.v_t),
            e_r=float(number.E),
            w_jump=float(number.w_jump),
            tau_s=float(neuron.tau_s / neuron.time_unit),
            s_jump=float(neuron.s_jump),
            g=float(number.g),
            eta=float(number.eta),
            g_half_width=plain(g_half_width, "g"),
            eta_half_width=plain(eta_half_width, "eta"),
            sigma=sigma,
            time_unit=neuron.time_unit,
            voltage_unit=abs(neuron.v_r),
        )

    @checked(
        v_peak=finite,
        v_reset=finite,
    )
    def neuron(self, v_peak: float = 200.0, v_reset: float = -200.0) -> Izhikevich:
        """
        Return the dimensionless neuron of the network whose mean field this is.

        Parameters
        ----------
        v_peak, v_reset : float, optional
            Cutoff and reset, infinite in the mean field.

        Returns
        -------
        Izhikevich
            With the same numbers, so that networks can be compared with the rounded published table too.
        """
        return Izhikevich(
            C=self.time_unit,
            k=1.0,
            v_r=0.0,
            v_t=self.alpha,
            v_peak=v_peak,
            v_reset=v_reset,
            beta=self.b,
            tau_w=self.time_unit / self.a,
            w_jump=self.w_jump,
            eta=self.eta + self.current,
            g=self.g,
            E=self.e_r,
            tau_s=self.tau_s * self.time_unit,
            s_jump=self.s_jump,
            source="from a mean field",
        )

    def replace(self, **changes: Any) -> "MeanField":
        """Return a copy with some parameters changed, checked again; an unknown name raises ValueError."""
        for name in changes:
            choice(name, "parameter", [field.name for field in fields(self)])
        return replace(self, **changes)

    @property
    def namespace(self) -> dict[str, Any]:
        """Dict : the parameters by the names in `EQUATIONS`, with time in seconds."""
        names = {"Delta_eta": "eta_half_width", "Delta_g": "g_half_width", "I_ext": "current"}
        same = ("a", "b", "alpha", "e_r", "w_jump", "tau_s", "s_jump", "g", "eta", "sigma", "time_unit")
        return {name: getattr(self, names.get(name, name)) for name in (*same, *names)}

    @cached_property
    def field(self) -> VectorField:
        """VectorField : `EQUATIONS` with time in units of `time_unit`, for stability and continuation."""
        return VectorField(EQUATIONS, {**self.namespace, "time_unit": 1.0})

    @checked(
        r=array(least=1),
    )
    def equilibrium(self, r: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        r"""
        Return the equilibrium that fires at a rate, in closed form.

        r' = 0 gives v, w' = 0 gives w, s' = 0 gives s and v' = 0 gives eta, each linear.

        Parameters
        ----------
        r : array_like, shape (...)
            Dimensionless population rate, positive.

        Returns
        -------
        state : ndarray, shape (..., 4)
            r, v, w, s.
        eta : ndarray, shape (...)
            Centre of the background current that has this equilibrium.

        Raises
        ------
        ValueError
            If a rate is not positive.
        """
        r = np.asarray(r, dtype=float)
        if not np.all(r > 0):
            raise ValueError(f"r is {np.min(r):g}, expected a positive rate: leave out the silent state.")
        with np.errstate(all="ignore"):  # what overflows is refused
            return self._equilibrium(r)

    def _equilibrium(self, r):
        """Return state and eta of positive rates, see `equilibrium`."""
        s = self.tau_s * self.s_jump * r
        spread = self.sigma * self.g_half_width * s / np.pi
        drive = r * (self.g * s + self.alpha) - self.eta_half_width / np.pi - spread * self.e_r
        v = drive / (2 * r - spread)
        w = self.b * v + self.w_jump * r / self.a
        inward = v**2 - self.alpha * v + self.g * s * (self.e_r - v) - (np.pi * r) ** 2 - w
        state = np.stack([r, v, w, s], axis=-1)
        if not np.isfinite(state).all():
            raise ValueError(f"r reaches {np.max(r):g}, expected rates with finite squares: leave larger ones out.")
        return state, -(inward + spread * np.pi**2 * r + self.current)

    @checked(
        lower=finite,
        upper=finite,
        n_points=count,
    )
    def equilibria(self, lower: float, upper: float, n_points: int = 1000) -> "xr.Dataset":
        """
        Return all equilibria with eta in a range, from low to high rates.

        Needs no continuation library: eta is an explicit function of the rate.

        Parameters
        ----------
        lower, upper : float
            Range of eta, dimensionless.
        n_points : int, optional
            Number of rates, evenly spaced in their logarithm.

        Returns
        -------
        xarray.Dataset
            As `hetbrian.analysis.equilibrium.branch`, with eta as the parameter.

        Raises
        ------
        ValueError
            If the range is empty, holds no equilibrium, or the population is homogeneous.
        """
        check_range(self.field, "eta", lower, upper)
        if self.eta_half_width == 0:
            raise ValueError("eta_half_width is 0, expected a positive half width: the closed form needs one.")
        log_r = np.linspace(-16, 5, 20001)  # rates from 1e-7 to 150
        eta = self.equilibrium(np.exp(log_r))[1]
        inside = np.flatnonzero((eta >= lower) & (eta <= upper))
        if not inside.size:
            raise ValueError(f"no equilibrium has eta from {lower} to {upper}, expected some: widen the range.")
        first, last = max(inside[0] - 1, 0), min(inside[-1] + 1, len(log_r) - 1)
        positions = np.linspace(log_r[first], log_r[last], n_points)
        points = branch(self.field, "eta", lambda position: self.equilibrium(np.exp(position)), positions)
        points["eta"].attrs["long_name"] = "mean background current eta"
        points["r"].attrs["long_name"] = "population rate r"
        return points

    def hopf_points(self, lower: float, upper: float, n_points: int = 1000) -> "xr.Dataset":
        """Return the Hopf points with eta in a range, from low to high rates; arguments as `equilibria`."""
        points = self.equilibria(lower, upper, n_points)
        return points.isel(point=(points.kind == "hopf") & (points.eta >= lower) & (points.eta <= upper))

    @checked(
        times=array(second, 1, least=1),
        start=array(None, 1),
        current=function,
    )
    def trajectory(
        self, times: Quantity, start: ArrayLike | None = None, current: Callable[[Quantity], float] | None = None
    ) -> "xr.Dataset":
        """
        Integrate the mean field.

        Parameters
        ----------
        times : Quantity [second], shape (n_times,)
            Increasing times.
        start : array_like, shape (4,), optional
            Dimensionless r, v, w, s at the first time; by default silence, (0, 0, 0, 0).
        current : callable, optional
            Takes the time as a Quantity and returns the dimensionless current I of Eq. 9.

        Returns
        -------
        xarray.Dataset
            Dims (time,), in ms: ``r``, ``v``, ``w``, ``s`` without units, ``rate`` in Hz and
            ``potential`` in mV.

        Raises
        ------
        DimensionMismatchError
            If ``times`` is no time.
        ValueError
            If the right-hand side is not finite or the state diverges.
        """
        unit = self.time_unit
        drive: dict[str, Any] = {} if current is None else {"I_ext": lambda time: float(current(time * unit))}
        state = np.zeros(4) if start is None else np.asarray(start, dtype=float)
        data = self.field.trajectory(state, np.asarray(times / unit), **drive)
        data = data.assign_coords(time=("time", np.asarray(times / ms), {"units": "ms"}))
        data["rate"] = ("time", np.asarray(self.rate(data.r.values) / hertz), {"units": "Hz"})
        data["potential"] = ("time", np.asarray(self.potential(data.v.values) / mV), {"units": "mV"})
        return data

    @checked(
        r=array(may_be_infinite=True),
    )
    def rate(self, r):
        """Return the firing rate of one neuron [hertz] for a dimensionless rate r: r/time_unit."""
        return np.asarray(r) / self.time_unit

    @checked(
        v=array(may_be_infinite=True),
    )
    def potential(self, v):
        """Return the membrane potential [volt] for a dimensionless v: (v - 1) abs(v_r), with v_r < 0."""
        return (np.asarray(v) - 1) * self.voltage_unit


MeanField.CA3 = MeanField(
    a=0.0077,
    b=-0.0062,
    alpha=0.6215,
    e_r=1.0,
    w_jump=0.0189,
    tau_s=2.6,
    s_jump=1.2308,
    g=1.2308,
    eta=0.12,
    eta_half_width=0.02,
    time_unit=250 / 162.5 * ms,
    voltage_unit=65 * mV,
)
"""The published dimensionless numbers of CA3, rounded to four digits (Chen & Campbell 2022)."""
