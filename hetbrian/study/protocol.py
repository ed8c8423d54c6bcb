"""Protocol files: find them, import them, and call what they define."""

import ast
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from hetbrian._support.checks import did_you_mean
from hetbrian.simulation.program import CODEGEN_ONLY, Generated

PUBLISHED = Path(__file__).resolve().parents[1] / "published" / "protocols"
"""The folder of hetbrian's own protocols, which have names."""


def find_protocol(name: str) -> Path:
    """
    Return the file of a protocol.

    Parameters
    ----------
    name : str
        A path to a Python file, or the name of a file in `hetbrian.published.protocols`.

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
    known = protocols()
    if name in known:
        return known[name]
    raise ValueError(
        f"{name!r} is no protocol, expected {', '.join(known)} or the path of a .py file{did_you_mean(name, known)}"
    )


def protocols(folder: str | Path | None = None) -> dict[str, Path]:
    """
    Return the protocols of a folder, of which those of hetbrian can be called by their name.

    Parameters
    ----------
    folder : path-like, optional
        By default that of hetbrian.

    Returns
    -------
    dict of str to Path
        Their files by name, in alphabetical order.
    """
    place = Path(folder).resolve() if folder is not None else PUBLISHED
    return {path.stem: path for path in sorted(place.glob("*.py")) if not path.name.startswith("_")}


def headline(path: Path) -> str:
    """Return what a protocol says of itself, the first paragraph of its docstring, without running it."""
    try:
        text = ast.get_docstring(ast.parse(path.read_bytes()))
    except (OSError, SyntaxError, ValueError):  # it is named all the same, and says what is wrong when it runs
        return ""
    return " ".join((text or "").partition("\n\n")[0].split())


def statements(folder: str | Path | None = None) -> dict[str, str]:
    """
    Return the claims that protocols may decide.

    Parameters
    ----------
    folder : path-like, optional
        A folder of protocols; by default that of hetbrian, wherever one works.

    Returns
    -------
    dict of str to str
        Each claim's sentence by its name, from ``common/statements.py`` in it; empty if there is none.
    """
    place = Path(folder).resolve() if folder is not None else PUBLISHED
    path = place / "common" / "statements.py"
    return dict(_imported("common.statements", path, place).STATEMENTS) if path.is_file() else {}


def load_protocol(path: Path, function: str = "compute") -> ModuleType:
    """
    Import a protocol file.

    Parameters
    ----------
    path : Path
        The file. If it is none of hetbrian's, its folder becomes importable, as that of a script does.
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
    module = _imported(path.stem, path, path.parent)
    if not callable(getattr(module, function, None)):
        result = "an xarray Dataset" if function == "compute" else "a brian2 Network"
        raise ValueError(
            f"{path.name} has no function {function}, expected one that returns {result}: define {function}()."
        )
    return module


def is_published(module: ModuleType) -> bool:
    """Return whether a protocol is one of hetbrian's."""
    return module.__name__.startswith("hetbrian.published.protocols.")


def _imported(name: str, path: Path, folder: Path) -> ModuleType:
    """Return the module in a file, which has a name in a folder: one of hetbrian's, or one that is made anew."""
    if folder == PUBLISHED:
        return importlib.import_module(f"hetbrian.published.protocols.{name}")
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
        A folder of protocols; by default that of hetbrian.

    Returns
    -------
    module or None
    """
    path = protocols(folder).get(name)
    try:
        return load_protocol(path) if path is not None else None
    except (ValueError, ImportError):
        return None


def hook(module: Any, name: str) -> Callable[..., Any] | None:
    """Return a protocol's function of a Dataset, or None; star imports bring others of the same name."""
    found = getattr(module, name, None)
    if not inspect.isfunction(found) or next(iter(inspect.signature(found).parameters), None) != "dataset":
        return None
    return found
