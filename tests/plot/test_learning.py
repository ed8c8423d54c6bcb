"""Output against target and learning curves: lines, intervals, errors."""

import numpy as np
import pytest
import xarray
from brian2 import ms, second
from matplotlib import pyplot

import hetbrian as hb
from hetbrian.plot import learning_curve, output_and_target
from hetbrian.published.models.force import force_network
from tests.plot.runs import DURATION, START, STOP, known, trained


def without_interval():
    """The run without what says when it learned."""
    run = trained()
    return run.drop_vars(["force.start", "force.stop"]).drop_attrs(deep=False)


def spans(axis):
    return [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axis.patches]


def test_output_target_and_error_are_drawn():
    run = trained()
    before = run.copy(deep=True)
    above, below = output_and_target(run)
    output, target = above.get_lines()
    np.testing.assert_array_equal(output.get_ydata(), run.z[:, 0])
    np.testing.assert_array_equal(target.get_ydata(), run.y[:, 0])
    np.testing.assert_array_equal(below.get_lines()[0].get_ydata(), (run.z - run.y)[:, 0])
    assert [text.get_text() for text in above.get_legend().get_texts()] == ["output", "target"]
    assert (above.get_ylabel(), below.get_ylabel(), below.get_xlabel()) == ("output", "error", "time (s)")
    assert spans(above) == spans(below) == [(START, pytest.approx(STOP))]
    assert [text.get_text() for text in above.texts] == ["learning"]
    learning = (run.time >= START) & (run.time < STOP)
    errors = [float(((run.z - run.y)[rows] ** 2).mean()) for rows in (learning, run.time >= STOP)]
    assert above.get_title("left") == f"mean square error: {errors[0]:.2g} learning, {errors[1]:.2g} after it"
    xarray.testing.assert_identical(run, before)


def test_the_interval_comes_from_the_argument_or_attributes_or_records_or_parameters():
    run = without_interval()
    assert spans(output_and_target(run)[0]) == []
    assert spans(output_and_target(run, learning=(0.1 * second, 200 * ms))[0]) == [(0.1, pytest.approx(0.2))]
    of_protocol = run.assign_attrs(learning_start=0.2, learning_stop=9.0)
    assert spans(output_and_target(of_protocol)[0]) == [(0.2, pytest.approx(float(run.time[-1])))]  # it goes on
    of_model = run.assign_attrs(parameters='{"n": "array", "start": "100. ms", "stop": "0.3 s"}')
    assert spans(output_and_target(of_model)[0]) == [(0.1, pytest.approx(0.3))]


def test_several_outputs_are_drawn_apart():
    run = trained()
    three = xarray.concat([run[["z", "y"]] * factor for factor in (1, 2, -1)], "output")
    three = three.assign_coords(output=[0, 1, 2])
    (axis,) = output_and_target(three, pyplot.subplots()[1])
    lines = axis.get_lines()
    apart = 1.1 * float(np.ptp(three.y.values, axis=0).max())
    for k, (output, target) in enumerate(zip(lines[::2], lines[1::2], strict=True)):
        np.testing.assert_allclose(output.get_ydata(), three.z[:, k] + k * apart)
        np.testing.assert_allclose(target.get_ydata(), three.y[:, k] + k * apart)
    assert [text.get_text() for text in axis.get_yticklabels()] == ["0", "1", "2"]
    assert len(axis.get_legend().get_texts()) == 2


def test_the_curve_is_the_mean_square_error_of_windows():
    run = trained()
    (axis,) = learning_curve(run, window=50 * ms)
    curve, constant = axis.get_lines()
    expected = ((run.z - run.y).values[:, 0] ** 2).reshape(8, 50).mean(axis=1)
    np.testing.assert_allclose(curve.get_ydata(), expected)
    np.testing.assert_allclose(curve.get_xdata(), np.arange(8) * 0.05 + 0.0245)
    np.testing.assert_allclose(constant.get_ydata(), float(run.y.var()))
    assert axis.get_yscale() == "log" and axis.get_ylabel() == "mean square error\nover 50 ms"
    assert spans(axis) == [(START, pytest.approx(STOP))]


def test_weights_of_runs_that_resume_each_other_are_a_course(tmp_path):
    """Their norm is 0 before learning begins and grows with it."""
    runs, ends, file = [], (0.05, 0.15, 0.2), tmp_path / "state.npz"
    options = {"n_neurons": 20, "start": 0.05 * second, "stop": 1 * second}
    for begin, end in zip((0.0, *ends), ends, strict=False):
        run = hb.simulate(
            force_network,
            (end - begin) * second,
            seed=1,
            record=("z", "y", "weights"),
            device="numpy",
            resume=file if runs else None,
            finish=lambda network: hb.save_state(network, file),
            **options,
        )
        runs.append(run)
    times = xarray.DataArray(list(ends), dims="end", name="end", attrs={"units": "s"})
    joined = xarray.concat([run[["z", "y"]] for run in runs], "time")
    joined["weights"] = xarray.concat([run.weights for run in runs], times)
    error, norm = learning_curve(joined, window=10 * ms)
    (line,) = norm.get_lines()
    np.testing.assert_allclose(line.get_xdata(), ends)
    np.testing.assert_allclose(line.get_ydata(), [np.linalg.norm(run.weights) for run in runs])
    assert line.get_ydata()[0] == 0 < line.get_ydata()[1]
    assert norm.get_ylabel() == "norm of the\nreadout weights" and error.get_xlim() == norm.get_xlim()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: output_and_target(known("first.spikes")),
            r"no 'z', expected it: record=\('z', 'y'\) with hb.simulate",
        ),
        (
            lambda: output_and_target(trained().expand_dims(seed=2)),
            "dimensions seed, time, output, expected time, output: choose one with dataset.isel",
        ),
        (
            lambda: output_and_target(trained().isel(time=[0])),
            "1 samples over time, expected at least 2: run for longer",
        ),
        (
            lambda: learning_curve(trained(), window=1 * ms),
            "window is 0.001 s, expected at least two samples of 0.001 s",
        ),
        (lambda: learning_curve(trained(), window=1 * second), "window is 1 s, expected .* at most the run of 0.4 s"),
        (lambda: learning_curve(trained(), pyplot.subplots(2, 1)[1]), "weights over time are not in the dataset; join"),
        (lambda: output_and_target(trained(), colour="rad"), "colour is 'rad', expected a colour of matplotlib: write"),
        (lambda: output_and_target(trained(), pyplot.subplots(4, 1)[1]), "axes has 4 of them, expected 1 to 2"),
    ],
)
def test_what_was_not_recorded_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_axis_is_the_run():
    assert output_and_target(trained())[0].get_xlim() == (0, pytest.approx(DURATION - 1e-3))
