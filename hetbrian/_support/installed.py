"""Which files belong to Python and to installed packages, wherever these are, and not to the user."""

import sys
import sysconfig
from functools import cache
from pathlib import Path

FOLDERS = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))
"""Folders of Python and of packages of this environment."""

NAMES = {"site-packages", "dist-packages"}
"""What folders of packages are called: of the user, of the environment that this one builds upon, of Debian."""


def is_installed(file: str | Path) -> bool:
    """
    Return whether a file belongs to Python or to an installed package.

    Parameters
    ----------
    file : path-like

    Returns
    -------
    bool
        False for packages that are installed in editable form: their files are somebody's work.

    Examples
    --------
    >>> import numpy
    >>> is_installed(numpy.__file__), is_installed("study.py")
    (True, False)
    """
    path = Path(file).resolve()
    if any(path.is_relative_to(folder) for folder in FOLDERS) or NAMES.intersection(path.parts):
        return True
    return any(path.is_relative_to(entry) and _has_packages(entry) for entry in map(_resolved, sys.path))


def _resolved(entry: str) -> Path:
    return Path(entry).resolve()  # an empty one is the folder where the process is now


@cache
def _has_packages(folder: Path) -> bool:
    """Return whether an installer put packages into a folder of its own, as with ``pip install --target``."""
    return next(folder.glob("*.dist-info"), None) is not None
