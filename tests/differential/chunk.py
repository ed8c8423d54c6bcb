"""Models of one seed, until one fails, which is then made smaller."""

import contextlib
import gc
import warnings
from collections import Counter
from unittest import mock

from brian2 import BrianLogger, prefs, start_scope
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.internal.conjecture import providers

from tests.differential.checks import check
from tests.differential.models import models


def check_models(number: int, count: int, n_fused: int = 0) -> dict:
    """
    Check the models of a seed.

    Parameters
    ----------
    number : int
        The seed.
    count : int
        How many models.
    n_fused : int
        How many of them, the first, are compiled for the fused cell too.

    Returns
    -------
    dict
        ``outcomes`` of all models, those of each construct in ``constructs``, and the ``failure`` with the smallest
        model that shows it, if there is one.
    """
    outcomes: Counter = Counter()
    constructs: dict[str, Counter] = {}
    last: list = []

    @seed(number)
    @settings(
        max_examples=count,
        phases=[Phase.generate, Phase.shrink],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    @given(models())
    def equal_or_refused(drawn):
        model, names = drawn
        last[:] = [model]
        start_scope()
        outcome = check(model, fused=outcomes.total() < n_fused)
        outcomes[outcome] += 1
        for name in names:
            constructs.setdefault(name, Counter())[outcome] += 1

    failure = ""
    BrianLogger.suppress_hierarchy("brian2")
    prefs.codegen.target = "numpy"
    gc.collect()
    gc.freeze()  # each run of Brian2 collects, which would look at every library again
    with warnings.catch_warnings(), _the_same_everywhere():
        warnings.simplefilter("ignore")  # of numpy, for infinite numbers
        try:
            equal_or_refused()
        except Exception as error:  # any error of ours is a failure, and the smallest model ran last
            failure = f"{type(error).__name__}: {error}\n{last[0]!r}"
    gc.unfreeze()
    return {"seed": number, "outcomes": outcomes, "constructs": constructs, "failure": failure}


@contextlib.contextmanager
def _the_same_everywhere():
    """Let a seed be the same models whatever was imported: hypothesis draws numbers from our modules too."""
    with mock.patch.object(providers, "_get_local_constants", lambda: providers.Constants()):
        providers.CONSTANTS_CACHE.cache.clear()
        yield
    providers.CONSTANTS_CACHE.cache.clear()
