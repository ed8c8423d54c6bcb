"""What Ctrl-C and a request to end do to the command line."""

import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what a system or a scheduler asks with."""


class Stop:
    """
    Stop at once for Ctrl-C or for a request to end; Brian2 would end the simulation early, as if it were whole.

    It listens from when it is made, to SIGINT too where a shell lets background jobs ignore it.

    Attributes
    ----------
    number : int
        The signal that came, 0 for none.
    """

    number = 0

    def __init__(self) -> None:
        for number in SIGNALS:
            signal.signal(number, self)

    def __call__(self, number: int, frame: object) -> None:
        self.number = number
        raise KeyboardInterrupt

    def end(self) -> None:
        """Hear no more: the process ends."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def say(self, error: BaseException | None) -> str:
        """Return what to tell of an error that came from it, as of a compiler that was stopped too."""
        while error is not None:
            if isinstance(error, KeyboardInterrupt) and str(error):
                return str(error)
            error = error.__cause__ or error.__context__
        return "Stopped; nothing was written."
