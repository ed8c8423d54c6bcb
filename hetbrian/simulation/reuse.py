"""A built program that one point of a sweep leaves open for the next."""

import atexit
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from brian2 import Network, Quantity, second

from hetbrian._support.arguments import checked, quantity
from hetbrian._support.checks import function, positive
from hetbrian.simulation.program import Program


class _Kept:
    """The one program that this process keeps open; Brian2 has one device per process."""

    def __init__(self) -> None:
        self.enabled = False
        self.program: Any = None
        self.key: Any = None

    def close(self):
        """Close the program, if there is one."""
        if self.program is not None:
            self.program.__exit__(None, None, None)
        self.program = self.key = None


KEPT = _Kept()
atexit.register(KEPT.close)


@contextmanager
@checked(
    model=function,
    duration=quantity(second, positive),
)
def reused(model: Callable[..., Network], duration: Quantity, **options: Any) -> Iterator[Program]:
    """
    Yield an open `Program`; in a worker of a sweep it stays open, and the next point with the same arguments gets it.

    Elsewhere it is closed at the end. Points that differ in the values of `Program.run`, or in the seed if that only
    draws other numbers, then neither build nor compile.

    Parameters
    ----------
    model : callable
        See `Program`.
    duration : Quantity [second]
        Simulated time.
    **options
        Other arguments of `Program`.

    Yields
    ------
    Program
    """
    if not KEPT.enabled:
        with Program(model, duration, **options) as program:
            yield program
        return
    seed = options.get("seed", 0)
    key = _key(model, duration, {name: value for name, value in options.items() if name != "seed"})
    if key is None or KEPT.key != key or not KEPT.program.holds(seed):
        KEPT.close()
        KEPT.program = Program(model, duration, **options)
        try:
            KEPT.program.__enter__()
        except BaseException:
            KEPT.program = None
            raise
        KEPT.key = key
    yield KEPT.program


def _key(model, duration, options):
    """Return what tells programs apart, or None if an option has no definite form."""
    try:
        return model, pickle.dumps((float(duration), sorted(options.items())))
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
