import os

import pytest

from hetbrian._support import sealed
from hetbrian._support.sealed import SUFFIX, checksum, hold, is_whole, seal, seal_of, unused, used


def test_a_sealed_file_is_whole_until_a_bit_of_it_changes(tmp_path):
    path = tmp_path / "program"
    assert not is_whole(path)
    path.write_bytes(bytes(1000))
    assert not is_whole(path)  # killed before it was sealed
    seal(path)
    assert is_whole(path) and len(checksum(path)) == 128
    for damaged in (bytes(999), b"\1" + bytes(999), b""):
        path.write_bytes(damaged)
        with pytest.warns(UserWarning, match=r"program' was damaged and is made anew\."):
            assert not is_whole(path)
    path.write_bytes(bytes(1000))
    (tmp_path / f"program{SUFFIX}").write_bytes(b"\xff")
    with pytest.warns(UserWarning, match="was damaged"):
        assert not is_whole(path)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
@pytest.mark.parametrize("suffix", ["", SUFFIX])
def test_what_is_no_file_is_damaged_and_never_waited_for(kind, suffix, tmp_path):
    path = tmp_path / "program"
    path.touch()
    seal(path)
    changed = tmp_path / f"program{suffix}"
    changed.unlink()
    {
        "pipe": lambda: os.mkfifo(changed),
        "folder": changed.mkdir,
        "device": lambda: changed.symlink_to("/dev/zero"),
    }[kind]()
    with pytest.warns(UserWarning, match="program' was damaged"), used(path) as found:
        assert not found


def test_what_is_used_is_free_again_afterwards_and_is_the_latest(tmp_path):
    path = tmp_path / "program"
    path.touch()
    with used(path) as found:  # nothing to lock
        assert not found
    seal(path)
    os.utime(seal_of(path), (0, 0))
    with used(path) as found, unused(seal_of(path)) as is_free:
        assert found and not is_free
    with unused(seal_of(path)) as is_free:
        assert is_free and seal_of(path).stat().st_mtime > 1e9


def test_holding_something_twice_takes_one_descriptor(tmp_path):
    path = tmp_path / "program"
    hold(path)  # is not there
    path.touch()
    for _ in range(3):
        hold(path)
    assert len([name for name in sealed._HELD if name == str(path)]) == 1
    os.close(sealed._HELD.pop(str(path)))
    with unused(path) as is_free:
        assert is_free
