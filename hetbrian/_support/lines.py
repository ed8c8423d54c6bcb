"""The lines of a user's code from which an error came, without those of hetbrian and of other packages."""

import linecache
import traceback
from pathlib import Path
from types import CodeType

from hetbrian._support.installed import is_installed

PACKAGE = Path(__file__).resolve().parents[1]

SENT = ", sent by the sweep>"
"""How the file name of a module ends whose text travelled."""


def owner(file: str) -> str:
    """Return whose a file is, by the name that its code bears: ``hetbrian``, ``user``, or empty for other packages."""
    if file.endswith(SENT):
        return "user"
    if file.startswith("<"):  # generated, or part of Python
        return ""
    path = Path(file).resolve()
    if path.is_relative_to(PACKAGE):
        return "hetbrian"
    return "" if is_installed(path) else "user"


def raised_by(error: BaseException) -> str:
    """Return `owner` of the innermost code that is the user's or hetbrian's; empty if there is none."""
    owners = [owner(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    return next(filter(None, reversed(owners)), "")


def traceback_of_user(error: BaseException) -> str:
    """
    Return the traceback of an error, and of those that it came from, with the user's lines only.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    str
        Empty if no line of the user's has part in it.
    """
    shown: traceback.TracebackException | None = traceback.TracebackException.from_exception(error)
    whole, found = shown, isinstance(error, SyntaxError) and owner(str(error.filename)) == "user"
    seen: set[int] = set()
    while shown is not None and id(shown) not in seen:
        seen.add(id(shown))
        lines = [frame for frame in shown.stack if owner(frame.filename) == "user"]
        found = found or bool(lines)
        shown.stack = traceback.StackSummary.from_list(lines)
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)
    assert whole is not None
    return "".join(whole.format()).strip() if found else ""


def user_lines(error: BaseException) -> list[str]:
    """
    Return the user's lines, the innermost last, in words that are the same wherever they run.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    list of str
    """
    return [
        f"{_module(frame.f_code, frame.f_globals)}, line {number}: "
        f"{linecache.getline(frame.f_code.co_filename, number, frame.f_globals).strip()}"
        for frame, number in traceback.walk_tb(error.__traceback__)
        if owner(frame.f_code.co_filename) == "user"
    ]


def _module(code: CodeType, names: dict[str, object]) -> str:
    """Return the name of a module, which travels under the name of its file if it is a script."""
    name = str(names.get("__name__"))
    return f"{Path(code.co_filename).stem if name == '__main__' else name}.{code.co_qualname}"
