"""How far a sweep is: points done and failed, rate, time left."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

INTERVAL = 30.0
"""Seconds between two lines where there is no terminal to draw a bar in."""


class SweepProgress:
    """
    Show a bar in a terminal, and a line now and then in a log file; a context manager.

    Parameters
    ----------
    total : int
        Points of the grid.
    done, failed : int
        Those that were there at the start: they count, but not for the rate.
    stream : file, optional
        Where to write, by default stderr.
    """

    def __init__(self, total, done=0, failed=0, stream=None):
        self.total, self.done, self.failed = total, done, failed
        self._console = Console(file=stream or sys.stderr)
        self._bar = Progress(TextColumn("{task.description}"), BarColumn(), console=self._console, transient=True)
        self._start = self._shown = time.monotonic()
        self._at_start = done + failed

    def __enter__(self):
        if self._console.is_terminal:
            self._bar.start()
        self._task = self._bar.add_task(self.text(), total=self.total, completed=self.done + self.failed)
        return self

    def __exit__(self, *error):
        self._bar.stop()

    def update(self, done, failed):
        """Take the numbers of points and show them."""
        self.done, self.failed = done, failed
        if self._console.is_terminal:
            self._bar.update(self._task, description=self.text(), completed=done + failed)
        elif time.monotonic() - self._shown > INTERVAL:
            self._shown = time.monotonic()
            self.say(self.text())

    def say(self, text):
        """Write a line that stays."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def text(self):
        """Return the state as one line."""
        finished = self.done + self.failed
        said = f"{self.done} of {self.total} points, {self.failed} failed"
        elapsed = time.monotonic() - self._start
        if finished > self._at_start:
            rate = (finished - self._at_start) / elapsed
            said += f", {rate:.3g} points/s, {duration((self.total - finished) / rate)} left"
        return said


def duration(seconds):
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
    >>> duration(42), duration(600), duration(8000)
    ('42 s', '10 min', '2 h 13 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
