"""How far something is: a bar in a terminal, a line now and then in a log file, the time left."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, Self, TextIO

from rich.progress import BarColumn, Progress, TextColumn

from hetbrian._support.consoles import plain

INTERVAL = 30.0
"""Seconds between two lines where there is no terminal to draw a bar in."""


class Bar:
    """
    Show a bar in a terminal, and a line now and then in a log file; a context manager.

    Parameters
    ----------
    total : float
        What there is to do.
    done : int
        What was done before: it counts, but not for the time left.
    text : str
        What is said before anything more is done.
    stream : file, optional
        Where to write, by default stderr.
    """

    def __init__(self, total: float, done: int = 0, text: str = "", stream: TextIO | None = None) -> None:
        self.total, self._before = total, done
        self.done: float = done
        self._console = plain(file=stream or sys.stderr)
        columns = TextColumn("{task.description}", markup=False), BarColumn()
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._start = self._shown = time.monotonic()
        self._task = self._bar.add_task(text, total=total, completed=done)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def show(self, done: float, text: str) -> None:
        """Say how much is done, and the time left."""
        self.done = done
        if self._console.is_terminal:
            self._bar.update(self._task, description=text + self.left(), completed=done)
        elif time.monotonic() - self._shown > INTERVAL:
            self._shown = time.monotonic()
            self.say(text + self.left())

    def say(self, text: str) -> None:
        """Write a line that stays."""
        self._console.print(text, highlight=False, soft_wrap=True)

    def rate(self) -> float:
        """Return what was done in a second so far."""
        return (self.done - self._before) / max(time.monotonic() - self._start, 1e-9)

    def left(self) -> str:
        """Return the time left as the end of a line, nothing as long as it is unknown."""
        return f", {duration((self.total - self.done) / self.rate())} left" if self.done > self._before else ""


def track(items: Iterable[Any], text: str, total: int) -> Iterator[Any]:
    """Yield items and show how many of them there were."""
    with Bar(total, text=text) as bar:
        for number, item in enumerate(items):
            bar.show(number, f"{text}, {number} of {total}")
            yield item


class SweepProgress(Bar):
    """
    Show how many points of a grid are computed.

    Parameters
    ----------
    total : int
        Points of the grid.
    done, failed : int
        Those that were there at the start: they count, but not for the rate.
    stream : file, optional
        Where to write, by default stderr.
    """

    def __init__(self, total: int, done: int = 0, failed: int = 0, stream: TextIO | None = None) -> None:
        self._points = done, failed
        super().__init__(total, done + failed, f"{done} of {total} points, {failed} failed", stream)

    def update(self, done: int, failed: int) -> None:
        """Take the numbers of points and show them."""
        self._points, self.done = (done, failed), done + failed
        self.show(self.done, self.text())

    def text(self) -> str:
        """Return the numbers of points and the rate."""
        done, failed = self._points
        said = f"{done} of {self.total} points, {failed} failed"
        return said + (f", {self.rate():.3g} points/s" if self.done > self._before else "")


def duration(seconds: float) -> str:
    """
    Return a time as text in one or two units.

    Parameters
    ----------
    seconds : float

    Returns
    -------
    str

    Examples
    --------
    >>> duration(42), duration(600), duration(8000), duration(300_000)
    ('42 s', '10 min', '2 h 13 min', '3 days')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes >= 48 * 60:
        return f"{minutes / 1440:.0f} days"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
