import numpy as np
import pytest
from brian2 import NeuronGroup, SpikeGeneratorGroup, Synapses, ms
from numpy.random import default_rng

from hetbrian._support.optional import torch
from hetbrian.torch.export import to_torch
from hetbrian.torch.fused.cell import fuse
from tests.torch.models import MODELS


@pytest.fixture
def driven():
    group, (_, synapses), _ = MODELS["everything"](4)
    return to_torch(group, synapses, inputs="I", dtype=torch.float64)


def arguments(steps=3, batch=2):
    return {
        "inputs": {"I": torch.ones(steps, batch, 4, dtype=torch.float64)},
        "spikes": {"everything_source": torch.ones(steps, batch, 8, dtype=torch.float64)},
    }


def test_a_sequence_is_its_steps(driven):
    given = arguments()
    output = driven(**given, record=("v", "J"))
    state, prepared = driven.initial_state(2), driven.prepare()
    for k in range(3):
        assert torch.equal(output.recorded["v"][k], state["v"])
        inputs, spikes = ({key: value[k] for key, value in given[name].items()} for name in ("inputs", "spikes"))
        before = dict(state)
        state, fired = driven.step(state, k, inputs=inputs, spikes=spikes, prepared=prepared)
        assert torch.equal(output.spikes[k], fired) and all(before[key] is not state[key] for key in ("v", "J"))
    assert torch.equal(output.state["v"], state["v"])
    again = driven(**given, state=output.state, first_step=3)
    assert not torch.equal(again.state["v"], output.state["v"])


def test_copies_do_not_mix(driven):
    given = arguments()
    given["inputs"]["I"][:, 1] = 30
    both = driven(**given)
    alone = driven(**{name: {key: value[:, 1] for key, value in items.items()} for name, items in given.items()})
    assert torch.equal(both.state["v"][1], alone.state["v"]) and not torch.equal(both.state["v"][0], both.state["v"][1])


def test_doubles_become_floats(driven):
    module = driven.float()
    assert module.dtype == torch.float32 and module(**arguments()).state["v"].dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda given: given["inputs"].clear(), "the input 'I' is missing, expected I: pass inputs= with exactly"),
        (lambda given: given["inputs"].update(J=1), "the input 'J' is none of this module, expected I"),
        (lambda given: given["spikes"].clear(), "the source 'everything_source' is missing, expected every"),
        (lambda given: given["inputs"].update(I=torch.ones(3, 2, 5)), r"the input 'I' has shape \(3, 2, 5\)"),
        (lambda given: given["inputs"].update(I=torch.ones(2, 2, 4)), r"everything_source' has shape \(3, 2, 8\)"),
        (lambda given: given.update(n_steps=0), "n_steps is 0, expected an integer of at least 1"),
        (lambda given: given.update(n_steps=4), r"the input 'I' has shape \(3, 2, 4\), expected \(4, 2, 4\)"),
        (lambda given: given.update(record=["u"]), "record is 'u', expected I, J, .*tired, v: choose"),
        (lambda given: given.update(state={}), "state and module differ in '.*', expected the same: take it from init"),
    ],
)  # fmt: skip
def test_arguments_are_checked(driven, change, message):
    given = arguments()
    change(given)
    with pytest.raises(ValueError, match=message):
        driven(**given)


@pytest.mark.parametrize("value", [0.5, 2.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("kind", [lambda cell: cell, fuse], ids=["plain", "fused"])
def test_spikes_are_0_or_1_in_every_cell(kind, value):
    """The plain cell took any number as a graded spike, which Brian2 does not have."""
    source = SpikeGeneratorGroup(3, [], [] * ms, name="source")
    group = NeuronGroup(4, "dv/dt = -v/(5*ms) : 1", threshold="v > 1", reset="v = 0", method="euler")
    synapses = Synapses(source, group, on_pre="v_post += 0.6")
    synapses.connect()
    cell = kind(to_torch(group, synapses))
    spikes = torch.ones(5, 2, 3)
    assert cell(spikes={"source": spikes}).spikes.any()
    spikes[3, 1, 2] = value
    with pytest.raises(ValueError, match="spikes have values other than 0 and 1, expected spikes: pass graded values"):
        cell(spikes={"source": spikes})


def test_the_number_of_steps_is_needed():
    module = to_torch(MODELS["adex"](2)[0])
    with pytest.raises(ValueError, match="n_steps is None, expected an integer of at least 1: give a positive count"):
        module()


def several(sparse):
    """Return neurons with several synapses for a pair, two delays and two receiving variables."""
    group = NeuronGroup(
        5,
        "dv/dt = (g - v)/tau : 1\ndg/dt = -g/tau : 1",
        threshold="v > 0.5",
        reset="v = 0",
        method="euler",
        namespace={"tau": 5 * ms},
        name="group",
    )
    group.v = np.linspace(0, 0.9, 5)
    synapses = Synapses(group, group, "a : 1\nb : 1", on_pre="v_post += a\ng_post -= 0.5*b*a", name="links")
    synapses.connect(i=[0, 0, 1, 3, 4, 4], j=[1, 1, 2, 2, 0, 4])
    synapses.connect(i=[4, 4, 3], j=[1, 2, 3])
    rng = default_rng(0)
    synapses.a, synapses.b = rng.normal(size=(2, 9))
    synapses.delay = [0, 0.1, 0, 0.1, 0, 0.1, 0, 0, 0.1] * ms
    return to_torch(group, synapses, trainable=("links.a", "links.b"), sparse=sparse, dtype=torch.float64)


def test_sparse_and_dense_synapses_are_the_same():
    results = []
    for sparse in (False, True):
        module = several(sparse)
        output = module(8, 3)
        (output.state["v"] * torch.arange(15.0).view(3, 5) + output.state["g"]).sum().backward()
        results.append([output.state["v"], *(parameter.grad for parameter in module.parameters())])
    assert all(torch.allclose(a, b, rtol=1e-13, atol=1e-15) for a, b in zip(*results, strict=True))
    assert all((gradient != 0).any() for gradient in results[0][1:])


def test_large_and_empty_matrices_are_sparse_by_default():
    def links(n, p):
        group = NeuronGroup(n, "dv/dt = -v/tau : 1", threshold="v > 1", method="euler", namespace={"tau": 5 * ms})
        synapses = Synapses(group, group, on_pre="v_post += 1", name="links")
        synapses.connect(i=np.arange(n), j=np.arange(n)) if p is None else synapses.connect(p=p)
        return to_torch(group, synapses).couplings["links"].is_sparse

    assert links(2100, None) and not links(50, None) and not links(50, 1)
