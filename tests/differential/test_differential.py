import pytest

from tests.differential.chunk import check_models


def test_two_hundred_models_are_equal_or_refused():
    found = check_models(1, 200)
    outcomes = found["outcomes"]
    assert not found["failure"], found["failure"]
    assert outcomes["accepted"] >= 0.6 * (outcomes.total() - outcomes["invalid"]) > 100, outcomes


@pytest.mark.slow
def test_models_are_equal_in_the_fused_cell():
    found = check_models(2, 10, n_fused=10)
    assert not found["failure"] and found["outcomes"].total() >= 10, found["failure"]
