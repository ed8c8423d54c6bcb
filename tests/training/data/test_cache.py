import os

import numpy as np
import pytest

from hetbrian.training.data.cache import read_recordings, write_recordings

SAMPLES = [
    (np.array([0.1, 0.2]), np.array([3, 1])),
    (np.array([]), np.array([], int)),
    (np.array([0.5]), np.array([5])),
]


def written(folder, fingerprint="a", samples=SAMPLES, groups=(4, 5, 4)):
    write_recordings(folder, fingerprint, samples, [0, 1, 1][: len(samples)], groups, (2, 1, 3), ("x", "y"))
    return folder


def test_what_is_written_is_read(tmp_path):
    read = read_recordings(written(tmp_path / "kept"), "a")
    assert read.times.tolist() == pytest.approx([0.1, 0.2, 0.5]) and read.times.dtype == np.float32
    assert read.channels.tolist() == [3, 1, 5] and read.channels.dtype == np.int32
    assert read.begin.tolist() == [0, 2, 2, 3]
    assert read.labels.tolist() == [0, 1, 1]
    assert read.groups.tolist() == [4, 5, 4]
    assert (read.shape, read.classes) == ((2, 1, 3), ("x", "y"))
    assert not read.times.flags.writeable  # they are the file


def test_groups_and_events_may_be_missing(tmp_path):
    read = read_recordings(written(tmp_path / "kept", samples=SAMPLES[1:2], groups=None), "a")
    assert read.groups is None and len(read) == 1 and len(read.times) == 0


def test_other_or_damaged_files_are_not_read(tmp_path):
    kept = written(tmp_path / "kept")
    assert read_recordings(kept, "b") is None
    assert read_recordings(tmp_path / "nothing", "a") is None
    (kept / "times").write_bytes(b"1234")
    with pytest.warns(UserWarning, match="kept' was damaged and is made anew"):
        assert read_recordings(kept, "a") is None
    content = bytearray((written(kept) / "channels").read_bytes())
    content[0] ^= 1
    (kept / "channels").write_bytes(content)
    with pytest.warns(UserWarning, match="kept' was damaged and is made anew"):
        assert read_recordings(kept, "a") is None
    assert read_recordings(written(kept), "a") is not None  # replaced


@pytest.mark.parametrize("name", ["samples.npz", "times", "channels"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "folder", "pipe"])
def test_whatever_is_damaged_is_named_and_not_read(name, damage, tmp_path):
    kept = written(tmp_path / "kept")
    path, content = kept / name, bytearray((kept / name).read_bytes())
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "pipe":
        os.mkfifo(path)
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content if damage == "flipped" else content[:-1])
    with pytest.warns(UserWarning, match="kept' was damaged and is made anew"):
        assert read_recordings(kept, "a") is None
    assert read_recordings(written(kept), "a") is not None  # replaced


@pytest.mark.parametrize(
    ("name", "value"),
    [("begin", [0, 2, 1, 3]), ("labels", [0, 1, 7]), ("labels", [0.0, 1.0, 1.0]), ("shape", [-2, 1, 3]),
     ("shape", [0]), ("begin", [[0, 2, 2, 3]]), ("groups", [1, 2]), ("classes", [1, 2]), ("channels_checksum", 1)],
)  # fmt: skip
def test_entries_that_no_recordings_have_are_not_read(name, value, tmp_path):
    kept = written(tmp_path / "kept")
    with np.load(kept / "samples.npz") as file:
        content = dict(file)
    np.savez(kept / "samples.npz", **{**content, name: value})
    with pytest.warns(UserWarning, match="kept' was damaged and is made anew"):
        assert read_recordings(kept, "a") is None


def test_nothing_is_left_of_what_failed(tmp_path):
    def failing():
        yield SAMPLES[0]
        raise KeyError("damaged")

    with pytest.raises(KeyError):
        write_recordings(tmp_path / "kept", "a", failing(), [0, 1, 1], None, (2, 1, 3), ("x", "y"))
    assert list(tmp_path.iterdir()) == []


def test_two_processes_may_write_the_same_at_once(tmp_path):
    def slow():
        yield SAMPLES[0]
        written(tmp_path / "kept")
        yield from SAMPLES[1:]

    write_recordings(tmp_path / "kept", "a", slow(), [0, 1, 1], None, (2, 1, 3), ("x", "y"))
    assert len(read_recordings(tmp_path / "kept", "a")) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot be written .*expected a folder of yours: set HETBRIAN_CACHE to another"):
        written(tmp_path / "file" / "kept")
