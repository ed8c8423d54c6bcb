import numpy as np
import pytest

from hetbrian.training.data import split
from hetbrian.training.data.recordings import Recordings
from hetbrian.training.data.split import splits


def spoken(speakers, has_groups=True):
    """Return one sample of each of two words by each speaker; its only event is in the channel of its speaker."""
    groups = np.repeat(speakers, 2)
    n = len(groups)
    return Recordings(
        np.zeros(n, np.float32),
        groups.astype(np.int32),
        np.arange(n + 1),
        np.arange(n) % 2,
        groups if has_groups else None,
        (9,),
        ("no", "yes"),
    )


@pytest.fixture
def data(monkeypatch):
    """Let SHD have six speakers, of whom two are in its test."""
    sets = {"train": spoken([0, 1, 4, 5]), "test": spoken([2, 3])}
    monkeypatch.setattr(split, "load", lambda name, part, root: sets[part])
    monkeypatch.setattr(split, "speaker_names", lambda name, root: ["ann", "bob", "eve", "kim", "tom", "zoe"])
    return sets


@pytest.mark.parametrize("speaker", ["ann", "eve"])
def test_a_speaker_is_left_out_of_both_splits(data, speaker):
    training, validation, test = splits("shd", test_speakers=(speaker,), held_out=0.2, seed=1)
    number = {"ann": 0, "eve": 2}[speaker]
    assert set(test.groups) == {number} and len(test) == 2
    assert len(set(validation.groups)) == 1 and not {number} & {*training.groups, *validation.groups}
    assert {*training.groups, *validation.groups, number} == set(range(6))
    for part in (training, validation, test):
        assert part.channels.tolist() == part.groups.tolist()  # events stay with their speaker
    assert splits("shd", test_speakers=(speaker,), held_out=0)[1] is None


def test_speakers_without_names_have_numbers(data, monkeypatch):
    monkeypatch.setattr(split, "speaker_names", lambda name, root: [])
    assert set(splits("shd", test_speakers=("4", "3"))[2].groups) == {3, 4}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"test_speakers": ("eva",)}, "a speaker of the test is 'eva', expected ann, bob, tom, zoe, eve, kim|'eva'"),
        ({"test_speakers": ("eve",), "test_share": 0.2}, "test_share is 0.2 beside test_speakers eve, expected one of"),
        ({"test_speakers": tuple("ann bob eve kim tom zoe".split())}, "test_speakers are all of .* expected some left"),
    ],
)
def test_splits_that_cannot_be_are_refused(data, settings, message):
    with pytest.raises(ValueError, match=message):
        splits("shd", **settings)


def test_digits_of_unknown_writers_have_no_speakers(monkeypatch):
    monkeypatch.setattr(split, "load", lambda name, part, root: spoken([0, 1], has_groups=False))
    with pytest.raises(
        ValueError, match="test_speakers is given for nmnist, which does not say whose a sample is, expected a"
    ):
        splits("nmnist", test_speakers=("1",))
