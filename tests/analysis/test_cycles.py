"""Branches of limit cycles: normal forms off the origin, CA3 against shooting, refused results."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from hetbrian.analysis import cycles as cycles_module
from hetbrian.analysis.cycles import limit_cycles
from hetbrian.analysis.equilibrium import branch
from hetbrian.analysis.meanfield import MeanField
from hetbrian.analysis.vectorfield import VectorField

pytest.importorskip("xpplab")

LANDAU = """
dx/dt = (p - 0.3)*(x - 1) - 2*(y - 2) + (x - 1)*(third*square - fifth*square**2) : 1
dy/dt = 2*(x - 1) + (p - 0.3)*(y - 2) + (y - 2)*(third*square - fifth*square**2) : 1
square = (x - 1)**2 + (y - 2)**2 : 1
"""
SUPERCRITICAL = VectorField(LANDAU, {"p": 0.0, "third": -1.0, "fifth": 0.0})
SUBCRITICAL = VectorField(LANDAU, {"p": 0.0, "third": 1.0, "fifth": 1.0})


def hopf_of(field):
    data = branch(field, "p", lambda p: (np.array([1.0, 2.0]), p), np.linspace(-0.2, 1.0, 12))
    return data.isel(point=data.kind == "hopf")


def test_supercritical_cycles():
    cycles = limit_cycles(SUPERCRITICAL, "p", -0.2, 1.0, hopf_of(SUPERCRITICAL))
    assert cycles.attrs["end"] == "range"
    assert cycles.attrs["refused"] == 0
    assert cycles.p.max() > 0.9
    assert cycles.kind.values.tolist() == ["hopf", *["regular"] * (cycles.sizes["point"] - 1)]
    assert cycles.stable[1:].all() and cycles.verified.all()
    # collocation of a circle with 100 intervals of degree 4 is exact to 1e-8; at the Hopf point p is to 1e-12
    np.testing.assert_allclose(cycles.period, np.pi, rtol=1e-7)
    radius = np.sqrt(np.maximum(cycles.p - 0.3, 0))
    for low, high, centre in ((cycles.x_min, cycles.x_max, 1), (cycles.y_min, cycles.y_max, 2)):
        np.testing.assert_allclose(low, centre - radius, atol=1e-6)
        np.testing.assert_allclose(high, centre + radius, atol=1e-6)
    np.testing.assert_allclose(cycles.multiplier_real[:, 0], np.exp(-2 * np.pi * (cycles.p - 0.3)), atol=1e-6)


def test_subcritical_cycles_fold():
    cycles = limit_cycles(SUBCRITICAL, "p", -0.2, 1.0, hopf_of(SUBCRITICAL))
    special = cycles.isel(point=cycles.kind != "regular")
    assert special.kind.values.tolist() == ["hopf", "fold of cycles"]
    fold = special.isel(point=[1])
    np.testing.assert_allclose(fold.p, [0.05], atol=1e-6)  # 0.3 - 1/4; the engine locates it to 1e-7
    np.testing.assert_allclose(fold.x_max, [1 + np.sqrt(0.5)], atol=1e-3)  # vertical tangent there
    regular = cycles.isel(point=cycles.kind == "regular")
    beyond = regular.x_max > 1 + np.sqrt(0.5)
    assert (regular.stable == beyond).all()
    assert beyond.any() and (~beyond).any()


def test_branch_ends_at_a_homoclinic_orbit():
    # Bogdanov-Takens: Hopf at b = 0.1, homoclinic close to 5/7 of it (Guckenheimer & Holmes 1983, Sec. 7.3)
    field = VectorField("dx/dt = y : 1\ndy/dt = -0.01 + b*y + x**2 + x*y : 1", {"b": 0.1})
    data = branch(field, "b", lambda b: (np.array([-0.1, 0.0]), b), np.linspace(0, 0.21, 12))
    cycles = limit_cycles(field, "b", 0.0, 0.2, data.isel(point=data.kind == "hopf"), max_points=300)
    assert cycles.attrs["end"] == "homoclinic"
    assert cycles.period[-1] > 3 * cycles.period[0]
    np.testing.assert_allclose(cycles.b[-1], 0.1 * 5 / 7, rtol=0.02)  # leading order of the unfolding
    # at the end the orbit reaches the saddle, x = 0.1, which lies on its right
    np.testing.assert_allclose(cycles.x_max[-1], 0.1, atol=1e-3 * float(cycles.x_max[-1] - cycles.x_min[-1]))


@pytest.mark.long
def test_right_branch_of_ca3_at_strong_coupling_ends_at_a_homoclinic_orbit():
    """Its canard has periods up to 2300 at one eta, to 1e-9: with degree 4 the engine turns round there."""
    meanfield = MeanField.CA3.replace(g=3.0)
    hopf = meanfield.hopf_points(-0.05, 0.05).isel(point=1)
    cycles = limit_cycles(meanfield.field, "eta", -0.05, 0.05, hopf, max_step=0.02, max_points=500)
    assert cycles.attrs["end"] == "homoclinic"
    assert cycles.period.max() > 2000
    np.testing.assert_allclose(cycles.eta.max(), 0.0013262281, atol=1e-9)  # the canard
    folds = meanfield.equilibria(-0.05, 0.05)
    folds = folds.eta.values[folds.kind.values == "fold"]
    assert folds.min() < cycles.eta[-1] <= folds.max() + 1e-6, "a homoclinic orbit needs a saddle"


@pytest.mark.parametrize(("which", "order"), [pytest.param(0, [0, 1], marks=pytest.mark.long), (1, [1, 0])])
def test_ca3_cycles_join_both_hopf_points(which, order):
    hopf = MeanField.CA3.hopf_points(0.0, 0.3)
    cycles = limit_cycles(MeanField.CA3.field, "eta", 0.0, 0.3, hopf.isel(point=which))
    fold = cycles.isel(point=cycles.kind == "fold of cycles")
    np.testing.assert_allclose(fold.eta, np.array([0.0747823190, 0.1935708])[order], atol=1e-7)  # shooting
    np.testing.assert_allclose(fold.period, np.array([449.2, 235.26])[order], atol=0.05)  # flat in eta: canard
    assert cycles.attrs["end"] == "hopf"
    np.testing.assert_allclose(cycles.eta[[0, -1]], hopf.eta[[which, 1 - which]], atol=1e-9)
    assert cycles.kind.values[[0, -1]].tolist() == ["hopf", "hopf"], "no gap before either Hopf point"
    stable = cycles.isel(point=cycles.stable)
    np.testing.assert_allclose([stable.eta.min(), stable.eta.max()], [0.0747823, 0.1935708], atol=1e-6)
    near = stable.isel(point=np.argsort(np.abs(stable.eta.values - 0.12))[:1])
    np.testing.assert_allclose([near.r_min[0], near.r_max[0]], [0.0099, 0.1520], atol=5e-4)  # at eta 0.12 +- 0.005
    assert cycles.attrs["refused"] == 0
    # shooting; samples at 401 times had r up to 0.163588 at eta = 0.19
    stable = stable.isel(point=np.argsort(stable.eta.values))
    for eta, expected in {0.15: (206.3094, 0.010513, 0.157609), 0.19: (223.4460, 0.012872, 0.163658)}.items():
        found = [CubicSpline(stable.eta, stable[name])(eta) for name in ("period", "r_min", "r_max")]
        np.testing.assert_allclose(found, expected, rtol=5e-5)  # r_min has five digits


@pytest.mark.parametrize("back", [0, 1, 60])
def test_a_branch_that_runs_back_over_itself_has_turned(back):
    """Its cycles on the way back lie between those on the way out, and it may pass its Hopf point unnoticed."""
    out = np.linspace(0, 1, 60) ** 1.5
    t = np.concatenate([out, 1 - np.linspace(0.03, 1, 50)[:back]])
    t = np.concatenate([t, np.linspace(0.02, 0.7, 40) if back == 60 else []])
    way = np.column_stack([0.1 - 1e-3 * np.exp(-t), 150 + 900 * t**2, t])
    turn = cycles_module._turn(way)
    if back == 60:
        assert 56 <= turn <= 59  # not a cycle after it
    else:
        assert turn is None  # back by less than is told apart from a fold


@pytest.mark.parametrize("turns", [1, 3])
def test_engine_that_turns_round_gets_a_finer_mesh(monkeypatch, turns):
    original, meshes = cycles_module._followed, []

    def followed(field, parameter, limits, places, max_step, max_points, mesh):
        cycles, end, other = original(field, parameter, limits, places, max_step, max_points, (100, 4))
        meshes.append(mesh)
        back = len(meshes) <= turns
        return (cycles + cycles[-2::-1], "hopf", places[1]) if back else (cycles, end, other)

    monkeypatch.setattr(cycles_module, "_followed", followed)
    cycles = limit_cycles(SUPERCRITICAL, "p", -0.2, 0.5, hopf_of(SUPERCRITICAL))
    assert meshes == ([(100, 4), (100, 7)] if turns == 1 else [(100, 4), (100, 7), (200, 7)])
    assert cycles.attrs["end"] == ("range" if turns == 1 else "failure")
    assert np.all(np.diff(cycles.p) > 0), "no cycle twice"


@pytest.mark.parametrize(
    ("which", "intervals", "expected", "atol"),
    [
        pytest.param(0, 100, 0.08891, 1e-4, marks=pytest.mark.long),  # a canard, known to four digits
        (1, 200, 0.1979629, 1e-5),
    ],
)
def test_canards_of_ca3_at_narrow_heterogeneity(which, intervals, expected, atol):
    meanfield = MeanField.CA3.replace(eta_half_width=0.002)
    hopf = meanfield.hopf_points(0.0, 0.3).isel(point=which)
    cycles = limit_cycles(meanfield.field, "eta", 0.0, 0.3, hopf, max_step=0.012, max_points=120, intervals=intervals)
    fold = cycles.isel(point=cycles.kind == "fold of cycles")
    np.testing.assert_allclose(fold.eta[:1], [expected], atol=atol)
    assert fold.sizes["point"] == 1, "dozens of false folds along the canard"
    assert not cycles.stable.isel(point=~cycles.verified).any()


def tampered(change):
    original = cycles_module._rows

    def rows(*engine):
        return [change(row) for row in original(*engine)]

    return rows


def test_cycles_that_do_not_close_are_refused(monkeypatch):
    monkeypatch.setattr(cycles_module, "_rows", tampered(lambda row: {**row, "period": 0.9 * row["period"]}))
    with pytest.raises(RuntimeError, match=r"none of the .* cycles of the engine closes"):
        limit_cycles(SUPERCRITICAL, "p", -0.2, 1.0, hopf_of(SUPERCRITICAL), max_points=20)


def test_wrong_multipliers_are_refused(monkeypatch):
    def change(row):
        return {**row, "multipliers": row["multipliers"] * (3 if row["value"] > 0.6 else 1)}

    monkeypatch.setattr(cycles_module, "_rows", tampered(change))
    cycles = limit_cycles(SUPERCRITICAL, "p", -0.2, 0.7, hopf_of(SUPERCRITICAL))
    assert cycles.attrs["refused"] > 0
    assert cycles.p.max() < 0.61


def test_label_of_a_period_doubling_without_its_multiplier_is_refused(monkeypatch):
    monkeypatch.setattr(cycles_module, "_rows", tampered(lambda row: {**row, "type": "PD"}))
    cycles = limit_cycles(SUPERCRITICAL, "p", -0.2, 1.0, hopf_of(SUPERCRITICAL), max_points=20)
    assert (cycles.kind.isel(point=cycles.p > 0.35) == "regular").all()


def test_engine_without_cycles_is_refused(monkeypatch):
    monkeypatch.setattr(cycles_module, "_rows", lambda *_: [])
    monkeypatch.setattr(cycles_module, "_end", lambda *args: ("failure", 0, None))
    with pytest.raises(RuntimeError, match="the engine returned no cycle from the Hopf point"):
        limit_cycles(SUPERCRITICAL, "p", -0.2, 1.0, hopf_of(SUPERCRITICAL))


def test_bad_ranges_are_refused():
    with pytest.raises(ValueError, match="range of p is 1 to 0, expected lower < upper"):
        limit_cycles(SUPERCRITICAL, "p", 1, 0, hopf_of(SUPERCRITICAL))
