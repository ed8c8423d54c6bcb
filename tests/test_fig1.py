"""Figure 1 at its small size: what it computes, and that drawing shows it and changes nothing."""

import matplotlib
import numpy as np
import pytest
import xarray

from figures.fig1 import DYNAMICS, draw
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
    with_network = diagram.assign(network_eta=("network", [0.05, 0.25]), network_rate=("network", [9.0, 76.0]))
    _, axes = matplotlib.pyplot.subplots()
    (axis,) = draw(with_network, axes)
    line = next(line for line in axis.get_lines() if line.get_label() == "network")
    assert line.get_ydata().tolist() == [9.0, 76.0]
    assert line.get_zorder() == max(line.get_zorder() for line in axis.get_lines())


@pytest.mark.slow
def test_regime_maps():
    data = fig1.compute(**{**fig1.SMALL, "panel": "regimes"})
    marks = data.isel(map_point=data.map_curve.values == "generalised hopf")
    coupling = marks.isel(map_point=marks.map_name.values == "coupling").sortby("map_second")
    np.testing.assert_allclose(coupling.map_eta, [0.20219, 0.08196], atol=1e-5)  # references have five digits
    np.testing.assert_allclose(coupling.map_second, [0.88331, 1.12168], atol=1e-5)
    folds = data.isel(map_point=(data.map_name.values == "coupling") & (data.map_second.values == 2.0))
    folds = folds.isel(map_point=folds.map_curve.str.startswith("fold").values)
    np.testing.assert_allclose(np.sort(folds.map_eta), [0.03528, 0.114078], atol=1e-5)  # from another library
    axes = draw(data)
    assert [axis.get_ylabel() for axis in axes] == [
        r"half width $\Delta_\eta$ (dimensionless)",
        r"mean coupling $\bar g$ (dimensionless)",
    ]


def test_unknown_panel_is_refused():
    with pytest.raises(ValueError, match="panel is 'z', expected all, a, regimes or bc"):
        fig1.compute(panel="z")
