"""Rasters and population rates: what is drawn is what was recorded."""

import numpy as np
import pytest
import xarray
from brian2 import DimensionMismatchError, ms, mV, second
from matplotlib import pyplot

import hetbrian as hb
from hetbrian.plot import population_rate, raster
from tests.plot.runs import DURATION, START, STOP, N, known, trained


def test_every_spike_is_a_dot_and_the_rate_is_the_recorded_one():
    run = trained()
    before = run.copy(deep=True)
    above, below = raster(run, bin_width=1 * ms)
    (dots,) = above.get_lines()
    np.testing.assert_array_equal(dots.get_xdata(), run.spike_time)
    np.testing.assert_array_equal(dots.get_ydata(), run.spike_neuron)
    (steps,) = [patch for patch in below.patches if type(patch).__name__ == "StepPatch"]
    np.testing.assert_allclose(steps.get_data().values, run.rate)  # one sample a bin
    assert (above.get_ylabel(), below.get_ylabel()) == ("neuron", "population\nrate (Hz)")
    assert below.get_xlabel() == "time (s)" and below.get_xlim() == (0, DURATION)
    xarray.testing.assert_identical(run, before)


def test_the_learning_interval_is_shaded_as_it_was():
    above, below = raster(trained())
    for axis in (above, below):
        (span,) = [patch for patch in axis.patches if type(patch).__name__ == "Rectangle"]
        assert (span.get_x(), span.get_width()) == (START, pytest.approx(STOP - START))
    given = raster(trained(), learning=(0.3 * second, 0.35 * second))[0].patches[0]
    assert given.get_x() == 0.3


def test_neurons_are_sorted_by_what_is_asked_for():
    run = trained()
    (dots,) = raster(run, sort_by="eta")[0].get_lines()
    rank = np.argsort(np.argsort(run.eta.values))
    np.testing.assert_array_equal(dots.get_ydata(), rank[run.spike_neuron])
    assert raster(run, sort_by="eta")[0].get_ylabel() == "neuron, sorted by\nbackground current"


def test_without_a_recorded_rate_it_is_that_of_all_spikes():
    above, below = raster(known("first.spikes"), bin_width=5 * ms)
    (steps,) = below.patches
    np.testing.assert_allclose(steps.get_data().values, [400, 200])  # 2 and 1 spikes in 5 ms
    np.testing.assert_allclose(steps.get_data().edges, [0, 0.005, 0.010])
    assert below.get_ylabel() == "rate of all\nneurons (spikes/s)"
    np.testing.assert_array_equal(above.get_lines()[0].get_ydata(), [0, 2, 2])


def test_of_several_populations_one_is_chosen():
    run = known("first.spikes", "other.spikes")
    (dots,) = raster(run, population="other")[0].get_lines()
    np.testing.assert_allclose(dots.get_xdata(), 0.004)
    with pytest.raises(ValueError, match=r"spikes of first and other, expected to know which.*population='first'"):
        raster(run)
    with pytest.raises(ValueError, match="population is 'frist', expected first, other: did you mean 'first'"):
        raster(run, population="frist")


def test_axes_of_the_user_are_drawn_on():
    figure, axes = pyplot.subplots()
    (drawn,) = raster(trained(), axes)
    assert drawn is axes and len(figure.axes) == 1 and drawn.get_xlabel() == "time (s)"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: raster(known()), ValueError, "holds no spikes, expected those of a population: record='spikes'"),
        (lambda: raster(trained(), sort_by="theta"), ValueError, "no 'theta', expected it: record='theta' with"),
        (lambda: raster(trained().isel(neuron=[0]), sort_by="eta"), ValueError, "which neuron .* lacks, expected all"),
        (lambda: raster(trained(), pyplot.subplots(3, 1)[1]), ValueError, "axes has 3 of them, expected 1 to 2"),
        (lambda: raster(trained(), "here"), TypeError, "axes is 'here', expected Axes of matplotlib: leave it out"),
        (lambda: raster(trained(), bin_width=1 * mV), DimensionMismatchError, "bin_width is 1. mV"),
        (lambda: raster(trained(), learning=(2 * second, 1 * second)), ValueError, "start < stop: give two times"),
        (lambda: raster(trained(), learning=3), TypeError, r"learning is 3, expected \(start, stop\): write"),
        (lambda: raster("run.nc"), TypeError, "dataset is 'run.nc', expected a Dataset: give what hb.simulate"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_mean_field_is_drawn_over_the_network_in_seconds():
    run, field = trained(), hb.MeanField.CA3
    theory = field.trajectory(np.linspace(0, 300, 31) * ms)
    (axis,) = population_rate(run, theory)
    network, meanfield = axis.get_lines()
    np.testing.assert_array_equal(network.get_ydata(), run.rate)
    np.testing.assert_allclose(meanfield.get_xdata(), np.linspace(0, 0.3, 31))
    np.testing.assert_array_equal(meanfield.get_ydata(), theory.rate)
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["network", "mean field"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("time (s)", "population rate (Hz)")


def test_the_rate_of_the_network_is_averaged_over_bins():
    run = trained()
    (axis,) = population_rate(run, run, bin_width=100 * ms)
    rate = axis.get_lines()[0].get_ydata()
    np.testing.assert_allclose(rate, run.rate.values.reshape(4, 100).mean(axis=1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: population_rate(known(), trained()), "no 'rate', expected it: record='rate' with hb.simulate"),
        (lambda: population_rate(trained(), known()), "meanfield holds .* expected it: take that of MeanField.traj"),
        (
            lambda: population_rate(trained(), trained().drop_attrs()),
            "rate in no unit, expected Hz",
        ),
    ],
)
def test_a_rate_that_is_missing_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_time_in_another_unit_is_refused():
    run = trained().assign_coords(time=("time", trained().time.values, {"units": "hour"}))
    with pytest.raises(ValueError, match="'time' of dataset is in 'hour', expected a time in s or ms"):
        raster(run)
    assert run.sizes["neuron"] == N
