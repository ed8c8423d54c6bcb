"""The source text that a point's function needs, which travels to processes that do not have it.

Ours and not cloudpickle by value, which neither sends what functions import late nor gives the same function twice, so
that a worker would not find its program again; nor Dask's ``upload_file``, which also imports everything that it sends
on the scheduler, which may not import Brian2.
"""

import hashlib
import importlib
import importlib.abc
import importlib.util
import linecache
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hetbrian._support.lines import SENT
from hetbrian.study.closure import PACKAGE, closure


class OtherSources(ImportError):
    """A worker has another hetbrian than the one that started the sweep."""


@dataclass(frozen=True)
class Sources:
    """
    A function and the text of the modules that it needs and an installation does not have.

    Parameters
    ----------
    module, name : str
        Where the function is.
    modules : tuple of (str, bool, str)
        Name of each module, whether it is a package, and its text.
    package : tuple of (str, str)
        Files of hetbrian that it needs, and their hashes.
    """

    module: str
    name: str
    modules: tuple[tuple[str, bool, str], ...]
    package: tuple[tuple[str, str], ...]

    def hashes(self) -> dict[str, str]:
        """Return a hash of every file, by its name."""
        return {name: digest(text.encode()) for name, _, text in self.modules} | {
            f"hetbrian/{name}": found for name, found in self.package
        }

    def load(self) -> Callable[..., Any]:
        """
        Return the function in this process, made from the text that travelled.

        Returns
        -------
        callable

        Raises
        ------
        OtherSources
            If hetbrian is another one here.
        """
        finder = next((item for item in sys.meta_path if isinstance(item, _Finder)), None)
        if finder is None or finder.sources != self:
            differing = [name for name, there in self.package if _hash(PACKAGE / name) != there]
            if differing:
                raise OtherSources(
                    f"hetbrian in {str(PACKAGE)!r} differs from the one that started the sweep, in {differing[0]}; "
                    "expected the same: install that version for the workers."
                )
            if finder is not None:
                sys.meta_path.remove(finder)
                finder.forget()
            finder = _Finder(self)
            finder.forget()
            sys.meta_path.insert(0, finder)
        return getattr(importlib.import_module(self.module), self.name)


def travelling(function: Callable[..., Any]) -> Sources:
    """
    Return what has to travel so that a process with only hetbrian can call a function.

    These are the function's module and all that it imports, see `hetbrian.study.closure.closure`. Files that are read
    while it runs do not travel.

    Parameters
    ----------
    function : callable
        A function at the top of a module that has a file.

    Returns
    -------
    Sources

    Raises
    ------
    ValueError
        If the function is nested, a lambda, or typed at a prompt.
    """
    module, name = str(getattr(function, "__module__", None)), getattr(function, "__qualname__", "")
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or not name.isidentifier() or getattr(sys.modules[module], name, None) is not function:
        raise ValueError(
            f"the function is {name or function!r} of {module}, expected one at the top of a file, whose text can "
            "travel to other processes: write it into a module with def."
        )
    if module == "__main__":
        module = Path(file).stem
    modules, package = closure(module, Path(file))
    return Sources(
        module,
        name,
        tuple(
            (name, path is None or path.name == "__init__.py", "" if path is None else path.read_text(encoding="utf-8"))
            for name, path in sorted(modules.items())
        ),
        tuple((path.relative_to(PACKAGE).as_posix(), _hash(path)) for path in package),
    )


def digest(data: bytes) -> str:
    """
    Return a short hash of bytes.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    str
    """
    return hashlib.sha256(data).hexdigest()[:16]


def _hash(file: Path) -> str:
    return digest(file.read_bytes()) if file.is_file() else "missing"


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Import modules from text, before those on the path."""

    def __init__(self, sources):
        self.sources = sources
        self.texts = {name: (is_package, text) for name, is_package, text in sources.modules}

    def find_spec(self, name, path, target=None):
        if name not in self.texts:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=self.texts[name][0])

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        text = self.texts[module.__name__][1]
        module.__file__ = f"<{module.__name__}{SENT}"
        # for tracebacks and inspect, as there is no such file
        linecache.cache[module.__file__] = (len(text), None, text.splitlines(keepends=True), module.__file__)
        exec(compile(text, module.__file__, "exec"), module.__dict__)

    def forget(self):
        """Unload the modules, so that the next import takes other text."""
        for name in self.texts:
            sys.modules.pop(name, None)
