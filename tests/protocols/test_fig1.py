"""Figure 1 at its small size: what it computes, and that drawing shows it and changes nothing."""

import matplotlib
import numpy as np
import pytest
import xarray

from figures.fig1 import DYNAMICS, draw
from hetbrian.analysis.meanfield import MeanField
from protocols import fig1

pytest.importorskip("xpplab")


@pytest.fixture(scope="module")
def diagram():
    return fig1.compute(**{**fig1.SMALL, "panel": "a"})


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
    assert DYNAMICS.items() <= shown.items()
    assert "network" not in shown
    xarray.testing.assert_identical(diagram, before)


def test_network_points_are_drawn_on_top(diagram):
    points = {"eta": [0.05, 0.25, 0.25], "adaptation": ["own", "own", "shared"], "rate_min": [5.0, 75.0, 76.0]}
    points["rate_max"] = points["rate_min"]
    _, axes = matplotlib.pyplot.subplots()
    (axis,) = draw(diagram.assign({f"network_{name}": ("network", values) for name, values in points.items()}), axes)
    top = max(line.get_zorder() for line in axis.get_lines())
    shown = {line.get_label(): line.get_ydata().tolist() for line in axis.get_lines() if line.get_zorder() == top}
    assert shown == {"network, own adaptation": [5.0, 75.0], "network, shared adaptation": [76.0]}


@pytest.mark.slow
@pytest.mark.standalone
def test_networks_follow_the_diagram():
    data = fig1.networks(MeanField.CA3, (0.05, 0.15, 0.25), ("own",), 250, seed=1, device="cpp_standalone")
    low, high = data.network_rate_min.values, data.network_rate_max.values
    assert low[0] == high[0] < 10 and low[2] == high[2], "asynchronous in regimes I and III"
    np.testing.assert_allclose(high[2], 76.0, rtol=0.03)  # the mean field; 250 neurons and adaptation differ by 2 %
    assert low[1] < 10 and high[1] > 80, "oscillates in regime II, from 7 to 101 Hz in the mean field"


def test_exact_parameters_move_the_hopf_points():
    data = fig1.compute(**{**fig1.SMALL, "panel": "a", "parameters": "exact"})
    hopf = data.equilibrium_eta[data.equilibrium_kind == "hopf"]
    np.testing.assert_allclose(hopf, [0.0750716, 0.1916390], atol=1e-7)  # seven digits


@pytest.mark.parametrize(("shift", "kept"), [(1e-6, True), (1e-4, False), (np.nan, False)])
def test_folds_at_narrow_heterogeneity_need_two_meshes_that_agree(monkeypatch, shift, kept):
    def cycles(field, parameter, lower, upper, hopf, *, intervals, **settings):
        eta = hopf.eta.item() + np.array([0.01, -0.001 + shift * (intervals == 150), 0.02])
        kinds = np.array(["regular", "fold of cycles" if np.isfinite(eta[1]) else "regular", "regular"])
        return xarray.Dataset({"kind": ("point", kinds)}, {"eta": ("point", eta)})

    monkeypatch.setattr(fig1, "limit_cycles", cycles)
    data = fig1.narrow_folds(MeanField.CA3.replace(eta_half_width=0.002))
    names = ["fold of cycles, left", "fold of cycles, right"] if kept else ["refused"] * 2
    assert data.map_curve.values.tolist() == names
    np.testing.assert_allclose(data.map_uncertainty, abs(shift), atol=1e-12)
    if kept:
        np.testing.assert_allclose(data.map_eta, [0.0890063 - 0.001, 0.1940803 - 0.001], atol=2e-6)  # seven digits


@pytest.mark.slow
def test_regime_maps():
    data = fig1.compute(**{**fig1.SMALL, "panel": "regimes", "narrow_half_widths": (0.006,)})
    marks = data.isel(map_point=data.map_curve.values == "generalised hopf")
    coupling = marks.isel(map_point=marks.map_name.values == "coupling").sortby("map_second")
    np.testing.assert_allclose(coupling.map_eta, [0.20219, 0.08196], atol=1e-5)  # references have five digits
    np.testing.assert_allclose(coupling.map_second, [0.88331, 1.12168], atol=1e-5)
    folds = data.isel(map_point=(data.map_name.values == "coupling") & (data.map_second.values == 2.0))
    folds = folds.isel(map_point=folds.map_curve.str.startswith("fold").values)
    np.testing.assert_allclose(np.sort(folds.map_eta), [0.03528, 0.114078], atol=1e-5)  # from another library
    # where the ranges meet, one branch on one mesh and two branches on two meshes give the same folds
    rows = data.isel(map_point=(data.map_second.values == 0.006) & data.map_curve.str.startswith("fold").values)
    twice = np.isfinite(rows.map_uncertainty.values)
    assert twice.sum() == (~twice).sum() == 2
    np.testing.assert_allclose(np.sort(rows.map_eta[twice]), np.sort(rows.map_eta[~twice]), atol=1e-5)
    axes = draw(data)
    assert [axis.get_ylabel() for axis in axes] == [
        r"half width $\Delta_\eta$ (dimensionless)",
        r"mean coupling $\bar g$ (dimensionless)",
    ]


def test_unknown_choices_are_refused():
    with pytest.raises(ValueError, match="panel is 'z', expected all, a, regimes or bc"):
        fig1.compute(panel="z")
    with pytest.raises(ValueError, match="parameters is 'round', expected published or exact"):
        fig1.compute(parameters="round")
