import warnings
from collections import Counter

import pytest
from brian2 import BrianLogger
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.differential.checks import check
from tests.differential.models import models

OPTIONS = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck), "print_blob": False, "report_multiple_bugs": False}


def run(number, count, fused=False):
    """Check so many models of a seed and return how many had which outcome; a failure is made smaller and raised."""
    outcomes: Counter = Counter()

    @seed(number)
    @settings(max_examples=count, phases=[Phase.generate, Phase.shrink], **OPTIONS)
    @given(models())
    def every_model_is_equal_or_refused(drawn):
        model, _ = drawn
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of numpy, for infinite numbers
            outcomes[check(model, fused)] += 1

    BrianLogger.suppress_hierarchy("brian2")
    every_model_is_equal_or_refused()
    return outcomes


def test_two_hundred_models_are_equal_or_refused():
    outcomes = run(1, 200)
    assert outcomes["accepted"] >= 0.6 * (outcomes.total() - outcomes["invalid"]), outcomes


@pytest.mark.slow
def test_models_are_equal_in_the_fused_cell():
    assert run(2, 10, fused=True).total() >= 10
