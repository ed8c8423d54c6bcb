"""A few malformed inputs of everything public, of every format and command; ``make fuzz`` has thousands."""

import re

import numpy as np
import pytest

from hetbrian import cli
from tests.fuzz.calls import public
from tests.fuzz.chunk import check_call, check_right
from tests.fuzz.commands import COMMANDS, check_command
from tests.fuzz.entries import CALLS, EXEMPT, reason
from tests.fuzz.formats import FORMATS, check_format
from tests.fuzz.judge import is_sentence, judge

FEW = 4


def test_everything_public_is_called_or_says_why_not():
    known = public()
    assert not [name for name in known if name not in CALLS and not reason(name)]
    assert not [name for name in CALLS if name not in known or reason(name)]
    assert not [pattern for pattern in EXEMPT if not any(re.fullmatch(pattern, name) for name in known)]


def test_every_command_has_lines():
    names = {item.name or item.callback.__name__ for item in cli.app.registered_commands}
    for group in cli.app.registered_groups:
        names |= {f"{group.name} {item.name}" for item in group.typer_instance.registered_commands}
    assert names == COMMANDS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_malformed_arguments_get_one_sentence_or_a_right_result(name):
    outcome, said = check_right(name)
    assert outcome == "correct", said
    found = check_call(name, 0, FEW)
    assert not found["failures"] and found["outcomes"].total() == FEW, found["failures"]


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files_get_one_sentence_or_a_right_result(name):
    found = check_format(name, 0, FEW)
    assert not found["failures"] and found["outcomes"].total() == FEW, found["failures"]


@pytest.mark.parametrize("name", COMMANDS)
def test_malformed_lines_get_one_sentence_or_a_right_result(name):
    found = check_command(name, 0, FEW)
    assert not found["failures"] and found["outcomes"].total() == FEW, found["failures"]


@pytest.mark.parametrize(
    ("call", "forbidden", "outcome"),
    [
        (lambda: [][1], (), "raw"),
        (lambda: np.ones(2) + np.ones(3), (), "raw"),
        (lambda: float("a"), (), "raw"),
        (lambda: None, (("n", "none"),), "wrong"),
        (lambda: float("nan"), (), "wrong"),
        (lambda: 1.0, (), "correct"),
    ],
)
def test_the_judge_finds_what_is_wrong(call, forbidden, outcome, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert judge("x", call, forbidden, ["n"])[0] == outcome


def test_the_judge_finds_what_is_left_and_what_does_not_end(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tests.fuzz.judge.SECONDS", 0.1)

    def half():
        (tmp_path / "half").write_text("x")
        raise ValueError("n is 1, expected 2: give it.")

    def endless():
        while True:
            pass

    assert judge("x", half, (), ["n"])[0] == "wrong"
    assert judge("x", endless, (), ["n"])[0] == "without end"


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (ValueError("width is -1, expected more than 0: give a positive value."), True),
        (ValueError("height is -1, expected more than 0: give a positive value."), False),
        (ValueError("width is -1"), False),
        (ValueError("width is -1,\nexpected more than 0"), False),
        (KeyError("width is -1, expected more than 0: give a positive value."), False),
    ],
)
def test_a_sentence_names_the_argument_and_what_is_expected(error, is_one):
    assert is_sentence(error, ["width"]) == is_one
