import os
import subprocess
import sys
import tempfile
import time

import pytest

from hetbrian._support import scratch
from hetbrian._support.scratch import (
    prefix,
    remove_own,
    remove_stale,
    temporary_file,
    temporary_files_of_others,
    temporary_folder,
)


def of(process, started=0):
    """Return a name of a temporary file of another process."""
    return prefix().replace(f"-{os.getpid()}-{scratch._started(os.getpid())}-", f"-{process}-{started}-")


@pytest.fixture
def dead():
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path, dead):
    (tmp_path / f"{of(dead)}abc").write_text("half")
    (tmp_path / f"{of(dead)}folder").mkdir()
    (tmp_path / f"{of(dead)}folder" / "a").touch()
    elsewhere = of(dead).replace(f"-{scratch._host()}-", "-another.machine-")
    kept = ["tmp_thesis", "tmpnotes.txt", f"{elsewhere}abc", f"{prefix()}mine", f"{of(os.getppid())}other"]
    for name in kept:
        (tmp_path / name).touch()
    remove_stale(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(kept)


def test_the_number_of_a_dead_process_that_another_has_now_does_not_keep_its_files(tmp_path):
    started = scratch._started(os.getpid())
    if not started:
        pytest.skip("this system does not tell when a process started")
    (tmp_path / f"{of(os.getpid(), started - 1)}abc").touch()
    (tmp_path / f"{of(os.getpid(), started)}abc").touch()
    remove_stale(tmp_path)
    assert os.listdir(tmp_path) == [f"{of(os.getpid(), started)}abc"]


def test_a_folder_that_was_left_by_kill_9_is_gone_after_the_next(tmp_path):
    code = (
        "import time; from hetbrian._support.scratch import temporary_folder\n"
        f"with temporary_folder({str(tmp_path)!r}): print('there', flush=True); time.sleep(100)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "there\n" and len(os.listdir(tmp_path)) == 1
    with temporary_folder(tmp_path):  # that of a living process stays
        assert len(os.listdir(tmp_path)) == 2
    process.kill()
    process.wait()
    process.stdout.close()
    time.sleep(0.05)
    with temporary_folder(tmp_path) as folder:
        assert os.listdir(tmp_path) == [folder.name]
    assert os.listdir(tmp_path) == []


def test_a_temporary_file_has_the_suffix_that_is_asked_for(tmp_path):
    path = temporary_file(tmp_path, ".png")
    assert path.endswith(".png") and os.path.getsize(path) == 0 and os.path.dirname(path) == str(tmp_path)


def test_a_folder_that_is_not_there_is_nothing_to_clean(tmp_path):
    remove_stale(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_what_an_interrupt_left_is_removed_at_the_end_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "PLACES", set())
    folder = temporary_folder(tmp_path)
    (folder.__enter__() / "a").touch()
    temporary_file(tmp_path)
    (tmp_path / "result.nc").touch()
    (tmp_path / f"{of(os.getppid())}other").touch()
    remove_own()
    assert sorted(os.listdir(tmp_path)) == sorted(["result.nc", f"{of(os.getppid())}other"])
    folder.__exit__(None, None, None)


def test_libraries_make_their_files_in_a_folder_that_is_removed():
    before = tempfile.tempdir
    with temporary_files_of_others():
        made = tempfile.mkdtemp()
        assert os.path.basename(os.path.dirname(made)).startswith(prefix())
    assert tempfile.tempdir == before and not os.path.exists(os.path.dirname(made))
