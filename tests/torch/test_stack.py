"""Layers one upon another: the spikes of Brian2, the gradients of one group that holds all, plain and fused."""

import copy

import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, Synapses, ms

from hetbrian._support.optional import torch
from hetbrian.torch.events import Events
from hetbrian.torch.export import to_torch
from hetbrian.torch.fused.cell import fuse
from hetbrian.torch.stack import Stack
from hetbrian.torch.surrogate import FastSigmoid
from hetbrian.torch.units import SI

STEPS, BATCH, SOURCES = 60, 4, 7
SIZES = {"first": 6, "second": 5, "third": 3}
DT = 0.5 * ms
KINDS = {"plain": lambda cell: cell, "fused": fuse}


def group(name, n, clock):
    model = "dv/dt = (drive - v)/(5*ms) : 1\ndrive : 1"
    return NeuronGroup(n, model, threshold="v > 1", reset="v -= 1", method="euler", clock=clock, name=name)


def network(seed=0):
    """Return groups by name, synapses by target, and their source: the third hears both below, the second late."""
    rng, clock = np.random.default_rng(seed), Clock(DT, name="clock")
    times, numbers = np.nonzero(rng.random((STEPS, SOURCES)) < 0.2)
    source = SpikeGeneratorGroup(SOURCES, numbers, times * DT, clock=clock, name="source")
    groups = {name: group(name, n, clock) for name, n in SIZES.items()}
    for item in groups.values():
        item.drive = rng.uniform(0, 0.9, len(item))
    paths = {name: [] for name in SIZES}
    for pre, name in (
        (source, "first"),
        (groups["first"], "first"),
        (groups["first"], "second"),
        (groups["first"], "third"),
        (groups["second"], "third"),
    ):
        path = Synapses(pre, groups[name], "w : 1", on_pre="v_post += w", clock=clock, name=f"{pre.name}_{name}")
        path.connect()
        path.w = rng.uniform(-0.3, 0.9, len(path))
        paths[name].append(path)
    paths["second"][0].delay = 1.5 * ms
    return groups, paths, source, (times, numbers)


def exported(groups, paths, kind="plain", **options):
    options = {"dtype": torch.float64, "surrogate": FastSigmoid(), "width": 0.5, "namespace": {"ms": ms}} | options
    cells = []
    for name, item in groups.items():
        trainable = ("drive", *(f"{path.name}.w" for path in paths[name]))
        cells.append(KINDS[kind](to_torch(item, paths[name], trainable=trainable, **options)))
    return Stack(*cells)


def given(seed=3):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(STEPS, BATCH, SOURCES, generator=generator) < 0.2).double()


def fired(groups, paths, source):
    monitors = [SpikeMonitor(item) for item in groups.values()]
    Network(source, *groups.values(), *(path for some in paths.values() for path in some), *monitors).run(STEPS * DT)
    found = {}
    for (name, n), monitor in zip(SIZES.items(), monitors, strict=True):
        found[name] = np.zeros((STEPS, n))
        found[name][np.rint(np.array(monitor.t / DT)).astype(int), np.array(monitor.i)] = 1
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_spikes_are_those_of_brian2(kind):
    groups, paths, source, (times, numbers) = network()
    stack = exported(groups, paths, kind)
    spikes = torch.zeros(STEPS, SOURCES, dtype=torch.float64)
    spikes[times, numbers] = 1
    outputs, expected = stack(spikes={"source": spikes}), fired(groups, paths, source)
    for name in SIZES:
        assert expected[name].sum() > 20
        assert np.array_equal(outputs[name].spikes.detach().numpy(), expected[name])


def whole(groups, paths):
    """Return one group with the neurons of all layers, and its synapses, the weights of pairs that are none zero."""
    clock = Clock(DT, name="clock")
    start = dict(zip(SIZES, np.cumsum([0, *SIZES.values()]), strict=False))
    neurons = group("neurons", sum(SIZES.values()), clock)
    neurons.drive = np.concatenate([item.drive[:] for item in groups.values()])
    sources = SpikeGeneratorGroup(SOURCES, [], [] * ms, clock=clock, name="source")
    merged = []
    for path in (path for some in paths.values() for path in some):
        pre = sources if path.source.name == "source" else neurons
        one = Synapses(pre, neurons, "w : 1", on_pre="v_post += w", clock=clock, name=path.name)
        first = 0 if pre is sources else start[path.source.name]
        one.connect(i=path.i[:] + first, j=path.j[:] + start[path.target.name])
        one.w = path.w[:]
        one.delay = path.delay[:]
        merged.append(one)
    return neurons, merged


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_one_group_that_holds_all(kind):
    """The reference has one time loop for all layers, so that nothing of it goes from module to module."""
    groups, paths, *_ = network()
    stack = exported(groups, paths, kind)
    neurons, merged = whole(groups, paths)
    names = [f"{path.name}.w" for path in merged]
    one = to_torch(
        neurons,
        merged,
        trainable=("drive", *names),
        dtype=torch.float64,
        surrogate=FastSigmoid(),
        width=0.5,
        namespace={"ms": ms},
    )
    spikes = given()
    outputs, expected = stack(spikes={"source": spikes}), one(spikes={"source": spikes})
    together = torch.cat([outputs[name].spikes for name in SIZES], -1)
    assert torch.equal(together, expected.spikes)
    weight = torch.randn(together.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (together * weight).sum().backward()
    (expected.spikes * weight).sum().backward()
    drives = torch.cat([cell.neurons.drive.grad for cell in stack.cells.values()])
    torch.testing.assert_close(drives, one.neurons.drive.grad, rtol=1e-10, atol=1e-10)
    found = {name: item for cell in stack.cells.values() for name, item in cell.couplings.items()}
    assert found.keys() == one.couplings.keys()
    for name, coupling in found.items():
        assert coupling.w.grad.abs().max() > 1e-3
        torch.testing.assert_close(coupling.w.grad, one.couplings[name].w.grad, rtol=1e-10, atol=1e-10)


def test_events_states_and_records_go_to_their_layers():
    groups, paths, *_ = network()
    stack, spikes = exported(groups, paths), given()
    record = {"third": ("v",)}
    all_at_once = stack(spikes={"source": Events.from_dense(spikes)}, record=record)
    half = STEPS // 2
    early = stack(spikes={"source": spikes[:half]})
    state = {name: output.state for name, output in early.items()}
    late = stack(spikes={"source": spikes[half:]}, state=state, first_step=half, record=record)
    for name in SIZES:
        assert torch.equal(all_at_once[name].spikes[half:], late[name].spikes)
    assert torch.equal(all_at_once["third"].recorded["v"][half:], late["third"].recorded["v"])
    assert not all_at_once["first"].recorded
    assert stack.sources == {"source": SOURCES}
    assert stack.initial_state(BATCH).keys() == SIZES.keys()


def test_inputs_and_sizes_without_a_source():
    """What only has inputs gives those above it the number of steps and copies."""
    groups, paths, *_ = network()
    options = {"dtype": torch.float64, "namespace": {"ms": ms}}
    stack = Stack(
        to_torch(groups["first"], inputs="drive", **options), to_torch(groups["second"], paths["second"], **options)
    )
    outputs = stack(inputs={"first": {"drive": torch.full((20, 2, 6), 1.5, dtype=torch.float64)}})
    assert outputs["second"].spikes.shape == (20, 2, 5) and outputs["first"].spikes.sum() > 0
    assert stack(9, 2, inputs={"first": {"drive": torch.ones(9, 2, 6)}})["second"].spikes.shape == (9, 2, 5)


def test_trained_values_go_back_and_copies_are_their_own():
    groups, paths, source, (times, numbers) = network()
    stack = exported(groups, paths)
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.mul_(1.1)
    other = copy.deepcopy(stack)
    objects = [path for some in paths.values() for path in some]
    stack.write_back(*objects, *groups.values())
    spikes = torch.zeros(STEPS, SOURCES, dtype=torch.float64)
    spikes[times, numbers] = 1
    outputs, expected = other(spikes={"source": spikes}), fired(groups, paths, source)
    for name in SIZES:
        assert np.array_equal(outputs[name].spikes.detach().numpy(), expected[name])
    with pytest.raises(ValueError, match="the group 'second' is not given, expected that of every layer: give it too"):
        stack.write_back(groups["first"], *objects)
    with pytest.raises(ValueError, match="the parameters of first_second were trained, expected its Synapses"):
        stack.write_back(*groups.values(), *paths["first"])


def test_what_is_no_stack_is_refused():
    groups, paths, *_ = network()
    options = {"namespace": {"ms": ms}}
    first, second = (to_torch(groups[name], paths[name], **options) for name in ("first", "second"))
    with pytest.raises(ValueError, match="the number of layers is 0"):
        Stack()
    with pytest.raises(TypeError, match=r"a layer is .*, expected a Cell or FusedCell: export it with to_torch"):
        Stack(first, torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match="two layers are called 'first', expected a name of its own for each"):
        Stack(first, second, first)
    with pytest.raises(ValueError, match="the layer 'second' hears 'first', which is not below it, expected only"):
        Stack(second, first)
    back = Synapses(groups["second"], groups["first"], on_pre="v_post += 0.1", clock=groups["first"].clock)
    back.connect()
    with pytest.raises(ValueError, match="the layer 'first' hears 'second', which is not below it"):
        Stack(to_torch(groups["first"], back, **options), second)
    with pytest.raises(ValueError, match=r"units of the layer 'second' is .*expected .* as of 'first': export them"):
        Stack(first, to_torch(groups["second"], paths["second"], units=SI, **options))
    groups, paths, *_ = network()
    fewer = to_torch(group("first", 4, groups["first"].clock), **options)
    with pytest.raises(ValueError, match="the layer 'first' has 4 neurons and 'second' hears 6 of that name, expected"):
        Stack(fewer, to_torch(groups["second"], paths["second"], **options))
    slow = to_torch(group("first", 6, Clock(1 * ms)), **options)
    with pytest.raises(ValueError, match=r"dt of the layer 'second' is 0.5, expected 1.0 as of 'first'"):
        Stack(slow, to_torch(groups["second"], paths["second"], **options))


def test_what_is_given_to_no_layer_is_refused():
    groups, paths, *_ = network()
    stack, spikes = exported(groups, paths), {"source": given()}
    for argument in ("inputs", "record", "state"):
        with pytest.raises(ValueError, match=f"a layer of {argument} is 'fourth', expected"):
            stack(spikes=spikes, **{argument: {"fourth": {}}})
    with pytest.raises(ValueError, match="a source of spikes is 'first', expected"):
        stack(spikes={**spikes, "first": spikes["source"]})
    with pytest.raises(ValueError, match="the source 'source' is missing"):
        stack(5, 2)
    state = {"first": stack.initial_state(BATCH)["first"]}
    with pytest.raises(ValueError, match="the state of the layer 'second' is missing, expected that of every layer"):
        stack(spikes=spikes, state=state)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_layer_refuses_names_it(kind):
    groups, paths, *_ = network()
    stack, spikes = exported(groups, paths, kind), {"source": given()}
    with pytest.raises(ValueError, match=r"^in the layer 'second', .*'nothing'"):
        stack(spikes=spikes, record={"second": ("nothing",)})
    state = stack.initial_state(BATCH)
    state["third"]["v"] = torch.zeros(3, 3)
    with pytest.raises(ValueError, match=r"^in the layer 'third', "):
        stack(spikes=spikes, state=state)


def test_sizes_are_those_of_all_inputs_and_sources_whichever_layer_hears_them():
    groups, paths, source, _ = network()
    late = Synapses(source, groups["second"], "w : 1", on_pre="v_post += w", clock=source.clock, name="late")
    late.connect()
    options = {"dtype": torch.float64, "namespace": {"ms": ms}}
    stack = Stack(to_torch(groups["first"], **options), to_torch(groups["second"], [*paths["second"], late], **options))
    outputs = stack(spikes={"source": given()})
    assert [outputs[name].spikes.shape for name in ("first", "second")] == [(STEPS, BATCH, 6), (STEPS, BATCH, 5)]
    other = SpikeGeneratorGroup(3, [], [] * ms, clock=source.clock, name="source_3")
    early = Synapses(other, groups["first"], "w : 1", on_pre="v_post += w", clock=source.clock, name="early")
    early.connect()
    cell = to_torch(groups["first"], early, **options)
    cell.couplings["early"].source = "source"
    with pytest.raises(
        ValueError, match="the source 'source' has 3 neurons and 'second' hears 7 of that name, expected"
    ):
        Stack(cell, stack.layers[1])
