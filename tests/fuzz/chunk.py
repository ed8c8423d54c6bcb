"""Random malformed arguments of one call, files of one format and lines of one command."""

import os
import tempfile
from collections import Counter
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.entries import call
from tests.fuzz.judge import judge
from tests.fuzz.values import FORBIDDEN, kind_of, malformed


@contextmanager
def in_a_folder():
    """Work in a folder of its own."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def drawn(strategy, number, count, check):
    """Let a function check values of a strategy that a seed draws."""

    @seed(number)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data):
        check(data.draw(strategy()))

    run()


def summed(number, found):
    """Return what a chunk keeps: how often each outcome came, and what was none of the right ones."""
    outcomes = Counter(outcome for outcome, *_ in found)
    wrong = [item for item in found if item[0] in ("raw", "wrong", "without end")]
    return {"seed": number, "outcomes": outcomes, "failures": [" | ".join(map(str, item)) for item in wrong]}


def check_call(name: str, number: int, count: int) -> dict:
    """
    Call something with arguments of which one or two are malformed.

    Parameters
    ----------
    name : str
        An entry of `tests.fuzz.entries.CALLS`.
    number : int
        The seed.
    count : int
        How often.

    Returns
    -------
    dict
        ``outcomes`` and ``failures``.
    """
    found = []
    with in_a_folder():
        right = call(name).right()

    @st.composite
    def changes(draw):
        chosen = draw(st.lists(st.sampled_from(sorted(right)), min_size=1, max_size=2, unique=True))
        return {argument: draw(malformed(right[argument])) for argument in chosen}

    def check(changed):
        with in_a_folder():
            made = call(name)
            tags = [(argument, item.tag) for argument, item in changed.items()]
            forbidden = [
                (argument, tag)
                for argument, tag in tags
                if tag in FORBIDDEN[kind_of(right[argument])] and not (tag == "none" and made.may_be_none(argument))
            ]
            names = [word for argument in changed for word in (argument, *made.says.get(argument, ()))]
            arguments = {**made.arguments, **{argument: item.value for argument, item in changed.items()}}
            outcome, said = judge(name, lambda: made.function(**arguments), forbidden, names, tags)
            found.append((outcome, name, changed, said))

    drawn(changes, number, count, check)
    return summed(number, found)


def check_right(name: str) -> tuple[str, str]:
    """Call something with right arguments; return what came of it."""
    with in_a_folder():
        made = call(name)
        return judge(name, lambda: made.function(**made.arguments))
