import doctest
import logging
import wave

import numpy as np
import pytest
from brian2 import (
    DimensionMismatchError,
    Hz,
    Network,
    NeuronGroup,
    StateMonitor,
    amp,
    device,
    kHz,
    ms,
    mV,
    nA,
    pA,
    prefs,
    second,
    set_device,
)
from brian2.utils.logger import catch_logs
from scipy.io import wavfile

import hetbrian.readout.signals
import hetbrian.readout.target
from hetbrian.network.drive import temporal_signal
from hetbrian.readout.audio import resynthesise, sound, upper_edge
from hetbrian.readout.signals import lorenz, ode_to_joy, product_of_sines, sine
from hetbrian.readout.target import Target

RATE = 44100
AWKWARD_STEPS = [0.04 * ms, 0.1 * ms, 0.07 * ms, ms / 3, 1.1 * ms]  # none is a binary fraction


@pytest.fixture
def numpy_target():
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target = before


def simulate(expression, namespace, n, *, dt, start=0, n_steps, unit="1"):
    """Evaluate Brian2 code in n units from step `start` on; return times and values, shape (time, n)."""
    group = NeuronGroup(n, f"y = {expression} : {unit}", dt=dt, namespace=namespace, name="units*")
    monitor = StateMonitor(group, "y", record=True, name="values*")
    network = Network(group, monitor)
    network.t_ = start * float(dt)
    network.run(n_steps * dt)
    # copies, because the monitor's memory is freed with it
    return np.array(monitor.t, copy=True) * second, np.array(monitor.y, copy=True).T


def write_wav(path, samples, rate=RATE):
    wavfile.write(path, rate, samples)
    return path


def two_tones(rate=RATE):
    """Return 0.25 s of 1 kHz and then 0.25 s of 4 kHz at half the amplitude."""
    t = np.arange(rate // 2) / rate
    return np.where(t < 0.25, np.sin(2 * np.pi * 1000 * t), 0.5 * np.sin(2 * np.pi * 4000 * t))


@pytest.fixture
def tones(tmp_path):
    return write_wav(tmp_path / "tones.wav", two_tones().astype(np.float32))


def test_docstrings():
    results = [doctest.testmod(module) for module in (hetbrian.readout.target, hetbrian.readout.signals)]
    assert all(found.failed == 0 and found.attempted > 3 for found in results)


# Target


@pytest.mark.parametrize("dt", AWKWARD_STEPS)
@pytest.mark.parametrize("start", [0, 1_600_000])  # the second is 64 s at 0.04 ms
def test_periodic_samples_are_what_a_simulation_reads(numpy_target, dt, start):
    target = Target(np.arange(21.0).reshape(7, 3), dt, periodic=True)
    times, values = simulate(target.expression(), {target.name: target}, 3, dt=dt, start=start, n_steps=20)
    steps = start + np.arange(20)
    assert np.array_equal(values[:, 0], 3 * (steps % 7))
    assert np.array_equal(target.samples(times), values)


@pytest.mark.parametrize("dt", AWKWARD_STEPS)
@pytest.mark.parametrize("start", [0, 1_600_000])
def test_aperiodic_samples_are_what_a_simulation_reads(numpy_target, dt, start):
    n_steps = start + 10
    target = Target(np.arange(n_steps)[:, np.newaxis], dt)
    times, values = simulate(target.expression(), {target.name: target}, 1, dt=dt, start=start, n_steps=15)
    assert np.array_equal(values[:, 0], np.minimum(start + np.arange(15), n_steps - 1))
    assert np.array_equal(target.samples(times), values)


def test_samples_hold_the_earlier_step():
    target = Target([[0.0], [1.0], [2.0]], 1 * ms, periodic=True)
    assert target.samples([0, 0.9, 1, 2.5, 3] * ms)[:, 0].tolist() == [0, 0, 1, 2, 0]


def test_expression_reads_one_output(numpy_target):
    target = Target([[1.0, 2.0], [3.0, 4.0]], 1 * ms, periodic=True)
    _, values = simulate(target.expression("1"), {target.name: target}, 1, dt=1 * ms, n_steps=3)
    assert values[:, 0].tolist() == [2, 4, 2]


def test_expression_uses_the_unique_name():
    first, second_ = sine(dt=1 * ms, name="tone*"), sine(dt=1 * ms, name="tone*")
    assert first.name != second_.name
    assert second_.expression() == f"{second_.name}((t_in_timesteps % 200)*dt, i)"


def test_target_describes_its_outputs():
    target = Target(np.zeros((4, 2)), 0.5 * ms, periodic=True)
    assert target.n_outputs == 2
    assert target.output_names == ["output 0", "output 1"]
    assert float(target.period) == 4 * 0.0005
    assert Target(np.zeros((4, 2)), 0.5 * ms, output_names=("x", "y")).output_names == ["x", "y"]
    assert Target(np.zeros((4, 2)), 0.5 * ms).period is None


@pytest.mark.parametrize(
    ("values", "arguments", "message"),
    [
        (np.zeros(3), {}, r"values has shape \(3,\), expected \(time, n_outputs\)"),
        (np.zeros((3, 1, 1)), {}, r"values has shape \(3, 1, 1\), expected"),
        (np.zeros((0, 2)), {}, r"values has shape \(0, 2\), expected"),
        ([[0.0], [np.nan]], {}, "values has NaN or infinite entries"),
        ([[0.0], [np.inf]], {}, "values has NaN or infinite entries"),
        ([[0.0]], {"dt": 0 * ms}, "dt is 0. s, expected more than 0"),
        ([[0.0]], {"dt": -1 * ms}, "dt is -1. ms, expected more than 0"),
        ([[0.0]], {"dt": np.nan * ms}, "dt is nan s, expected one finite number"),
        ([[0.0]], {"dt": [1, 2] * ms}, "expected one finite number"),
        ([[0.0]], {"output_names": ["a", "b"]}, "output_names has 2 names, expected 1"),
    ],
)
def test_target_refuses_bad_values(values, arguments, message):
    with pytest.raises(ValueError, match=message):
        Target(values, **{"dt": 1 * ms, **arguments})


def test_target_refuses_units():
    with pytest.raises(DimensionMismatchError, match=r"values is .*, expected a number without unit"):
        Target([[1.0]] * mV, 1 * ms)
    with pytest.raises(DimensionMismatchError, match=r"dt is 1\. mV, expected a quantity in s"):
        Target([[1.0]], 1 * mV)
    with pytest.raises(DimensionMismatchError, match=r"times is .*, expected a quantity in s"):
        Target([[1.0]], 1 * ms).samples([1, 2] * mV)


@pytest.mark.parametrize("time", [-1 * ms, np.nan * second, np.inf * second])
def test_samples_refuse_bad_times(time):
    with pytest.raises(ValueError, match="times contains a negative or non-finite time"):
        Target([[1.0]], 1 * ms).samples(time)


# Sines


def test_sine_follows_its_formula():
    target = sine(frequency=5 * Hz, dt=0.04 * ms, amplitude=2, phase=0.3)
    times = np.arange(0, 12000, 7) * 0.04 * ms  # more than two periods
    expected = 2 * np.sin(2 * np.pi * 5 * np.asarray(times) + 0.3)
    assert len(target.values) == 5000
    # the argument of the sine is of order 10, so its rounding error is of order 1e-15
    assert np.max(np.abs(target.samples(times)[:, 0] - expected)) < 1e-13


def test_sine_states_the_rounded_frequency():
    target = sine(frequency=7 * Hz, dt=0.04 * ms)  # 3571.43 steps
    assert len(target.values) == 3571
    assert abs(float(1 / target.period) - 7) < 7e-3  # at most 0.1 % away


@pytest.mark.parametrize(("frequencies", "period"), [([4, 6], 0.5), ([6, 12], 1 / 6), ([2.5, 4], 2), ([3], 1 / 3)])
def test_product_of_sines_follows_its_formula(frequencies, period):
    dt = 1 / 6 * ms
    target = product_of_sines(frequencies=frequencies * Hz, dt=dt)
    times = np.arange(0, 30000, 7) * dt
    expected = np.prod([np.sin(2 * np.pi * f * np.asarray(times)) for f in frequencies], axis=0)
    # 1e-15 s of rounding in a period of up to 2 s
    assert abs(float(target.period) - period) < 1e-14
    # the argument of the sine is of order 200, so its rounding error is of order 1e-13
    assert np.max(np.abs(target.samples(times)[:, 0] - expected)) < 1e-12


@pytest.mark.parametrize(
    ("build", "arguments", "message"),
    [
        (sine, {"frequency": 0 * Hz}, "frequency is 0. Hz, expected more than 0"),
        (sine, {"frequency": -5 * Hz}, "frequency is -5. Hz, expected more than 0"),
        (sine, {"frequency": np.inf * Hz}, r"frequency is inf .*Hz, expected one finite number"),
        (sine, {"frequency": 95 * Hz}, "period is 10.5263.* ms, expected a multiple of the time step 1. ms"),
        (sine, {"frequency": 500 * Hz}, "dt is 1. ms, expected less than half a cycle of 500 Hz"),
        (sine, {"amplitude": np.nan}, "amplitude is nan, expected one finite number"),
        (sine, {"phase": np.inf}, "phase is inf, expected one finite number"),
        (sine, {"dt": 0 * second}, "dt is 0. s, expected more than 0"),
        (product_of_sines, {"frequencies": [4, 0] * Hz}, "frequencies is 0. Hz, expected more than 0"),
        (product_of_sines, {"frequencies": [] * Hz}, "frequencies has 0 numbers, expected at least 1"),
        (product_of_sines, {"frequencies": [1, 2**0.5] * Hz}, "expected a common period of at most 1000 s"),
        (
            product_of_sines,
            {"frequencies": [1.001, 1 / 3] * Hz},
            "expected a common period of at most 1000 s",
        ),
        (product_of_sines, {"frequencies": [200, 300] * Hz}, "expected less than half a cycle of 500 Hz"),
    ],
)
def test_sines_refuse_bad_values(build, arguments, message):
    with pytest.raises(ValueError, match=message):
        build(**{"dt": 1 * ms, **arguments})


def test_sines_refuse_wrong_units():
    with pytest.raises(DimensionMismatchError, match=r"frequency is 5\. s, expected a quantity in Hz"):
        sine(frequency=5 * second, dt=1 * ms)
    with pytest.raises(DimensionMismatchError, match=r"amplitude is 1\. A, expected a number without unit"):
        sine(amplitude=1 * amp, dt=1 * ms)
    with pytest.raises(DimensionMismatchError, match=r"frequencies is .4, 6., expected a quantity in Hz"):
        product_of_sines(frequencies=[4, 6], dt=1 * ms)


# Lorenz


def test_lorenz_solves_the_lorenz_equations():
    step = 1e-3
    target = lorenz(duration=5 * second, dt=step * second)
    x, y, z = (target.values * [20, 30, 25] + [0, 0, 25]).T
    derivative = np.array([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])
    state = np.array([x, y, z])
    # five-point difference: the error is step**4/30 times the fifth derivative
    numerical = (state[:, :-4] - 8 * state[:, 1:-3] + 8 * state[:, 3:-1] - state[:, 4:]) / (12 * step)
    # frequencies up to 30 rad/s give a fifth derivative of some 1e8, so 1e-5; the derivative is some 100
    assert np.max(np.abs(numerical - derivative[:, 2:-2])) < 1e-4
    assert np.max(np.abs(derivative)) > 100


def test_lorenz_starts_from_the_initial_state_and_scales_time():
    fast = lorenz(duration=1 * second, dt=1 * ms, transient=0, initial=(2, 3, 5), time_scale=0.5 * second)
    slow = lorenz(duration=2 * second, dt=2 * ms, transient=0, initial=(2, 3, 5))
    assert fast.values[0].tolist() == [0.1, 0.1, -0.8]
    assert np.array_equal(fast.values, slow.values)  # both integrate over the same times
    late = lorenz(duration=1 * second, dt=2 * ms, transient=1, initial=(2, 3, 5))
    # both integrate from 0 with the same steps, so that only times are rounded, to 1e-16
    assert np.max(np.abs(late.values - slow.values[500:])) < 1e-13


def test_lorenz_visits_both_wings_within_the_unit_range():
    target = lorenz(duration=100 * second, dt=10 * ms)
    assert target.n_outputs == 3
    assert target.period is None
    assert target.output_names == ["x", "y", "z"]
    assert np.max(np.abs(target.values)) < 1.05  # "about [-1, 1]"
    assert np.all(target.values.max(axis=0) > 0.5)
    assert np.all(target.values.min(axis=0) < -0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"duration": 0.5 * ms}, "duration is 0.5 ms, expected at least dt = 1. ms"),
        ({"duration": 0 * ms}, "duration is 0. s, expected more than 0"),
        ({"time_scale": -1 * second}, "time_scale is -1. s, expected more than 0"),
        ({"transient": -1}, "transient is -1, expected 0 or more"),
        ({"transient": 5e9}, r"transient is 5e\+09 time units of the system, expected at most 5000: shorten it"),
        ({"time_scale": 0.1 * ms}, r"duration is 1e\+04 time units of the system, expected at most 5000: shorten it"),
        (
            {"initial": (1, 2)},
            r"initial is \(1, 2\), expected three finite numbers",
        ),
        ({"initial": (1, 2, np.nan)}, "initial has NaN or infinite entries"),
    ],
)
def test_lorenz_refuses_bad_values(arguments, message):
    with pytest.raises(ValueError, match=message):
        lorenz(**{"duration": 1 * second, "dt": 1 * ms, **arguments})


# Ode to Joy


def test_ode_to_joy_plays_its_notes():
    song = ode_to_joy(dt=0.5 * ms)
    notes = [(pitch, 0.5) for pitch in "EEFGGFEDCCDE"] + [("E", 0.75), ("D", 0.25), ("D", 1.0)]
    assert song.output_names == ["C", "D", "E", "F", "G"]
    assert float(song.period) == 8
    onset = 0.0
    for pitch, length in notes:
        column = song.output_names.index(pitch)
        middle, quarter = song.samples([onset + length / 2, onset + length / 4] * second)
        assert middle[column] == 1
        assert abs(quarter[column] - np.sqrt(0.5)) < 1e-12  # sine of pi/4, rounded
        assert np.count_nonzero(middle) == 1
        assert not song.samples(onset * second).any()
        onset += length
    assert onset == 8


def test_ode_to_joy_repeats_one_bar_at_its_tempo():
    song = ode_to_joy(dt=1 * ms, bars=1, quarter=200 * ms)
    assert float(song.period) == 0.8
    later = song.samples((100 + 8 * 800) * ms)[0]
    assert dict(zip(song.output_names, later, strict=True)) == {"C": 0, "D": 0, "E": 1, "F": 0, "G": 0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bars": 0}, "bars is 0, expected an integer of at least 1"),
        ({"bars": 1.5}, "bars is 1.5, expected an integer of at least 1"),
        ({"bars": 5}, "bars is 5, expected at most 4"),
        ({"quarter": 0 * second}, "quarter is 0. s, expected more than 0"),
        ({"quarter": 21 * ms}, "an eighth of quarter is 10.5 ms, expected a multiple of the time step 1. ms"),
    ],
)
def test_ode_to_joy_refuses_bad_values(arguments, message):
    with pytest.raises(ValueError, match=message):
        ode_to_joy(**{"dt": 1 * ms, **arguments})


# Temporal signal


@pytest.mark.parametrize("n_pulses", [5, 7])  # 7 does not divide the 100 steps of the period
@pytest.mark.parametrize("start", [0, 1_599_990])
def test_temporal_signal_follows_its_formula(numpy_target, n_pulses, start):
    dt, n_neurons = 0.1 * ms, 4
    drive = temporal_signal(
        n_pulses=n_pulses,
        period=10 * ms,
        n_neurons=n_neurons,
        amplitude=80 * pA,
        dt=dt,
        rng=np.random.default_rng(3),
    )
    _, currents = simulate(drive.expression, drive.namespace, n_neurons, dt=dt, start=start, n_steps=250, unit="amp")
    weights = 80e-12 * np.random.default_rng(3).uniform(-1, 1, (n_pulses, n_neurons))
    steps = (start + np.arange(250)) % 100
    expected = weights[steps * n_pulses // 100] * np.abs(np.sin(np.pi * steps * n_pulses / 100))[:, np.newaxis]
    # relative to 80 pA; the argument of the sine is of order 20, its rounding error of order 1e-15
    assert np.max(np.abs(currents - expected)) < 80e-12 * 1e-13
    assert np.max(np.abs(currents)) > 40e-12


def test_temporal_signal_drives_a_differential_equation(numpy_target):
    drive = temporal_signal(
        n_pulses=3, period=1 * ms, n_neurons=2, amplitude=1 * nA, dt=0.1 * ms, rng=np.random.default_rng(3)
    )
    group = NeuronGroup(
        2,
        f"dq/dt = {drive.expression} : coulomb",
        method="euler",
        dt=0.1 * ms,
        namespace=drive.namespace,
        name="driven*",
    )
    Network(group).run(2 * ms)
    _, currents = simulate(drive.expression, drive.namespace, 2, dt=0.1 * ms, n_steps=20, unit="amp")
    # forward Euler adds up current times step; 20 additions round to 1e-15
    assert np.max(np.abs(np.asarray(group.q) / np.sum(currents * 1e-4, axis=0) - 1)) < 1e-13


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_pulses": 0}, "n_pulses is 0, expected an integer of at least 1"),
        ({"n_pulses": 51}, r"n_pulses is 51, expected at most 50 \(two steps per pulse\)"),
        ({"n_neurons": -2}, "n_neurons is -2, expected an integer of at least 1"),
        ({"period": 0.15 * ms}, "period is 150. us, expected a multiple of the time step 100. us"),
        ({"amplitude": np.inf * pA}, r"amplitude is inf .*A, expected one finite number"),
    ],
)
def test_temporal_signal_refuses_bad_values(arguments, message):
    defaults = {"n_pulses": 5, "period": 10 * ms, "n_neurons": 4, "amplitude": 1 * pA, "dt": 0.1 * ms}
    with pytest.raises(ValueError, match=message):
        temporal_signal(rng=np.random.default_rng(1), **{**defaults, **arguments})


def test_temporal_signal_refuses_a_seed():
    with pytest.raises(TypeError, match="rng is 1, expected a numpy Generator"):
        temporal_signal(n_pulses=5, period=10 * ms, n_neurons=4, amplitude=1 * pA, dt=0.1 * ms, rng=1)


@pytest.mark.standalone
def test_standalone_reads_the_same_samples(numpy_target, tmp_path):
    dt = 0.07 * ms
    rng = np.random.default_rng(4)
    target = Target(rng.normal(size=(33, 3)), dt, periodic=True)
    drive = temporal_signal(n_pulses=7, period=33 * dt, n_neurons=3, amplitude=1 * nA, dt=dt, rng=rng)
    set_device("cpp_standalone", directory=str(tmp_path), build_on_run=True)
    try:
        group = NeuronGroup(
            3,
            f"y = {target.expression()} : 1\nI = {drive.expression} : amp",
            dt=dt,
            namespace={target.name: target, **drive.namespace},
            name="units*",
        )
        monitor = StateMonitor(group, ["y", "I"], record=True, name="values*")
        Network(group, monitor).run(100 * dt)
        times = np.array(monitor.t, copy=True) * second
        values, currents = np.array(monitor.y, copy=True).T, np.array(monitor.I, copy=True).T
    finally:
        device.reinit()
        set_device("runtime")
    _, expected = simulate(drive.expression, drive.namespace, 3, dt=dt, n_steps=100, unit="amp")
    assert np.array_equal(values, target.samples(times))
    assert np.array_equal(currents, expected)


# Sound


def test_sound_puts_each_tone_into_its_band(tones):
    target = sound(tones, n_bands=6, dt=1 * ms)
    assert target.output_names == ["630 Hz", "1000 Hz", "1587 Hz", "2520 Hz", "4000 Hz", "6350 Hz"]
    assert float(target.period) == 0.5
    early, late = target.samples([125, 375] * ms)
    # 1e-3 is 0.04 dB: where the tones change, the filters may overshoot what counts as loudest
    assert np.max(np.abs(early - [0, 1, 0, 0, 0, 0])) < 1e-3
    half = 1 - 20 * np.log10(2) / 40  # half the amplitude is 6 dB down of 40
    assert np.max(np.abs(late - [0, 0, 0, 0, half, 0])) < 1e-3
    assert np.min(target.values) == 0
    assert np.max(target.values) == 1


def test_sound_follows_a_sweep(tmp_path):
    t = np.arange(RATE) / RATE
    frequency = 600 * 10**t  # 600 Hz to 6 kHz in one second
    path = write_wav(tmp_path / "sweep.wav", np.sin(2 * np.pi * np.cumsum(frequency) / RATE).astype(np.float32))
    target = sound(path, n_bands=8, dt=1 * ms)
    times = np.arange(50, 950, 10)
    loudest = np.argmax(target.samples(times * ms), axis=1)
    centres = 500 * 16 ** ((np.arange(8) + 0.5) / 8)
    nearest = np.argmin(np.abs(np.log(centres[:, np.newaxis] / (600 * 10 ** (times / 1000)))), axis=0)
    assert np.max(np.abs(loudest - nearest)) <= 1  # at an edge two bands are equally loud
    assert np.mean(loudest == nearest) > 0.95


def test_bands_end_where_the_recording_ends_unless_told_otherwise(tmp_path):
    """A recording at 8 kHz has nothing above 4 kHz: its default is that, and is said."""
    samples = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000).astype(np.float32)
    path = tmp_path / "speech.wav"
    wavfile.write(path, 8000, samples)
    assert upper_edge(path) == 4 * kHz
    with catch_logs(log_level=logging.INFO) as logs:
        found = sound(path, n_bands=4, dt=1 * ms)
    assert [text for level, _, text in logs if level == "INFO"] == [
        f"bands end at 4. kHz, half the sample rate of {path}; resynthesise needs the same as high=."
    ]
    assert np.array_equal(found.values, sound(path, n_bands=4, dt=1 * ms, high=4 * kHz).values)
    heard = resynthesise(found.values, dt=1 * ms, rate=8 * kHz)
    assert np.array_equal(heard, resynthesise(found.values, dt=1 * ms, rate=8 * kHz, high=4 * kHz))


def test_bands_of_a_recording_of_high_rate_end_at_8_khz(tones):
    assert upper_edge(tones) == 8 * kHz
    one, other = (sound(tones, n_bands=4, dt=1 * ms, **given).values for given in ({}, {"high": 8 * kHz}))
    assert np.array_equal(one, other)


def test_sound_smooths_with_a_gaussian(tmp_path):
    t = np.arange(RATE) / RATE
    # amplitude 1 + cos(2 pi f t): the Gaussian keeps exp(-2 (pi f width)**2) of the modulation
    samples = (1 + np.cos(2 * np.pi * 20 * t)) * np.sin(2 * np.pi * 2000 * t)
    path = write_wav(tmp_path / "modulated.wav", samples.astype(np.float32))
    target = sound(path, n_bands=1, dt=1 * ms, smoothing=10 * ms)
    kept = np.exp(-2 * (np.pi * 20 * 0.01) ** 2)
    ratio = 20 * np.log10((1 - kept) / (1 + kept)) / 40
    # the band's gain differs by some 1e-4 between 1980, 2000 and 2020 Hz
    assert abs(np.min(target.values) - (1 + ratio)) < 1e-4


def test_sound_wraps_around(tmp_path):
    samples = two_tones()
    turned = np.roll(samples, RATE // 10)
    first = sound(write_wav(tmp_path / "a.wav", samples), n_bands=4, dt=1 * ms)
    second_ = sound(write_wav(tmp_path / "b.wav", turned), n_bands=4, dt=1 * ms)
    # the logarithm magnifies rounding errors near the floor of -40 dB to some 1e-11
    assert np.max(np.abs(np.roll(first.values, 100, axis=0) - second_.values)) < 1e-9


def test_sound_does_not_depend_on_the_sample_format(tmp_path, tones):
    expected = sound(tones, n_bands=6, dt=1 * ms).values
    samples = 0.9 * two_tones()
    files = {
        "8": (128 + 127 * samples).round().astype(np.uint8),
        "16": (32767 * samples).astype(np.int16),
        "32": (2147483647 * samples).astype(np.int32),
        "double": samples,
        "stereo": np.stack([samples, 0.5 * samples], axis=1),
    }
    paths = {name: write_wav(tmp_path / f"{name}.wav", data) for name, data in files.items()}
    paths["24"] = tmp_path / "24.wav"
    with wave.open(str(paths["24"]), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(3)
        file.setframerate(RATE)
        integers = (8388607 * samples).astype("<i4")
        file.writeframes(integers.view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
    for name, path in paths.items():
        values = sound(path, n_bands=6, dt=1 * ms).values
        # 8 bits quantise 48 dB down, which moves values near the floor; the others by 1e-4 or less
        assert np.max(np.abs(values - expected)) < (0.05 if name == "8" else 1e-3), name


def test_sound_ignores_unknown_chunks(tmp_path, tones):
    data = tones.read_bytes()
    header, rest = data[:12], data[12:]
    path = tmp_path / "chunk.wav"
    path.write_bytes(header + b"bext\x04\x00\x00\x00abcd" + rest)
    assert np.array_equal(sound(path, n_bands=3, dt=1 * ms).values, sound(tones, n_bands=3, dt=1 * ms).values)


def test_resynthesised_sound_has_the_same_envelopes(tmp_path, tones):
    target = sound(tones, n_bands=6, dt=1 * ms)
    audio = resynthesise(target.values, dt=1 * ms)
    again = sound(write_wav(tmp_path / "again.wav", audio), n_bands=6, dt=1 * ms)
    assert len(audio) == RATE // 2
    # five smoothing widths away from the changes of tone, where smoothing twice shows; 1e-3 is 0.04 dB
    steady = np.r_[50:200, 300:450]
    assert np.max(np.abs(again.values - target.values)[steady]) < 1e-3


def test_resynthesise_plays_the_centres_at_their_levels():
    audio = resynthesise([[1.0, 0.5]] * 1000, dt=1 * ms, low=500 * Hz, high=8 * kHz)
    amplitudes = 2 * np.abs(np.fft.rfft(audio)) / RATE  # one second, so 1 Hz per entry
    assert np.argsort(amplitudes)[-2:].tolist() == [4000, 1000]
    # half of 40 dB is a factor of 10; rounding only, as both tones are whole cycles
    assert abs(amplitudes[1000] / amplitudes[4000] - 10) < 1e-9
    assert np.max(np.abs(audio)) == 1


def test_resynthesise_clips_and_is_silent_without_sound():
    assert not resynthesise([[0.0, -3.0]] * 10, dt=1 * ms).any()
    assert np.array_equal(resynthesise([[7.0]] * 10, dt=1 * ms), resynthesise([[1.0]] * 10, dt=1 * ms))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_bands": 0}, "n_bands is 0, expected an integer of at least 1"),
        ({"n_bands": 2.5}, "n_bands is 2.5, expected an integer of at least 1"),
        ({"low": 0 * Hz}, "low is 0. Hz, expected more than 0"),
        ({"low": 9 * kHz}, "low is 9. kHz, expected less than high = 8. kHz"),
        ({"low": 8 * kHz}, "low is 8. kHz, expected less than high = 8. kHz"),
        ({"high": 23 * kHz}, "high is 23. kHz, expected at most half the sample rate, 22050 Hz"),
        ({"smoothing": 0 * ms}, "smoothing is 0. s, expected more than 0"),
        ({"dynamic_range": -40}, "dynamic_range is -40, expected more than 0"),
        ({"dt": 2 * second}, "dt is 2. s, expected less than the sound of 0.5 s"),
        ({"dt": 0 * ms}, "dt is 0. s, expected more than 0"),
    ],
)
def test_sound_refuses_bad_values(tones, arguments, message):
    with pytest.raises(ValueError, match=message):
        sound(tones, **{"n_bands": 4, "dt": 1 * ms, **arguments})


def test_sound_refuses_wrong_units(tones):
    with pytest.raises(DimensionMismatchError, match=r"low is 5\. ms, expected a quantity in Hz"):
        sound(tones, n_bands=4, dt=1 * ms, low=5 * ms)


def test_sound_refuses_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing.wav' does not exist, expected a WAV file: check the path"):
        sound(tmp_path / "missing.wav", n_bands=4, dt=1 * ms)
    with pytest.raises(ValueError, match="is a folder, a pipe or a device, expected a WAV file: give a regular file"):
        sound(tmp_path, n_bands=4, dt=1 * ms)


FORMAT = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x44\xac\0\0\x88\x58\x01\0\x02\0\x10\0"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got an empty file"),
        (b"hello world, this is text", r"expected a whole WAV file .*not understood"),
        (b"RIFF", "expected a whole WAV file"),
        (FORMAT, "expected a whole WAV file"),
        (FORMAT[:-4] + b"\0\0\0\0data\4\0\0\0\1\1\0\0", "expected a whole WAV file"),
        (FORMAT.replace(b"\x28", b"\x24", 1) + b"data\0\0\0\0", "got zero samples"),
        (FORMAT + b"data\4\0\0\0\7\0\7\0", "got a silent recording"),
    ],
    ids=["empty", "text", "four bytes", "no data", "no bits per sample", "zero samples", "silent"],
)
def test_sound_refuses_bad_files(tmp_path, content, message):
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        sound(path, n_bands=4, dt=1 * ms)


def test_sound_refuses_files_cut_short(tmp_path, tones):
    path = tmp_path / "short.wav"
    path.write_bytes(tones.read_bytes()[:20000])
    with pytest.raises(ValueError, match=r"expected a whole WAV file .*prematurely"):
        sound(path, n_bands=4, dt=1 * ms)


def test_sound_refuses_samples_that_are_not_finite(tmp_path):
    path = write_wav(tmp_path / "nan.wav", np.array([0.0, np.nan, 1.0]))
    with pytest.raises(ValueError, match="expected finite samples, got nan or inf"):
        sound(path, n_bands=4, dt=1 * ms)


@pytest.mark.parametrize(
    ("envelopes", "arguments", "message"),
    [
        (np.ones(3), {}, r"envelopes has shape \(3,\), expected \(time, n_bands\)"),
        (np.ones((0, 3)), {}, r"envelopes has shape \(0, 3\), expected"),
        ([[np.nan]], {}, "envelopes contains nan or inf"),
        ([[1.0]], {"rate": 0 * Hz}, "rate is 0. Hz, expected more than 0"),
        ([[1.0]], {"rate": 8 * kHz, "high": 8 * kHz}, "high is 8. kHz, expected at most half the sample rate, 4000 Hz"),
    ],
)
def test_resynthesise_refuses_bad_values(envelopes, arguments, message):
    with pytest.raises(ValueError, match=message):
        resynthesise(envelopes, **{"dt": 1 * ms, **arguments})
