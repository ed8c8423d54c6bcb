"""The ridge reservoir of Zhang & Cui 2025: an all-to-all coupled CA3 network that is settled, pulsed and recorded."""

import math
from collections.abc import Sequence

import numpy as np
from brian2 import Clock, Network, TimedArray, second

import hetbrian as hb
from hetbrian._support.arguments import array, checked, one_of, optional
from hetbrian._support.checks import count, few_enough, finite, flag, generator, not_negative, positive
from hetbrian.network import Constant, Drive, Heterogeneity, Reset
from hetbrian.published.models.gating import CONSTANT, Volley, own_gating
from hetbrian.published.models.rules import reset_rule, value_or_law

PARAMETERS = hb.Izhikevich.CA3.dimensionless()
TIME_UNIT = PARAMETERS.time_unit
"""Every time below is a multiple of it: ``C/(k |v_r|)`` = 1.538 ms."""

STARTS = ("random", "zero")
GATINGS = ("shared", "own")

SIZES = "the run of all trials, of onsets, pulse_length, pulse_sigma and trial_length over dt,"
"""What makes steps of the drive, for an error."""


@checked(
    rng=generator,
    onsets=array(None, 1, least=1),
    trial_length=optional(positive),
    n_neurons=count,
    eta=value_or_law(),
    eta_half_width=not_negative,
    g_half_width=not_negative,
    theta=value_or_law(),
    theta_half_width=not_negative,
    reset=reset_rule,
    amplitude=finite,
    pulse_length=positive,
    pulse_sigma=positive,
    start=one_of(*STARTS),
    pauses=flag,
    gating=one_of(*GATINGS),
    settling_gain=finite,
    tau_r=positive,
    dt=positive,
)
def reservoir(
    rng: np.random.Generator,
    *,
    onsets: Sequence[float],
    trial_length: float | None,
    n_neurons: int = 1000,
    eta: float | hb.Distribution = 0.12,
    eta_half_width: float = 0.0,
    g_half_width: float = 0.0,
    theta: float | hb.Distribution = 0.0,
    theta_half_width: float = 0.0,
    reset: str | Reset = "residual",
    amplitude: float = 0.6215,
    pulse_length: float = 20.0,
    pulse_sigma: float = 2.0,
    start: str = "random",
    pauses: bool = False,
    gating: str = "shared",
    settling_gain: float = 1.0,
    tau_r: float | None = None,
    dt: float = 1e-3,
) -> Network:
    """
    Return one network that runs trial after trial, each from random potentials.

    At the begin of each trial v_i is drawn from Uniform(v_reset, v_peak) and w and s are 0; the neurons keep their
    eta, g and theta. The network settles until the trial's onset and is then pulsed. Each kind of random number
    has a stream of its own, so that networks with and without heterogeneity share everything else. What the authors'
    script does otherwise are ``start``, ``pauses``, ``gating`` and ``settling_gain``.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    onsets : sequence of float, shape (trial,)
        When the pulse of each trial begins, since the begin of the trial, in time units.
    trial_length : float or None
        Length of a trial in time units; None for one that goes on, with onsets since its begin.
    n_neurons : int
        N.
    eta, eta_half_width : float
        Centre and half width at half maximum of the Lorentzian background current, dimensionless; or any
        Distribution as ``eta`` alone.
    g_half_width : float
        Half width of the Lorentzian coupling, whose centre is that of CA3.
    theta, theta_half_width : float
        Centre and half width of the Lorentzian reset coefficient, cut at 0 and at `Reset.theta_below_threshold`; or
        any Distribution as ``theta`` alone.
    reset : {"residual", "capped", "retain", "mirror"}
        Reset rule.
    amplitude, pulse_length, pulse_sigma : float
        Pulse: amplitude, length and standard deviation of its edges, dimensionless.
    start : {"random", "zero"}
        Potentials at the begin of a trial.
    pauses : bool
        Whether v and w of a neuron that fired stand still in the next step.
    gating : {"shared", "own"}
        One gating variable for all, or `hetbrian.published.models.gating.own_gating`.
    settling_gain : float
        Factor of s_jump before each onset; without trial_length before the first.
    tau_r : float, optional
        Decay time of a filtered activity ``r`` for online readouts, in time units.
    dt : float
        Euler step in time units, below ``1/|v_reset|`` = 0.005.

    Returns
    -------
    brian2.Network
        With objects ``neurons`` and ``gating``.

    Raises
    ------
    ValueError
        If a value does not fit; the message says which.

    References
    ----------
    Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070, Figs. 1-2; the neuron is that of Nicola & Campbell 2013,
    doi 10.1007/s10827-013-0442-z. The amplitude and the lengths of settling and record were not published.
    """
    if not 0 < dt <= 1 / abs(PARAMETERS.v_reset):
        raise ValueError(
            f"dt is {dt}, expected more than 0 and at most {1 / abs(PARAMETERS.v_reset):g} time units: a longer Euler "
            "step takes the potential from v_reset past v_peak at once."
        )
    last = max(onsets) + pulse_length
    if min(onsets) < 0 or (trial_length is not None and last > trial_length):
        raise ValueError(
            f"onsets run from {min(onsets):g} to {max(onsets):g}, expected pulses within trials, of "
            f"pulse_length = {pulse_length:g} and trial_length = {trial_length or math.inf:g} time units: change one."
        )
    few_enough(len(onsets) * trial_length / dt if trial_length else (last + 6 * pulse_sigma) / dt, SIZES)
    laws = Heterogeneity.lorentzian(
        eta=eta,
        eta_half_width=eta_half_width,
        g=PARAMETERS.g,
        g_half_width=g_half_width,
        theta=theta,
        theta_half_width=theta_half_width,
        bounds={"theta": (0.0, Reset.of(reset).theta_below_threshold(PARAMETERS))} if theta_half_width else {},
    )
    drawn = laws.draw(n_neurons, rng)
    (of_v,) = rng.spawn(1)
    potentials = hb.Uniform(PARAMETERS.v_reset, PARAMETERS.v_peak) if start == "random" else Constant(0.0)
    begins = [0.0] if trial_length is None else [k * trial_length for k in range(len(onsets))]
    # each trial has a stream of its own: the first ones stay the same when more are added
    starts = [potentials.draw(n_neurons, stream) for stream in of_v.spawn(len(begins))]
    # Brian2 compares multiples of the step to the last bit; 30 bits leave room for 2^23 steps in a table
    mantissa, exponent = math.frexp(float(dt * TIME_UNIT))
    step = math.ldexp(round(mantissa * 2**30), exponent - 30) * second
    onset_times = np.array(onsets) + (0.0 if trial_length is None else begins)
    drive = hb.pulses(
        amplitude=amplitude,
        starts=onset_times * TIME_UNIT,
        duration=pulse_length * TIME_UNIT,
        sigma=pulse_sigma * TIME_UNIT,
        span=(last + 6 * pulse_sigma if trial_length is None else len(begins) * trial_length) * TIME_UNIT,
        resolution=max(1, round(min(0.5, pulse_sigma) / dt)) * step,
        name="pulses",
    )
    factor = CONSTANT
    if settling_gain != 1:
        factor = _settling(settling_gain, begins, onset_times[: len(begins)], dt, step)
    clock = Clock(step, name="clock")
    coupling = hb.gating() if tau_r is None else hb.gating(tau_r * TIME_UNIT)
    is_own = gating == "own"
    neurons = hb.population(
        n_neurons,
        PARAMETERS,
        own_gating(PARAMETERS, n_neurons, factor) if is_own else coupling,
        **drawn,
        v=starts[0],
        drive=drive,
        reset=reset,
        held=("v", "w") * pauses + ("s",) * is_own,
        clock=clock,
    )
    shared = Volley(neurons) if is_own else hb.AllToAll(neurons, PARAMETERS, factor=factor)
    if trial_length is None or len(begins) == 1:
        return Network(neurons, shared)
    # a clock of its own: run at every step, these would cost as much as the integration; they come first in a
    # step whatever the order of coinciding clocks
    trials = Clock(round(trial_length / dt) * step, name="trials")
    neurons.namespace["v_start"] = TimedArray(starts, dt=trials.dt, name="v_start")
    again = "v = v_start(t, i)\nw = 0" + "\ns = 0" * is_own + "\nawake = 1" * (is_own or pauses)
    neurons.run_regularly(again, clock=trials, when="start", order=0, name="neurons_start")
    if not is_own:
        shared.run_regularly("s = 0", clock=trials, when="start", order=0, name="gating_start")
    return Network(neurons, shared)


def _settling(gain, begins, onsets, dt, step):
    """Return the factor of s_jump: the gain from the begin of each trial to its onset, else 1."""
    steps = max(1, round(0.5 / dt))
    values = np.ones(round(max(onsets) / dt / steps) + 1)
    for begin, onset in zip(begins, onsets, strict=True):
        values[round(begin / dt / steps) : round(onset / dt / steps)] = gain
    table = TimedArray(values, dt=steps * step, name="settling")
    return Drive("settling(t)", {"settling": table})
