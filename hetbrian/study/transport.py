"""The source text that a point's function needs, which travels to processes that do not have it."""

import ast
import hashlib
import importlib
import importlib.abc
import importlib.util
import linecache
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import hetbrian

PACKAGE = Path(hetbrian.__file__).parent

SHOWING = {"__main__.py", "cli.py", "_support/progress.py", "study/report.html", "study/report.py"}
"""Files of hetbrian that only show results: a sweep goes on after they have changed."""


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
    hetbrian : tuple of (str, str)
        Files of hetbrian and their hashes.
    """

    module: str
    name: str
    modules: tuple[tuple[str, bool, str], ...]
    hetbrian: tuple[tuple[str, str], ...]

    def hashes(self):
        """Return a hash of every file, by its name."""
        return {name: digest(text.encode()) for name, _, text in self.modules} | {
            f"hetbrian/{name}": found for name, found in self.hetbrian
        }

    def load(self):
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
        here = dict(package_hashes())
        there = dict(self.hetbrian)
        differing = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
        if differing:
            raise OtherSources(
                f"hetbrian in {str(PACKAGE)!r} differs from the one that started the sweep, in {differing[0]}; "
                "expected the same: install that version for the workers."
            )
        finder = next((item for item in sys.meta_path if isinstance(item, _Finder)), None)
        if finder is None or finder.sources != self:
            if finder is not None:
                sys.meta_path.remove(finder)
                finder.forget()
            finder = _Finder(self)
            finder.forget()
            sys.meta_path.insert(0, finder)
        return getattr(importlib.import_module(self.module), self.name)


def travelling(function):
    """
    Return what has to travel so that a process with only hetbrian can call a function.

    These are the function's module and all that it imports, except hetbrian, the standard library and what is
    installed. Files that are read while it runs do not travel.

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
    found: dict[str, tuple[str, bool, str]] = {}
    _collect(module, Path(file), found)
    return Sources(module, name, tuple(found[key] for key in sorted(found)), package_hashes())


@cache
def package_hashes():
    """
    Return the files of the installed hetbrian that a result may depend on.

    Returns
    -------
    tuple of (str, str)
        Name and hash of each.
    """
    files = [path for path in sorted(PACKAGE.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    names = {path.relative_to(PACKAGE).as_posix(): path for path in files}
    return tuple((name, digest(path.read_bytes())) for name, path in names.items() if name not in SHOWING)


def digest(data):
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
        module.__file__ = f"<{module.__name__}, sent by the sweep>"
        # for tracebacks and inspect, as there is no such file
        linecache.cache[module.__file__] = (len(text), None, text.splitlines(keepends=True), module.__file__)
        exec(compile(text, module.__file__, "exec"), module.__dict__)

    def forget(self):
        """Unload the modules, so that the next import takes other text."""
        for name in self.texts:
            sys.modules.pop(name, None)


def _collect(name, file, found):
    """Add a module, its packages and what it imports, each once."""
    if name in found:
        return
    text = file.read_text(encoding="utf-8")
    found[name] = (name, file.name == "__init__.py", text)
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for parent in _parents(name):
        _add(parent, found)
        found.setdefault(parent, (parent, True, ""))  # a folder without __init__.py
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for item in node.names:
                for part in (*_parents(item.name), item.name):
                    _add(part, found)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package) if node.level else None
            base = base or node.module or ""
            for part in (*_parents(base), base, *(f"{base}.{item.name}" for item in node.names)):
                _add(part, found)


def _parents(name):
    """Return the packages that a module is in, the outermost first."""
    parts = name.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]


def _add(name, found):
    """Collect a module if it is a file that no installation has."""
    top = name.partition(".")[0]
    if name in found or top == "hetbrian" or top in sys.stdlib_module_names:
        return
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return
    origin = spec.origin if spec is not None else None
    if origin is not None and origin.endswith(".py") and not _is_installed(Path(origin)):
        _collect(name, Path(origin), found)


@cache
def _installation():
    return tuple(Path(sysconfig.get_path(key)).resolve() for key in ("stdlib", "platstdlib", "purelib", "platlib"))


def _is_installed(file):
    """Return whether a file belongs to the standard library or an installed package."""
    return any(file.resolve().is_relative_to(folder) for folder in _installation())
