"""Figure 1a: what it computes, and that drawing shows it and changes nothing."""

import matplotlib
import numpy as np
import pytest
import xarray

from hetbrian.plot.diagram import DYNAMICS
from hetbrian.published.figures.fig1 import draw
from hetbrian.published.protocols import fig1

pytest.importorskip("xpplab")


@pytest.fixture(scope="module")
def diagram():
    return fig1.compute(**fig1.SMALL)


@pytest.fixture(autouse=True)
def no_screen():
    matplotlib.use("Agg")
    yield
    matplotlib.pyplot.close("all")


def test_three_regimes_between_two_hopf_points(diagram):
    hopf = diagram.equilibrium_eta[diagram.equilibrium_kind == "hopf"]
    np.testing.assert_allclose(hopf, [0.0748928, 0.1909396], atol=1e-7)  # references have seven digits
    inside = (diagram.equilibrium_eta > 0.075) & (diagram.equilibrium_eta < 0.1909)
    outside = (diagram.equilibrium_eta < 0.0748) | (diagram.equilibrium_eta > 0.191)
    assert not diagram.equilibrium_stable[inside].any()
    assert diagram.equilibrium_stable[outside].all()


def test_one_family_of_cycles_joins_both_hopf_points(diagram):
    assert np.unique(diagram.cycle_family).tolist() == [0]
    folds = np.sort(diagram.cycle_eta[diagram.cycle_kind == "fold of cycles"])
    np.testing.assert_allclose(folds, [0.0747823, 0.1935708], atol=1e-5)
    assert diagram.cycle_rate_max.attrs["units"] == "Hz"
    stable = diagram.cycle_rate_max[diagram.cycle_stable].max()
    np.testing.assert_allclose(stable, 0.1639 / 1.53846e-3, rtol=1e-2)  # r = 0.1639 at the upper fold


def test_drawing_uses_the_papers_colours_and_changes_nothing(diagram):
    before = diagram.copy(deep=True)
    axes = draw(diagram)
    assert len(axes) == 1
    assert axes[0].get_ylabel() == "population rate (Hz)"
    handles, labels = axes[0].get_legend_handles_labels()
    shown = {label: handle.get_color() for handle, label in zip(handles, labels, strict=True)}
    assert {name: look["color"] for name, look in DYNAMICS.items()}.items() <= shown.items()
    assert not any("unknown" in label for label in labels)  # every cycle is confirmed
    xarray.testing.assert_identical(diagram, before)


def test_branches_have_no_gaps(diagram):
    """Every piece of a curve begins and ends in another one; only fixed points leave the range at both ends."""
    (axis,) = draw(diagram)
    for what, n_free in (("fixed point", 2), ("limit cycle", 0)):
        pieces = [line.get_xydata() for line in axis.get_lines() if line.get_label().endswith(what)]
        points = [tuple(row) for piece in pieces for row in piece]
        free = [piece[end] for piece in pieces for end in (0, -1) if points.count(tuple(piece[end])) < 2]
        assert len(pieces) > 2 and len(free) == n_free


def test_cycles_that_nobody_confirmed_are_not_drawn_as_unstable(diagram):
    verified = diagram.cycle_verified.copy()
    chosen = np.flatnonzero(diagram.cycle_stable.values)[5:8]
    verified[chosen] = False
    (axis,) = draw(diagram.assign(cycle_verified=verified, cycle_stable=diagram.cycle_stable & verified))
    low, *_ = [line for line in axis.get_lines() if line.get_label() == "limit cycle, stability unknown"]
    assert low.get_linestyle() == ":" and low.get_xdata()[1:-1].tolist() == diagram.cycle_eta[chosen].values.tolist()
    unstable = [line.get_xdata() for line in axis.get_lines() if line.get_label() == "unstable limit cycle"]
    assert not np.isin(diagram.cycle_eta[chosen].values, np.concatenate(unstable)).any()


def test_exact_parameters_move_the_hopf_points():
    data = fig1.compute(**{**fig1.SMALL, "parameters": "exact"})
    hopf = data.equilibrium_eta[data.equilibrium_kind == "hopf"]
    np.testing.assert_allclose(hopf, [0.0750716, 0.1916390], atol=1e-7)  # seven digits


def test_unknown_parameters_are_refused():
    with pytest.raises(ValueError, match="parameters is 'round', expected published, exact"):
        fig1.compute(parameters="round")
