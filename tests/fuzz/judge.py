"""What came of a call with malformed arguments: the time and the memory that it may take, and what it may say."""

import contextlib
import faulthandler
import io
import os
import re
import resource
import signal
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from brian2 import BrianLogger, DimensionMismatchError, prefs, start_scope

from hetbrian._support.errors import DivergenceError
from tests.fuzz.harmless import harmless

SECONDS = 30
"""Time of the processor that one input may take; right ones take below 3 s."""

WAITING = 4
"""How many times as long it may wait, as for a file, or for a machine that does other things too."""

MEMORY = 4 * 2**30
"""Bytes that one input may ask for beyond what the process has."""

PLAIN = (ValueError, TypeError, RuntimeError, OSError, NotImplementedError, ImportError)
"""Errors of Python that may tell users what to do; others, as KeyError, never do."""

OUTCOMES = ("sentence", "correct", "harmless", "raw", "wrong", "without end")


LARGEST_RESULT = 10**6
"""Values of a tensor that is looked through; a larger one may be one number that torch shows as many."""

MAY_BE_NAN = ("lyapunov", "period")
"""Variables that have values at special points only."""


class WithoutEnd(BaseException):
    """The time is over."""


def _over(number, frame):
    raise WithoutEnd


@contextlib.contextmanager
def limited():
    """Let code run for some time, in some memory, without its warnings and what it prints."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    statm = Path("/proc/self/statm")  # of Linux; elsewhere memory has no limit
    pages = int(statm.read_text().split()[0]) if statm.exists() else 0
    timers = {
        signal.SIGALRM: (signal.ITIMER_REAL, WAITING * SECONDS),
        signal.SIGVTALRM: (signal.ITIMER_VIRTUAL, SECONDS),
    }
    handlers = {number: signal.signal(number, _over) for number in timers}
    if pages:
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, before[1]))
    for timer, seconds in timers.values():
        signal.setitimer(timer, seconds, 1)  # again and again: code may catch one
    faulthandler.dump_traceback_later(2 * WAITING * SECONDS, exit=True, file=sys.__stderr__)  # code that is not Python
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        for number, (timer, _) in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, handlers[number])
        resource.setrlimit(resource.RLIMIT_AS, before)


def is_sentence(error, names):
    """Return whether an error is one sentence that names one of the arguments, or the file."""
    said = str(error)
    is_ours = type(error).__module__.startswith("hetbrian.")
    is_known = type(error) in PLAIN or isinstance(error, (OSError, DimensionMismatchError, DivergenceError)) or is_ours
    one_line = "\n" not in said.strip() and len(said) < 1500
    is_named = any(re.search(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", said) for name in names)
    return is_known and one_line and "expected" in said and is_named


def is_sound(result, depth=0):
    """Return whether no number of a result is NaN."""
    if isinstance(result, (float, np.floating)):
        return not np.isnan(result)
    if isinstance(result, np.ndarray):
        return result.dtype.kind not in "fc" or not np.isnan(result).any()
    if type(result).__module__.startswith("torch") and hasattr(result, "isnan"):
        return result.numel() > LARGEST_RESULT or not bool(result.isnan().any())
    if depth > 3:
        return True
    if hasattr(result, "data_vars"):
        return all(
            is_sound(item.values, depth + 1) for name, item in result.variables.items() if name not in MAY_BE_NAN
        )
    if isinstance(result, Mapping):
        return all(is_sound(item, depth + 1) for item in result.values())
    if isinstance(result, (tuple, list)):
        return all(is_sound(item, depth + 1) for item in result)
    return True


def files():
    """Return what lies in the working folder, with sizes."""
    return {
        os.path.join(folder, name): os.lstat(os.path.join(folder, name)).st_size
        for folder, _, names in os.walk(".")
        for name in names
    }


def judge(name, call, forbidden=(), names=(), tags=()):
    """
    Call something and say what came of it.

    Parameters
    ----------
    name : str
        What is called.
    call : callable
        Takes nothing.
    forbidden : iterable of (argument, tag)
        What must not be accepted.
    names : iterable of str
        What an error may name.
    tags : iterable of (argument, tag)
        What the arguments are.

    Returns
    -------
    outcome, said : str
        One of `OUTCOMES`, and what was said or returned.
    """
    start_scope()
    prefs.codegen.target = "numpy"
    BrianLogger.suppress_hierarchy("brian2")
    before = files()
    try:
        with limited():
            result = call()
    except WithoutEnd:
        return "without end", ""
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        left = files().keys() - before.keys()
        if left:
            return "wrong", f"left {sorted(left)} and raised {said}"
        return ("sentence" if is_sentence(error, names) else "raw"), said
    said = repr(type(result))
    is_right = not forbidden and is_sound(result)
    if is_right:
        return "correct", said
    return ("harmless" if harmless(name, tags) else "wrong"), said if forbidden else f"NaN in {said}"
