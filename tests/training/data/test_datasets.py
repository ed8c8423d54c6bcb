import dataclasses
import hashlib
import os
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import tonic.datasets

from hetbrian.training.data import datasets
from hetbrian.training.data.datasets import check, check_archive, is_original, is_stand_in, load
from hetbrian.training.data.formats import OVERFLOW, write_bin, write_gesture, write_spikes
from hetbrian.training.data.originals import DATA_SETS, DamagedDataError
from hetbrian.training.data.standins import saccades

KEYS = [f"word {label}" for label in range(20)]


@pytest.fixture
def digits(tmp_path):
    """An incomplete N-MNIST: one file of each digit, with an event at x = digit."""
    for label in range(10):
        (tmp_path / "NMNIST" / "Train" / str(label)).mkdir(parents=True)
        write_bin(tmp_path / f"NMNIST/Train/{label}/00001.bin", [0.001, 0.3], [label, 33], [5, 0], [True, False])
    return tmp_path


@pytest.fixture
def gestures(tmp_path):
    """DVS128 of two subjects, whose recordings start late and are not sorted."""
    for user in (2, 11):
        for label in range(11):
            folder = tmp_path / "DVSGesture" / "ibmGestureTrain" / f"user{user:02d}_fluorescent_led"
            folder.mkdir(parents=True, exist_ok=True)
            times = 70 + user + np.array([0.5, 0.0, 0.25])
            write_gesture(folder / f"{label}.npy", times, [label, 1, 2], [127, 0, 1], [True, False, True])
    return tmp_path


@pytest.fixture
def words(tmp_path):
    """SHD whose samples have 0 to 24 events."""
    write_words(tmp_path)
    return tmp_path


def write_words(root, labels=range(20), unit=699, keys=KEYS, early=0.0):
    rng = np.random.default_rng(0)
    samples = [(np.sort(rng.uniform(early, 1.3, n)), np.full(n, unit)) for n in range(len(labels) + 5)][5:]
    samples[3] = (np.array([]), np.array([], int))
    speakers = np.arange(len(labels)) if len(labels) == 20 else np.arange(len(labels)) // 20
    (root / "SHD").mkdir(exist_ok=True)
    write_spikes(root / "SHD/shd_train.h5", samples, list(labels), speakers % 4, keys, ["male"] * 4)


def test_n_mnist_has_microseconds_polarity_and_labels_of_folders(digits):
    recordings = load("nmnist", "train", digits)
    assert recordings.labels.tolist() == list(range(10))
    assert recordings.shape == (2, 34, 34) and recordings.groups is None
    assert recordings.classes[3] == "3 - three"
    assert recordings.times[:2].tolist() == pytest.approx([0.001, 0.3])
    assert [np.unravel_index(recordings.channels[at], (2, 34, 34)) for at in (6, 7)] == [(1, 5, 3), (0, 0, 33)]


def test_overflow_events_of_n_mnist_move_what_follows(digits):
    path = digits / "NMNIST/Train/0/00001.bin"
    write_bin(path, [0.008, 0.0081, 0.0001, 0.0002, 0.0003], [1, 0, 2, 0, 3], [1, OVERFLOW, 1, OVERFLOW, 1], np.ones(5))
    recordings = load("nmnist", "train", digits)
    assert recordings.begin[1] == 3
    assert recordings.times[:3].tolist() == pytest.approx([0.008, 0.0001 + 0.008192, 0.0003 + 2 * 0.008192])
    assert (recordings.channels[:3] % 34).tolist() == [1, 2, 3]


def test_gestures_come_in_order_and_start_at_zero(gestures, monkeypatch):
    walk = tonic.datasets.dvsgesture.os.walk
    monkeypatch.setattr(
        tonic.datasets.dvsgesture.os, "walk", lambda path: ((p, d, f[::-1]) for p, d, f in list(walk(path))[::-1])
    )
    recordings = load("dvs128", "train", gestures)
    assert recordings.groups.tolist() == [2] * 11 + [11] * 11
    assert recordings.labels.tolist() == [0, 1, 10, *range(2, 10)] * 2
    assert recordings.times[:3].tolist() == pytest.approx([0, 0.25, 0.5])
    last = recordings.channels.reshape(-1, 3)[:, 2]
    assert [np.unravel_index(channel, (2, 128, 128)) for channel in last] == [(1, 127, x) for x in recordings.labels]


def test_shd_has_half_precision_seconds_speakers_and_samples_of_any_length(words):
    recordings = load("shd", "train", words)
    assert np.diff(recordings.begin).tolist() == [5, 6, 7, 0, *range(9, 25)]
    assert recordings.groups.tolist() == [0, 1, 2, 3] * 5
    assert recordings.classes == tuple(KEYS)
    with h5py.File(words / "SHD/shd_train.h5") as file:
        written = np.concatenate(file["spikes/times"][()])
    assert written.dtype == np.float16
    assert np.abs(recordings.times - written.astype(float)).max() < 1e-6  # tonic cuts to microseconds
    assert set(recordings.channels.tolist()) == {699}


def test_ssc_has_a_validation_split(words):
    (words / "SSC").mkdir()
    shutil.copy(words / "SHD/shd_train.h5", words / "SSC/ssc_valid.h5")
    assert len(load("ssc", "validation", words)) == 20
    with pytest.raises(ValueError, match="shd has no split 'validation', expected one of train, test: hold out"):
        load("shd", "validation", words)


def test_files_are_read_once_and_again_when_they_change(words, monkeypatch):
    monkeypatch.setenv("HETBRIAN_DATA", str(words))
    first = load("shd")
    with monkeypatch.context() as patch:
        patch.setattr(datasets, "opened", lambda *_: pytest.fail("read again"))
        assert np.array_equal(load("shd").times, first.times)
    write_words(words, unit=3)
    assert set(load("shd").channels.tolist()) == {3}


def test_an_archive_that_is_there_has_the_published_checksum(digits, monkeypatch):
    archive = digits / "NMNIST/train.zip"
    assert not check_archive("nmnist", "train", digits)
    archive.write_bytes(b"half of it")
    found = hashlib.md5(b"half of it").hexdigest()
    with pytest.raises(DamagedDataError, match=f"train.zip' has the md5 {found}, expected 20959b8e.*again from https:"):
        load("nmnist", "train", digits)
    monkeypatch.setattr(tonic.datasets.NMNIST, "train_md5", found)
    assert check_archive("nmnist", "train", digits)
    assert len(load("nmnist", "train", digits)) == 10
    archive.write_bytes(b"")
    (digits / "NMNIST/STAND-IN.txt").write_text("")
    assert is_stand_in("nmnist", digits) and not check_archive("nmnist", "train", digits)


def test_check_tells_what_is_there(digits, words):
    assert list(check(root=digits)) == [
        ("nmnist", "train", "10", "10", "unknown", "2", "no archive"),
        ("shd", "train", "20", "20", "4", "14", "no archive"),
    ]
    with pytest.raises(FileNotFoundError, match=r"dvs128|ibmGestureTrain' does not exist"):
        list(check(["dvs128"], digits))


def test_a_data_set_is_original_if_it_is_whole_and_no_stand_in(words, monkeypatch):
    assert not is_original("shd", words)  # a few of the 8156 samples
    sizes = {split: len(load("shd", split, words)) for split in ("train",)}
    monkeypatch.setitem(DATA_SETS, "shd", dataclasses.replace(DATA_SETS["shd"], sizes=sizes))
    assert is_original("shd", words)
    (words / "SHD" / "STAND-IN.txt").write_text("made up")
    assert not is_original("shd", words)
    with pytest.raises(ValueError, match="the data set is 'mnist', expected nmnist"):
        is_original("mnist", words)


def test_check_wants_something_to_check(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no data set, expected one of the folders NMNIST, DVSGesture"):
        list(check(root=tmp_path))


def cut(path):
    path.write_bytes(path.read_bytes()[:-3])


def damaged_digit(root):
    cut(root / "NMNIST/Train/4/00001.bin")


def pipe(root):
    (root / "NMNIST/Train/4/00001.bin").unlink()
    os.mkfifo(root / "NMNIST/Train/4/00001.bin")


def link_to_nowhere(root):
    (root / "NMNIST/Train/4/00001.bin").unlink()
    (root / "NMNIST/Train/4/00001.bin").symlink_to("nowhere")


def empty_digit(root):
    (root / "NMNIST/Train/4/00001.bin").write_bytes(b"")


def digit_outside(root):
    write_bin(root / "NMNIST/Train/4/00001.bin", [0.1], [34], [0], [True])


def digit_without_samples(root):
    (root / "NMNIST/Train/7/00001.bin").unlink()


def folder_twelve(root):
    (root / "NMNIST/Train/2").rename(root / "NMNIST/Train/12")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damaged_digit, r"4/00001.bin' has 7 bytes, expected 5 for each event: it is cut off"),
        (pipe, r"4/00001.bin' is a folder, a pipe or a device, expected a file of events: give a regular file"),
        (link_to_nowhere, r"4/00001.bin' does not exist, expected a file of events: check the path"),
        (empty_digit, r"4/00001.bin' has 0 bytes, expected 5 for each event"),
        (digit_outside, r"4/00001.bin' has an event at 34, expected 0 to 33"),
        (digit_without_samples, r"Train' has no sample of class '7 - seven', expected some of every class"),
        (folder_twelve, r"Train/12' is out of range, expected folders 0 to 9, the labels"),
    ],
)
def test_damaged_digits_are_named(digits, damage, message):
    damage(digits)
    with pytest.raises(DamagedDataError, match=message):
        load("nmnist", "train", digits)


def gesture(label):
    return Path("DVSGesture/ibmGestureTrain/user11_fluorescent_led") / f"{label}.npy"


def cut_gesture(root):
    cut(root / gesture(3))


def garbled_gesture(root):
    path = root / gesture(3)
    path.write_bytes(path.read_bytes().replace(b"descr", b"de\x08cr"))


def gesture_eleven(root):
    (root / gesture(3)).rename(root / gesture(11))


def unnamed_gesture(root):
    (root / gesture(3)).rename(root / gesture("clap"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_gesture, r"led/3.npy' could not be read .*, expected events: get it again"),
        (garbled_gesture, r"led/3.npy' could not be read .*, expected events: get it again"),
        (gesture_eleven, r"led/11.npy' has the label 11, expected 0 to 10"),
        (unnamed_gesture, r"Train' could not be read .*clap.*again from https://figshare.com"),
    ],
)
def test_damaged_gestures_are_named(gestures, damage, message):
    damage(gestures)
    with pytest.raises(DamagedDataError, match=message):
        load("dvs128", "train", gestures)


def half_a_file(root):
    path = root / "SHD/shd_train.h5"
    path.write_bytes(path.read_bytes()[:3000])


def not_hdf5(root):
    (root / "SHD/shd_train.h5").write_text("<html>not found</html>")


def no_speakers(root):
    with h5py.File(root / "SHD/shd_train.h5", "a") as file:
        del file["extra/speaker"]


def units_missing(root):
    with h5py.File(root / "SHD/shd_train.h5", "a") as file:
        file["spikes/units"][6] = np.array([1, 2], np.uint16)
        file["spikes/times"][6] = np.array([0.1, 0.2, 0.3], np.float16)


def one_unit(root):
    with h5py.File(root / "SHD/shd_train.h5", "a") as file:
        file["spikes/units"][6] = np.array([1], np.uint16)  # tonic would give it to every time
        file["spikes/times"][6] = np.array([0.1, 0.2, 0.3], np.float16)


def fractional_units(root):
    with h5py.File(root / "SHD/shd_train.h5", "a") as file:
        units = [row.astype(float) + 0.5 for row in file["spikes/units"]]
        del file["spikes/units"]
        file.create_dataset("spikes/units", (len(units),), dtype=h5py.vlen_dtype(np.float32))
        for at, row in enumerate(units):
            file["spikes/units"][at] = row


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (half_a_file, r"shd_train.h5' could not be read .*: get shd_train.h5.zip again from https://zenkelab.org"),
        (not_hdf5, r"shd_train.h5' could not be read .*signature.*, expected the train split of SHD"),
        (no_speakers, r"shd_train.h5' could not be read .*speaker"),
        (
            units_missing,
            r"sample 6 of .*shd_train.h5' has 3 times and 2 units, expected one unit for each time: get it again",
        ),
        (
            one_unit,
            r"sample 6 of .*shd_train.h5' has 3 times and 1 units, expected one unit for each time: get it again",
        ),
        (fractional_units, r"shd_train.h5' has units of the dtype float32, expected integers: get it again"),
        (lambda root: write_words(root, labels=[0] * 19 + [20]), r"sample 19 of .*has the label 20, expected 0 to 19"),
        (lambda root: write_words(root, labels=[0] * 20), r"shd_train.h5' has no sample of class 'word 1'"),
        (lambda root: write_words(root, unit=700), r"sample 0 of .* has an event at 700, expected 0 to 699"),
        (lambda root: write_words(root, early=-9.0), r"sample 0 of .* has an event at -.* s, expected at least 0"),
    ],
)
def test_damaged_words_are_named(words, damage, message):
    damage(words)
    with pytest.raises(DamagedDataError, match=message) as caught:
        load("shd", "train", words)
    assert str(caught.value).count("\n") == 0


def test_missing_files_say_how_to_get_them(tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match=r"SHD/shd_test.h5' does not exist, expected the test split of SHD: get shd_test.h5.zip from "
        r"https://zenke.* or make a stand-in: hetbrian data make shd --out",
    ):
        load("shd", "test", tmp_path)


def test_a_download_that_fails_says_what_to_do(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(tonic.dataset, "download_and_extract_archive", fail)
    with pytest.raises(OSError, match=r"shd_test.h5.zip could not be downloaded from https.* \(no network\), expected"):
        load("shd", "test", tmp_path, download=True)


def test_a_download_is_read(words, monkeypatch):
    def fetch(url, folder, filename, md5):
        assert (filename, md5) == ("shd_test.h5.zip", "1503a5064faa34311c398fb0a1ed0a6f")
        shutil.copy(words / "SHD/shd_train.h5", Path(folder) / "shd_test.h5")

    monkeypatch.setattr(tonic.dataset, "download_and_extract_archive", fetch)
    assert len(load("shd", "test", words, download=True)) == 20


def test_the_root_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.delenv("HETBRIAN_DATA", raising=False)
    with pytest.raises(
        ValueError, match="no folder of data sets is given, expected one: use --data-root, or set HETBRIAN"
    ):
        load("shd")
    with pytest.raises(FileNotFoundError, match="nowhere' is not there, expected the folder of the data sets"):
        load("shd", root=tmp_path / "nowhere")
    with pytest.raises(
        ValueError, match="the data set is 'mnist', expected nmnist, dvs128, shd, ssc: did you mean 'nmnist'"
    ):
        load("mnist", root=tmp_path)


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("tonic", lambda folder: load("nmnist", "train", folder)),
        ("sklearn", lambda folder: saccades.digits.__wrapped__()),
    ],
)
def test_the_extra_is_named(package, call, monkeypatch, digits):
    monkeypatch.setitem(sys.modules, f"{package}.datasets", None)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"^{package}.* is not installed, expected it for data sets: pip install"):
        call(digits)


def test_the_archives_are_tonics():
    for data in DATA_SETS.values():
        for split in data.sources:
            assert datasets.archive_of(data, split)[0].endswith((".zip", ".tar.gz"))
            assert len(datasets.archive_of(data, split)[1]) == 32
