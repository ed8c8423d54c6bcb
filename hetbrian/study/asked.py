"""Figures of a report that one can ask: Bokeh's documents as JSON, and the scripts that draw them without a network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray

from hetbrian._support.checks import returned
from hetbrian._support.optional import missing

SCRIPTS = ("bokeh", "bokeh-widgets")
"""Parts of BokehJS that the page holds, 1.8 MB: no tables, no WebGL, no formulas."""


def document(ask: Callable[[xarray.Dataset], Any], dataset: xarray.Dataset, said: str) -> dict[str, Any]:
    """
    Return what `Bokeh.embed.embed_item` draws.

    Parameters
    ----------
    ask : callable
        ``ask(dataset)`` returns a model of Bokeh.
    dataset : xarray.Dataset
        Its argument.
    said : str
        What it is called in an error.

    Returns
    -------
    dict
        For JSON; without a target, which is a place in a page.

    Raises
    ------
    TypeError
        If it returns something else.
    """
    from hetbrian._support.optional import bokeh

    model = returned(ask(dataset), bokeh.model.Model, said, "a model of Bokeh, as bokeh.layouts.column(...)")
    return dict(bokeh.embed.json_item(model))


def scripts() -> list[str]:
    """Return BokehJS as JavaScript, smallest; nothing where bokeh is not installed."""
    if missing("bokeh"):
        return []
    from bokeh.util.paths import bokehjs_path

    folder = Path(bokehjs_path()) / "js"
    return [(folder / f"{name}.min.js").read_text(encoding="utf-8") for name in SCRIPTS]
