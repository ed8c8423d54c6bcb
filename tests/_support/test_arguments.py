"""Arguments are declared once and checked before anything runs."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from brian2 import DimensionMismatchError, ms, mV, second

from hetbrian._support import checks
from hetbrian._support.allowed import Allowed
from hetbrian._support.arguments import array, checked, either, of, one_of, optional, quantity

RUNS = []


@checked(n=checks.count, width=quantity(second, checks.positive), kind=one_of("a", "b"))
def used(n, width=None, kind="a"):
    """Keep what came."""
    RUNS.append((n, width, kind))
    return n


@checked(rate=checks.not_negative)
@dataclass(frozen=True)
class Settings:
    rate: float = 1.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": 0}, ValueError, "n is 0, expected an integer of at least 1: give a positive count"),
        ({"n": True}, ValueError, "n is True, expected an integer of at least 1"),
        ({"n": 2**31}, ValueError, "n is 2147483648, expected at most 2147483647: give a smaller count"),
        ({"n": 1, "width": -1 * ms}, ValueError, "width is -1. ms, expected more than 0"),
        ({"n": 1, "width": 3 * mV}, DimensionMismatchError, "width is 3. mV, expected a quantity in s: check its unit"),
        ({"n": 1, "width": "a"}, TypeError, "width is 'a', expected one finite number"),
        ({"n": 1, "width": 1j}, TypeError, "width is 1j, expected one finite number"),
        ({"n": 1, "kind": None}, ValueError, "kind is None, expected a, b: choose one of them"),
        ({"n": 1, "kind": ["a"]}, ValueError, r"kind is \['a'\], expected a, b"),
    ],
)
def test_a_malformed_argument_is_named_before_anything_runs(arguments, error, message):
    before = list(RUNS)
    with pytest.raises(error, match=message):
        used(**arguments)
    assert before == RUNS


class Made:
    @checked(n=checks.count)
    def __init__(self, n, *, width=None):
        self.n = n

    @checked(n=checks.count)
    def grown(self, n):
        return self.n + n

    @classmethod
    @checked(n=checks.count)
    def of(cls, n):
        return cls(n)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: used(),
            r"^used\(\) is a call with no argument 'n', expected used\(n, width, kind\): ",
        ),
        (lambda: used(1, 2, "a", 4), r"^used\(1, 2, 'a', 4\) is a call with too many positional arguments, expected"),
        (lambda: used(1, n=2), r"^used\(1, n=2\) is a call with multiple values for argument 'n', expected used\("),
        (lambda: used(1, widht=2), r"an unexpected keyword argument 'widht', expected .*: did you mean 'width'\?$"),
        (lambda: used(1, zz=2), r"an unexpected keyword argument 'zz', expected .*: check the spelling\.$"),
        (lambda: used(*range(9)), r"^used\(0, 1, 2, 3, 4, 5, 6, 7, \.\.\.\) is a call"),
        (lambda: used("x" * 1000, zz=4), r"^used\('x{76}\.\.\., zz=4\) is a call"),
        (
            lambda: Made(1, 2),
            r"^Made\(1, 2\) is a call with .*, expected Made\(n, \*, width\): give each once, and those",
        ),
        (lambda: Made(1).grown(), r"^Made.grown\(\) is a call with .*, expected Made.grown\(n\): give each once"),
        (lambda: Made.of(), r"^Made.of\(\) is a call with .*, expected Made.of\(n\): give each once"),
    ],
)
def test_arguments_that_do_not_fit_are_one_sentence_that_names_the_function(call, message):
    before = list(RUNS)
    with pytest.raises(TypeError, match=message) as raised:
        call()
    assert "\n" not in str(raised.value) and before == RUNS


def test_defaults_and_right_arguments_pass():
    assert used(3) == 3 and used(4, None, kind="b") == 4 and used(5, 2 * ms) == 5
    assert [n for n, *_ in RUNS[-3:]] == [3, 4, 5]


def test_a_class_checks_what_its_constructor_gets():
    assert replace(Settings(), rate=2.0).rate == 2.0
    with pytest.raises(ValueError, match="rate is -1, expected 0 or more: give no negative value"):
        replace(Settings(), rate=-1)


def test_a_rule_without_argument_is_a_mistake_of_ours():
    with pytest.raises(KeyError, match="other"):
        checked(other=checks.count)(lambda n: n)


@pytest.mark.parametrize(
    ("rule", "value", "message"),
    [
        (optional(checks.text), 3, "x is 3, expected a str: put it in quotes"),
        (either(quantity(second), checks.finite), 3 * mV, "x is 3. mV, expected a number without unit"),
        (of(int, str), 1.5, "x is 1.5, expected a int or str: give one"),
        (array(None, 1), np.ones((2, 2)), r"x has the shape \(2, 2\), expected 1 axes: reshape it"),
        (array(), [[1], [1, 2]], r"x is \[\[1\], \[1, 2\]\], expected real numbers: give an array of them"),
        (array(), [1j], r"x is \[1j\], expected real numbers"),
        (array(least=1), [], "x has 0 numbers, expected at least 1: give more"),
        (array(second), [1, 2] * mV, "x is .*, expected a quantity in s: check its unit"),
        (checks.flag, "no", "x is 'no', expected True or False: give one of them"),
        (checks.function, 3, "x is 3, expected a function: give one, not what it returns"),
        (checks.file_path, "", "x is '', expected the name of a file or folder"),
        (checks.file_path, 3, "x is 3, expected the name of a file or folder"),
        (checks.object_name, "a b", "x is 'a b', expected a name of letters, digits and _: choose another"),
        (checks.stream_seed, -1, "x is -1, expected an integer from 0 to 4294967295: round or limit it"),
        (checks.integers, [0.5], r"x is \[0.5\], expected whole numbers: round them"),
        (Allowed("0 < x", "give one", low=0.0), "a", "x is 'a', expected 0 < x: give one"),
    ],
)
def test_rules_name_what_they_refuse(rule, value, message):
    with pytest.raises((ValueError, TypeError, DimensionMismatchError), match=message):
        rule(value, "x")


def test_rules_let_pass_what_is_right():
    for rule, value in (
        (optional(checks.text), None),
        (either(quantity(second), checks.finite), 3.0),
        (array(second, 1), [1, 2] * ms),
        (checks.integers, []),
        (checks.file_path, "a"),
        (checks.object_name, "a*"),
        (Allowed("0 < x", "give one", low=0.0, unit=second), 3 * ms),
    ):
        rule(value, "x")
    assert checks.few_enough(2.6, "x") == 3 and checks.numbers([1, 2] * ms, "x", second).tolist() == [1e-3, 2e-3]


def test_shapes_and_sizes_that_do_not_go_together_are_named():
    with pytest.raises(ValueError, match=r"the shapes are a \(2,\), b \(3,\), expected shapes that go together"):
        checks.check_broadcast(a=np.ones(2), b=np.ones(3))
    with pytest.raises(ValueError, match=r"x makes 1e.10 values, expected at most 2147483647: give another"):
        checks.few_enough(1e10, "x")


def test_a_value_is_shown_on_one_line_whatever_it_is():
    class Rude:
        def __repr__(self):
            raise RuntimeError

    assert checks.shown("a\nb") == "'a\\nb'" and len(checks.shown("x" * 1000)) == 80
    assert checks.shown(Rude()) == "a Rude that cannot be written (RuntimeError)"
    assert checks.shown(10**5000) == "a int that cannot be written (ValueError)"
