import os
from pathlib import Path

import pytest

from hetbrian._support.files import arrays, check_regular, replacing, save_arrays, writable


def test_a_new_file_has_the_permissions_of_any_other(tmp_path):
    with replacing(tmp_path / "a.txt", "no advice") as temporary, open(temporary, "w") as file:
        file.write("whole")
    (tmp_path / "b.txt").touch()
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


def test_what_is_interrupted_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.txt", "no advice") as temporary:
        with open(temporary, "w") as file:
            file.write("half")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["a.txt"] and (tmp_path / "a.txt").read_text() == "old"


def test_a_folder_that_is_missing_is_one_sentence_with_advice(tmp_path):
    with (
        pytest.raises(
            OSError, match=r"could not be written \(No such file or directory\), expected a .*: look there\."
        ),
        replacing(tmp_path / "none" / "a.txt", "look there"),
    ):
        pass


def test_a_folder_is_made_and_left_empty_or_refused(tmp_path):
    assert writable(tmp_path / "a" / "b", "look there") == tmp_path / "a" / "b"
    assert os.listdir(tmp_path / "a" / "b") == []
    (tmp_path / "file").touch()
    with pytest.raises(
        OSError, match=r"file/a' cannot be written \(Not a directory\), expected a folder of yours: look there\."
    ):
        writable(tmp_path / "file" / "a", "look there")


def test_an_interrupt_after_the_file_is_in_place_is_an_interrupt(tmp_path, monkeypatch):
    put = os.replace

    def interrupted(*paths):
        put(*paths)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.txt", "no advice") as temporary:
        Path(temporary).write_text("whole")
    assert os.listdir(tmp_path) == ["a.txt"] and (tmp_path / "a.txt").read_text() == "whole"


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_may_never_end_is_not_read(tmp_path, kind):
    path = tmp_path / "a.npz"
    {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "device": lambda: path.symlink_to("/dev/zero")}[kind]()
    for read in (lambda: check_regular(path, "a state"), lambda: arrays(path, 1, {}, "a state", "save_state")):
        with pytest.raises(ValueError, match=r"a.npz' is a folder, a pipe or a device, expected a state: give a reg"):
            read()


def test_what_cannot_be_looked_at_is_one_sentence(tmp_path):
    save_arrays(tmp_path / "a.npz", 1, {})
    check_regular(tmp_path / "a.npz", "a state")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(
        OSError, match=r"loop' cannot be read \(Too many levels of .*\), expected a state: check the path"
    ):
        check_regular(tmp_path / "loop", "a state")
    for name in ("none", "a.npz/b"):
        with pytest.raises(FileNotFoundError, match=r"' does not exist, expected a state: check the path"):
            check_regular(tmp_path / name, "a state")
