"""Delays that are trained: in evaluation Brian2's, in training with a gradient, on the plain and the fused module."""

import numpy as np
import pytest
from brian2 import Clock, DimensionMismatchError, Network, NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, Synapses, ms

from hetbrian._support.optional import torch
from hetbrian.torch.comparison import compare
from hetbrian.torch.delays import shares
from hetbrian.torch.export import to_torch
from hetbrian.torch.fused.cell import fuse
from hetbrian.torch.limits import ExportError
from hetbrian.torch.surrogate import FastSigmoid

STEPS, BATCH, SOURCES, N = 60, 5, 7, 6
NAMES = ("given.w", "given.delay", "own.w", "own.delay")


def objects(seed=0):
    """Return a group, synapses from a source and between the neurons, and the times and numbers of the source."""
    rng, clock = np.random.default_rng(seed), Clock(0.5 * ms, name="clock")
    neurons = NeuronGroup(
        N,
        "dv/dt = (0.5 - v)/(5*ms) : 1",
        threshold="v > 1",
        reset="v -= 1",
        method="euler",
        clock=clock,
        name="neurons",
    )
    times, numbers = np.nonzero(rng.random((STEPS, SOURCES)) < 0.15)
    source = SpikeGeneratorGroup(SOURCES, numbers, times * 0.5 * ms, clock=clock, name="source")
    paths = []
    for name, pre in (("given", source), ("own", neurons)):
        path = Synapses(pre, neurons, "w : 1", on_pre="v_post += w", clock=clock, name=name)
        path.connect()
        path.w = rng.uniform(-0.2, 1, len(path))
        path.delay = rng.uniform(0, 4, len(path)) * ms
        paths.append(path)
    return neurons, paths, source, (times, numbers)


def exported(neurons, paths, dtype=torch.float64, trainable=NAMES, **options):
    options = {"longest_delay": 4 * ms, "surrogate": FastSigmoid(), "width": 0.5, "namespace": {"ms": ms}} | options
    return to_torch(neurons, paths, trainable=trainable, dtype=dtype, **options)


def table(times, numbers):
    spikes = torch.zeros(STEPS, SOURCES, dtype=torch.float64)
    spikes[times, numbers] = 1
    return spikes


def some_spikes(seed=3):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(STEPS, BATCH, SOURCES, generator=generator) < 0.15).double()


def fired(neurons, paths, source):
    monitor = SpikeMonitor(neurons)
    Network(neurons, source, paths, monitor).run(STEPS * 0.5 * ms, namespace={"ms": ms})
    found = torch.zeros(STEPS, N, dtype=torch.float64)
    found[np.rint(np.array(monitor.t / (0.5 * ms))).astype(int), np.array(monitor.i)] = 1
    return found


@pytest.mark.parametrize("make", [lambda cell: cell, fuse], ids=["plain", "fused"])
def test_in_evaluation_delays_are_those_of_brian2(make):
    neurons, paths, source, events = objects()
    module = make(exported(neurons, paths)).eval()
    with torch.no_grad():
        found = module(spikes={"source": table(*events)}).spikes
    expected = fired(neurons, paths, source)
    assert expected.sum() > 30 and torch.equal(found, expected)


def test_a_comparison_is_one_of_evaluation_and_leaves_the_mode():
    neurons, paths, source, _ = objects()
    cell = exported(neurons, paths)
    found = compare(neurons, cell, STEPS * 0.5 * ms, [source, *paths], namespace={"ms": ms})
    assert found.first_difference is None and found.n_spikes > 30 and cell.training


def test_trained_delays_go_back_into_brian2():
    neurons, paths, source, events = objects()
    cell = exported(neurons, paths)
    with torch.no_grad():
        cell.couplings["given"].delay += torch.linspace(-3, 3, SOURCES * N)  # some beyond both ends
        cell.couplings["own"].delay.copy_(torch.linspace(0, 4, N * N))
        found = cell.eval()(spikes={"source": table(*events)}).spikes
    other, others, source, _ = objects(seed=0)
    for path in others:
        path.w, path.delay = 0, 0 * ms
    cell.write_back(other, *others)
    assert torch.equal(found, fired(other, others, source)) and found.sum() > 30
    assert 0 * ms <= min(others[0].delay) and max(others[0].delay) <= 4 * ms


@pytest.mark.parametrize("sigma", [0.5, 2.0])
@pytest.mark.parametrize("sparse", [False, True])
def test_gradients_of_delays_are_differences_of_the_weights_that_arrive(sigma, sparse):
    """All that a delay changes is in the weights of each number of steps: there the loss is smooth."""
    neurons, paths, *_ = objects()
    coupling = exported(neurons, paths, sparse=sparse).couplings["given"]
    coupling.sigma = sigma
    values = {name: coupling.value(name).detach().clone().requires_grad_() for name in ("w", "delay")}

    def arriving(w, delay):
        found = torch.func.functional_call(coupling, {"w": w, "delay": delay}, (), strict=False)
        return tuple(item[-1] if sparse else item for _, _, item in found)

    coupling.forward = lambda: [(v, d, m[-1] if sparse else m) for v, d, m in coupling.prepare()]
    assert torch.autograd.gradcheck(lambda w, delay: arriving(w, delay), (values["w"], values["delay"]))


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float64, 1e-10), (torch.float32, 1e-4)],  # sums in another order, as in tests/torch/fused/test_cell.py
)
@pytest.mark.parametrize("kind", ["events", "trained spikes"])
def test_the_fused_cell_has_the_gradients_of_the_plain_one(dtype, tolerance, kind):
    neurons, paths, *_ = objects()
    cell = exported(neurons, paths, dtype)
    for name, sigma in (("given", 0.5), ("own", 1.5)):
        cell.couplings[name].sigma = sigma
    found = []
    for module in (cell, fuse(cell)):
        cell.zero_grad()
        spikes = some_spikes().to(dtype).requires_grad_(kind == "trained spikes")
        output = module(spikes={"source": spikes})
        weights = torch.linspace(-1, 2, output.spikes.numel(), dtype=dtype).view_as(output.spikes)
        ((weights * output.spikes).sum() + output.state["v"].square().sum()).backward()
        gradients = {name: value.grad.clone() for name, value in cell.named_parameters()}
        found.append((output.spikes.detach(), gradients | ({"spikes": spikes.grad} if spikes.requires_grad else {})))
    (plain, expected), (fast, gradients) = found
    assert plain.sum() > 100 and torch.equal(plain, fast)
    assert {"couplings.given.delay", "couplings.own.delay"} < expected.keys()
    for name, value in expected.items():
        assert value.norm() > 0, name
        assert float((gradients[name] - value).norm() / value.norm()) < tolerance, name


def test_training_finds_the_delays_that_make_events_coincide():
    """Three spikes at 1, 3 and 6 ms reach a neuron together through delays of 5, 3 and 0 ms."""
    clock = Clock(1 * ms, name="clock")
    neurons = NeuronGroup(
        1, "dv/dt = -v/(2*ms) : 1", threshold="v > 1.5", reset="v = 0", method="exact", clock=clock, name="neurons"
    )
    source = SpikeGeneratorGroup(3, [], [] * ms, clock=clock, name="source")
    given = Synapses(source, neurons, "w : 1", on_pre="v_post += w", clock=clock, name="given")
    given.connect()
    given.w, given.delay = 1.0, 2.5 * ms
    cell = to_torch(
        neurons,
        given,
        trainable="given.delay",
        longest_delay=8 * ms,
        dtype=torch.float64,
        width=1.0,
        surrogate=FastSigmoid(),
        namespace={"ms": ms},
    )
    spikes = torch.zeros(16, 1, 3, dtype=torch.float64)
    spikes[[1, 3, 6], 0, [0, 1, 2]] = 1
    coupling = cell.couplings["given"]
    assert not cell.eval()(spikes={"source": spikes}).spikes.any()
    module, optimizer = fuse(cell).train(), torch.optim.Adam(cell.parameters(), lr=0.1)
    for step in range(200):
        coupling.sigma = max(0.5, 3 * 0.97**step)
        optimizer.zero_grad()
        (3 - module(spikes={"source": spikes}, record=("v",)).recorded["v"].amax()).square().backward()
        optimizer.step()
    assert cell.eval()(spikes={"source": spikes}).spikes.sum() == 1
    steps = coupling.delay.detach().clamp(0, 8).round()
    assert (torch.tensor([1.0, 3.0, 6.0]) + steps).unique().numel() == 1  # all three arrive in one step


def test_shares_of_a_weight_add_up_and_have_a_gradient_at_whole_steps():
    delays = torch.tensor([0.0, 1.0, 2.6, 9.0, -4.0], dtype=torch.float64, requires_grad=True)
    found = shares(delays, 5, 0.5)
    assert torch.allclose(found.sum(0), torch.ones(5, dtype=torch.float64), atol=1e-15)
    (found * torch.arange(6.0).unsqueeze(1)).sum().backward()
    assert (delays.grad > 0.1).all()  # at the ends and beyond them too: no delay is caught there
    assert shares(delays.detach(), 5, 0.0).argmax(0).tolist() == [0, 1, 3, 5, 0]


REFUSED = {
    "none": ({"longest_delay": None}, ValueError, "longest_delay is None, expected a time, as the delays of given are"),
    "short": (
        {"longest_delay": 1 * ms},
        ValueError,
        "longest_delay is 1. ms, expected a time step of 0.5 ms or more and",
    ),
    "no time": ({"longest_delay": 4}, DimensionMismatchError, "longest_delay is 4, expected a quantity in s"),
    "negative": ({"longest_delay": -4 * ms}, ValueError, "longest_delay is -4. ms, expected more than 0"),
    "fixed": (
        {"trainable": ("given.w",)},
        ValueError,
        "longest_delay is 4. ms and no delays are trained, expected both",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(case):
    options, error, message = REFUSED[case]
    neurons, paths, *_ = objects()
    with pytest.raises(error, match=message):
        exported(neurons, paths, **options)


def test_one_delay_for_all_is_refused_and_not_written_to():
    neurons, paths, source, _ = objects()
    cell = exported(neurons, paths)
    shared = Synapses(source, neurons, "w : 1", on_pre="v_post += w", clock=neurons.clock, delay=1 * ms, name="given")
    shared.connect()
    message = "given has one delay for all its synapses, expected a delay each to train them: leave out delay="
    with pytest.raises(ExportError, match=message):
        exported(neurons, [shared, paths[1]])
    with pytest.raises(ExportError, match=message):
        cell.write_back(neurons, shared, paths[1])
