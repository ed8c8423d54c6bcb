"""The vector field: parsing, exact derivatives, trajectories, and one clear sentence for bad input."""

import numpy as np
import pytest
from brian2 import ms, mV

from hetbrian.analysis.vectorfield import VectorField

PENDULUM = """
dx/dt = y - 2.0 : 1
dy/dt = -k*sin(x - 1.0) - friction : 1
friction = c*(y - 2.0)**3 : 1
"""


@pytest.fixture
def pendulum():
    return VectorField(PENDULUM, {"k": 2.0, "c": 0.5})


def test_variables_keep_the_written_order():
    field = VectorField("dz/dt = a : 1\nda/dt = -z : 1", {})
    assert field.variables == ("z", "a")
    assert field.rhs([1.0, 2.0]).tolist() == [2.0, -1.0]


def test_rhs_broadcasts_over_states_and_parameters(pendulum):
    states = np.array([[1.0, 3.0], [1.0 + np.pi / 2, 2.0]])
    expected = [[[1.0, -0.5], [0.0, -1.0]], [[1.0, -0.5], [0.0, -3.0]]]
    values = pendulum.rhs(states, k=np.array([[1.0], [3.0]]))
    np.testing.assert_allclose(values, expected, atol=1e-14)  # rounding of sin(pi/2)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_agree_with_finite_differences(pendulum, order):
    state, h = np.array([1.7, 2.9]), 1e-5
    columns = [
        (pendulum.derivative(order - 1, state + h * e) - pendulum.derivative(order - 1, state - h * e)) / (2 * h)
        for e in np.eye(2)
    ]
    # central differences are off by h^2 = 1e-10 times a derivative of order one
    np.testing.assert_allclose(pendulum.derivative(order, state), np.stack(columns, axis=-1), atol=1e-9)


def test_sensitivity_is_the_derivative_to_a_parameter(pendulum):
    np.testing.assert_allclose(pendulum.sensitivity([2.0, 2.0], "k"), [0.0, -np.sin(1.0)], rtol=1e-15)
    velocity, derivatives = pendulum.linearised([[2.0, 2.0], [1.0, 3.0]], "k")
    np.testing.assert_allclose(velocity, pendulum.rhs([[2.0, 2.0], [1.0, 3.0]]), rtol=1e-15)
    np.testing.assert_allclose(derivatives[..., :-1], pendulum.jacobian([[2.0, 2.0], [1.0, 3.0]]), rtol=1e-15)
    np.testing.assert_allclose(derivatives[0, :, -1], [0.0, -np.sin(1.0)], rtol=1e-15)


def test_jacobian_that_is_not_finite_has_no_eigenvalues():
    field = VectorField("dx/dt = log(x) : 1", {})
    with pytest.raises(ValueError, match=r"the Jacobian is not finite at .*, expected finite numbers"):
        field.eigenvalues([0.0])


def test_eigenvalues_come_least_stable_first():
    field = VectorField("dx/dt = -x : 1\ndy/dt = 2*y : 1", {})
    assert field.eigenvalues([0.0, 0.0]).tolist() == [2, -1]


def test_units_count_in_si_and_are_reported():
    field = VectorField("dv/dt = (E - v)/tau : volt", {"E": 70 * mV, "tau": 10 * ms})
    np.testing.assert_allclose(field.rhs([0.0]), [7.0])
    assert field.units == {"v": "V", "E": "V", "tau": "s"}


def test_trajectory_of_a_decay_with_a_drive():
    field = VectorField("dx/dt = -x + drive : 1", {"drive": 0.0})
    times = np.linspace(0, 3, 31)
    data = field.trajectory([2.0], times)
    np.testing.assert_allclose(data.x, 2 * np.exp(-times), rtol=1e-7)  # rtol 1e-9 a step
    driven = field.trajectory([0.0], times, drive=lambda time: time)
    np.testing.assert_allclose(driven.x, times - 1 + np.exp(-times), atol=1e-7)


def test_with_parameters_changes_a_copy(pendulum):
    assert pendulum.with_parameters(k=5.0).parameters["k"] == 5.0
    assert pendulum.parameters["k"] == 2.0


@pytest.mark.parametrize(
    ("equations", "parameters", "message"),
    [
        ("x : 1", {}, "equations hold no differential equation, expected dx/dt"),
        ("dx/dt = -x + sin(t) : 1", {}, "equations use t, expected an autonomous system"),
        ("dx/dt = -x + xi : 1", {}, "equations use xi, expected an autonomous system"),
        ("dx/dt = -k*x : 1", {}, "equations use k, expected a value for every name"),
        ("dx/dt = -int(x > 1) : 1", {}, "equations use .*int.*, expected one of exp, log"),
        ("dx/dt = -x + rand() : 1", {}, "equations use rand, expected one of exp, log"),
        ("dx/dt = -kind*x : 1", {"kind": 1.0}, "equations name kind, which the results use themselves"),
    ],
)
def test_bad_equations_are_refused(equations, parameters, message):
    with pytest.raises(ValueError, match=message):
        VectorField(equations, parameters)


def test_unknown_parameters_are_refused(pendulum):
    with pytest.raises(ValueError, match="parameter is 'q', expected k, c"):
        pendulum.rhs([0.0, 0.0], q=1.0)
    with pytest.raises(ValueError, match="parameter is 'q', expected k, c"):
        pendulum.with_parameters(q=1.0)


def test_nan_is_refused_at_the_start():
    field = VectorField("dx/dt = log(x) : 1", {})
    with pytest.raises(ValueError, match="dx/dt is nan at x = -1, expected a finite number"):
        field.trajectory([-1.0], [0.0, 1.0])


def test_divergence_is_refused():
    field = VectorField("dx/dt = x**2 : 1", {})
    with pytest.raises(ValueError, match=r"state diverges after time 0.9, expected a bounded trajectory"):
        field.trajectory([1.0], np.linspace(0, 2, 21))


def test_a_start_that_no_integration_leaves_is_refused():
    field = VectorField("dx/dt = -x : 1", {})
    with pytest.raises(ValueError, match=r"start reaches 1e\+300, expected at most 1e\+12: give it in the units of"):
        field.trajectory([1e300], [0.0, 1.0])


@pytest.mark.parametrize("span", [1e7, 1e-200])
def test_a_span_that_takes_for_ever_is_refused(monkeypatch, span):
    """Millions of periods; or steps whose square is zero, which the solver divides by."""
    monkeypatch.setattr("hetbrian.analysis.vectorfield.MOST_EVALUATIONS", 500)
    field = VectorField("dx/dt = y : 1\ndy/dt = -x : 1", {})
    with pytest.raises(ValueError, match=r"times is .*, expected a span of fewer evaluations than 5e\+02 and"):
        field.trajectory([1.0, 0.0], np.linspace(0, span, 5))
    assert field.trajectory([1.0, 0.0], [0.0, np.pi]).x.values[-1] == pytest.approx(-1, abs=1e-6)  # 1000 rtol
