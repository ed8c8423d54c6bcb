"""What Ctrl-C, a request to end and a terminal that goes away do to the command line."""

import signal
import sys
from typing import NoReturn

from hetbrian._support.scratch import remove_own

SIGNALS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
"""Ctrl-C, what a system or a scheduler asks with, and the end of a terminal."""


class Stop:
    """
    Stop at once for Ctrl-C or for a request to end; Brian2 would end the simulation early, as if it were whole.

    It listens to SIGINT too where a shell lets background jobs ignore it, but not to SIGHUP where ``nohup`` lets a job
    ignore that.

    Attributes
    ----------
    number : int
        The signal that came, 0 for none.
    """

    number = 0

    def listen(self) -> None:
        """Hear signals, and nobody else: what is imported may have put handlers of its own in front."""
        for number in SIGNALS:
            if number in (signal.SIGINT, signal.SIGTERM) or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self)

    def __call__(self, number: int, frame: object) -> None:
        self.number = number
        raise KeyboardInterrupt

    def end(self) -> None:
        """Hear no more: the process ends."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def leave(self, error: BaseException | None) -> NoReturn:
        """End the process after a signal: remove what it made, say what is kept, and give the status of the signal."""
        self.end()
        remove_own()
        print(self.say(error), file=sys.stderr, flush=True)
        sys.exit(128 + self.number)

    def say(self, error: BaseException | None) -> str:
        """Return what to tell of an error that came from it, as of a compiler that was stopped too."""
        while error is not None:
            if isinstance(error, KeyboardInterrupt) and str(error):
                return str(error)
            error = error.__cause__ or error.__context__
        return "Stopped; nothing unfinished was written."
