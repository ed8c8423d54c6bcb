"""Protocol files: find them, import them, and call what they define."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hetbrian._support.checks import did_you_mean, returned, shown
from hetbrian._support.files import check_regular
from hetbrian._support.lines import owner
from hetbrian.simulation.program import CODEGEN_ONLY, Generated

if TYPE_CHECKING:
    import xarray as xr

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
        check_regular(name, "a protocol file")
        return Path(name).resolve()
    known = protocols()
    if name in known:
        return known[name]
    raise ValueError(
        f"{shown(name)} is no protocol, expected {', '.join(known)} or the path of a .py file"
        f"{did_you_mean(name, known)}"
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

    Raises
    ------
    NotADirectoryError
        If there is no such folder.
    """
    place = _folder(folder)
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

    Raises
    ------
    NotADirectoryError
        If there is no such folder.
    TypeError
        If ``STATEMENTS`` there is no such dict.
    """
    place = _folder(folder)
    path = place / "common" / "statements.py"
    if not path.is_file():
        return {}
    found = getattr(_imported("common.statements", path, place), "STATEMENTS", None)
    if not isinstance(found, dict) or not all(isinstance(item, str) for pair in found.items() for item in pair):
        raise TypeError(
            f"STATEMENTS of {str(path)!r} is {shown(found)}, expected a dict of names to sentences: make it one."
        )
    return dict(found)


def _folder(folder: str | Path | None) -> Path:
    """Return a folder of protocols that is there, by default that of hetbrian."""
    place = Path(folder).resolve() if folder is not None else PUBLISHED
    if not place.is_dir():
        raise NotADirectoryError(f"{str(folder)!r} is no folder, expected one with protocol files: check the path.")
    return place


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
        If the module has no such function, or the file is named as a module of Python or of a package.
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
    if hides_module(name):
        raise ValueError(
            f"{path.name!r} is named as a Python module, which it would hide, expected another name: "
            f"rename it, as to {f'my_{path.name}'!r}."
        )
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]  # as after an import that fails
        raise
    return module


def hides_module(name: str) -> bool:
    """Return whether a module of Python or of a package has a name: others would get the wrong one."""
    if name == "__main__":
        return True
    if name in sys.modules:
        file = getattr(sys.modules[name], "__file__", None)
    elif "." in name or (found := importlib.util.find_spec(name)) is None or found.origin is None:
        return False  # a folder without __init__.py has no origin
    else:
        file = found.origin if found.has_location else None
    return file is None or owner(file) != "user"


def called(module: Any, function: str) -> str:
    """Return what a function of a protocol, a module or what stands for one, is called in an error."""
    name = getattr(module, "__name__", "a protocol")
    return f"{function} of {name.rpartition('.')[2]}"


def computed(module: Any, arguments: dict[str, Any]) -> xr.Dataset:
    """Return the Dataset that ``compute`` of a protocol returns; anything else is refused."""
    import xarray

    return returned(module.compute(**arguments), xarray.Dataset, called(module, "compute"), "an xarray Dataset")


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
