import os
import shutil

import numpy as np
import pytest
import tonic.datasets

from hetbrian.training.data.datasets import is_stand_in, load
from hetbrian.training.data.originals import DATA_SETS
from hetbrian.training.data.standins import make as make_module
from hetbrian.training.data.standins.make import SPEAKERS, STAND_INS, SUBJECTS, make_stand_in

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


@pytest.fixture
def hum(monkeypatch):
    """Let every word be a hum of its own length and pitch, so that espeak-ng need not be there."""

    def speak(text, language, voice, pitch, speed):
        t = np.arange(4000 + 60 * speed) / make_module.RATE
        return 0.14 * np.sin(2 * np.pi * (100 + 5 * pitch + 40 * len(text)) * t)

    monkeypatch.setattr(make_module, "speak", speak)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    make_stand_in("nmnist", folder, {"train": 20, "test": 10})
    return folder


@pytest.mark.parametrize("split", ["train", "test"])
def test_tonic_reads_digits(digits, split):
    """tonic wants 10 000 files of a split; links to what was made are files, too."""
    (folder,) = (digits / "NMNIST").glob(split.capitalize())
    made = sorted(folder.glob("*/*.bin"))
    for copy in range(-(-10000 // len(made))):
        for path in made:
            os.link(path, path.with_name(f"{copy:05d}_{path.name}"))
    found = tonic.datasets.NMNIST(str(digits), train=split == "train")
    assert len(found) >= 10000
    events, label = found[len(found) - 1]
    assert label == 9
    assert 3000 < len(events) < 6000 and events["t"].max() <= 315000 and events["x"].max() <= 33
    still = tonic.datasets.NMNIST(str(digits), train=split == "train", stabilize=True)[0][0]
    assert still["x"].std() < found[0][0]["x"].std()  # the saccades are those that tonic undoes


def test_tonic_reads_gestures(tmp_path, monkeypatch):
    monkeypatch.setattr(make_module, "GESTURE", 0.05)
    make_stand_in("dvs128", tmp_path, {"train": 110, "test": 121})
    for train, size, subjects in ((True, 110, range(1, 11)), (False, 121, [*range(24, 30)])):
        found = tonic.datasets.DVSGesture(str(tmp_path), train=train)
        assert len(found) == size
        assert set(found.users) == set(subjects)
        assert set(found.lighting) <= set(make_module.LIGHTS)
        assert np.bincount(found.targets).tolist() == [size // 11] * 11
        events, _ = found[0]
        assert events["t"].max() <= 50000 and events["y"].max() <= 127


@pytest.mark.parametrize("name", ["shd", "ssc"])
def test_tonic_reads_words(tmp_path, hum, name):
    n = len(load_classes(name))
    sizes = dict.fromkeys(STAND_INS[name].sizes, n)
    make_stand_in(name, tmp_path, sizes, jobs=2)
    for split, options in DATA_SETS[name].options.items():
        found = getattr(tonic.datasets, name.upper())(str(tmp_path), **options)
        assert len(found) == n
        assert sorted(int(found[at][1]) for at in range(n)) == list(range(n))
        assert set(found._speaker) <= set(SPEAKERS[name][split])
        assert [key.decode() for key in found.classes] == load_classes(name)
        events, _ = found[0]
        assert len(events) > 100 and 0.1e6 < events["t"].max() < 1.5e6 and events["x"].max() < 700


def load_classes(name):
    if name == "ssc":
        return list(make_module.COMMANDS)
    return [*make_module.ENGLISH, *(word.replace("ü", "ue") for word in make_module.GERMAN)]


@needs_espeak
def test_words_are_spoken(tmp_path, monkeypatch):
    """Two voices of the same word have more in common than two words of the same voice."""
    monkeypatch.setitem(make_module.SPEAKERS, "shd", {"train": range(2), "test": range(2, 4)})
    make_stand_in("shd", tmp_path, {"train": 40, "test": 20})
    recordings = load("shd", "train", tmp_path)
    assert 5000 < len(recordings.times) / 40 < 10000  # 8000 in the original
    smooth = np.array([np.convolve(row, np.ones(30), "same") for row in np.sqrt(recordings.counts())])
    alike = np.corrcoef(smooth)
    word = recordings.labels[:, None] == recordings.labels
    voice = recordings.groups[:, None] == recordings.groups
    assert alike[word & ~voice].mean() > alike[voice & ~word].mean()


def test_nobody_is_in_two_splits():
    for groups in (*SPEAKERS.values(), SUBJECTS):
        everybody = [number for numbers in groups.values() for number in numbers]
        assert len(set(everybody)) == len(everybody)


def test_the_same_seed_makes_the_same_samples(tmp_path, hum):
    first, jobs, other = (
        make_stand_in("shd", tmp_path / folder, {"train": 20, "test": 20}, seed=seed, jobs=jobs)
        for folder, seed, jobs in (("a", 1, 1), ("b", 1, 3), ("c", 2, 1))
    )
    times = [load("shd", "train", folder.parent).times for folder in (first, jobs, other)]
    assert np.array_equal(times[0], times[1])
    assert not np.array_equal(times[0][:1000], times[2][:1000])


def test_a_stand_in_says_what_it_is(digits):
    assert is_stand_in("nmnist", digits)
    text = (digits / "NMNIST" / "STAND-IN.txt").read_text()
    assert "not the data set" in text and "seed 0" in text
    shutil.unpack_archive(digits / "NMNIST" / "train.zip", digits / "inside")
    assert (digits / "inside" / "STAND-IN.txt").read_text() == text


def test_digits_beyond_the_last_are_seen_again_with_other_noise(monkeypatch, tmp_path):
    images, labels = make_module.digits()
    monkeypatch.setattr(make_module, "digits", lambda: (images[:5], labels[:5]))
    make_stand_in("nmnist", tmp_path, {"train": 5, "test": 1})
    first, again = ((tmp_path / "NMNIST" / "Train" / "0" / name).read_bytes() for name in ("00001.bin", "00005.bin"))
    assert first != again and abs(len(first) / len(again) - 1) < 0.2


@pytest.mark.parametrize(
    ("name", "sizes", "message"),
    [
        ("mnist", {}, "the data set is 'mnist', expected nmnist, dvs128, shd, ssc"),
        ("shd", {"validation": 3}, "shd has no split 'validation', expected one of train, test"),
        ("shd", {"train": 0}, "the size of train is 0, expected at least 1"),
        ("dvs128", {"test": 331}, "the size of test is 331, expected at most 330, each gesture by each subject"),
    ],
)
def test_what_cannot_be_made_is_refused(tmp_path, name, sizes, message):
    with pytest.raises(ValueError, match=message):
        make_stand_in(name, tmp_path / "out", sizes)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_left_alone(digits):
    with pytest.raises(FileExistsError, match=r"NMNIST' is there already, expected a new folder: remove it"):
        make_stand_in("nmnist", digits)


def test_nothing_is_left_when_espeak_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ImportError, match="espeak-ng is not installed"):
        make_stand_in("shd", tmp_path)
    assert list(tmp_path.iterdir()) == []
