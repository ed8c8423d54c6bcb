"""Tell an interrupt that came from outside from one that a point raises itself."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def watched() -> Iterator[Callable[[], bool]]:
    """
    Yield what tells whether a signal has come since, as Ctrl-C, a request to end or an alarm.

    Python notes each signal in a pipe before its handler runs, whichever that is by then: Brian2 and Lightning have
    their own. Signals are the first thread's; in another one none comes.

    Yields
    ------
    callable
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    read, write = os.pipe()
    for end in (read, write):
        os.set_blocking(end, False)
    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    found = bytearray()

    def come() -> bool:
        with suppress(BlockingIOError):
            found.extend(os.read(read, 4096))
        return bool(found)

    try:
        yield come
    finally:
        signal.set_wakeup_fd(before)
        if come() and before != -1:  # an event loop's, which waits for it
            os.write(before, found)
        for end in (read, write):
            os.close(end)
