"""Caches of tests that count or compare programs."""

import os
from pathlib import Path


def without_programs(folder):
    """Return a new cache with the compiled headers and files of this session, and no programs."""
    for name in ("headers", "objects"):
        shared = Path(os.environ["HETBRIAN_CACHE"]) / name
        shared.mkdir(parents=True, exist_ok=True)
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / name).symlink_to(shared)
    return str(folder)
