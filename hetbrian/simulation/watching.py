"""Who looks at a computation while it goes on: rarely enough that nobody waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

    Watch = Callable[[xr.Dataset], Any]

WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)
"""What ``hetbrian run --watch`` wants to see of the runs in this process: ``watch(dataset)`` gets what is recorded."""

LEAST = 2.0
"""Seconds between two looks."""

SHARE = 20
"""What looking took is one part in so many of the time until the next look."""


class Watcher:
    """
    Call a function with the Dataset so far, for at most a twentieth of the time.

    Parameters
    ----------
    watch : callable, optional
        ``watch(dataset)``; without one there is nothing to look at.
    dataset : callable
        ``dataset()`` returns what is there.
    """

    def __init__(self, watch: Watch | None, dataset: Callable[[], xr.Dataset]) -> None:
        self.watch, self.dataset = watch, dataset
        self._next = 0.0

    def look(self, is_last: bool = False) -> None:
        """Call the function, if it is time or the last time."""
        if self.watch is not None and (is_last or time.monotonic() >= self._next):
            start = time.monotonic()
            self.watch(self.dataset())
            took = time.monotonic() - start
            self._next = start + max(LEAST, SHARE * took)
