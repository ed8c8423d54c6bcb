"""How the command line ends: well, stopped, or with one sentence for a mistake of the user."""

import errno
import os
import re
import sys
from collections.abc import Callable

from brian2.units.fundamentalunits import DimensionMismatchError
from rich.console import Console
from rich.text import Text

from hetbrian._support.compiler import CompilerError
from hetbrian._support.errors import DivergenceError, MissingDevice
from hetbrian._support.lines import raised_by, traceback_of_user, user_lines
from hetbrian._support.stop import Stop

EXPECTED = (
    ValueError,
    OSError,
    ImportError,
    DimensionMismatchError,
    CompilerError,
    DivergenceError,
    MissingDevice,
    NotImplementedError,
)
"""Errors that tell users what they can do; others show the user's lines, or keep the traceback of our mistake."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a system answers if there is no room."""

LONGEST = 300
"""Characters of a word, as a path, that is shown whole."""


def end_well(command: Callable[[], object], console: Console, stop: Stop) -> None:
    """
    Run a command and end the process: errors of the user end in one sentence and status 1, signals in theirs.

    Parameters
    ----------
    command : callable
        Takes nothing, and raises `SystemExit` at its end.
    console : rich.console.Console
        Where the sentence is said.
    stop : Stop
        Hears signals.

    Raises
    ------
    SystemExit
        With the status.
    """
    try:
        try:
            command()
        finally:
            if sys.stdout is not None:  # it was closed before
                sys.stdout.flush()  # here, where it can be said that it failed
    except BaseException as error:
        if stop.number:
            stop.leave(error)
        if isinstance(error, SystemExit) and raised_by(error) != "user":
            raise
        _forget_output()
        said = Text.assemble(("Error:", "bold red"), " ", sentence(error))
        if not isinstance(error, (*EXPECTED, SystemExit)) or (
            isinstance(error, Exception) and raised_by(error) == "user"
        ):
            lines = traceback_of_user(error)
            if not lines and not (isinstance(error, TypeError) and ", expected " in str(error)):
                raise
            said = Text(lines) if lines else said
        console.print(said, highlight=False, soft_wrap=True)
        code = error.code if isinstance(error, SystemExit) else 1
        sys.exit(code if isinstance(code, int) and code else 1)


def sentence(error: BaseException) -> str:
    """Return what to tell of an error: what it says, or for those of the system what path they are about."""
    return re.sub(rf"\S{{{LONGEST},}}", _without_middle, _said(error))


def _said(error):
    if isinstance(error, SystemExit):
        where = "; ".join(user_lines(error)[-1:])
        return (
            f"your code ended the process, as sys.exit({error.code!r}) does, in {where}, expected a result or an "
            "error: raise one that says what is wrong."
        )
    if isinstance(error, OSError) and error.errno:
        paths = [repr(path) for path in (error.filename, error.filename2) if path is not None]
        advice = "free some space" if error.errno in FULL else "check it and its rights"
        what = " or ".join(paths) or "a file, a connection or what is printed"
        return f"{what} cannot be used ({os.strerror(error.errno)}), expected a file or folder of yours: {advice}."
    if isinstance(error, UnicodeEncodeError):
        return f"{error.object!r} has characters that {error.encoding} lacks, expected text: choose another name."
    return str(error).strip()


def _without_middle(found: re.Match[str]) -> str:
    return f"{found[0][: LONGEST // 2]}...{found[0][-LONGEST // 2 :]}"


def _forget_output() -> None:
    """Let nothing more be written where it failed, as Python would try at its end."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
