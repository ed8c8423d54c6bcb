import numpy as np
import pytest
import tonic.datasets
from brian2 import ms, second

from hetbrian.training import Preset, fit
from hetbrian.training.data import Binning, DamagedDataError, load
from hetbrian.training.data.clips import clips, make_gestures, read_clip
from hetbrian.training.data.formats import write_bin


def write_clip(path, low, duration=1.0, n=2000, seed=0):
    """Write events whose x is 32 pixels from ``low`` on."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(0, duration, n))
    write_bin(path, times, low + rng.integers(0, 32, n), rng.integers(0, 128, n), rng.random(n) < 0.5)


@pytest.fixture
def recorded(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    write_clip(folder / "left.bs2", 0)
    write_clip(folder / "right.bs2", 90, seed=1)
    (folder / "labels.csv").write_text("file,class,gesture\nleft.bs2,3,left\nright.bs2,9,drums\nlost.bs2,1,claps\n")
    return folder


def test_tonic_and_we_read_the_parts_of_clips_as_gestures(recorded, tmp_path):
    target = make_gestures(recorded, tmp_path / "data", part=0.1 * second)
    assert target == tmp_path / "data" / "DVSGesture"
    # tonic wants a hundred files: its class is asked for the folder's, as `load` does
    local = type("DVSGesture", (tonic.datasets.DVSGesture,), {"_check_exists": lambda self: True})
    found = local(str(tmp_path / "data"), train=True)
    assert sorted(set(found.targets)) == [2, 8] and set(found.users) == {1}
    training, test = (load("dvs128", split, tmp_path / "data") for split in ("train", "test"))
    assert (len(training), len(test)) == (12, 6)  # nine whole parts of each: events of the last end before 1 s
    assert set(training.labels.tolist()) == set(test.labels.tolist()) == {2, 8}
    assert len(training.times) + len(test.times) == sum(
        (read_clip(recorded / name)["t"] // 1e5 < 9).sum() for name in ("left.bs2", "right.bs2")
    )
    assert training.times.max() <= 0.1


def test_parts_of_clips_are_told_apart(recorded, tmp_path):
    make_gestures(recorded, tmp_path / "data", part=0.05 * second)
    training, test = (load("dvs128", split, tmp_path / "data") for split in ("train", "test"))
    preset = Preset.STRONG.replace(n_hidden=16, epochs=8, batch_size=8)
    binning = Binning(10, 5 * ms, pool=16, merge=True)
    result = fit(preset, binning, training, test=test, progress=False)
    assert float(result.test_accuracy) > 0.9  # chance is 0.5 of the two that are there


def test_a_clip_is_read_to_the_microsecond_and_goes_on_when_its_clock_begins_again(tmp_path):
    stamps = np.array([8388600, 8388607, 5, 9], dtype=np.uint32)
    raw = np.zeros((4, 5), dtype=np.uint8)
    raw[:, 0], raw[:, 1] = [1, 2, 3, 4], [5, 6, 7, 8]
    raw[:, 2], raw[:, 3], raw[:, 4] = (stamps >> 16) | (1 << 7), (stamps >> 8) & 255, stamps & 255
    raw.tofile(tmp_path / "a.bs2")
    found = read_clip(tmp_path / "a.bs2")
    assert found["t"].tolist() == [0, 7, 13, 17] and found["x"].tolist() == [1, 2, 3, 4] and found["p"].all()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "left.bs2").write_bytes(b""), "left.bs2' has 0 bytes, expected 5 for each event"),
        (lambda f: (f / "left.bs2").write_bytes(bytes(7)), "left.bs2' has 7 bytes, expected 5 for each event"),
        (lambda f: (f / "left.bs2").write_bytes(bytes([200, 0, 0, 0, 0])), "has an event outside the sensor"),
        (lambda f: (f / "left.bs2").write_bytes(bytes([0, 240, 0, 0, 0])), "has an event outside the sensor"),
        (lambda f: write_clip(f / "left.bs2", 0, 0.15), "has 1 whole parts of 0.1 s, expected at least 2"),
        (lambda f: (f / "labels.csv").unlink(), "labels.csv' is not there, expected a table with the columns"),
        (lambda f: (f / "labels.csv").write_text("a,b\n1,2\n"), "could not be read .*expected the columns file, class"),
        (lambda f: (f / "labels.csv").write_bytes(b"\xff"), "could not be read .*expected the columns file, class"),
        (lambda f: (f / "labels.csv").write_text("file,class\nleft.bs2,x\n"), "could not be read"),
        (lambda f: (f / "labels.csv").write_text("file,class\nleft.bs2,12\n"), "has class 12 and subject 1 for"),
        (lambda f: (f / "labels.csv").write_text("file,class\n../left.bs2,1\n"), "expected .bs2 files beside it"),
        (lambda f: (f / "labels.csv").write_text("file,class\nlost.bs2,1\n"), "names no file that is there"),
    ],
)
def test_what_is_wrong_with_clips_is_said(recorded, tmp_path, damage, message):
    damage(recorded)
    with pytest.raises((DamagedDataError, ValueError, FileNotFoundError), match=message):
        make_gestures(recorded, tmp_path / "data")
    assert not any((tmp_path / "data").glob("*"))


def test_clips_that_are_not_there_are_left_out(recorded):
    assert [(clip.path.name, clip.gesture) for clip in clips(recorded)] == [("left.bs2", 3), ("right.bs2", 9)]


def test_a_data_set_that_is_there_is_kept(recorded, tmp_path):
    make_gestures(recorded, tmp_path / "data")
    with pytest.raises(FileExistsError, match="DVSGesture' is there already, expected a new folder"):
        make_gestures(recorded, tmp_path / "data")
