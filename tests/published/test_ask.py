"""The figures to ask: their documents hold the right numbers, and their callbacks, run by node, show them."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import xarray

pytest.importorskip("bokeh")

from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, CustomJS, PreText, Select, Slider

from hetbrian.published.figures import fig2, fig3, fig4
from hetbrian.published.protocols.common.traces import NEURONS, of_one_seed, times, traces
from hetbrian.simulation.record import load
from hetbrian.study.figure import archived
from tests.published.test_fig4 import dataset

WITHIN = {"start": 0.0, "stop": 0.04, "duration": 0.1}
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no node")


def with_runs():
    """Return figure 4 with runs: number k has the output k + t/10, and its neuron k % 16 fires at the third sample."""
    data = dataset({"a": 3000, "b": 1000, "c": 2000, "d": 2000, "e": 1000, "f": 1000}).assign_attrs(traced=0)
    data["relative_error"][3, 1] = 2.0  # one seed of panel b fails
    cells, n_times = 6 * 4 * 2, len(times(**WITHIN))
    z = np.full((10, 6, 4, 2, n_times, 1), np.nan)
    z[0] = (np.arange(cells)[:, None] + np.arange(n_times) / 10).reshape(6, 4, 2, n_times, 1)
    fired = np.full(z.shape[:-1], np.nan)
    fired[0] = 0
    fired[0, ..., 2] = 2.0 ** (np.arange(cells) % NEURONS).reshape(6, 4, 2)
    axes = ("seed", "panel", "recurrent_gain", "feedback_gain", "time")
    data = data.assign(z=((*axes, "output"), z), fired=(axes, fired), y=((*axes, "output"), np.sign(z)))
    return of_one_seed(data, 0, **WITHIN)


def found(page, kind, name=None):
    """Return the model of a kind and name, from what a browser would read."""
    from bokeh.document import Document

    items = [item for item in Document.from_json(json_item(page)["doc"]).models if type(item) is kind]
    (item,) = items if name is None else [item for item in items if item.name == name]
    return item


def callback(page, part):
    """Return the callback whose code has a part."""
    from bokeh.document import Document

    models = Document.from_json(json_item(page)["doc"]).models
    (item,) = (item for item in models if type(item) is CustomJS and part in item.code)
    return item


def in_node(callback, sources, then, caller=None):
    """Run a callback in node with models that are plain objects, and return what an expression is then."""
    arguments = {}
    for name, value in callback.args.items():
        if isinstance(value, np.ndarray):
            value = value.tolist()
        elif not isinstance(value, (str, float, dict, list)):
            value = sources.get(name, {})
        arguments[name] = [{} for _ in value] if name == "pictures" else value
    code = f"""
const args = {json.dumps({"cb_obj": caller} | arguments)}
new Function(...Object.keys(args), {json.dumps(callback.code)})(...Object.values(args))
console.log(JSON.stringify(eval({json.dumps(f"({then})")})))
"""
    done = subprocess.run(["node", "-"], input=code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_cells_say_their_gains_errors_and_seeds():
    page = fig4.ask(with_runs())
    cells = found(page, ColumnDataSource, "cells").data
    assert len(cells["group"]) == 48 and cells["group"][8] == "b   current"
    k = 8 + 1 * 2 + 1  # panel b, G = 2000 pA, Q = 3000 pA
    # cells end halfway between neighbours: gains of 1, 2, 3, 5 and of 1.5, 3 nA
    assert [cells[name][k] for name in ("bottom", "top", "left", "right")] == [1.5, 2.5, 2.25, 3.75]
    assert cells["mse"][k] == pytest.approx(np.log10(0.05)) and cells["hatch"][k] == " "
    assert cells["hatch"][0] == "right_diagonal_line"  # panel a below 3000 pA fails
    gains, state = "G = 2 nA, Q = 3 nA", "works with 9 of 10 seeds, 50 Hz"
    learning = "last second of learning: 0.001 (0.001 to 0.001)"
    assert cells["tip"][k].split("\n") == [gains, state, "test: 0.05 (0.05 to 0.05)", learning]
    said = callback(page, "cells.selected").args["texts"][k].split("\n")
    assert said[:2] == [f"b   current: {gains}", state]
    assert said[2].startswith("mean square error, test: 0.05, 0.05, ") and said[2].endswith(
        "(seeds 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)"
    )
    assert said[-1] == "below: seed 0, around the end of learning"


def test_cells_whose_outputs_were_not_kept_say_so():
    page = fig4.ask(dataset({"a": 3000, "b": 1000, "c": 2000, "d": 2000, "e": 1000, "f": 1000}))
    clicked = callback(page, "cells.selected")
    assert all(text.endswith("the outputs of these runs were not kept") for text in clicked.args["texts"])
    assert clicked.args["pictures"] == [] and len(clicked.args["time"]) == 0
    assert found(page, PreText).text == "Hatched: what does not work. Click on a cell, or walk to it with the slider."


@needs_node
def test_a_click_on_a_cell_draws_its_run_and_its_spikes():
    clicked = callback(fig4.ask(with_runs()), "cells.selected")
    drawn = "[args.said.text, args.output.data, args.raster.data, args.pictures]"
    text, output, raster, pictures = in_node(clicked, {"cells": {"selected": {"indices": [21]}}}, drawn)
    assert text == clicked.args["texts"][21]
    when = times(**WITHIN)
    np.testing.assert_allclose(output["time"][:-1], when, rtol=1e-6)
    np.testing.assert_allclose(output["z"][:-1], 21 + np.arange(len(when)) / 10, rtol=1e-6)
    assert output["z"][-1] is None  # where the pen is lifted
    np.testing.assert_allclose(raster["time"], when[2:3], rtol=1e-6)
    assert raster["neuron"] == [21 % NEURONS]
    assert pictures == [{"visible": True}] * 2
    before = in_node(clicked, {"cells": {"selected": {"indices": []}}}, "args.output")
    assert before == {}  # a click beside the cells


@needs_node
def test_a_slider_walks_from_cell_to_cell_of_the_panel_that_is_shown():
    page = fig4.ask(with_runs())
    slider, cells = found(page, Slider), found(page, ColumnDataSource, "cells").data
    assert slider.end == 7  # of eight cells a panel
    walked, group = callback(page, "selected.indices ="), found(page, Select)
    assert [group.title, slider.title] == ["panel", "cell"]
    for place, cell in ((0, 8), (1, 9), (2, 10), (7, 15)):  # of panel b: along Q, then up in G
        given = {"group": {"value": "b   current"}}
        (k,) = in_node(walked, given, "args.selected.indices", {"value": place})
        assert k == cell and cells["group"][k] == "b   current"
    changed = callback(page, "chosen.group")
    shown = in_node(changed, {"walk": {"value": 99}}, "[args.chosen, args.walk]", {"value": "c   coupling"})
    assert shown == [{"group": "c   coupling"}, {"value": 7, "end": 7}]


@needs_node
def test_several_outputs_are_drawn_above_each_other():
    data = with_runs()
    data = data.drop_vars(["z", "y"]).assign(
        z=xarray.concat([data.z, data.z + 100], "output"), y=xarray.concat([data.y, 0 * data.y], "output")
    )
    clicked = callback(fig4.ask(data), "cells.selected")
    output = in_node(clicked, {"cells": {"selected": {"indices": [2]}}}, "args.output.data")
    n_times, apart = data.sizes["time"], 1.1 * float(np.ptp(data.y.transpose("time", "output").values, axis=0).max())
    assert apart == clicked.args["apart"]
    assert len(output["z"]) == 2 * (n_times + 1) and output["z"][n_times] is None
    assert output["z"][n_times + 1] - output["z"][0] == pytest.approx(100 + apart)


@needs_node
@pytest.mark.parametrize("figure", [fig2, fig3])
def test_a_slider_walks_along_the_archived_curves(figure):
    data = load(archived(figure.__name__.rpartition(".")[2]))
    page = figure.ask(data)
    names, walked = found(page, Select).options, callback(page, "slider.end")
    curves = walked.args["curves"]
    assert names == list(curves) and found(page, Slider).end == len(curves[names[0]]["strengths"]) - 1
    name = "a   Q = 9000 pA" if figure is fig3 else "corrected, test: half width of coupling"
    curve = curves[name]
    given = {"chosen": {"value": name}, "slider": {"value": 99}, "axis": {"ticker": {}}}  # beyond the end
    drawn = (
        "[args.said.text, args.marked.location, args.slider.end, args.dots.data, args.medians.data, args.output.data]"
    )
    text, place, end, dots, medians, output = in_node(walked, given, drawn)
    last = len(curve["strengths"]) - 1
    assert place == end == last and text == curve["texts"][-1]
    if figure is fig3:
        chosen = data.sel(curve="a")
        errors, strengths = chosen.mse.transpose("level", "seed").values, chosen.strength.values
        errors = errors.clip(1e-4, figure.HIGHEST_ERROR)
        assert output is None  # the archive has none
    else:
        chosen = fig2.curve(data.sel(procedure="corrected", target="y1"), "g")
        errors, strengths = chosen.mse_test.transpose("condition", "seed").values, chosen.strength.values
        z = chosen.z_test.isel(condition=last, time=slice(2, None, 4)).values
        np.testing.assert_allclose(output["z"][:-1], z, rtol=1e-6)
    assert curve["strengths"] == [f"{value:g}" for value in strengths]
    np.testing.assert_allclose(np.reshape(dots["error"], errors.shape), errors)
    np.testing.assert_allclose(medians["error"], np.median(errors, axis=1))
    assert dots["seed"] == [str(seed) for seed in data.seed.values] * len(strengths)


def test_of_a_run_a_second_around_the_end_of_learning_is_kept():
    t = np.arange(3000) / 1000
    run = xarray.Dataset(
        {
            "z": (("time", "output"), t[:, None]),
            "y": (("time", "output"), -t[:, None]),
            "spike_time": ("spike", [0.4, 0.5, 0.5, 1.0049, 1.005, 2.4999, 2.5]),
            "spike_neuron": ("spike", [0, 0, 15, 3, 3, 1, 2]),
        },
        {"time": t},
    )
    kept = {name: values for name, (_, values, _) in traces(run, 0.2, 1.5, 3.0).items()}
    when = times(0.2, 1.5, 3.0)
    assert len(when) == 400 and when[0] == 0.5 and when[-1] == pytest.approx(2.495)
    np.testing.assert_allclose(kept["z"][:, 0], when, atol=1e-9)
    np.testing.assert_allclose(kept["y"][:, 0], -when, atol=1e-9)
    bits = {0: 1 + 2**15, 100: 2**3, 101: 2**3, 399: 2}
    assert {int(k): int(kept["fired"][k]) for k in np.flatnonzero(kept["fired"])} == bits
    assert len(times(0.2, 0.6, 1.0)) == 160 and times(0.2, 0.6, 1.0)[0] == 0.2  # of a short run what there is


def test_a_sweep_without_traces_yet_stays_as_it_is():
    data = dataset({"a": 3000, "b": 1000, "c": 2000, "d": 2000, "e": 1000, "f": 1000})
    assert of_one_seed(data, 0, **WITHIN) is data
