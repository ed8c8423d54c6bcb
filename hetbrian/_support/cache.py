"""Where built programs and prepared data are kept."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """
    Return where built programs are kept: ``HETBRIAN_CACHE``, or hetbrian below the user's cache folder.

    Returns
    -------
    Path
    """
    chosen = os.environ.get("HETBRIAN_CACHE")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hetbrian"
