"""What a result depends on: versions and the revision of the checkout."""

import platform
import subprocess
from importlib.metadata import version

import brian2
import numpy as np


def provenance():
    """
    Return the versions that a result depends on.

    Returns
    -------
    dict of str to str
        hetbrian, brian2, numpy and Python versions and the git revision of the working directory.
    """
    return {
        "hetbrian": version("hetbrian"),
        "brian2": brian2.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "git_revision": _git_revision(),
    }


def _git_revision():
    """
    Return the revision of the checkout we run in, marked if it has changes, or 'none'.

    To compare files, git runs what the repository's own configuration names (filters, a monitor of the file system):
    in a repository that configures any of these, which may be somebody else's, nothing is compared.
    """
    try:
        configured = _git(
            "config", "--local", "--includes", "--name-only", "--get-regexp", r"^(filter\.|core\.fsmonitor)"
        )
        revision = _git("describe", "--always", "--abbrev=12")
        if revision and not configured:
            return _git("describe", "--always", "--dirty", "--abbrev=12")
    except OSError:
        return "none"
    return f"{revision}-unchecked" if revision else "none"


def _git(*arguments):
    """Return what git says, or an empty text."""
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.strip()
