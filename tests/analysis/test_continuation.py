"""The engine's adapter: translation, correction, and what it refuses."""

import sys

import numpy as np
import pytest
import xarray

from hetbrian.analysis import continuation
from hetbrian.analysis.continuation import Model, approach, check_range, ode_text, reach
from hetbrian.analysis.curves import fold_curve, hopf_curve
from hetbrian.analysis.equilibrium import branch
from hetbrian.analysis.meanfield import MeanField
from hetbrian.analysis.path import correct, tangent
from hetbrian.analysis.vectorfield import VectorField

FOLD = VectorField("dx/dt = p - 0.3 - (x - 1)**2 : 1", {"p": 0.8})


def fold_branch():
    return branch(FOLD, "p", lambda x: (np.array([x]), 0.3 + (x - 1) ** 2), np.linspace(0.03, 2, 20))


def test_without_xpplab_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "xpplab", None)
    with pytest.raises(ImportError, match=r"pip install 'hetbrian\[bifurcation\]'"):
        Model(FOLD, ("p",), {"p": 0.5}, [1.0], (0, 1), 0.1)
    assert MeanField.CA3.hopf_points(0.0, 0.3).sizes["point"] == 2, "the closed form must not need it"


def test_names_that_xppauts_case_and_length_would_confuse():
    field = VectorField(
        "dRate/dt = -rate*sin(Rate) + pi : 1\ndrate/dt = a_parameter_with_a_long_name*exp(-rate)/3 : 1",
        {"a_parameter_with_a_long_name": 1e-5},
    )
    text = ode_text(field, ("a_parameter_with_a_long_name",), {"a_parameter_with_a_long_name": 0.25}, [1.0, 2.0])
    assert text.splitlines() == [
        "u0'=-u1*sin(u0) + pi",
        "u1'=p0*exp(-u1)/3",
        "par p0=0.25",
        "init u0=1.0",
        "init u1=2.0",
        "done",
    ]


def test_free_parameters_come_first():
    field = VectorField("dx/dt = a*x + b + c : 1", {"a": 1.0, "b": 2.0, "c": 3.0})
    lines = ode_text(field, ("c", "a"), {"c": 5.0, "a": 6.0}, [0.0]).splitlines()
    assert lines[0].replace(" ", "") == "u0'=p0+p1*u0+p2"
    assert lines[1:4] == ["par p0=5.0", "par p1=6.0", "par p2=2.0"]


def test_tangent_is_vertical_at_a_fold():
    np.testing.assert_allclose(np.abs(tangent(FOLD, "p", np.array([1.0, 0.3]))), [1, 0], atol=1e-9)  # rounding in df/dp


def test_correction_passes_a_fold():
    exact = correct(FOLD, "p", np.array([1.1, 0.2]), np.array([1.0, 0.0]))
    np.testing.assert_allclose(exact, [1.1, 0.31], atol=1e-12)  # Newton's method to rounding


def test_correction_without_solution_is_nan():
    assert np.isnan(correct(FOLD, "p", np.array([1.0, 0.1]), np.array([0.0, 1.0]))).all()
    broken = VectorField("dx/dt = log(x) + p : 1", {"p": 0.0})
    assert np.isnan(correct(broken, "p", np.array([-1.0, 0.1]), np.array([0.0, 1.0]))).all()


def test_right_hand_side_of_the_engine_is_compared(monkeypatch):
    pytest.importorskip("xpplab")
    right = ode_text
    monkeypatch.setattr(continuation, "ode_text", lambda *args: right(*args).replace("'=", "'=0.001+"))
    with pytest.raises(RuntimeError, match=r"the engine evaluates the equations to .*, expected"):
        Model(FOLD, ("p",), {"p": 0.8}, [1.5], (0, 1), 0.01)


def test_model_removes_its_file():
    pytest.importorskip("xpplab")
    with Model(FOLD, ("p",), {"p": 0.8}, [1.5], (0, 1), 0.01) as model:
        folder = model._model.path.parent
        assert folder.exists()
    assert not folder.exists()


def test_approach_stays_on_the_branch():
    data = fold_branch()
    near, at = approach(FOLD, "p", data.isel(point=data.kind == "fold"), 0.1)
    np.testing.assert_allclose(at, [1.0, 0.3], atol=1e-12)
    np.testing.assert_allclose(near[1], 0.3 + (near[0] - 1) ** 2, atol=1e-12)
    np.testing.assert_allclose(abs(near[0] - 1), 0.1, atol=1e-9)


def test_approach_refuses_what_is_no_point():
    data = fold_branch()
    with pytest.raises(ValueError, match="point holds 21 points, expected one"):
        approach(FOLD, "p", data, 0.1)
    with pytest.raises(ValueError, match=r"point at p = .* is no equilibrium"):
        approach(FOLD, "p", data.isel(point=0).assign(x=0.5), 0.1)
    with pytest.raises(ValueError, match=r"point at p = .* is no equilibrium"):
        approach(FOLD, "p", data.isel(point=0).assign(x=np.nan), 0.1)


def test_special_point_that_the_engine_does_not_find():
    pytest.importorskip("xpplab")
    near, at = np.array([1.5, 0.55]), np.array([1.0, 0.3])
    with (
        Model(FOLD, ("p",), {"p": 0.55}, [1.5], (0, 1), 0.05) as model,
        pytest.raises(RuntimeError, match=r"the engine finds no HB point at p = 0.3"),
    ):
        reach(model, near, at, "HB", 0.05)


def test_bad_ranges_are_refused():
    with pytest.raises(ValueError, match="range of p is 1 to 0, expected lower < upper"):
        check_range(FOLD, "p", 1, 0)
    with pytest.raises(ValueError, match="parameter is 'q', expected p"):
        check_range(FOLD, "q", 0, 1)


@pytest.mark.parametrize("follow", [hopf_curve, fold_curve])
@pytest.mark.parametrize("max_step", [-1.0, 0.0, 1e9, 1e30, np.inf])
def test_no_step_crashes_the_engine(follow, max_step):
    found = "hopf" if follow is hopf_curve else "fold"
    given = {"field": VectorField("dx/dt = p - x : 1", {"p": 0.5}), "limits": {"p": (0, 1), "q": (0, 1)}}
    with pytest.raises(ValueError, match=r"max_step is .*, expected more than 0 and at most 1e8, beyond which the eng"):
        follow(**given, **{found: xarray.Dataset()}, max_step=max_step)
