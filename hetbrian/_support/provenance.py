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
    """Return the revision of the checkout we run in, marked if it has changes, or 'none'."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return said.stdout.strip()
