"""One run of a network: what stops it comes out as it was raised, and how far it is can be shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from brian2 import BrianObjectException, Network, Quantity, prefs

from hetbrian._support.errors import DivergenceError, NetworkError
from hetbrian.simulation.watching import Watcher

STANDALONE_REPORT = r"""
fprintf(stderr, "\r%3.0f %% simulated, about %.0f s left   ", 100*completed,
        completed > 0 ? elapsed*(1 - completed)/completed : 0.0);
if (completed >= 1) fprintf(stderr, "\n");
"""


def run(network: Network, duration: Quantity, **options: Any) -> None:
    """
    Run a network; what Brian2 has wrapped, of a divergence or of Ctrl-C, comes out as it was raised.

    Ctrl-C raises at once, where Brian2 would end the run early and let it look whole.
    """
    gently, prefs.core.stop_on_keyboard_interrupt = prefs.core.stop_on_keyboard_interrupt, False
    try:
        network.run(duration, namespace={}, **options)
    except BrianObjectException as error:
        if isinstance(error.__cause__, (DivergenceError, NetworkError, NotImplementedError, KeyboardInterrupt)):
            raise error.__cause__ from None
        raise
    finally:
        prefs.core.stop_on_keyboard_interrupt = gently
        Network._globally_running = False  # Brian2 leaves it set after an error, and would swallow the next Ctrl-C


@contextmanager
def reporting(is_shown: bool, watcher: Watcher) -> Iterator[Callable[..., None] | None]:
    """Yield Brian2's report callback for a progress bar with the time left and for who watches, or None."""
    if not is_shown and watcher.watch is None:
        yield None
        return
    from hetbrian._support.progress import Bar

    with Bar(1.0, text="simulating") if is_shown else nullcontext() as bar:

        def report(elapsed: Any, completed: float, start: Any, duration: Any) -> None:
            if bar is not None:
                bar.show(completed, f"{completed:.0%} simulated")
            watcher.look(is_last=completed >= 1)

        yield report
