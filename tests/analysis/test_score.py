import doctest
import math

import numpy as np
import pytest
from numpy.random import default_rng

from hetbrian.analysis import score
from hetbrian.analysis.score import best_shift_mse, correlation, force_scores, log_mse, mse

DT = 0.001
TIME = np.arange(5000) * DT
SINE = np.sin(2 * np.pi * 5 * TIME)
INF, NAN = float("inf"), float("nan")


def slow_best_shift_mse(output, target, longest):
    """Return the least error and its lag in samples, one shift after the other."""
    errors = {}
    for lag in range(-longest, longest + 1):
        x, y = (output[lag:], target[: len(target) - lag]) if lag >= 0 else (output[:lag], target[-lag:])
        errors[lag] = np.mean((x - y) ** 2)
    best = min(errors, key=errors.get)
    return errors[best], best


def test_docstrings():
    result = doctest.testmod(score)
    assert result.attempted >= 5 and result.failed == 0


def test_mse_of_a_silent_output_is_the_power_of_the_target():
    # whole periods of a sine: the mean square is 1/2 up to rounding
    assert mse(np.zeros(5000), SINE) == pytest.approx(0.5, abs=1e-12)
    assert mse(np.zeros((5000, 2)), np.column_stack([SINE, 2 * SINE])) == pytest.approx(1.25, abs=1e-12)
    assert log_mse(np.zeros(5000), SINE) == pytest.approx(math.log10(0.5), abs=1e-12)


def test_error_of_an_output_that_is_not_finite_is_infinite():
    for bad in (NAN, INF, -INF):
        output = np.where(TIME > 4, bad, SINE)
        assert mse(output, SINE) == log_mse(output, SINE) == INF
        error, shift = best_shift_mse(output, SINE, DT)
        assert error == INF and math.isnan(shift)
    assert mse(np.full(5000, 1e200), SINE) == INF  # its square overflows
    assert np.median([INF, INF, 0.1, mse(SINE, SINE), 0.2]) == 0.2
    assert log_mse(SINE, SINE) == -INF


@pytest.mark.parametrize("lag", [0, 1, 37, -64, 100, -100])
def test_best_shift_finds_a_known_lag_without_wrapping(lag):
    rng = default_rng(0)
    signal = np.convolve(rng.normal(size=5200), np.ones(50) / 50, "same")
    output, target = signal[100 - lag : 5100 - lag], signal[100:5100]
    assert mse(output, target) > 1e-4 or lag == 0
    assert best_shift_mse(output, target, DT) == (0.0, pytest.approx(lag * DT))


def test_best_shift_of_a_sine_in_closed_form():
    # amplitude 0.8 and 30 ms late: after the shift (0.2 sin)^2 remains, 0.02 over whole periods; the overlap
    # of 4970 ms cuts the last period, which changes the mean by less than 0.02/25/2
    error, shift = best_shift_mse(0.8 * np.sin(2 * np.pi * 5 * (TIME - 0.03)), SINE, DT)
    assert shift == pytest.approx(0.03) and error == pytest.approx(0.02, abs=4e-4)
    # a phase beyond the longest shift is not made up for
    assert best_shift_mse(-SINE, SINE, DT, max_shift=0.05)[0] == pytest.approx(1.0, abs=0.02)  # quadrature


@pytest.mark.parametrize("longest", [20, 200])
@pytest.mark.parametrize("scale", [1.0, 1e190])
def test_best_shift_agrees_with_one_shift_after_the_other(scale, longest):
    output, target = default_rng(1).normal(size=(2, 250, 3)).cumsum(axis=1)  # random walks, 250 samples
    expected, lag = slow_best_shift_mse(output, target, longest)
    error, shift = best_shift_mse(scale * output, scale * target, dt=0.5, max_shift=longest / 2)
    assert shift == lag * 0.5
    # the same mean, rounded; at 1e190 it overflows and the shift is still that of the least error
    assert error == (pytest.approx(expected, rel=1e-14) if scale == 1 else INF)


def test_best_shift_does_not_prefer_short_overlaps():
    # in place the error is 1 on 500 samples; elsewhere about 1 + 2, which over 50 samples has the smaller sum
    target = default_rng(2).normal(size=500)
    error, shift = best_shift_mse(target + 1, target, dt=1.0, max_shift=450)
    assert shift == 0 and error == pytest.approx(1, rel=1e-14)  # rounding


def test_best_shift_zero_is_mse():
    assert best_shift_mse(SINE, 0.5 * SINE, DT, max_shift=0) == (mse(SINE, 0.5 * SINE), 0.0)


def test_correlation():
    output = np.column_stack([3 * SINE + 7, -SINE, np.cos(2 * np.pi * 5 * TIME), np.full(5000, 0.1)])
    target = np.column_stack([SINE, SINE, SINE, SINE])
    coefficients = correlation(output, target)
    np.testing.assert_allclose(coefficients[:3], [1, -1, 0], rtol=0, atol=1e-12)  # rounding of sums of 5000
    assert math.isnan(coefficients[3])  # constant
    assert np.isnan(correlation(np.where(TIME > 4, NAN, SINE), SINE)).all()
    for tiny_or_huge in (1e-200, 1e200):
        np.testing.assert_allclose(correlation(tiny_or_huge * SINE, SINE), [1.0], rtol=1e-12)  # rounding


def run_of_force(late=0.0):
    time = np.arange(0, 8, DT)
    target = np.sin(2 * np.pi * 5 * time)
    return time, np.sin(2 * np.pi * 5 * (time - late)), target


def test_force_scores_of_a_late_output():
    time, output, target = run_of_force(late=0.02)
    scores = force_scores(time, output, target, [0, 60, 120], learning_stop=2.0)
    # mean of (sin a - sin(a - p))^2 over whole periods is 1 - cos p, up to rounding
    expected = 1 - math.cos(2 * np.pi * 5 * 0.02)
    assert scores["mse"] == pytest.approx(expected, abs=1e-9)
    assert scores["mse_first_second"] == pytest.approx(expected, abs=1e-9)
    assert scores["mse_shifted"] < 1e-20 and scores["shift"] == pytest.approx(0.02)
    assert scores["correlation"] == pytest.approx(math.cos(2 * np.pi * 5 * 0.02), abs=1e-9)
    assert scores["rate"] == pytest.approx(10.0, rel=1e-9) and scores["active_fraction"] == pytest.approx(2 / 3)
    assert scores["silent"] == scores["diverged"] == 0.0
    assert all(type(value) is float for value in scores.values())


def test_force_scores_take_the_test_alone():
    time, output, target = run_of_force()
    output = np.where(time < 2.0, 1e6, output)  # the last sample before learning stops, at 1.999 s, is left out
    output[3000:] += 0.5  # one second into the test, at sample 3000
    scores = force_scores(time, output, target, [60], learning_stop=2.0)
    assert scores["mse_first_second"] == 0.0
    assert scores["mse"] == pytest.approx(0.25 * 5 / 6, rel=1e-9)  # rounding


def test_force_scores_of_silent_and_diverged_runs():
    time, output, target = run_of_force()
    silent = force_scores(time, 0 * output, target, np.zeros(10), learning_stop=2.0)
    assert silent["silent"] == 1.0 and silent["diverged"] == 0.0 and silent["rate"] == 0.0
    assert silent["mse"] == pytest.approx(0.5, abs=1e-9) and math.isnan(silent["correlation"])
    diverged = force_scores(time, np.where(time > 4, INF, output), target, [9], learning_stop=2.0)
    assert diverged["diverged"] == 1.0 and diverged["mse"] == diverged["mse_shifted"] == INF
    assert diverged["mse_first_second"] == 0.0  # it diverged after that
    assert force_scores(time, output, target, [9], learning_stop=2.0, voltage=[NAN])["diverged"] == 1.0
    assert force_scores(time, output, target, [4000], learning_stop=2.0)["diverged"] == 1.0  # 667 Hz


def test_force_scores_of_several_outputs_and_a_short_test():
    time, output, target = run_of_force()
    outputs, targets = np.column_stack([output, output]), np.column_stack([target, -target])
    scores = force_scores(time, outputs, targets, [10], learning_stop=7.5, silent_threshold=30, active_threshold=30)
    assert scores["correlation"] == pytest.approx(0.0, abs=1e-12)  # 1 and -1
    assert scores["mse_first_second"] == scores["mse"]
    assert scores["silent"] == 1.0 and scores["active_fraction"] == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mse([1.0, 2.0], [1.0]), r"shapes \(2,\) and \(1,\), expected the same shape"),
        (lambda: mse([[1.0], [2.0]], [1.0, 2.0]), r"shapes \(2, 1\) and \(2,\), expected the same shape"),
        (lambda: mse(1.0, 1.0), r"shapes \(\) and \(\), expected the same shape"),
        (lambda: mse([], []), "expected at least one sample"),
        (lambda: mse([1.0], [NAN]), "target has NaN or infinite entries"),
        (lambda: best_shift_mse(SINE, SINE, dt=0.0), "dt is 0.0, expected more than 0"),
        (lambda: best_shift_mse(SINE, SINE, dt=NAN), "dt is nan, expected one finite number"),
        (lambda: best_shift_mse(SINE, SINE, DT, max_shift=-0.1), "max_shift = -0.1, expected 0 or more"),
        (lambda: best_shift_mse(SINE, SINE, DT, max_shift=5.0), "less than the 5 s of the signals"),
        (
            lambda: force_scores(TIME[1:], SINE, SINE, [1], 2.0),
            r"shapes \(4999,\), \(5000,\) and \(5000,\), exp",
        ),
        (lambda: force_scores(TIME, SINE, SINE[1:], [1], 2.0), r"\(5000,\) and \(4999,\), expected"),
        (lambda: force_scores(TIME[::-1], SINE, SINE, [1], 2.0), "time is not evenly spaced and ascending"),
        (lambda: force_scores(TIME**2, SINE, SINE, [1], 2.0), "time is not evenly spaced and ascending"),
        (lambda: force_scores(TIME, SINE, SINE, [1], 5.0), "learning_stop = 5.0, expected samples after it"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
