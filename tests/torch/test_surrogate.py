import math

import pytest
from brian2 import NeuronGroup, SpikeMonitor, run, second
from scipy.integrate import quad

from hetbrian._support.optional import torch
from hetbrian.torch.export import to_torch
from hetbrian.torch.surrogate import ArcTan, FastSigmoid, SuperSpike, Surrogate, Triangle, reset, spike

FORMULAS = {
    SuperSpike(): lambda x: 1 / (100 * abs(x) + 1) ** 2,
    FastSigmoid(2.0): lambda x: 1 / (2 * abs(x) + 1) ** 2,
    ArcTan(3.0): lambda x: 1.5 / (1 + (1.5 * math.pi * x) ** 2),
    Triangle(0.5): lambda x: 0.5 * max(0.0, 1 - 0.5 * abs(x)),
}


@pytest.mark.parametrize("surrogate", FORMULAS, ids=lambda item: type(item).__name__)
def test_backward_is_the_documented_formula(surrogate):
    margin = torch.tensor([-3.0, -0.4, -0.01, 0.0, 0.02, 1.0, 2.5], dtype=torch.float64, requires_grad=True)
    spike(margin, 0.0, surrogate, margin, width=2.0).sum().backward()
    expected = [FORMULAS[surrogate](x / 2) / 2 for x in margin.tolist()]
    assert margin.grad.tolist() == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("surrogate", [FastSigmoid(2.0), ArcTan(3.0), Triangle(0.5)])
def test_their_integral_is_one_spike(surrogate):
    area = 2 * quad(lambda x: float(surrogate.derivative(torch.tensor(x, dtype=torch.float64))), 0, math.inf)[0]
    assert area == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("operator", "fires"), [(">", False), (">=", True), ("<", False), ("<=", True)])
def test_forward_is_brian2s_comparison_at_equality(operator, fires):
    names = {"second": second, "level": 0.3}
    group = NeuronGroup(1, "dv/dt = 0/second : 1", threshold=f"v {operator} level", namespace=names)
    group.v = 0.3
    module = to_torch(group, dtype=torch.float64)
    monitor = SpikeMonitor(group)
    run(group.clock.dt)
    assert bool(module(1).spikes[0, 0]) == fires == (monitor.num_spikes == 1)


def test_values_that_are_not_finite_do_not_spread():
    values = torch.tensor([math.nan, math.inf, -math.inf])
    assert spike(values, 0.0, SuperSpike(), values).tolist() == [0, 1, 0]
    spikes, old = torch.tensor([1.0, 0.0]), torch.tensor([math.inf, 2.0], requires_grad=True)
    new = reset(spikes, torch.tensor([1.0, math.nan]), old)
    assert new.tolist() == [1.0, 2.0]


def test_the_reset_is_differentiable_or_detached():
    spikes = torch.tensor([1.0, 0.0], requires_grad=True)
    new, old = torch.tensor([5.0, 6.0], requires_grad=True), torch.tensor([2.0, 3.5], requires_grad=True)
    reset(spikes, new, old).sum().backward()
    assert spikes.grad.tolist() == [3.0, 2.5] and new.grad.tolist() == [1, 0] and old.grad.tolist() == [0, 1]
    spikes.grad = None
    reset(spikes, new, old, detach=True).sum().backward()
    assert spikes.grad is None


@pytest.mark.parametrize("slope", [0, -1.0, math.inf, math.nan])
def test_slopes_are_positive(slope):
    with pytest.raises(ValueError, match=r"slope is .*, expected a finite number above 0: give a steepness"):
        SuperSpike(slope)


def test_the_base_is_abstract():
    with pytest.raises(NotImplementedError):
        Surrogate().derivative(torch.zeros(1))
    assert Surrogate.formula == ""
