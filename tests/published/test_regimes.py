"""Regimes at another heterogeneity or coupling: bifurcations against references, networks, and the figure."""

import matplotlib
import numpy as np
import pytest
import xarray

from hetbrian.analysis.meanfield import MeanField
from hetbrian.published.figures.regimes import draw
from hetbrian.published.protocols import regimes

pytest.importorskip("xpplab")


@pytest.fixture(scope="module")
def small():
    return regimes.compute(**{**regimes.SMALL, "narrow_half_widths": (0.006,)})


@pytest.fixture(autouse=True)
def no_screen():
    matplotlib.use("Agg")
    yield
    matplotlib.pyplot.close("all")


@pytest.mark.long
def test_network_points_are_drawn_on_top(small):
    points = {"eta": [0.05, 0.25, 0.25], "adaptation": ["own", "own", "shared"], "rate_min": [5.0, 75.0, 76.0]}
    points["rate_max"] = points["rate_min"]
    axis = draw(small.assign({f"network_{name}": ("network", values) for name, values in points.items()}))[0]
    top = max(line.get_zorder() for line in axis.get_lines())
    shown = {line.get_label(): line.get_ydata().tolist() for line in axis.get_lines() if line.get_zorder() == top}
    assert shown == {"network, own adaptation": [5.0, 75.0], "network, shared adaptation": [76.0]}


@pytest.mark.slow
@pytest.mark.standalone
def test_networks_follow_the_diagram():
    data = regimes.networks(MeanField.CA3, (0.05, 0.15, 0.25), ("own",), 250, seed=1, device="cpp_standalone")
    low, high = data.network_rate_min.values, data.network_rate_max.values
    assert low[0] == high[0] < 10 and low[2] == high[2], "asynchronous in regimes I and III"
    np.testing.assert_allclose(high[2], 76.0, rtol=0.03)  # the mean field; 250 neurons and adaptation differ by 2 %
    assert low[1] < 10 and high[1] > 80, "oscillates in regime II, from 7 to 101 Hz in the mean field"


@pytest.mark.parametrize(("shift", "kept"), [(1e-6, True), (1e-4, False), (np.nan, False)])
def test_folds_at_narrow_heterogeneity_need_two_meshes_that_agree(monkeypatch, shift, kept):
    def cycles(field, parameter, lower, upper, hopf, *, intervals, **settings):
        eta = hopf.eta.item() + np.array([0.01, -0.001 + shift * (intervals == 150), 0.02])
        kinds = np.array(["regular", "fold of cycles" if np.isfinite(eta[1]) else "regular", "regular"])
        return xarray.Dataset({"kind": ("point", kinds)}, {"eta": ("point", eta)})

    monkeypatch.setattr(regimes, "limit_cycles", cycles)
    data = regimes.narrow_folds(MeanField.CA3.replace(eta_half_width=0.002))
    names = ["fold of cycles, left", "fold of cycles, right"] if kept else ["refused"] * 2
    assert data.map_curve.values.tolist() == names
    np.testing.assert_allclose(data.map_uncertainty, abs(shift), atol=1e-12)
    if kept:
        np.testing.assert_allclose(data.map_eta, [0.0890063 - 0.001, 0.1940803 - 0.001], atol=2e-6)  # seven digits


@pytest.mark.long
def test_maps_have_the_folds_and_generalised_hopf_points_of_the_references(small):
    marks = small.isel(map_point=small.map_curve.values == "generalised hopf")
    coupling = marks.isel(map_point=marks.map_name.values == "coupling").sortby("map_second")
    np.testing.assert_allclose(coupling.map_eta, [0.20219, 0.08196], atol=1e-5)  # references have five digits
    np.testing.assert_allclose(coupling.map_second, [0.88331, 1.12168], atol=1e-5)
    folds = small.isel(map_point=(small.map_name.values == "coupling") & (small.map_second.values == 2.0))
    folds = folds.isel(map_point=folds.map_curve.str.startswith("fold").values)
    np.testing.assert_allclose(np.sort(folds.map_eta), [0.03528, 0.114078], atol=1e-5)  # from another library
    # where the ranges meet, one branch on one mesh and two branches on two meshes give the same folds
    rows = small.isel(map_point=(small.map_second.values == 0.006) & small.map_curve.str.startswith("fold").values)
    twice = np.isfinite(rows.map_uncertainty.values)
    assert twice.sum() == (~twice).sum() == 2
    np.testing.assert_allclose(np.sort(rows.map_eta[twice]), np.sort(rows.map_eta[~twice]), atol=1e-5)


@pytest.mark.long
def test_folds_are_drawn_through_what_was_computed_and_along_the_hopf_curve(small):
    before = small.copy(deep=True)
    axes = draw(small)
    xarray.testing.assert_identical(small, before)
    # the style says where
    assert ["".join(axis.get_title(place) for place in ("left", "center")) for axis in axes] == ["a", "b", "c"]
    for axis, name in zip(axes[1:], ("half_width", "coupling"), strict=True):
        lines = [line for line in axis.get_lines() if line.get_label().startswith("fold of cycles")]
        assert len(lines) == 2
        rows = small.isel(map_point=((small.map_name == name) & small.map_curve.str.startswith("fold")).values)
        for eta, second in zip(rows.map_eta.values, rows.map_second.values, strict=True):
            at = [np.interp(second, line.get_ydata(), line.get_xdata()) for line in lines]
            assert np.abs(np.array(at) - eta).min() < 1e-5  # two meshes may differ by so much
    # the map of the half width has a fold at 0.02 that figure 1a knows to seven digits, between dots at 0.006 and 0.036
    lines = [line for line in axes[1].get_lines() if line.get_label().startswith("fold of cycles")]
    at = sorted(float(np.interp(0.02, line.get_ydata(), line.get_xdata())) for line in lines)
    np.testing.assert_allclose(at, [0.0747823, 0.1935708], atol=1.3e-3)  # straight lines: 1.8e-3, 2.7e-3
