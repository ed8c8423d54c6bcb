"""External currents that depend on time and neuron, as Brian2 code."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, TimedArray, amp, second

from hetbrian._support.arguments import array, checked, either, of, quantity
from hetbrian._support.checks import (
    ROUNDING,
    count,
    few_enough,
    finite,
    generator,
    object_name,
    positive,
    text,
    whole_steps,
)


@checked(
    expression=text,
    namespace=of(dict, advice="give every name that the code uses"),
)
@dataclass(frozen=True)
class Drive:
    """
    Hold an external current as Brian2 code.

    Parameters
    ----------
    expression : str
        Code for the current of neuron i, in amp.
    namespace : dict
        Every name that `expression` uses.
    """

    expression: str
    namespace: dict[str, Any]


@checked(
    amplitude=either(quantity(amp), finite),
    starts=array(second, 0, 1),
    duration=quantity(second, positive),
    sigma=quantity(second, positive),
    span=quantity(second, positive),
    resolution=quantity(second, positive),
    name=object_name,
)
def pulses(
    *,
    amplitude: Quantity | float,
    starts: Quantity,
    duration: Quantity,
    sigma: Quantity,
    span: Quantity,
    resolution: Quantity,
    name: str = "pulses*",
) -> Drive:
    r"""
    Build pulses to all neurons: rectangles, smoothed by a Gaussian.

    .. math:: I(t) = \frac{A}{2} \sum_k \left[\mathrm{erf}\frac{t - t_k}{\sqrt 2 \sigma}
              - \mathrm{erf}\frac{t - t_k - d}{\sqrt 2 \sigma}\right]

    A table holds I at the middle of each step of its resolution. Its size depends on `span` alone, so that
    standalone programs with other starts are the same.

    Parameters
    ----------
    amplitude : Quantity [amp], or float in a dimensionless model
        Amplitude A.
    starts : Quantity [second], shape (pulse,)
        Begin t_k of each pulse, 0 s or later.
    duration : Quantity [second]
        Length d of the rectangle.
    sigma : Quantity [second]
        Standard deviation of the Gaussian.
    span : Quantity [second]
        Length of the simulation; afterwards the current is 0.
    resolution : Quantity [second]
        Time step of the table.
    name : str
        Name in Brian2 code.

    Returns
    -------
    Drive
        Code for the current, the same for every neuron.

    Raises
    ------
    DimensionMismatchError
        If a quantity has the wrong unit.
    ValueError
        If a length is not positive, the amplitude not finite, or a start outside 0 s to `span`.

    Examples
    --------
    >>> from brian2 import ms
    >>> kick = pulses(
    ...     amplitude=2.0, starts=[10]*ms, duration=20*ms, sigma=1*ms, span=50*ms, resolution=1*ms, name="kick"
    ... )
    >>> kick.expression, kick.namespace["kick"](20*ms), round(float(kick.namespace["kick"](9.5*ms)), 3)
    ('kick(t)', 2.0, 0.617)
    """
    from scipy.special import erf

    scale = Quantity(amplitude)
    length, width, end, step = float(duration), float(sigma), float(span), float(resolution)
    begins = np.atleast_1d(np.asarray(starts, dtype=float))
    if not ((begins >= 0) & (begins <= end)).all():
        raise ValueError(f"starts is {starts}, expected times from 0 s to span = {span}: check the times.")
    middles = (np.arange(few_enough(np.ceil(end / step), "span over resolution")) + 0.5) * step  # (time,)
    since = (middles - begins[:, np.newaxis]) / (np.sqrt(2) * width)  # (pulse, time)
    shape = (erf(since) - erf(since - length / (np.sqrt(2) * width))).sum(axis=0) / 2
    values = float(scale) * np.append(shape, 0.0)  # the last value of a table is held
    table = TimedArray(Quantity(values, dim=scale.dim), dt=step * second, name=name)
    return Drive(f"{table.name}(t)", {table.name: table})


@checked(
    n_pulses=count,
    period=quantity(second, positive),
    n_neurons=count,
    amplitude=quantity(amp),
    dt=quantity(second, positive),
    rng=generator,
    name=object_name,
)
def temporal_signal(
    *,
    n_pulses: int,
    period: Quantity,
    n_neurons: int,
    amplitude: Quantity,
    dt: Quantity,
    rng: np.random.Generator,
    name: str = "temporal_signal*",
) -> Drive:
    r"""
    Build a high-dimensional temporal signal (HDTS): a clock that drives the network.

    .. math:: I_i(t) = A\, E_{ik} \left|\sin(\pi m t / T)\right|, \quad
              k = \lfloor m t / T \rfloor \bmod m, \quad E_{ik} \sim \mathrm{U}(-1, 1)

    m pulses divide the period T and do not overlap, so that tables of the size of one period and
    of E are enough. Every device reads the same numbers. Not for groups with another time step.

    Parameters
    ----------
    n_pulses : int
        Number of pulses m, at most half the steps of a period.
    period : Quantity [second]
        Period T in whole steps, as the ``period`` of the target.
    n_neurons : int
        Number of neurons that are driven.
    amplitude : Quantity [amp]
        Amplitude A.
    dt : Quantity [second]
        Time step of the simulation.
    rng : numpy.random.Generator
        Source of E.
    name : str
        Name in Brian2 code, to which the tables of pulses add ``_pulse`` and ``_shape``.

    Returns
    -------
    Drive
        Code for the current of neuron i, with its namespace.

    Raises
    ------
    DimensionMismatchError
        If a quantity has the wrong unit.
    TypeError
        If `rng` is not a generator.
    ValueError
        If a number is out of range, or `period` is not a whole number of steps to 0.1 %.

    References
    ----------
    Nicola & Clopath 2017, doi:10.1038/s41467-017-01827-3.

    Examples
    --------
    >>> from brian2 import ms, pA
    >>> rng = np.random.default_rng(1)
    >>> drive = temporal_signal(
    ...     n_pulses=4, period=2*ms, n_neurons=3, amplitude=80*pA, dt=0.1*ms, rng=rng, name="hdts"
    ... )
    >>> drive.expression
    'hdts(hdts_pulse((t_in_timesteps % 20)*dt), i)*hdts_shape((t_in_timesteps % 20)*dt)'
    >>> drive.namespace["hdts"].values.shape
    (4, 3)
    """
    step, scale = float(dt), float(amplitude)
    n_steps = whole_steps(period, step, "period", ROUNDING)
    if n_pulses > n_steps // 2:
        raise ValueError(
            f"n_pulses is {n_pulses}, expected at most {n_steps // 2} (two steps per pulse): reduce n_pulses or dt."
        )
    pulse, rest = np.divmod(np.arange(n_steps) * n_pulses, n_steps)
    # The rows of E lie one step apart, so that time pulse*dt looks up row `pulse`.
    rows = rng.uniform(-1, 1, (n_pulses, n_neurons)) * scale
    weights = TimedArray(rows * amp, dt=step * second, name=name)
    pulses = TimedArray(pulse * step * second, dt=step * second, name=f"{weights.name}_pulse")
    shape = TimedArray(np.sin(np.pi * rest / n_steps), dt=step * second, name=f"{weights.name}_shape")
    time = f"(t_in_timesteps % {n_steps})*dt"
    return Drive(
        expression=f"{weights.name}({pulses.name}({time}), i)*{shape.name}({time})",
        namespace={table.name: table for table in (weights, pulses, shape)},
    )
