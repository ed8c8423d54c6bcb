import os
import stat
import subprocess
import sys
import time

import pytest

from hetbrian._support import cache
from hetbrian._support.cache import LIMIT, cache_folder, clear, entries, keep, limit, most, parse_size, set_most
from hetbrian._support.sealed import hold, is_whole, seal_of


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path / "kept"))
    monkeypatch.delenv("HETBRIAN_CACHE_LIMIT", raising=False)
    return cache_folder()


def put(path, size=1000, age=0.0):
    """Keep a file that was used some time ago."""
    path.parent.mkdir(exist_ok=True)
    made = cache_folder().parent / "made"
    made.write_bytes(bytes(size))
    keep(made, path)
    os.utime(seal_of(path), (time.time() - age,) * 2)
    return path


def put_recordings(path, age):
    path.mkdir(parents=True)
    for name in ("times", "samples.npz"):
        (path / name).write_bytes(bytes(500))
    os.utime(path / "samples.npz", (time.time() - age,) * 2)
    return path


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


def test_what_was_used_least_recently_makes_room(folder, monkeypatch):
    monkeypatch.setenv("HETBRIAN_CACHE_LIMIT", "4kB")
    old, older = put(folder / ("a" * 32), age=100), put_recordings(folder / "recordings" / f"shd-train-{'0' * 16}", 300)
    library = put(folder / f"{'b' * 32}.so", age=200)
    hold(seal_of(library))  # it is used: now that is the latest of them
    assert [entry.paths[0] for entry in entries()] == [older, old, library]
    new = put(folder / "headers" / f"{'c' * 32}.h.gch", size=1500)
    assert not older.exists() and [entry.paths[0] for entry in entries()] == [old, library, new]
    put(folder / ("d" * 32), size=5000)  # larger than all there may be: it stays, because it is used next
    assert [entry.paths[0].name for entry in entries()] == [library.name, "d" * 32]


def test_files_of_the_user_are_not_counted_or_removed(folder):
    mine = ["thesis.pdf", "a" * 31, f"{'A' * 32}", "recordings/mine", "headers/notes.txt", f"{'e' * 32}.so.txt"]
    for name in (*mine, f"recordings/shd-train-{'0' * 16}"):  # of this a file, which is none of ours
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine")
    put(folder / ("a" * 32))
    assert len(entries()) == 1 and [entry.paths[0].name for entry in clear()] == ["a" * 32]
    assert all((folder / name).read_text() == "mine" for name in mine) and not limit(0)


def test_what_another_process_uses_stays(folder):
    kinds = [folder / ("a" * 32), folder / f"{'b' * 32}.so", folder / "headers" / f"{'c' * 32}.h.gch"]
    kept = [put(path) for path in kinds]
    recordings = put_recordings(folder / "recordings" / f"shd-train-{'0' * 16}", 0)
    marks = [str(mark) for mark in (*map(seal_of, kept), recordings / "samples.npz")]
    code = f"from hetbrian._support.sealed import hold\n[hold(path) for path in {marks}]\nprint('held', flush=True)\n"
    user = subprocess.Popen(
        [sys.executable, "-c", f"{code}input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert user.stdout.readline() == "held\n"
    assert limit(0) == [] == clear() and len(entries()) == 4 and all(map(is_whole, kept))
    user.kill()  # however it ends
    user.communicate()
    assert len(limit(0)) == 4 and entries() == []
    left = [path.name for path in folder.rglob("*") if path.is_file()]
    assert left == []


def test_what_was_never_sealed_is_left_over_after_an_hour(folder):
    put(folder / ("a" * 32))
    seal_of(folder / ("a" * 32)).unlink()
    assert limit(0) == [] and (folder / ("a" * 32)).exists()  # another process may be about to seal it
    os.utime(folder / ("a" * 32), (time.time() - cache.UNFINISHED - 1,) * 2)
    assert len(limit(0)) == 1 and list(folder.iterdir()) == []


def test_a_program_that_was_removed_is_kept_again(folder):
    path = put(folder / ("a" * 32))
    limit(0)
    assert not path.exists() and is_whole(put(path))


def test_two_processes_that_keep_the_same_leave_it_whole_all_the_time(folder):
    path = put(folder / ("a" * 32))
    before = path.stat().st_ino
    put(path)
    assert path.stat().st_ino == before and is_whole(path)


def test_the_limit_is_said_by_the_environment_or_kept(folder, monkeypatch):
    assert most() == cache.LIMIT == 5_000_000_000
    set_most(3000)
    assert most() == 3000
    put(folder / ("a" * 32), 2000, age=9)
    put(folder / ("b" * 32), 2000)
    assert [entry.paths[0].name for entry in entries()] == ["b" * 32]
    monkeypatch.setenv("HETBRIAN_CACHE_LIMIT", "1 GB")
    assert most() == 1_000_000_000
    monkeypatch.setenv("HETBRIAN_CACHE_LIMIT", "lots")
    with pytest.raises(ValueError, match=r"HETBRIAN_CACHE_LIMIT is 'lots', expected a size: write 5GB or 500MB, say\."):
        most()
    with pytest.raises(ValueError, match="expected a size"):  # where a program would go, before it is compiled
        cache.cache_folder()


@pytest.mark.parametrize("text", ["", "-1GB", "5 PB", "GB", "1e9", "nan", "5G B", "1" * 400])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match=r"limit is .*, expected a size: write 5GB"):
        parse_size(text, "limit")


@pytest.mark.parametrize("kept", [b"-5", b"", b"5GB", b"\xff", b"1e9", b"9" * 5000, None])
def test_a_damaged_limit_is_named_and_not_used(kept, tmp_path, monkeypatch):
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path))
    monkeypatch.delenv("HETBRIAN_CACHE_LIMIT", raising=False)
    os.mkfifo(tmp_path / "limit") if kept is None else (tmp_path / "limit").write_bytes(kept)
    with pytest.warns(UserWarning, match="limit' is damaged, expected a number of bytes: set it by hetbrian cache"):
        assert most() == LIMIT
    set_most(7)
    assert most() == 7


def test_a_relative_cache_is_the_same_folder_for_whoever_works_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HETBRIAN_CACHE", "./kept")
    assert cache_folder() == tmp_path / "kept" and cache_folder().is_absolute() and (tmp_path / "kept").is_dir()
