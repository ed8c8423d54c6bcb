import errno
import functools
import io
import os
import sys

import pytest
from rich.console import Console

from hetbrian._support.checks import finite
from hetbrian._support.ending import LONGEST, end_well, sentence


class Silent:
    """A `Stop` to which no signal comes."""

    number = 0


def ended(command):
    """Run a command to its end; return the status and what was said."""
    said = io.StringIO()
    with pytest.raises(SystemExit) as stopped:
        end_well(command, Console(file=said), Silent())
    return stopped.value.code, said.getvalue()


def refuse(number, *paths):
    raise OSError(number, os.strerror(number), paths[0] if paths else None, None, *paths[1:])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            functools.partial(open, "nowhere/x"),
            "'nowhere/x' cannot be used (No such file or directory), expected a file",
        ),
        (
            functools.partial(open, "."),
            "'.' cannot be used (Is a directory), expected a file or folder of yours: check",
        ),
        (functools.partial(os.mkdir, "/proc/x"), "'/proc/x' cannot be used (No such file or directory)"),
        (functools.partial(os.replace, "no", "way"), "'no' or 'way' cannot be used (No such file or directory)"),
        (functools.partial(os.stat, b"no"), "b'no' cannot be used"),
        (functools.partial(os.stat, 5000 * "a"), "(File name too long), expected a file or folder"),
        (functools.partial(refuse, errno.ELOOP, "w"), "'w' cannot be used (Too many levels of symbolic links)"),
        (functools.partial(refuse, errno.ENOSPC), "or what is printed cannot be used (No space left on device)"),
        (functools.partial(refuse, errno.ENOSPC, "w"), "expected a file or folder of yours: free some space."),
        ("a\udcff".encode, "'a\\udcff' has characters that utf-8 lacks, expected text: choose another name."),
    ],
)
def test_what_the_system_refuses_is_one_sentence_with_the_path(tmp_path, monkeypatch, error, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((OSError, UnicodeError)) as raised:
        error()
    found = sentence(raised.value)
    assert said in found and found.endswith(".") and len(found) < 2 * LONGEST


def test_an_endless_word_is_shown_without_its_middle():
    said = sentence(ValueError(f"--n is {16000 * '1'}5, expected less"))
    assert said.startswith("--n is 111") and said.endswith("15, expected less") and len(said) < 2 * LONGEST
    assert sentence(ValueError(" a few words \n")) == "a few words"


@pytest.mark.parametrize(("code", "expected"), [(0, 1), (None, 1), (3, 3), ("bye", 1)])
def test_an_exit_in_the_code_of_a_user_is_no_success(code, expected):
    def command():
        sys.exit(code)

    status, said = ended(command)
    assert status == expected and f"Error: your code ended the process, as sys.exit({code!r}) does, in " in said
    assert "sys.exit(code), expected a result or an error" in said.replace("\n", " ")


@pytest.mark.parametrize("code", [0, 2])
def test_an_exit_of_the_command_line_remains(code):
    assert ended(functools.partial(sys.exit, code)) == (code, "")


def test_an_argument_that_is_refused_by_its_type_is_one_sentence():
    assert ended(functools.partial(finite, "a", "--n")) == (
        1,
        "Error: --n is 'a', expected one finite number: check its value.\n",
    )


def test_a_mistake_of_ours_keeps_its_traceback():
    with pytest.raises(TypeError, match="int"):
        end_well(functools.partial(len, 5), Console(file=io.StringIO()), Silent())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_output_that_cannot_be_written_is_no_success(monkeypatch):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        status, said = ended(functools.partial(print, "x"))
        assert status == 1 and "or what is printed cannot be used (No space left on device)" in " ".join(said.split())


def test_closed_output_is_written_to_by_nobody(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert ended(functools.partial(sys.exit, 0)) == (0, "")
