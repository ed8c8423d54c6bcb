"""Signals to learn: sines and their products, the Lorenz system, the Ode to Joy."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from brian2 import Hz, Quantity, second
from numpy.typing import NDArray

from hetbrian._support.arguments import array, checked, quantity
from hetbrian._support.checks import (
    ROUNDING,
    count,
    few_enough,
    finite,
    not_negative,
    object_name,
    positive,
    whole_steps,
)
from hetbrian.readout.target import Target

MELODY = ("E2 E2 F2 G2", "G2 F2 E2 D2", "C2 C2 D2 E2", "E3 D1 D4")
"""The bars of Beethoven's Ode to Joy: notes with their length in eighths."""


LORENZ = {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3}
"""Parameters of the Lorenz system (Lorenz 1963)."""

LONGEST = 5000
"""Time units of that system that are integrated, in some ten seconds; its state is known for 30 of them."""


@checked(
    frequency=quantity(Hz, positive),
    amplitude=finite,
    phase=finite,
    dt=quantity(second, positive),
    name=object_name,
)
def sine(
    *,
    frequency: Quantity = 5 * Hz,
    dt: Quantity,
    amplitude: float = 1.0,
    phase: float = 0.0,
    name: str = "sine*",
) -> Target:
    r"""
    Build the target :math:`y(t) = A \sin(2\pi f t + \varphi)`.

    One period is rounded to whole steps; ``1/period`` of the result is the exact frequency.

    Parameters
    ----------
    frequency : Quantity [hertz]
        Frequency f.
    dt : Quantity [second]
        Time step of the simulation.
    amplitude : float
        Amplitude A.
    phase : float
        Phase at time 0, in radians.
    name : str
        Name in Brian2 code.

    Returns
    -------
    Target
        One output, periodic.

    Raises
    ------
    DimensionMismatchError
        If a quantity has the wrong unit.
    ValueError
        If a number is out of range, or rounding would change the frequency by more than 0.1 %.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> target = sine(frequency=5*Hz, dt=0.04*ms)
    >>> target.period, round(float(target.samples(50*ms)[0, 0]), 12)
    (200. * msecond, 1.0)
    """
    frequency_, amplitude_, phase_ = float(frequency), float(amplitude), float(phase)
    return _periodic(
        lambda cycle: amplitude_ * np.sin(2 * np.pi * cycle + phase_),
        period=1 / frequency_,
        dt=dt,
        highest=frequency_,
        output_name=f"{frequency_:g} Hz",
        name=name,
    )


@checked(
    frequencies=array(Hz, 0, 1, least=1),
    dt=quantity(second, positive),
    name=object_name,
)
def product_of_sines(*, frequencies: Quantity, dt: Quantity, name: str = "product_of_sines*") -> Target:
    r"""
    Build the target :math:`y(t) = \prod_k \sin(2\pi f_k t)`.

    Its period is that of the greatest common divisor of the frequencies, rounded to whole
    steps. Not for frequencies without a common period of at most 1000 s, as :math:`\sqrt 2` Hz.

    Parameters
    ----------
    frequencies : Quantity [hertz], shape (n,)
        Frequencies f of the factors.
    dt : Quantity [second]
        Time step of the simulation.
    name : str
        Name in Brian2 code.

    Returns
    -------
    Target
        One output, periodic.

    Raises
    ------
    DimensionMismatchError
        If a quantity has the wrong unit.
    ValueError
        If a number is out of range, if there is no common period, or if rounding it to whole
        steps would change the frequencies by more than 0.1 %.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> target = product_of_sines(frequencies=[4, 6]*Hz, dt=0.5*ms)
    >>> target.period, round(float(target.samples(62.5*ms)[0, 0]), 6)
    (0.5 * second, 0.707107)
    """
    given = [positive(frequency, "frequencies", Hz) for frequency in np.atleast_1d(frequencies)]
    if not given:
        raise ValueError("frequencies is empty, expected at least one: give, say, [4, 6]*Hz.")
    exact = [Fraction(frequency).limit_denominator(1000) for frequency in given]
    denominator = math.lcm(*(fraction.denominator for fraction in exact))
    fundamental = Fraction(math.gcd(*(int(fraction * denominator) for fraction in exact)), denominator)
    # 1e-9 is far above the rounding error of a float and far below a step of 1 mHz
    rational = all(abs(f - fraction) <= 1e-9 * f for f, fraction in zip(given, exact, strict=True))
    if not rational or fundamental < Fraction(1, 1000):
        raise ValueError(
            f"frequencies are {given} Hz, expected a common period of at most 1000 s: give multiples of one frequency."
        )
    cycles = [float(fraction / fundamental) for fraction in exact]
    return _periodic(
        lambda cycle: np.prod([np.sin(2 * np.pi * n * cycle) for n in cycles], axis=0),
        period=float(1 / fundamental),
        dt=dt,
        highest=sum(given),
        output_name=" x ".join(f"{frequency:g} Hz" for frequency in given),
        name=name,
    )


@checked(
    duration=quantity(second, positive),
    time_scale=quantity(second, positive),
    initial=array(),
    transient=not_negative,
    dt=quantity(second, positive),
    name=object_name,
)
def lorenz(
    *,
    duration: Quantity,
    dt: Quantity,
    time_scale: Quantity = 1 * second,
    initial: tuple[float, float, float] = (1.0, 1.0, 1.0),
    transient: float = 20.0,
    name: str = "lorenz*",
) -> Target:
    r"""
    Build a chaotic target with three outputs from the Lorenz system.

    .. math:: T \dot x = \sigma (y - x), \quad T \dot y = x (\rho - z) - y, \quad
              T \dot z = x y - \beta z

    with sigma = 10, rho = 28, beta = 8/3. The outputs are x/20, y/30 and (z - 25)/25, which
    stay within about [-1, 1]. With the default T = 1 s a loop around one wing takes about 0.7 s.

    Not for comparisons between machines over more than some 30 T: the trajectory is chaotic,
    and the relative error of its integration (1e-10) grows e-fold in about 1.1 T.

    Parameters
    ----------
    duration : Quantity [second]
        Length of the target; later the last sample is held.
    dt : Quantity [second]
        Time step of the simulation.
    time_scale : Quantity [second]
        One time unit T of the Lorenz system.
    initial : tuple of float, length 3
        State x, y, z before the transient.
    transient : float
        Time units that are discarded at the beginning.
    name : str
        Name in Brian2 code.

    Returns
    -------
    Target
        Outputs x, y, z, not periodic.

    Raises
    ------
    DimensionMismatchError
        If a quantity has the wrong unit.
    ValueError
        If a number is out of range, or `duration` is shorter than `dt`.

    References
    ----------
    Nicola & Clopath 2017, doi:10.1038/s41467-017-01827-3.
    Lorenz 1963, doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2, Eqs. 25-27.

    Examples
    --------
    >>> from brian2 import ms, second
    >>> target = lorenz(duration=1*second, dt=1*ms, transient=0)
    >>> target.samples(0*ms).round(6).tolist()
    [[0.05, 0.033333, -0.96]]
    """
    from scipy.integrate import solve_ivp

    duration_, step, scale, skipped = float(duration), float(dt), float(time_scale), float(transient)
    if duration_ < step:
        raise ValueError(f"duration is {duration}, expected at least dt = {dt}: give a longer duration.")
    if np.shape(initial) != (3,):
        raise ValueError(f"initial is {initial!r}, expected three finite numbers: give x, y, z.")
    sigma, rho, beta = LORENZ["sigma"], LORENZ["rho"], LORENZ["beta"]

    def derivative(_: float, state: NDArray[np.float64]) -> list[float]:
        x, y, z = state
        return [sigma * (y - x), x * (rho - z) - y, x * y - beta * z]

    for argument, units in (("transient", skipped), ("duration", duration_ / scale)):
        if units > LONGEST:
            raise ValueError(
                f"{argument} is {units:.3g} time units of the system, expected at most {LONGEST}: shorten it."
            )
    times = skipped + np.arange(few_enough(duration_ / step, "duration")) * step / scale
    solution = solve_ivp(
        derivative,
        (0, times[-1] + step / scale),
        initial,
        method="DOP853",
        t_eval=times,
        rtol=1e-10,
        atol=1e-10,
    )
    values = (solution.y.T - [0, 0, 25]) / [20, 30, 25]  # (time, 3)
    return Target(values, dt, output_names=["x", "y", "z"], name=name)


@checked(
    quarter=quantity(second, positive),
    bars=count,
    dt=quantity(second, positive),
    name=object_name,
)
def ode_to_joy(*, dt: Quantity, quarter: Quantity = 0.5 * second, bars: int = 4, name: str = "ode_to_joy*") -> Target:
    """
    Build the first four bars of Beethoven's Ode to Joy as a target with five outputs.

    Each note is a half sine from 0 over 1 to 0 on the output of its pitch; the others are 0.

    Parameters
    ----------
    dt : Quantity [second]
        Time step of the simulation.
    quarter : Quantity [second]
        Length of a quarter note: 0.5 s are 120 beats per minute and 2 s per bar.
    bars : int
        Number of bars, 1 to 4.
    name : str
        Name in Brian2 code.

    Returns
    -------
    Target
        Outputs C, D, E, F, G, periodic.

    Raises
    ------
    DimensionMismatchError
        If a quantity has the wrong unit.
    ValueError
        If a number is out of range, or rounding an eighth note to whole steps would change it
        by more than 0.1 %.

    References
    ----------
    Nicola & Clopath 2017, doi:10.1038/s41467-017-01827-3.

    Examples
    --------
    >>> from brian2 import ms
    >>> song = ode_to_joy(dt=1*ms, bars=1)
    >>> dict(zip(song.output_names, song.samples(250*ms)[0].tolist()))
    {'C': 0.0, 'D': 0.0, 'E': 1.0, 'F': 0.0, 'G': 0.0}
    """
    eighth = whole_steps(quarter / 2, dt, "an eighth of quarter", ROUNDING)
    if bars > len(MELODY):
        raise ValueError(f"bars is {bars}, expected at most {len(MELODY)}: the target repeats by itself.")
    pitches = list("CDEFG")
    notes = []
    for note in " ".join(MELODY[:bars]).split():
        n_steps = int(note[1]) * eighth
        pulse = np.zeros((n_steps, len(pitches)))
        pulse[:, pitches.index(note[0])] = np.sin(np.pi * np.arange(n_steps) / n_steps)
        notes.append(pulse)
    return Target(np.concatenate(notes), dt, periodic=True, output_names=pitches, name=name)


def _periodic(
    waveform: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    period: float,
    dt: Quantity,
    highest: float,
    output_name: str,
    name: str,
) -> Target:
    """Sample one period (s) of `waveform`, a function of the cycle in [0, 1) up to `highest` (Hz)."""
    step = float(dt)
    if highest * step >= 0.5:
        raise ValueError(f"dt is {dt}, expected less than half a cycle of {highest:g} Hz: reduce dt.")
    n_steps = whole_steps(period, step, "period", ROUNDING)
    values = waveform(np.arange(n_steps) / n_steps)
    return Target(values[:, np.newaxis], dt, periodic=True, output_names=[output_name], name=name)
