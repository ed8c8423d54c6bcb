"""Target signals that a readout learns, as Brian2 TimedArrays on the time step of the simulation."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from brian2 import Hz, Quantity, TimedArray, second
from brian2.units.fundamentalunits import fail_for_dimension_mismatch
from numpy.typing import ArrayLike, NDArray

from hetbrian._support.checks import ROUNDING, count, finite, positive, whole_steps

MELODY = ("E2 E2 F2 G2", "G2 F2 E2 D2", "C2 C2 D2 E2", "E3 D1 D4")
"""The bars of Beethoven's Ode to Joy: notes with their length in eighths."""


LORENZ = {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3}
"""Parameters of the Lorenz system (Lorenz 1963)."""


class Target(TimedArray):
    """
    Hold the samples of a target signal, one column per output.

    At step n of a simulation with the same time step, output i is ``values[n % n_steps, i]``
    if the target is periodic, else ``values[min(n, n_steps - 1), i]``. Not for groups with
    another time step than ``dt``: their steps would be counted as the target's.

    Parameters
    ----------
    values : array, shape (time, n_outputs)
        Dimensionless samples; one period if `periodic`.
    dt : Quantity [second]
        Time step of the simulation.
    periodic : bool
        Whether the samples repeat.
    output_names : sequence of str, length n_outputs, optional
        What each output stands for; ``output 0``, ... if left out.
    name : str
        Name in Brian2 code; ``*`` stands for a number that makes it unique.

    Attributes
    ----------
    n_outputs : int
        Number of outputs.
    period : Quantity [second] or None
        Length of one period; None if the target does not repeat.
    output_names : list of str
        What each output stands for.

    Raises
    ------
    DimensionMismatchError
        If `values` has a unit or `dt` is not a time.
    ValueError
        If `values` is not two-dimensional, empty or not finite, if `dt` is not positive, or if
        the number of names is not that of the outputs.

    Examples
    --------
    >>> from brian2 import ms
    >>> target = Target([[0, 1], [2, 3], [4, 5]], dt=1*ms, periodic=True, name="steps")
    >>> target.samples([0, 1, 5]*ms).tolist()
    [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    >>> target.expression()
    'steps((t_in_timesteps % 3)*dt, i)'
    """

    # Brian2 caches generated code by the remaining attributes, which have to be hashable.
    _cache_irrelevant_attributes = TimedArray._cache_irrelevant_attributes | {
        "n_outputs",
        "period",
        "output_names",
    }

    def __init__(
        self,
        values: ArrayLike,
        dt: Quantity,
        *,
        periodic: bool = False,
        output_names: Sequence[str] | None = None,
        name: str = "target*",
    ):
        fail_for_dimension_mismatch(
            values, error_message="values has a unit, expected numbers: divide the signal by its unit."
        )
        array = np.asarray(values, dtype=float)
        if array.ndim != 2 or 0 in array.shape:
            raise ValueError(
                f"values has shape {array.shape}, expected (time, n_outputs), both at least 1: "
                "give one column per output."
            )
        if not np.all(np.isfinite(array)):
            raise ValueError("values contains nan or inf, expected finite numbers: check the signal.")
        step = positive(dt, "dt", second)
        n_steps, self.n_outputs = array.shape
        if output_names is None:
            output_names = [f"output {i}" for i in range(self.n_outputs)]
        if len(output_names) != self.n_outputs:
            raise ValueError(
                f"output_names has {len(output_names)} names, expected {self.n_outputs}: give one per column of values."
            )
        self.output_names = list(output_names)
        self.period = n_steps * step * second if periodic else None
        super().__init__(array, dt=step * second, name=name)

    def expression(self, output: str = "i") -> str:
        """
        Return the Brian2 code for the value of one output at the current step.

        A periodic target counts steps in integers, so every device reads the same sample.

        Parameters
        ----------
        output : str
            Code for the number of the output.

        Returns
        -------
        str
            Code for a group whose namespace holds this target under its ``name``.
        """
        time = "t" if self.period is None else f"(t_in_timesteps % {len(self.values)})*dt"
        return f"{self.name}({time}, {output})"

    def samples(self, times: Quantity) -> NDArray[np.float64]:
        """
        Return what a simulation reads at these times.

        Between two steps this is the value of the earlier one.

        Parameters
        ----------
        times : Quantity [second], shape (time,)
            Times from the start of the simulation.

        Returns
        -------
        array, shape (time, n_outputs)
            The samples.

        Raises
        ------
        DimensionMismatchError
            If `times` is not a time.
        ValueError
            If a time is negative or not finite.
        """
        times = Quantity(times)
        fail_for_dimension_mismatch(times, second, "times is {times}, expected seconds: give a unit.", times=times)
        seconds = np.atleast_1d(np.asarray(times))
        if not np.all(np.isfinite(seconds) & (seconds >= 0)):
            raise ValueError("times contains a negative or non-finite time, expected 0 s or later: check them.")
        # TimedArray rounds down with the same margin of dt/16 for the rounding error of t.
        steps = np.floor(seconds / self.dt + 1 / 16).astype(np.int64)
        n_steps = len(self.values)
        return self.values[np.minimum(steps, n_steps - 1) if self.period is None else steps % n_steps]


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
    frequency_ = positive(frequency, "frequency", Hz)
    amplitude_, phase_ = finite(amplitude, "amplitude"), finite(phase, "phase")
    return _periodic(
        lambda cycle: amplitude_ * np.sin(2 * np.pi * cycle + phase_),
        period=1 / frequency_,
        dt=dt,
        highest=frequency_,
        output_name=f"{frequency_:g} Hz",
        name=name,
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
    given = [positive(frequency, "frequencies", Hz) for frequency in np.atleast_1d(Quantity(frequencies))]
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

    duration_, step = positive(duration, "duration", second), positive(dt, "dt", second)
    scale, skipped = positive(time_scale, "time_scale", second), finite(transient, "transient")
    if duration_ < step:
        raise ValueError(f"duration is {duration}, expected at least dt = {dt}: give a longer duration.")
    if skipped < 0:
        raise ValueError(f"transient is {transient}, expected 0 or more: give the time units to discard.")
    if np.shape(initial) != (3,) or not np.all(np.isfinite(initial)):
        raise ValueError(f"initial is {initial!r}, expected three finite numbers: give x, y, z.")
    sigma, rho, beta = LORENZ["sigma"], LORENZ["rho"], LORENZ["beta"]

    def derivative(_: float, state: NDArray[np.float64]) -> list[float]:
        x, y, z = state
        return [sigma * (y - x), x * (rho - z) - y, x * y - beta * z]

    times = skipped + np.arange(round(duration_ / step)) * step / scale
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
    step = positive(dt, "dt", second)
    eighth = whole_steps(positive(quarter, "quarter", second) / 2, step, "an eighth note", ROUNDING)
    count(bars, "bars")
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
    step = positive(dt, "dt", second)
    if highest * step >= 0.5:
        raise ValueError(f"dt is {dt}, expected less than half a cycle of {highest:g} Hz: reduce dt.")
    n_steps = whole_steps(period, step, "period", ROUNDING)
    values = waveform(np.arange(n_steps) / n_steps)
    return Target(values[:, np.newaxis], dt, periodic=True, output_names=[output_name], name=name)
