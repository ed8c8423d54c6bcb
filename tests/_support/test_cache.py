import os
import stat

import pytest

from hetbrian._support.cache import SUFFIX, cache_folder, checksum, is_whole, seal


def test_the_cache_is_private_to_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path / "a" / "b"))
    assert stat.S_IMODE(cache_folder().stat().st_mode) == 0o700
    cache_folder().chmod(0o777)  # as an earlier version made it
    assert stat.S_IMODE(cache_folder().stat().st_mode) == 0o700


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a folder away")
def test_the_cache_of_another_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path / "theirs"))
    os.chown(cache_folder(), 65534, 65534)
    with pytest.raises(
        PermissionError,
        match=r"theirs' belongs to another user, expected one of yours, .*: set HETBRIAN_CACHE to another folder\.",
    ):
        cache_folder()


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
