"""What ``--help`` shows beside what typer knows: the protocols, their options and their sizes."""

from collections.abc import Iterable
from types import ModuleType

from rich.table import Table

from hetbrian.study.options import described, written
from hetbrian.study.protocol import headline, protocols
from hetbrian.study.sweeps import COUNT_ONLY, Counted


def protocols_table() -> Table:
    """Return the protocols that can be called by name, with a line each."""
    table = Table("protocol", "what it computes", caption="hetbrian run NAME --help shows the options of one")
    for name, path in protocols().items():
        table.add_row(name, headline(path))
    return table


def options_table(title: str, rows: Iterable[tuple[str, str, str, str]]) -> Table:
    """
    Return options as a table.

    Parameters
    ----------
    title : str
    rows : iterable of (str, str, str, str)
        Of `hetbrian.study.options.described`.

    Returns
    -------
    rich.table.Table
    """
    rows = list(rows)
    has_small = any(small for _, _, small, _ in rows)
    table = Table("option", "default", *(["--small"] if has_small else []), "what it is", title=title)
    for name, default, small, text in rows:
        table.add_row(f"--{name}", default, *([small] if has_small else []), text)
    return table


def protocol_table(module: ModuleType) -> Table:
    """Return options and size of a protocol."""
    table = options_table(f"Options of {module.__name__.rpartition('.')[2]}", described(module))
    table.caption = size(module)
    return table


def size(module: ModuleType) -> str:
    """
    Return how much a protocol computes by default and at its small size, in words.

    Parameters
    ----------
    module : module
        The protocol. One that sweeps is counted; another may have a text ``SIZE``.

    Returns
    -------
    str
        Empty if it says nothing.
    """
    if not callable(getattr(module, "point", None)):
        return str(getattr(module, "SIZE", ""))
    small = getattr(module, "SMALL", None)
    found = _counted(module, {})
    if small is not None and found:
        found += f"; --small: {_counted(module, small)}"
    return found


def _counted(module, arguments):
    """Return the number of points of a protocol's first sweep, and how long each is simulated."""
    token = COUNT_ONLY.set(True)
    try:
        module.compute(**arguments)
    except Counted as counted:
        (number,) = counted.args
    except Exception:  # it needs data or a package that is not here; its options are shown all the same
        return ""
    else:
        return ""
    finally:
        COUNT_ONLY.reset(token)
    defaults = {name: default for name, default, _, _ in described(module)}
    length = written(arguments["duration"]) if "duration" in arguments else defaults.get("duration", "")
    return f"{number} runs" + (f" of {length}" if length else "")
