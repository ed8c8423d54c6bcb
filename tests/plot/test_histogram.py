"""Distributions: counts of samples, densities of laws, units."""

import numpy as np
import pytest
import xarray
from brian2 import mV, pA

import hetbrian as hb
from hetbrian.plot import distribution
from tests.plot.runs import N, known, trained


def steps(axis):
    return [patch.get_data() for patch in axis.patches]


def drawn_from(law, size=4000, units="pA", scale=pA):
    values = np.asarray(law.draw(size, np.random.default_rng(3)) / scale)
    return xarray.Dataset({"eta": ("neuron", values, {"units": units, "long_name": "background current"})})


def test_the_histogram_counts_the_neurons():
    run = trained()
    (axis,) = distribution(run, "eta", n_bins=12)
    (found,) = steps(axis)
    np.testing.assert_array_equal(found.values, np.histogram(run.eta, found.edges)[0])
    beyond = N - int(found.values.sum())
    assert axis.get_title("left") == (f"{beyond} of 40 values lie beyond the axis" if beyond else "")
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("background current (pA)", "neurons")
    assert len(found.values) == 12


@pytest.mark.parametrize(
    ("law", "density"),
    [
        (hb.Gaussian(900 * pA, 50 * pA), lambda x: np.exp(-((x - 900) ** 2) / 5000) / np.sqrt(2 * np.pi) / 50),
        (hb.Lorentzian(1000 * pA, 20 * pA), lambda x: 20 / np.pi / ((x - 1000) ** 2 + 400)),
    ],
    ids=["gaussian", "lorentzian"],
)
def test_the_line_is_the_density_of_the_law_in_the_unit_of_the_values(law, density):
    (axis,) = distribution(drawn_from(law), "eta", law=law)
    (line,) = axis.get_lines()
    x, y = line.get_data()
    np.testing.assert_allclose(y, density(x), rtol=2e-3)  # means over an 800th of the axis
    (histogram,) = steps(axis)
    middles = (histogram.edges[1:] + histogram.edges[:-1]) / 2
    expected, width = density(middles), np.diff(histogram.edges)
    # four standard deviations of counts, and what the density bends within a bin
    assert (np.abs(histogram.values - expected) < 4 * np.sqrt(expected / 4000 / width) + 0.05 * expected.max()).all()
    assert axis.get_ylabel() == "density (1/pA)"
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["4000 neurons", type(law).__name__]


def test_heavy_tails_are_counted_and_not_drawn():
    law = hb.Lorentzian(1000 * pA, 20 * pA)
    data = drawn_from(law)
    (axis,) = distribution(data, "eta", law=law)
    low, high = axis.get_xlim()
    beyond = int(((data.eta < low) | (data.eta > high)).sum())
    assert axis.get_title("left") == f"{beyond} of 4000 values lie beyond the axis"
    assert high - low < 500 < float(data.eta.max() - data.eta.min())


def test_without_tails_to_leave_out_the_axis_ends_where_the_values_do():
    law = hb.Lorentzian(1000 * pA, 20 * pA)
    data = drawn_from(law)
    (axis,) = distribution(data, "eta", law=law, tails=0.0)
    assert axis.get_xlim() == (float(data.eta.min()), float(data.eta.max())) and axis.get_title("left") == ""
    with pytest.raises(ValueError, match=r"tails is 0\.5, expected 0 <= tails < 0\.5: give a share"):
        distribution(data, "eta", tails=0.5)


def test_before_and_after_share_their_bins():
    data = xarray.Dataset(
        {
            "eta_start": (("seed", "neuron"), [[1.0, 2.0], [np.nan, 3.0]]),
            "eta": (("seed", "neuron"), [[2.0, 4.0], [5.0, 5.0]]),
        }
    )
    (axis,) = distribution(data, {"before": "eta_start", "after": "eta"}, n_bins=4, colour="red")
    before, after = steps(axis)
    np.testing.assert_array_equal(before.edges, after.edges)
    assert before.values.sum() == 3 and after.values.sum() == 4  # all seeds, without what is no number
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["before", "after"]


def test_neurons_that_are_alike_have_a_bin():
    data = xarray.Dataset({"theta": ("neuron", np.full(5, 0.3))})
    (axis,) = distribution(data, "theta")
    (found,) = steps(axis)
    assert found.values.sum() == 5 and axis.get_xlabel() == "theta"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: distribution(known("first.spikes"), "eta"), ValueError, "no 'eta', expected it: record='eta' with hb"),
        (
            lambda: distribution(trained() * np.nan, "eta"),
            ValueError,
            "'eta' of dataset has no finite values, expected",
        ),
        (
            lambda: distribution(trained(), "eta", law=hb.Gaussian(1, 1)),
            ValueError,
            "law is in 1, expected pA, as 'eta'",
        ),
        (
            lambda: distribution(trained(), "eta", law=hb.Gaussian(1 * mV, 1 * mV)),
            ValueError,
            "law is in mV, expected pA",
        ),
        (lambda: distribution(trained(), "eta", law=3), TypeError, "law is 3, expected a Distribution: give the one"),
        (lambda: distribution(trained(), {}), ValueError, "variables is {}, expected at least one variable"),
        (lambda: distribution(trained(), 3), TypeError, "variables is 3, expected a Mapping: write 'eta'"),
    ],
)
def test_what_was_not_recorded_or_has_another_unit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
