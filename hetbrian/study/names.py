"""The names that variables, dimensions, axes and folders of a sweep may have: those that a file can have too."""

import re

NAMEABLE = "1 to 255 bytes of text without '/', '\\' and control characters, other than '.', '..' and 'zarr.json'"
"""What `is_nameable` lets pass, for errors."""

_LONGEST = 255  # bytes, on the usual file systems
_TEXT = re.compile(r"[^/\\\x00-\x1f\x7f\ud800-\udfff]+")  # Zarr takes a backslash for a slash
_TAKEN = (".", "..", "zarr.json")


def is_nameable(name: str) -> bool:
    """Return whether a Zarr store can keep a variable of this name, which becomes that of a folder."""
    return bool(_TEXT.fullmatch(name)) and name not in _TAKEN and len(name.encode()) <= _LONGEST
