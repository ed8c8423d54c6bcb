"""Where lines and tables are printed."""

from typing import Any

from rich.console import Console


def plain(**options: Any) -> Console:
    """Return a console that shows brackets as they are: ``[bifurcation]`` of an extra is no style, nor is a folder."""
    return Console(markup=False, **options)
