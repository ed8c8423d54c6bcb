"""The files that a module needs, found by following names in its text; nothing of hetbrian is imported for it."""

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from hetbrian._support.installed import is_installed

PACKAGE = Path(__file__).parents[1]

SHOWING = ("_support/progress.py", "study/claims.py", "plot", "published/figures")
"""Files and folders of hetbrian that only show results: a sweep goes on after they have changed."""


def closure(module: str, file: Path) -> tuple[dict[str, Path | None], list[Path]]:
    """
    Return what has to be there so that a module can be imported and its functions called.

    A name is followed to where it is made: ``from hetbrian.readout import FORCE`` leads to ``readout/force.py`` and on
    to what that imports, not to all of ``readout``. Who uses a room of hetbrian as a whole, as a star import does,
    needs each of its files. A file of hetbrian brings the templates and kernels in the folders beside it.

    Parameters
    ----------
    module : str
        Name of the module.
    file : Path
        Its file.

    Returns
    -------
    modules : dict of str to Path
        Modules that no installation has, by name; None for a folder without ``__init__.py``.
    package : list of Path
        Files of hetbrian.
    """
    modules: dict[str, Path | None] = {}
    package: set[Path] = set()
    todo = [(module, file)]
    while todo:
        name, file = todo.pop()
        if file in package or modules.get(name) is not None:
            continue
        if any(file.is_relative_to(PACKAGE / showing) for showing in SHOWING):
            continue
        if file.is_relative_to(PACKAGE):
            package |= {file, *_data(file)}
        else:
            modules |= {parent: modules.get(parent) for parent in _parents(name)} | {name: file}
        if file in package and (file.suffix != ".py" or file.name == "__init__.py"):
            continue  # a table of contents is looked up, not followed
        for used, is_whole in _names(name, file):
            parts = used.split(".")
            todo += _of_package(parts[1:], is_whole) if parts[0] == "hetbrian" else _own(parts)
    return modules, sorted(package)


def _names(module: str, file: Path) -> Iterator[tuple[str, bool]]:
    """Yield the full names that a file imports or takes from what it imports, and whether all of it is used."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    bound: dict[str, str] = {}
    unused: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                top = item.name.partition(".")[0]
                bound[item.asname or top] = item.name if item.asname else top
                yield item.name, False
        elif isinstance(node, ast.ImportFrom):
            base, names = _imported(node, package)
            bound |= names
            unused |= names.keys()
            yield base, False
    uses = _Uses(bound)
    uses.visit(tree)
    yield from ((name, True) for name in uses.found)
    yield from ((bound[name], True) for name in unused - uses.seen)


def _imported(node: ast.ImportFrom, package: str) -> tuple[str, dict[str, str]]:
    """Return the module of a ``from ... import``, and the full name of each name that it brings."""
    base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
    return base, {item.asname or item.name: f"{base}.{item.name}" for item in node.names}


class _Uses(ast.NodeVisitor):
    """Collect the full names of what begins with something imported, as ``hb.Izhikevich.FORCE``."""

    def __init__(self, bound: dict[str, str]) -> None:
        self.bound = bound
        self.found: set[str] = set()
        self.seen: set[str] = set()

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain, root = [node.attr], node.value
        while isinstance(root, ast.Attribute):
            chain, root = [root.attr, *chain], root.value
        if isinstance(root, ast.Name):
            self.visit_Name(root, chain)
        else:
            self.visit(root)

    def visit_Name(self, node: ast.Name, chain: list[str] | tuple[()] = ()) -> None:
        if node.id in self.bound and isinstance(node.ctx, ast.Load):
            self.seen.add(node.id)
            self.found.add(".".join([self.bound[node.id], *chain]))


def _of_package(parts: list[str], is_whole: bool) -> list[tuple[str, Path]]:
    """Return the file of hetbrian in which a name is made, or all files of the room that it is."""
    folder = PACKAGE
    for place, part in enumerate(parts):
        if (folder / part / "__init__.py").is_file():
            folder = folder / part
            continue
        if (folder / f"{part}.py").is_file():
            return [_named(folder / f"{part}.py")]
        exports = _exports(folder)
        if part in exports:
            return _of_package([*exports[part].split(".")[1:], *parts[place + 1 :]], is_whole)
        if part != "*" and "__getattr__" not in exports:
            return [_named(folder / "__init__.py")]
        break
    return [_named(path) for path in _files(folder)] if is_whole else []


def _exports(folder: Path) -> dict[str, str]:
    """Return where the names of a room are made, as its table of contents or the stub beside that says."""
    found: dict[str, str] = {}
    package = _named(folder)[0]
    for path in (folder / "__init__.py", folder / "__init__.pyi"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else ():
            if isinstance(node, ast.ImportFrom):
                found |= _imported(node, package)[1]
            elif isinstance(node, ast.FunctionDef) and node.name == "__getattr__" and path.suffix == ".py":
                found["__getattr__"] = ""  # of what it makes, the stub may tell
    return found


def _named(path: Path) -> tuple[str, Path]:
    """Return a file of hetbrian after its module's name."""
    return ".".join(("hetbrian", *path.with_suffix("").relative_to(PACKAGE).parts)), path


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def _data(file: Path) -> list[Path]:
    """Return what a file of hetbrian may read: one of its own name, and folders beside it that hold no modules."""
    folders = [path for path in file.parent.iterdir() if path.is_dir() and not (path / "__init__.py").is_file()]
    beside = [path for path in file.parent.glob(f"{file.stem}.*") if path.suffix not in (".py", ".pyi")]
    return [*beside, *(path for folder in folders for path in _files(folder))]


def _own(parts: list[str]) -> Iterator[tuple[str, Path]]:
    """Yield name and file of the modules along a full name that no installation has."""
    if parts[0] in sys.stdlib_module_names:
        return
    for name in (*_parents(".".join(parts)), ".".join(parts)):
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return
        if spec is None or (spec.origin is not None and not _is_own(spec.origin)):
            return
        if spec.origin is not None:
            yield name, Path(spec.origin)
        if spec.submodule_search_locations is None:
            return  # the rest of the name is in it


def _is_own(origin: str) -> bool:
    """Return whether a module is a Python file, and none of the standard library or an installed package."""
    return origin.endswith(".py") and not is_installed(origin)


def _parents(name: str) -> list[str]:
    """Return the packages that a module is in, the outermost first."""
    parts = name.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]
