"""Protocol files: find them, import them, and call what they define."""

import ast
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from hetbrian._support.checks import did_you_mean
from hetbrian.simulation.program import CODEGEN_ONLY, Generated

CHECKOUT = Path(__file__).resolve().parents[2]
"""The folder that holds hetbrian."""


def find_protocol(name: str, folder: str | Path | None = None) -> Path:
    """
    Return the file of a protocol.

    Parameters
    ----------
    name : str
        A path to a Python file, or the name of a file in ``protocols/`` of the checkout we are in.
    folder : path-like, optional
        Where to look from, by default the working directory, and then the checkout that holds hetbrian.

    Returns
    -------
    Path

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the name is no protocol; the message lists those that are there.
    """
    if name.endswith(".py"):
        path = Path(name)
        if not path.is_file():
            raise FileNotFoundError(f"{name!r} does not exist, expected a protocol file: check the path.")
        return path.resolve()
    known = protocols(folder)
    if name in known:
        return known[name]
    if not known:
        raise ValueError(
            f"{name!r} is no protocol here, expected a checkout of hetbrian or a file: "
            "give the path of a protocol, as in 'hetbrian run my_protocol.py'."
        )
    raise ValueError(
        f"{name!r} is no protocol, expected {', '.join(sorted(known))} or a .py file{did_you_mean(name, known)}"
    )


def protocols(folder: str | Path | None = None) -> dict[str, Path]:
    """
    Return the protocols that can be called by their name.

    Parameters
    ----------
    folder : path-like, optional
        Where to look from, see `find_protocol`.

    Returns
    -------
    dict of str to Path
        Their files by name, in alphabetical order.
    """
    known: dict[str, Path] = {}
    for place in places(folder):
        for path in place.glob("*.py"):
            if not path.name.startswith("_"):
                known.setdefault(path.stem, path)
    return dict(sorted(known.items()))


def headline(path: Path) -> str:
    """Return what a protocol says of itself, the first paragraph of its docstring, without running it."""
    try:
        text = ast.get_docstring(ast.parse(path.read_bytes()))
    except (OSError, SyntaxError, ValueError):  # it is named all the same, and says what is wrong when it runs
        return ""
    return " ".join((text or "").partition("\n\n")[0].split())


def places(folder: str | Path | None = None) -> list[Path]:
    """Return where protocols may be: around a folder, by default the working directory, then beside hetbrian."""
    start = Path(folder or Path.cwd()).resolve()
    return [place / "protocols" for place in (start, *start.parents, CHECKOUT)]


def statements(folder: str | Path | None = None) -> dict[str, str]:
    """
    Return the claims that protocols may decide.

    Parameters
    ----------
    folder : path-like, optional
        A folder of protocols; by default that of the checkout that holds hetbrian, wherever one works.

    Returns
    -------
    dict of str to str
        Each claim's sentence by its name, from ``common/statements.py`` in it; empty if there is none.
    """
    place = Path(folder).resolve() if folder is not None else CHECKOUT / "protocols"
    path = place / "common" / "statements.py"
    if not path.is_file():
        return {}
    return dict(_imported("protocols.common.statements", path, place.parent).STATEMENTS)


def load_protocol(path: Path, function: str = "compute") -> ModuleType:
    """
    Import a protocol file.

    Parameters
    ----------
    path : Path
        The file. Its folder becomes importable, as that of a script does; of a folder ``protocols`` the one above
        instead, which holds models and figures.
    function : str
        The function that it must have.

    Returns
    -------
    module

    Raises
    ------
    ValueError
        If the module has no such function.
    """
    in_checkout = path.parent.name == "protocols"
    folder = path.parent.parent if in_checkout else path.parent
    module = _imported(f"{'protocols.' if in_checkout else ''}{path.stem}", path, folder)
    if not callable(getattr(module, function, None)):
        result = "an xarray Dataset" if function == "compute" else "a brian2 Network"
        raise ValueError(
            f"{path.name} has no function {function}, expected one that returns {result}: define {function}()."
        )
    return module


def _imported(name, path, *folders):
    """Return the module in a file, for which folders have become importable."""
    for folder in folders:
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def generate(module: Any, arguments: dict[str, Any], folder: Path) -> str:
    """
    Write the project of a protocol's first network instead of running it.

    Parameters
    ----------
    module : module
        The protocol.
    arguments : dict
        Of its ``compute``.
    folder : Path
        Where to write.

    Returns
    -------
    str
        The folder of the project.

    Raises
    ------
    ValueError
        If it simulates no network.
    """
    token = CODEGEN_ONLY.set(folder)
    try:
        module.compute(**arguments)
    except Generated as generated:
        return str(generated)
    finally:
        CODEGEN_ONLY.reset(token)
    raise ValueError(
        f"{module.__name__} simulated no network, expected one to generate code for: leave --codegen-only out."
    )


def protocol_of(name: str, folder: str | Path | None = None) -> ModuleType | None:
    """
    Return the protocol of a result, or None if there is none.

    Parameters
    ----------
    name : str
        Name of the result. It chooses among files of one folder, so that a result that somebody sent runs nothing else.
    folder : path-like, optional
        A folder of protocols; by default that of the checkout that holds hetbrian.

    Returns
    -------
    module or None
    """
    place = Path(folder) if folder is not None else CHECKOUT / "protocols"
    path = next((path for path in place.glob("*.py") if path.stem == name and not name.startswith("_")), None)
    try:
        return load_protocol(path.resolve()) if path is not None else None
    except (ValueError, ImportError):
        return None


def hook(module: Any, name: str) -> Callable[..., Any] | None:
    """Return a protocol's function of a Dataset, or None; star imports bring others of the same name."""
    found = getattr(module, name, None)
    if not inspect.isfunction(found) or next(iter(inspect.signature(found).parameters), None) != "dataset":
        return None
    return found
