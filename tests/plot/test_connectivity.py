"""Weights and spectra against the arrays that they are made of."""

import numpy as np
import pytest
from brian2 import DimensionMismatchError, ms, mV, pA

import hetbrian as hb
from hetbrian.plot import connectivity, readout_weights, spectrum
from hetbrian.published.models.force import force_network
from tests.plot.runs import N, encoder, known, trained


def matrix(run):
    """Return the weights by a loop, in pA."""
    omega = np.zeros((N, N))
    for i, j, weight in zip(*(run[f"recurrent.{name}"].values for name in ("i", "j", "omega")), strict=True):
        omega[int(j), int(i)] += weight
    return omega


def points(line):
    values = line.get_xdata() + 1j * line.get_ydata()
    return values[np.lexsort((values.imag.round(6), values.real.round(6)))]


def test_the_histogram_counts_every_weight():
    run = trained()
    (axis,) = readout_weights(run)
    steps = axis.patches[0].get_data()
    np.testing.assert_array_equal(steps.values, np.histogram(run.weights.values[0], steps.edges)[0])
    assert steps.values.sum() == N
    (text,) = axis.get_legend().get_texts()
    assert text.get_text() == f"output 0, norm {np.linalg.norm(run.weights):.3g}"
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("readout weight", "neurons")


def test_the_spectrum_is_that_of_omega_and_of_omega_plus_q_eta_phi():
    run, omega = trained(), matrix(trained())
    loop = np.asarray(encoder() / pA) @ run.weights.values
    (axis,) = spectrum(run, encoder=encoder())
    circle, open_loop, closed = axis.get_lines()
    for line, expected in ((open_loop, np.linalg.eigvals(omega)), (closed, np.linalg.eigvals(omega + loop))):
        assert abs(points(line).sum() - expected.sum()) < 1e-6 * np.abs(expected).max()  # the trace
        distance = np.abs(points(line)[:, None] - expected[None]).min(axis=0)
        assert distance.max() < 1e-6 * np.abs(expected).max()  # both are rounded eigenvalues of one matrix
    radius = np.hypot(*circle.get_data())
    np.testing.assert_allclose(radius, np.sqrt((omega**2).sum() / N))
    assert axis.get_xlabel() == "real part of the eigenvalue (pA)"
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["random weights", "weights", "with feedback"]
    assert len(spectrum(run)[0].get_lines()) == 2  # no encoder, no feedback


def test_row_gains_scale_the_rows():
    record = ("g", "recurrent.omega", "recurrent.i", "recurrent.j")
    run = hb.simulate(force_network, 1 * ms, record=record, device="numpy", n_neurons=N, g_half_width=500 * pA)
    assert np.ptp(run.g.values) > 0
    expected = np.linalg.eigvals(run.g.values[:, None] * matrix(run))
    drawn = points(spectrum(run)[0].get_lines()[1])
    assert np.abs(drawn[:, None] - expected[None]).min(axis=0).max() < 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: readout_weights(known("first.spikes")), ValueError, "no 'weights', expected it: record='weights'"),
        (
            lambda: spectrum(known("first.spikes")),
            ValueError,
            r"no 'recurrent.omega', expected it: record=\('recurrent.omega', 'recurrent.i', 'recurrent.j'\)",
        ),
        (lambda: spectrum(trained(), synapses="omega"), ValueError, "'omega', expected 'object.variable': write"),
        (lambda: spectrum(trained(), encoder=np.ones(N)), DimensionMismatchError, "encoder is .* expected a quantity"),
        (lambda: spectrum(trained(), encoder=np.ones((N, 2)) * pA), ValueError, r"expected \(40, 1\) as neurons"),
        (lambda: spectrum(trained(), encoder=np.ones(50) * pA), ValueError, r"encoder has shape \(50,\), expected \("),
        (lambda: spectrum(trained().drop_vars("weights"), encoder=encoder()), ValueError, "record='weights' with hb"),
        (lambda: spectrum(trained().assign(g=("neuron", [1.0] * N)).isel(neuron=[1, 2])), ValueError, "g of 2 neurons"),
        (lambda: readout_weights(trained().expand_dims(seed=2)), ValueError, "choose one with dataset.isel"),
    ],
)
def test_what_was_not_recorded_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_weights_in_another_unit_take_no_encoder_in_ampere():
    run = trained().copy()
    run["recurrent.omega"] = run["recurrent.omega"].assign_attrs(units=str(mV))
    with pytest.raises(ValueError, match="encoder is a current, expected one in the unit of the weights, mV"):
        spectrum(run, encoder=encoder())
    assert spectrum(run)[0].get_ylabel() == "imaginary part (mV)"


def test_too_many_neurons_are_refused(monkeypatch):
    monkeypatch.setattr(connectivity, "LARGEST", 10)
    with pytest.raises(ValueError, match="weights of 40 neurons, expected at most 10: take fewer"):
        spectrum(trained())
