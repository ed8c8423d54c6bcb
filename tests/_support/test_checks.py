import numpy as np
import pytest

from hetbrian._support.allowed import FINITE
from hetbrian._support.checks import choice, did_you_mean, integers, numbers


def test_a_choice_is_given_back_or_the_nearest_is_named():
    known = {"residual": 1, "capped": 2}
    assert choice("capped", "reset", known) == "capped"
    with pytest.raises(ValueError, match=r"^reset is 'caped', expected residual, capped: did you mean 'capped'\?$"):
        choice("caped", "reset", known)
    with pytest.raises(ValueError, match=r"^reset is None, expected residual, capped: choose one of them\.$"):
        choice(None, "reset", known)


def test_what_is_near_nothing_gets_the_advice():
    assert did_you_mean("etaa", ["eta", "g"]) == ": did you mean 'eta'?"
    assert did_you_mean("x", ["eta", "g"]) == ": check the spelling." and did_you_mean("x", [], "look") == ": look."


@pytest.mark.parametrize(
    "check",
    [numbers, integers, lambda values, name: FINITE.check(name, values)],
    ids=["numbers", "integers", "Allowed"],
)
def test_masked_entries_are_not_taken_for_what_lies_below_the_mask(check):
    with pytest.raises(ValueError, match="x has masked entries, expected numbers alone: leave those out, or fill them"):
        check(np.ma.array([1.0, 2.0, 999.0], mask=[0, 0, 1]), "x")
    check(np.ma.array([1.0, 2.0, 3.0]), "x")
