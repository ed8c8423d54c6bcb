"""Run with ``pytest``: what has to hold of the study, at its small size."""

import matplotlib
import mystudy
import numpy as np
import pytest
from brian2 import ms, pA, second
from mystudy_model import network

import hetbrian as hb

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def dataset():
    """Return the small size, without C++, which a short run is not worth."""
    return mystudy.compute(**{**mystudy.SMALL, "device": "numpy"})


def test_every_network_has_a_score(dataset):
    """A point that fails is kept with its error, and would be NaN here."""
    assert (dataset.status == 1).all() and np.isfinite(dataset.relative_error).all()


def test_the_output_is_zero_until_the_readout_learns(dataset):
    """FORCE starts with weights of zero."""
    before = dataset.output.sel(time=slice(0, 0.99 * float(mystudy.SMALL["start"] / second)))
    assert before.sizes["time"] > 10 and not before.any()


def test_a_spread_of_zero_makes_neurons_alike():
    """And another does not."""
    alike, spread = (
        hb.simulate(network, 1 * ms, device="numpy", record="neurons.eta", n_neurons=20, half_width=width)
        for width in (0 * pA, 100 * pA)
    )
    assert np.ptp(alike["neurons.eta"].values) == 0 < np.ptp(spread["neurons.eta"].values)


def test_the_figure_shows_every_network(dataset):
    """One dot each."""
    left, _ = mystudy.draw(dataset)
    assert left.lines[0].get_xdata().size == dataset.sizes["half_width"]
