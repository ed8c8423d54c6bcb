"""
Pictures on a page that one can ask: Bokeh's models of a map whose cells are clicked and of curves with a slider.

What happens then is in the JavaScript files of ``callbacks/``. Texts are shown as they are, never as HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hetbrian.plot.style import COLOURS

CALLBACKS = Path(__file__).with_name("callbacks")

NEURONS = 16
"""Most neurons in a raster: those that the bits of one number stand for, which JavaScript shifts as 32."""

WIDTH = 640
"""Widest that a picture gets, in pixels; on a phone it is narrower."""

ACROSS = {"max_width": WIDTH, "sizing_mode": "stretch_width"}
"""Of widgets that are as wide as the pictures."""


@dataclass(frozen=True)
class Runs:
    """
    Output, target and spikes of one run per row.

    Parameters
    ----------
    time : ndarray, shape (time,)
    z : ndarray, shape (run, time, output)
        NaN where a run has none.
    y : ndarray, shape (time, output)
    fired : ndarray of int, shape (run, time), optional
        The k-th bit says whether neuron k fired.
    stop : float, optional
        When learning ends.
    label : str
        Of the time axis.
    """

    time: np.ndarray
    z: np.ndarray
    y: np.ndarray
    fired: np.ndarray | None = None
    stop: float | None = None
    label: str = "time (s)"


@dataclass(frozen=True)
class Curve:
    """
    Errors against the strength of something.

    Parameters
    ----------
    label : str
        What varies, with its unit.
    strengths : sequence of str
        Its levels.
    errors : ndarray, shape (level, seed)
        Above 0.
    texts : sequence of str
        What is said of each level.
    first : int
        Row of the first level's run.
    """

    label: str
    strengths: Sequence[str]
    errors: np.ndarray
    texts: Sequence[str]
    first: int = 0


def asked_cells(
    columns: Mapping[str, Any],
    measures: Mapping[str, str],
    tips: Sequence[str],
    texts: Sequence[str],
    labels: tuple[str, str],
    limits: tuple[float, float],
    runs: Runs | None = None,
) -> Any:
    """
    Return a map for each group, whose cells say what they are.

    Parameters
    ----------
    columns : dict of str to sequence
        Of each cell its ``group``, edges ``left``, ``right``, ``bottom`` and ``top``, its ``hatch``, and the measures.
    measures : dict of str to str
        Columns to draw in colour, and their texts.
    tips, texts : sequence of str
        What the pointer and what a click says of each cell.
    labels : pair of str
        Of x and y.
    limits : pair of float
        Ends of the colour bar.
    runs : Runs, optional
        Of each cell, drawn after a click.

    Returns
    -------
    bokeh.models.Column
    """
    from bokeh.layouts import column
    from bokeh.palettes import Viridis256

    models, groups = _models(), list(dict.fromkeys(columns["group"]))
    cells = models.ColumnDataSource({**columns, "tip": list(tips)}, name="cells")
    chosen = models.GroupFilter(column_name="group", group=groups[0])
    mapper = models.LinearColorMapper(palette=Viridis256[::-1], low=limits[0], high=limits[1], nan_color="white")
    axes = _figure(360, labels, [models.HoverTool(tooltips=TIP, attachment="vertical"), models.TapTool()], name="map")
    drawn = axes.quad(
        "left", "right", "top", "bottom", source=cells, view=models.CDSView(filter=chosen), line_color=None,
        fill_color={"field": next(iter(measures)), "transform": mapper}, hatch_pattern="hatch", hatch_alpha=0.35,
        hatch_scale=12, selection_line_color="#d00000", selection_line_width=3, nonselection_fill_alpha=1,
        nonselection_hatch_alpha=0.35, hover_line_color="black", hover_line_width=1.5,
    )  # fmt: skip
    axes.add_layout(models.ColorBar(color_mapper=mapper, width=12, title="log10 of the error"), "right")
    group = models.Select(title="panel", options=groups, value=groups[0], name="group", **ACROSS)
    walk = models.Slider(start=0, value=0, step=1, tooltips=False, title="cell", name="walk", **ACROSS)
    order = _row_by_row(columns)
    walk.end = len(order[groups[0]]) - 1
    walk.format = models.CustomJSTickFormatter(
        args={"order": order, "group": group, "tips": list(tips)},
        code="return tips[order[group.value][tick]].split('\\n')[0]",
    )
    group.js_on_change(
        "value", models.CustomJS(args={"chosen": chosen, "walk": walk, "order": order}, code=_code("group.js"))
    )
    step = "selected.indices = [order[group.value][cb_obj.value]]"
    arguments = {"selected": cells.selected, "order": order, "group": group}
    walk.js_on_change("value", models.CustomJS(args=arguments, code=step))
    measure = models.RadioButtonGroup(labels=list(measures.values()), active=0, name="measure")
    paint = "glyph.fill_color = {field: names[cb_obj.active], transform: mapper}"
    measure.js_on_change(
        "active", models.CustomJS(args={"glyph": drawn.glyph, "names": list(measures), "mapper": mapper}, code=paint)
    )
    start = "Hatched: what does not work. Click on a cell, or walk to it with the slider" + (
        ", to see its output against the target and its spikes." if runs else "."
    )
    said = models.PreText(text=start, name="said", sizing_mode="stretch_width", stylesheets=[WRAPPED])
    pictures, arguments = _run_pictures(runs)
    for picture in pictures:
        picture.visible = False  # until a cell is chosen
    arguments |= {"cells": cells, "said": said, "texts": list(texts), "pictures": pictures}
    clicked = models.CustomJS(args=arguments, code=_code("run.js", "cell.js"))
    cells.selected.js_on_change("indices", clicked)
    return column(group, measure, axes, walk, said, *pictures, sizing_mode="stretch_width")


def asked_levels(
    curves: Mapping[str, Curve], seeds: Sequence[Any], limits: tuple[float, float], runs: Runs | None = None
) -> Any:
    """
    Return curves to choose among, with a slider that walks along one.

    Parameters
    ----------
    curves : dict of str to Curve
        By name.
    seeds : sequence
        Names of the seeds.
    limits : pair of float
        Ends of the error axis; beyond it points lie at its end.
    runs : Runs, optional
        Of each level of each curve.

    Returns
    -------
    bokeh.models.Column
    """
    from bokeh.document import Document
    from bokeh.layouts import column

    models = _models()
    table = {
        name: {
            "label": curve.label,
            "strengths": list(curve.strengths),
            "errors": np.clip(curve.errors, *limits).tolist(),
            "medians": np.clip(np.median(curve.errors, axis=1), *limits).tolist(),
            "texts": list(curve.texts),
            "first": curve.first,
        }
        for name, curve in curves.items()
    }
    name, first = next(iter(table.items()))
    last = len(first["strengths"]) - 1
    tips = [("strength", "@strength"), ("seed", "@seed"), ("error", "@error{0.0000}")]
    axes = _figure(300, (first["label"], "mean square error"), [models.HoverTool(tooltips=tips)], y_axis_type="log")
    axes.y_range.start, axes.y_range.end = limits
    axes.x_range.start, axes.x_range.end = -0.5, last + 0.5
    axes.xaxis[0].ticker = models.FixedTicker(ticks=[])
    dots = models.ColumnDataSource({"level": [], "error": [], "seed": [], "strength": []}, name="dots")
    medians = models.ColumnDataSource({"level": [], "error": []}, name="medians")
    marked = models.Span(location=0, dimension="height", line_color=COLOURS["g"], line_width=10, line_alpha=0.3)
    axes.add_layout(marked)
    axes.line("level", "error", source=medians, color=COLOURS["homogeneous"], line_width=2)
    axes.scatter("level", "error", source=dots, color=COLOURS["eta"], size=6, fill_alpha=0.6)
    chosen = models.Select(title="curve", options=list(table), value=name, name="curve", **ACROSS)
    slider = models.Slider(
        start=0, end=last, value=0, step=1, tooltips=False, title=first["label"], name="level", **ACROSS
    )
    strengths = {name: curve["strengths"] for name, curve in table.items()}
    slider.format = models.CustomJSTickFormatter(
        args={"strengths": strengths, "chosen": chosen}, code="return strengths[chosen.value][tick]"
    )
    said = models.PreText(text="", name="said", sizing_mode="stretch_width", stylesheets=[WRAPPED])
    pictures, arguments = _run_pictures(runs)
    walked = models.CustomJS(
        args={
            "curves": table, "chosen": chosen, "slider": slider, "said": said, "dots": dots, "medians": medians,
            "seeds": [str(seed) for seed in seeds], "marked": marked, "axis": axes.xaxis[0], "range": axes.x_range,
            "drawn": {"name": ""}, **arguments,
        },
        code=_code("run.js", "level.js"),
    )  # fmt: skip
    chosen.js_on_change("value", walked)
    slider.js_on_change("value", walked)
    page = column(chosen, slider, axes, said, *pictures, sizing_mode="stretch_width")
    document = Document()
    document.add_root(page)
    document.js_on_event("document_ready", walked)  # which draws the first curve
    return page


TIP = '<div style="white-space: pre-line; max-width: min(18rem, 40vw); overflow-wrap: normal">@tip</div>'
"""What is shown where the pointer is; Bokeh escapes the text."""

WRAPPED = "pre { white-space: pre-wrap; font: 14px/1.5 system-ui, sans-serif; margin: 0.4rem 0; }"
"""Style of texts, which may be longer than a line of a phone."""


def _row_by_row(columns: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the cells of each group, from the lowest row to the highest and from left to right."""
    cells = np.lexsort((columns["left"], columns["bottom"])).tolist()
    return {
        name: [cell for cell in cells if columns["group"][cell] == name] for name in dict.fromkeys(columns["group"])
    }


def _models() -> Any:
    """Return `bokeh.models`, whose names no type checker sees."""
    from bokeh import models

    return models


def _code(*names: str) -> str:
    """Return the JavaScript of a callback."""
    return "\n".join((CALLBACKS / name).read_text(encoding="utf-8") for name in names)


def _figure(height: int, labels: tuple[str, str], tools: list[Any], **options: Any) -> Any:
    """Return empty axes as wide as the page, but no wider than `WIDTH`; no gesture of theirs stops that of a page."""
    from bokeh.plotting import figure

    if "y_axis_type" in options:
        models = _models()
        options |= {"x_range": models.Range1d(0, 1), "y_range": models.Range1d(1, 2)}
    axes = figure(
        height=height, max_width=WIDTH, sizing_mode="stretch_width", tools=tools, toolbar_location=None,
        x_axis_label=labels[0], y_axis_label=labels[1], **options,
    )  # fmt: skip
    axes.grid.visible = False
    return axes


def _run_pictures(runs: Runs | None) -> tuple[list[Any], dict[str, Any]]:
    """Return the axes on which runs are drawn, and what ``run.js`` needs to do so."""
    models = _models()
    output = models.ColumnDataSource({"time": [], "z": [], "y": []}, name="output")
    raster = models.ColumnDataSource({"time": [], "neuron": []}, name="raster")
    nothing = np.zeros(0, np.float32)
    arguments = {"output": output, "raster": raster, "time": nothing, "z": nothing, "y": nothing, "fired": nothing}
    if runs is None:
        return [], arguments | {"apart": 0.0}
    n_outputs, width = runs.y.shape[1], float(np.ptp(runs.y, axis=0).max())
    apart = 1.1 * width if n_outputs > 1 else 0.0
    span, high = (float(runs.time[0]), float(runs.time[-1])), float(runs.y.max()) + (n_outputs - 1) * apart
    above = _figure(220, (runs.label, "output"), [], x_range=span, y_range=(runs.y.min() - width / 2, high + width / 2))
    above.line("time", "z", source=output, color=COLOURS["eta"], line_width=2, legend_label="output")
    above.line("time", "y", source=output, color=COLOURS["target"], line_dash="dashed", legend_label="target")
    above.legend.update(orientation="horizontal", location="top_right", padding=2, background_fill_alpha=0.7)
    pictures = [above]
    if runs.fired is not None:
        below = _figure(180, (runs.label, "neuron"), [], x_range=span, y_range=(-1, NEURONS))
        below.scatter("time", "neuron", source=raster, size=4, color="black")
        pictures.append(below)
    if runs.stop is not None:
        for axes in pictures:
            axes.add_layout(models.Span(location=runs.stop, dimension="height", line_color="gray", line_dash="dotted"))
    arguments |= {
        "time": runs.time.astype(np.float32),
        "z": runs.z.astype(np.float32).ravel(),
        "y": runs.y.astype(np.float32).ravel(),
        "fired": nothing if runs.fired is None else runs.fired.astype(np.uint16).ravel(),
    }
    return pictures, arguments | {"apart": apart}
