import pytest

from hetbrian._support.checks import choice, did_you_mean


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
