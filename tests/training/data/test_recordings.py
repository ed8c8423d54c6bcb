import numpy as np
import pytest

from hetbrian.training.data.recordings import Recordings, joined


def made(sizes=(2, 0, 3), labels=(0, 1, 1), groups=None, **changes):
    """Return recordings of a camera of 2 polarities and 2 x 3 pixels."""
    rng = np.random.default_rng(0)
    times = [np.sort(rng.uniform(0, 1, size)).astype(np.float32) for size in sizes]
    given = {
        "times": np.concatenate(times),
        "channels": rng.integers(0, 12, sum(sizes)).astype(np.int32),
        "begin": np.concatenate([[0], np.cumsum(sizes)]),
        "labels": np.array(labels),
        "groups": None if groups is None else np.array(groups),
        "shape": (2, 2, 3),
        "classes": ("left", "right"),
    }
    return Recordings(**(given | changes))


def test_select_keeps_the_events_of_each_sample_together():
    recordings = made(groups=(7, 8, 9))
    chosen = recordings.select([2, 1, 0, 2])
    assert chosen.begin.tolist() == [0, 3, 3, 5, 8]
    for at, sample in enumerate([2, 1, 0, 2]):
        was = slice(recordings.begin[sample], recordings.begin[sample + 1])
        is_ = slice(chosen.begin[at], chosen.begin[at + 1])
        assert (chosen.times[is_] == recordings.times[was]).all()
        assert (chosen.channels[is_] == recordings.channels[was]).all()
    assert chosen.labels.tolist() == [1, 1, 0, 1]
    assert chosen.groups.tolist() == [9, 8, 7, 9]


def test_counts_are_those_of_each_channel():
    recordings = made()
    expected = np.zeros((3, 12), int)
    np.add.at(expected, (np.repeat([0, 2], [2, 3]), recordings.channels), 1)
    assert (recordings.counts() == expected).all()


def test_a_split_keeps_speakers_apart():
    groups = np.repeat(np.arange(10), 4)
    recordings = made(sizes=[1] * 40, labels=[0, 1] * 20, groups=groups)
    training, validation = recordings.split(0.2, np.random.default_rng(3))
    assert len(set(validation.groups)) == 2
    assert set(training.groups) == set(range(10)) - set(validation.groups)
    again = recordings.split(0.2, np.random.default_rng(3))[1]
    assert (again.times == validation.times).all()


def test_a_split_without_speakers_takes_the_same_share_of_each_class():
    recordings = made(sizes=[1] * 100, labels=[0] * 80 + [1] * 20)
    training, validation = recordings.split(0.25, np.random.default_rng(1))
    assert np.bincount(validation.labels).tolist() == [20, 5]
    assert sorted([*training.times, *validation.times]) == sorted(recordings.times)


def test_a_split_leaves_something_to_train_on():
    with pytest.raises(ValueError, match="class 'left' has no training samples left, expected at least one"):
        made().split(0.5, np.random.default_rng(0))
    with pytest.raises(ValueError, match="held_out is 1, expected a share between 0 and 1"):
        made().split(1, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"begin": np.array([0, 2, 5])}, "3 beginnings do not make 3 samples"),
        ({"begin": np.array([0, 2, 1, 5])}, "do not make 3 samples"),
        ({"begin": np.array([0, 2, 1, 5], np.uint64)}, "do not make 3 samples"),
        ({"channels": np.zeros(4, np.int32)}, "5 times, 4 channels"),
        ({"groups": np.array([1])}, "1 groups are given, expected 3"),
        ({"labels": np.array([0, 2, 1])}, "label 2 is out of range, expected 0 to 1"),
        ({"channels": np.array([0, -1, 2, 3, 4])}, "channel -1 is out of range, expected 0 to 11"),
        ({"times": np.array([-0.1, 0.2, 0.1, 0.2, 0.3])}, "times are negative or not finite"),
        ({"times": np.array([0.1, np.nan, 0.1, 0.2, 0.3])}, "times are negative or not finite"),
        ({"times": np.array([0.1, 0.2, 0.1, 0.3, 0.2])}, "the times of sample 2 fall"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        made(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": np.array([0, 1, 2, 3, 4.5])}, "channels have the dtype float64, expected integers: convert them"),
        ({"channels": np.full(5, np.nan)}, "channels have the dtype float64, expected integers"),
        ({"times": np.array([1, 2, 1, 2, 2**62])}, "times have the dtype int64, expected floating-point seconds"),
        ({"labels": np.array([0.0, 1.0, 1.0])}, "labels have the dtype float64, expected integers"),
        ({"begin": np.array([0.0, 2, 2, 5])}, "begin have the dtype float64, expected integers"),
        ({"groups": np.array(["a", "b", "c"])}, "groups have the dtype <U1, expected integers"),
        ({"times": np.ma.array([0.1, 0.2, 0.1, 0.2, 0.3], mask=[0, 1, 0, 0, 0])}, "times are a masked array, expected"),
    ],
)
def test_numbers_of_another_kind_are_refused(changes, message):
    with pytest.raises(TypeError, match=message):
        made(**changes)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint64, np.int32, ">i8"])
def test_whole_numbers_may_be_of_any_size_and_sign(dtype):
    """Differences of unsigned numbers are no negative ones, and some are real numbers."""
    usual, other = made(), made(begin=made().begin.astype(dtype), channels=made().channels.astype(dtype))
    np.testing.assert_array_equal(other.counts(), usual.counts())
    assert other.slices([2, 0]) == usual.slices([2, 0])
    np.testing.assert_array_equal(other.select([2]).times, usual.select([2]).times)


def test_joined_recordings_are_one_after_the_other():
    first, second = made(groups=(7, 8, 9)), made(sizes=(4,), labels=(0,), groups=(7,))
    both = joined([first, second])
    assert both.labels.tolist() == [0, 1, 1, 0] and both.groups.tolist() == [7, 8, 9, 7]
    assert both.select([3]).times.tolist() == second.times.tolist()
    assert both.select([0, 1, 2]).channels.tolist() == first.channels.tolist()
    with pytest.raises(ValueError, match=r"2 and 3 classes, expected the same: take them from one data set"):
        joined([first, made(classes=("left", "right", "up"))])
