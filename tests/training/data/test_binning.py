from dataclasses import replace

import numpy as np
import pytest
import torch
from brian2 import DimensionMismatchError, ms, mV

from hetbrian.training.data import binning as binning_module
from hetbrian.training.data.binning import Binning
from hetbrian.training.data.recordings import Recordings

SHAPE = (2, 6, 8)


def camera(n_samples=4, n_events=300, shape=SHAPE, seed=0):
    rng = np.random.default_rng(seed)
    size = int(np.prod(shape))
    return Recordings(
        times=np.sort(rng.uniform(0, 0.1, (n_samples, n_events)), axis=1).astype(np.float32).ravel(),
        channels=rng.integers(0, size, n_samples * n_events).astype(np.int32),
        begin=np.arange(n_samples + 1) * n_events,
        labels=np.zeros(n_samples, int),
        groups=None,
        shape=shape,
        classes=("a",),
    )


def one(times, channels, shape=(10,)):
    return Recordings(
        np.array(times, np.float32),
        np.array(channels, np.int32),
        np.array([0, len(times)]),
        np.array([0]),
        None,
        shape,
        ("a",),
    )


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("pool", [1, 4])
def test_events_are_those_of_a_histogram(pool, merge):
    recordings = camera()
    binning = Binning(n_bins=8, bin_width=10 * ms, pool=pool, merge=merge)
    chosen = [3, 0, 3]
    shape = binning.shape_after(SHAPE)
    assert shape == ((1 if merge else 2), 6 // pool + (pool > 1), 8 // pool)
    expected = np.zeros((8, 3, *shape))
    for copy, sample in enumerate(chosen):
        events = slice(recordings.begin[sample], recordings.begin[sample + 1])
        p, y, x = np.unravel_index(recordings.channels[events], SHAPE)
        step = (recordings.times[events] / 0.01).astype(int)
        inside = step < 8
        np.add.at(
            expected,
            (step[inside], copy, p[inside] * (not merge), y[inside] // pool, x[inside] // pool),
            1,
        )
    found = binning.events(recordings, chosen)
    assert found.shape == (8, 3, binning.n_inputs(SHAPE))
    assert (found.dense().numpy() == expected.reshape(found.shape)).all()
    assert expected.max() > 1 or pool == 1


def changed(recordings, samples=(3, 0, 3), **changes):
    binning = Binning(n_bins=8, bin_width=10 * ms, jitter=1.0, shift=2, stretch=0.2, drop=0.2, **changes)
    return binning.events(recordings, samples, np.random.default_rng(1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint64, ">i8"])
def test_channels_may_be_whole_numbers_of_any_kind(dtype):
    usual = camera()
    other = replace(usual, channels=usual.channels.astype(dtype))
    for found, expected in (
        (changed(other), changed(usual)),
        (Binning(8, 10 * ms).events(other, [1, 2]), Binning(8, 10 * ms).events(usual, [1, 2])),
    ):
        assert found.begin.equal(expected.begin) and found.index.equal(expected.index)


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("block", [1, 700])
def test_events_do_not_depend_on_how_many_are_binned_at_once(monkeypatch, block, once):
    expected = changed(camera(), once=once)
    monkeypatch.setattr(binning_module, "BLOCK", block)
    found = changed(camera(), once=once)
    assert found.begin.equal(expected.begin) and found.index.equal(expected.index)


def test_an_event_at_the_start_of_a_bin_belongs_to_it():
    steps = np.arange(500)
    found = Binning(n_bins=500, bin_width=2 * ms).events(one(steps * 0.002, np.zeros(500)), [0])
    assert found.begin.tolist() == list(range(501))


def test_once_counts_an_input_once_in_a_bin():
    recordings = camera()
    counted = Binning(n_bins=10, bin_width=10 * ms, pool=2).events(recordings, range(4)).dense()
    once = Binning(n_bins=10, bin_width=10 * ms, pool=2, once=True).events(recordings, range(4)).dense()
    assert counted.max() > 1
    assert torch.equal(once, counted.clamp(max=1))


def test_nothing_is_random_without_a_generator():
    recordings = camera()
    changing = Binning(n_bins=10, bin_width=10 * ms, jitter=1.0, shift=2, stretch=0.2, drop=0.3)
    plain = Binning(n_bins=10, bin_width=10 * ms)
    assert torch.equal(changing.events(recordings, [1]).dense(), plain.events(recordings, [1]).dense())
    first, again = (changing.events(recordings, [1], np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(first.index, again.index)
    assert not torch.equal(first.dense(), plain.events(recordings, [1]).dense())


def test_drop_loses_its_share():
    recordings = camera(n_samples=10, n_events=2000)
    binning = Binning(n_bins=10, bin_width=10 * ms, drop=0.3)
    left = len(binning.events(recordings, range(10), np.random.default_rng(1)).index)
    assert abs(left / 20000 - 0.7) < 4 * np.sqrt(0.3 * 0.7 / 20000)


def test_stretch_scales_the_times_of_a_sample_by_one_factor():
    recordings = one([0.1, 0.2, 0.4], [1, 2, 3])
    binning = Binning(n_bins=10000, bin_width=0.1 * ms, stretch=0.5)
    factors = []
    for seed in range(20):
        (steps, _, units) = binning.events(recordings, [0], np.random.default_rng(seed)).dense().nonzero(as_tuple=True)
        assert units.tolist() == [1, 2, 3]
        assert abs(steps[1] - 2 * steps[0]) <= 1
        assert abs(steps[2] - 4 * steps[0]) <= 3
        factors.append(float(steps[0]) / 1000)
    assert 0.5 <= min(factors) < 0.75
    assert 1.25 < max(factors) <= 1.5


def test_shift_moves_a_whole_sample():
    recordings = one([0.001, 0.002, 0.003], [4, 5, 7])
    binning = Binning(n_bins=1, bin_width=10 * ms, shift=2)
    found = {
        tuple(binning.events(recordings, [0], np.random.default_rng(seed)).dense()[0, 0].nonzero()[:, 0].tolist())
        for seed in range(50)
    }
    assert found == {(2, 3, 5), (3, 4, 6), (4, 5, 7), (5, 6, 8), (6, 7, 9)}


def test_jitter_moves_each_event_and_keeps_polarity():
    n = 20000
    middle = int(np.ravel_multi_index((1, 20, 20), (2, 40, 40)))
    recordings = one(np.linspace(0, 0.009, n), np.full(n, middle), (2, 40, 40))
    found = Binning(n_bins=1, bin_width=10 * ms, jitter=2.0).events(recordings, [0], np.random.default_rng(2))
    p, y, x = np.unravel_index(found.index.numpy(), (2, 40, 40))
    assert (p == 1).all()
    for place in (y, x):
        assert abs(place.mean() - 20) < 4 * 2 / np.sqrt(n)
        assert abs(place.std() - np.sqrt(4 + 1 / 12)) < 0.05  # rounding adds 1/12 to the variance


def test_events_that_leave_the_sensor_are_lost():
    recordings = one(np.linspace(0, 0.009, 1000), np.zeros(1000))
    found = Binning(n_bins=1, bin_width=10 * ms, jitter=1.0).events(recordings, [0], np.random.default_rng(2))
    # half a normal distribution and what rounds to 0: P(x > -0.5)
    assert abs(len(found.index) / 1000 - 0.69146) < 0.06
    assert found.dense()[0, 0, 0] > 300


@pytest.mark.parametrize("late", [0.1, 2.0**31, 2.0**31 * 0.01, 2.0**62, 3e38])
@pytest.mark.parametrize("once", [False, True])
def test_what_comes_after_the_last_bin_is_left_out_however_late(late, once):
    events = Binning(n_bins=10, bin_width=10 * ms, once=once).events(one([0.005, 0.015, late], [1, 2, 3]), [0])
    assert events.index.tolist() == [1, 2]
    assert events.begin.tolist() == [0, 1, *[2] * 9]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_bins": 2**31}, "n_bins is 2147483648, expected at most 2147483647: give a smaller count"),
        ({"n_bins": 0}, "n_bins is 0, expected an integer of at least 1"),
        ({"pool": 1.5}, "pool is 1.5, expected an integer"),
        ({"bin_width": -1 * ms}, "bin_width is -1. ms, expected more than 0"),
        ({"jitter": -1}, "jitter is -1, expected at least 0"),
        ({"jitter": 1e9}, "jitter is 1000000000.0, expected at least 0 and below 16777216"),
        ({"shift": 2**40}, "shift is 1099511627776, expected an integer from 0 to 16777215"),
        ({"shift": 1.5}, "shift is 1.5, expected an integer from 0"),
        ({"drop": 1.0}, "drop is 1.0, expected at least 0 and below 1"),
        ({"stretch": 1.0}, "stretch is 1.0, expected at least 0 and below 1"),
    ],
)
def test_values_out_of_range_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Binning(**({"n_bins": 10, "bin_width": 10 * ms} | values))


def test_units_are_checked():
    with pytest.raises(DimensionMismatchError, match="bin_width"):
        Binning(n_bins=10, bin_width=10 * mV)
    with pytest.raises(ValueError, match="merge is True, expected False for 700 units without polarity"):
        Binning(n_bins=10, bin_width=10 * ms, merge=True).shape_after((700,))
