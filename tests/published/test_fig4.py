"""Figures 3 and 4, small, and what their claims are made of."""

import matplotlib
import numpy as np
import pytest
import xarray
from brian2 import pA, second

from hetbrian.published.figures import fig3 as figure3
from hetbrian.published.figures import fig4 as figure
from hetbrian.published.figures import fig4_step as figure_step
from hetbrian.published.figures import fig4_strengths as figure_strengths
from hetbrian.published.protocols import fig3, fig4, fig4_current, fig4_step, fig4_strengths
from hetbrian.published.protocols.common.force import TARGETS, WORKS, point, trained
from hetbrian.simulation.record import load, save

matplotlib.use("Agg")

GAINS = (1000.0, 2000.0, 3000.0, 5000.0)
TINY = {"n_neurons": 40, "n_seeds": 1, "start": 0.05 * second, "stop": 0.1 * second, "duration": 0.4 * second}


def dataset(works, silent=None):
    """Return a Dataset in which ``works[panel]`` is the lowest G that works, for ten seeds."""
    shape = (10, 6, 4, 2)
    error = np.full(shape, 1.0)
    for number, panel in enumerate(fig4.PANELS):
        error[:, number, np.array(GAINS) >= works[panel]] = 0.1
    mute = np.zeros(shape)
    mute[:, 0, np.array(GAINS) < 3000] = 1.0
    names = ("seed", "panel", "recurrent_gain", "feedback_gain")
    return xarray.Dataset(
        {
            "relative_error": (names, error),
            "mse": (names, error / 2),
            "mse_shifted": (names, error / 2),
            "mse_learning": (names, error / 100),
            "rate": (names, np.full(shape, 50.0)),
            "silent": (names, mute),
            "diverged": (names, np.zeros(shape)),
            "status": (names, np.ones(shape)),
        },
        {
            "seed": range(10),
            "panel": list(fig4.PANELS),
            "recurrent_gain": list(GAINS),
            "feedback_gain": [1500.0, 3000.0],
        },
        {"n_neurons": 10, "target": "sine", "reset": "residual"},
    )


def verdicts(data):
    return {claim.name: claim.verdict for claim in fig4.claims(data)}


def test_claims_follow_from_where_the_network_works():
    paper = dataset({"a": 3000, "b": 1000, "c": 2000, "d": 2000, "e": 1000, "f": 1000})
    assert verdicts(paper) == {"F1": "reproduced", "F5": "reproduced", "F6": "reproduced"}
    useless = dataset(dict.fromkeys(fig4.PANELS, 3000))
    assert verdicts(useless) == {"F1": "reproduced", "F5": "not", "F6": "not"}
    never = dataset({"a": 1000, "b": 9000, "c": 9000, "d": 9000, "e": 9000, "f": 9000})
    never["silent"][:] = 0.0
    assert verdicts(never) == {"F1": "not", "F5": "not", "F6": "not"}
    assert "| b | eta | 100% (100%-100%)" in fig4.summary(paper)


def test_points_that_are_missing_do_not_count():
    data = dataset({"a": 3000, "b": 1000, "c": 2000, "d": 2000, "e": 1000, "f": 1000})
    data["status"][:, :, 0, 0] = 2
    assert fig4.workable_fraction(data).sel(panel="b").values.tolist() == [1.0] * 10
    assert fig4.workable_fraction(data).sel(panel="a").values == pytest.approx([4 / 7] * 10)


def test_the_figure_outlines_what_works_and_hatches_what_fails():
    data = dataset({"a": 3000, "b": 1000, "c": 2000, "d": 9000, "e": 1000, "f": 1000})
    data["status"][:, 2, 3, 1] = 0  # not computed yet: white
    data["rate"][:, 3, 3, 0] = 2000.0
    before = data.copy(deep=True)
    axes = figure.draw(data)
    assert data.identical(before) and axes.shape == (4, 3)
    hatched = [len(axis.patches) for axis in axes.ravel()]
    assert hatched == [4, 0, 2, 8, 0, 0] + [0] * 6
    # edges of the region, one by one; in d a cross
    assert [len(axis.lines) for axis in axes.ravel()] == [8, 12, 10, 1, 12, 12] + [0] * 6
    titles = [axes[0, 0].get_title(loc=place) for place in ("left", "center")]
    assert "a   homogeneous\nworks: 50% (50% to 50%)" in titles  # the style says where
    # to scale: cells end halfway between neighbours
    assert axes[0, 0].get_ylim() == (0.5, 6.0) and axes[0, 0].get_xlim() == (0.75, 3.75)
    assert axes[3, 0].get_xlabel() == "feedback gain Q (nA)" and axes[0, 0].get_ylabel() == "recurrent gain G (nA)"
    matplotlib.pyplot.close(axes[0, 0].figure)


def test_figure_and_protocol_mean_the_same_by_working():
    assert figure.WORKS == WORKS and set(figure.TITLES) == set(fig4.PANELS)


@pytest.mark.slow
def test_figure_4_computes_and_decides_at_a_tiny_size(tmp_path):
    gains = {"recurrent_gains": (1000, 5000) * pA, "feedback_gains": (9000,) * pA, "relative_g_half_width": 0.5}
    data = fig4.compute(**TINY, **gains, device="numpy")
    save(data, tmp_path / "d.nc")
    data = load(tmp_path / "d.nc")
    assert data.sizes == {"seed": 1, "panel": 6, "recurrent_gain": 2, "feedback_gain": 1, "time": 70, "output": 1}
    assert (data.status == 1).all()
    # what is kept of the first seed: from the beginning of learning, 0.05 s, to the end, every 5 ms
    assert data.z.dims == ("panel", "recurrent_gain", "feedback_gain", "time", "output") and data.y.dims[0] == "time"
    np.testing.assert_allclose(data.time, np.arange(0.05, 0.399, 0.005))
    np.testing.assert_allclose(data.y[:, 0], np.sin(2 * np.pi * 5 * data.time), atol=2e-3)  # 2 pi 5 Hz dt is 1.3e-3
    assert (np.abs(data.z).max("time") > 0).all() and 0 < data.fired.max() < 2**16
    assert data.recurrent_gain.values.tolist() == [1000, 5000] and data.recurrent_gain.attrs["units"] == "pA"
    assert {claim.name for claim in fig4.claims(data)} == {"F1", "F5", "F6"}


@pytest.mark.slow
@pytest.mark.standalone
@pytest.mark.parametrize(
    ("protocol", "figure", "sizes", "text"),
    [
        (fig4_strengths, figure_strengths, {"strength": 25}, "| eta_half_width 100, g_half_width 400, theta 0.1 |"),
        (fig4_step, figure_step, {"dt": 2, "panel": 6}, "| panel | G (pA) | works, 0.04 ms | works, 0.02 ms |"),
        (fig4_current, figure, {"panel": 2}, "| b | eta |"),
    ],
)
def test_controls_of_figure_4_compute_and_draw_at_a_tiny_size(protocol, figure, sizes, text, tmp_path):
    gains = {"recurrent_gains": (5000,) * pA, "feedback_gains": (9000,) * pA}
    save(protocol.compute(**{**TINY, **gains}), tmp_path / "d.nc")
    data = load(tmp_path / "d.nc")
    assert sizes.items() <= data.sizes.items() and (data.status == 1).all()
    assert data.mse_learning.attrs["units"] == "1" and (data.mse_learning > 0).all()
    assert text in protocol.summary(data)
    axes = np.ravel(figure.draw(data))
    assert all(axis.has_data() for axis in axes)
    matplotlib.pyplot.close(axes[0].figure)


@pytest.mark.slow
def test_figure_3_computes_draws_and_decides_at_a_tiny_size(tmp_path):
    strengths = {"eta_half_widths": (0, 500) * pA, "g_half_widths": (0, 100) * pA, "thetas": (0, 0.5)}
    data = fig3.compute(**TINY, **strengths, device="numpy")
    save(data, tmp_path / "d.nc")
    data = load(tmp_path / "d.nc")
    assert (data.status == 1).all() and np.allclose(data.strength.sel(curve="a"), [0, 500])
    assert data.strength.sel(curve="d, retain").values.tolist() == [0, 0.5]
    assert {claim.name for claim in fig3.claims(data)} == {"F2", "F3", "F4"}
    # diverged runs lie at the upper edge
    data["mse"][{"level": 1}] = np.inf
    axes = figure3.draw(data)
    assert np.isfinite([axis.get_ylim() for axis in axes.ravel()]).all() and axes[0, 0].get_ylabel()
    matplotlib.pyplot.close(axes[0, 0].figure)


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_learned_by_the_same_function(target):
    settings = {key: value for key, value in TINY.items() if key != "n_seeds"}
    gains = {"recurrent_gain": 5000 * pA, "feedback_gain": 5000 * pA}
    found = trained(1, device="numpy", target=target, **gains, **settings)
    assert np.isfinite([value for _, value, _ in found.values()][:4]).all() and found["rate"][1] > 0
    assert found["relative_error"][2]["units"] == "1"


def test_an_unknown_target_is_refused():
    with pytest.raises(
        ValueError, match=r"target is 'cosine', expected one of sine, product, lorenz, ode_to_joy: choose"
    ):
        trained(1, n_neurons=3, start=0, stop=1, duration=2, device="numpy", target="cosine")


@pytest.mark.parametrize("duration", [1.5, 2])
@pytest.mark.parametrize("one", [trained, point])
def test_a_run_without_a_test_is_refused_before_it_begins(one, duration):
    with pytest.raises(
        ValueError, match=r"learning stops at 2. s and the run ends at .*, expected time for a test betwee"
    ):
        one(1, n_neurons=3, start=1 * second, stop=2 * second, duration=duration * second, device="numpy")


def test_claims_of_figure_3():
    curves, levels = list(fig3.PANELS), [0, 1, 2]
    error = np.ones((6, 10, 3))
    error[:3, :, 1:] = error[4, :8, 1:] = 0.1
    data = xarray.Dataset(
        {
            "relative_error": (("curve", "seed", "level"), error),
            "status": (("curve", "seed", "level"), np.ones((6, 10, 3))),
        },
        {"curve": curves, "seed": range(10), "level": levels},
    )
    strengths = {"eta": [0.0, 1.0, 2.0], "g": [0.0, 1.0, 2.0], "theta": [0.0, 0.1, 0.4]}
    data = fig3._described(data, strengths, 2000 * pA, 10)
    found = {(claim.name, claim.setting.rpartition(", ")[2]): claim.verdict for claim in fig3.claims(data)}
    assert found == {
        ("F2", "G = 2000 pA"): "reproduced",
        ("F3", "G = 2000 pA"): "reproduced",
        ("F4", "residual"): "undecided",
        ("F4", "retain"): "not",
    }
    table = fig3.summary(data)
    assert "| F4 | N = 10, G = 2000 pA, residual |" in table
    assert "share that works of theta 0.3 to 0.6, Q = 4500 pA (control) | > 0.5 | 1 (0.69 to 1) | yes" in table
    assert "verdict" not in fig3.summary(data.assign_attrs(small=1))


@pytest.mark.parametrize("thetas", [(0.0,), (0.1, 0.5)])
def test_strengths_of_figure_3_begin_at_0_and_are_as_many(thetas):
    with pytest.raises(ValueError, match="expected as many of each, 0 first: fill them up"):
        fig3.compute(**TINY, eta_half_widths=(0, 1) * pA, g_half_widths=(0, 1) * pA, thetas=thetas)
