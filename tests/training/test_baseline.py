"""Classifiers that do not spike: what counts alone tell, and what the times of spikes are worth."""

import numpy as np
import pytest
import torch
from brian2 import ms

from hetbrian.published.protocols.common.samples import toy
from hetbrian.training.baseline import gru_accuracy, logistic_accuracy, pooled_counts, shuffled
from hetbrian.training.data.binning import Binning

BINNING = Binning(20, 10 * ms)


def pair(name):
    return [toy(name, rng) for rng in np.random.default_rng(0).spawn(2)]


def test_counts_decide_one_toy_and_order_the_other():
    """Logistic regression on counts sees the first and is blind for the second."""
    scores = {name: logistic_accuracy(*pair(name), BINNING) for name in ("counts", "order")}
    assert scores["counts"] > 0.9 and scores["order"] == pytest.approx(1 / 3, abs=0.2)
    counts = pooled_counts(pair("order")[1], Binning(20, 10 * ms, pool=5))
    assert counts.shape == (60, 4) and counts**2 == pytest.approx(15 * np.ones((60, 4)))


def test_gated_units_read_the_order_and_lose_it_without_times():
    training, test = pair("order")
    assert gru_accuracy(training, test, BINNING, epochs=15, batch_size=16) > 0.95
    rng = np.random.default_rng(1)
    timeless = gru_accuracy(shuffled(training, rng), shuffled(test, rng), BINNING, epochs=15, batch_size=16)
    assert timeless == pytest.approx(1 / 3, abs=0.2)  # three times the spread of 60 guesses


def test_gated_units_are_the_same_for_a_seed_whatever_was_drawn_before():
    training, test = pair("counts")
    one = [gru_accuracy(training, test, BINNING, n_hidden=4, epochs=2, seed=seed) for seed in (1, 2)]
    torch.rand(3)
    state = torch.random.get_rng_state()
    assert [gru_accuracy(training, test, BINNING, n_hidden=4, epochs=2, seed=seed) for seed in (1, 2)] == one
    assert torch.equal(torch.random.get_rng_state(), state)


def test_times_are_dealt_out_within_a_sample():
    training, _ = pair("order")
    dealt = shuffled(training, np.random.default_rng(0))
    assert np.array_equal(dealt.times, training.times) and np.array_equal(dealt.begin, training.begin)
    assert not np.array_equal(dealt.channels, training.channels)
    for begin, end in zip(training.begin, training.begin[1:], strict=False):
        assert np.array_equal(np.sort(dealt.channels[begin:end]), np.sort(training.channels[begin:end]))
    few = training.select([5, 3])
    assert len(shuffled(few, np.random.default_rng(0))) == 2


def test_arguments_are_checked():
    training, test = pair("counts")
    with pytest.raises(ValueError, match="epochs is 0, expected"):
        gru_accuracy(training, test, BINNING, epochs=0)
    with pytest.raises(TypeError, match="training is None"):
        gru_accuracy(None, test, BINNING)
