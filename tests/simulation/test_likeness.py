"""A saved state is that of its network and of no other: whatever defines one is named where two differ."""

import json
import re

import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, Synapses, TimedArray, ms, pA, prefs

import hetbrian as hb
from hetbrian.simulation.checkpoint import check_resumed


def network(
    *,
    dt=0.1 * ms,
    eta=1000 * pA,
    theta=0.2,
    reset="residual",
    tau=20 * ms,
    seed=1,
    weight=1.0,
    targets=(1, 2, 0),
    drive=1.0,
    code="x += 1",
    synapse=hb.single_exponential,
    regularly="x = 0",
    more="",
    refractory=2 * ms,
    target="sin(t/ms)",
    **options,
):
    """Return a network of two populations, two kinds of synapses, a drive and a readout."""
    clock, rng = Clock(dt, name="clock"), np.random.default_rng(seed)
    table = TimedArray(drive * np.arange(10) * pA, 1 * ms, name="table")
    neurons = hb.population(
        3,
        hb.Izhikevich.FORCE,
        synapse(tau_d=tau),
        eta=eta,
        theta=theta,
        reset=reset,
        drive=hb.Drive("table(t)", {"table": table}),
        feedback=True,
        clock=clock,
    )
    recurrent = hb.recurrent(neurons, 100 * pA, 0.5, rng=rng)
    leaky = NeuronGroup(
        3,
        "dx/dt = -x/(10*ms) : 1 (unless refractory)",
        threshold="x > 1",
        reset=code,
        refractory=refractory,
        method="euler",
        clock=clock,
        namespace={"ms": ms},
        name="leaky",
    )
    leaky.run_regularly(regularly, clock=clock, name="mine")
    if more:
        leaky.run_regularly(more, clock=clock, name="another")
    across = Synapses(leaky, leaky, "k : 1", on_pre="x_post += k", clock=clock, namespace={}, name="across")
    across.connect(i=[0, 1, 2], j=list(targets))
    across.k = weight
    options = {"start": 1 * ms, "stop": 50 * ms, "every": 1 * ms, **options}
    force = hb.FORCE(neurons, target, options.pop("encoder", 1.0) * np.ones(3) * pA, **options, name="force")
    force.namespace["ms"] = ms
    return Network(neurons, recurrent, leaky, across, force)


OTHER = {
    "dt": ({"dt": 0.05 * ms}, "the time step of across, the time step of force, the time step of leaky"),
    "constant": ({"eta": 1001 * pA}, "eta of neurons"),
    "another constant": ({"theta": [0.2, 0.2, 0.3]}, "theta of neurons"),
    "reset": ({"reset": "capped"}, "the reset of neurons"),
    "reset of a group": ({"code": "x += 2"}, "the reset of leaky"),
    "refractoriness": ({"refractory": 3 * ms}, "the refractory of leaky"),
    "namespace": ({"tau": 21 * ms}, "tau_d in the namespace of neurons"),
    "seed": ({"seed": 2}, "_synaptic_p.*of recurrent"),
    "weights": ({"weight": 2.0}, "k of across"),
    "connections": ({"targets": (2, 1, 0)}, "_synaptic_post of across"),
    "drive": ({"drive": 2.0}, "the values of table"),
    "run_regularly": ({"regularly": "x = 1"}, "the code of mine of leaky"),
    "one more run_regularly": ({"more": "x = 0"}, "the number of run_regularly of leaky"),
    "rule": ({"rule": "posterior"}, "the rule of force"),
    "forgetting": ({"forgetting": 0.99}, "the forgetting of force"),
    "initial_P": ({"initial_P": 1.0}, "the initial_P of force"),
    "start": ({"start": 2 * ms}, "the start of force"),
    "stop": ({"stop": 60 * ms}, "the stop of force"),
    "every": ({"every": 2 * ms}, "the every of force"),
    "target": ({"target": "cos(t/ms)"}, "the target of force"),
    "encoder": ({"encoder": 2.0}, "the encoder of force"),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    prefs.codegen.target = "numpy"
    path, found = tmp_path_factory.mktemp("states") / "state.npz", network()
    found.run(5 * ms, namespace={})
    hb.save_state(found, path)
    return path


@pytest.mark.parametrize(("change", "named"), OTHER.values(), ids=OTHER)
def test_another_network_is_refused_by_what_differs_and_left_as_it_was(change, named, saved):
    other = network(**change)
    before = other["neurons"].v[:].copy(), other["force"].stop[:].item()
    with pytest.raises(
        ValueError, match=f"state.npz' is the state of a network that differs in .*{named}.*, expected t"
    ):
        hb.load_state(other, saved)
    assert (
        np.array_equal(before[0], other["neurons"].v[:]) and before[1] == other["force"].stop[:] and other.t == 0 * ms
    )


def test_the_same_network_is_taken_and_what_is_set_afterwards_holds(saved):
    found = network()
    hb.load_state(found, saved)
    found["force"].stop = 7 * ms
    found.run(5 * ms, namespace={})
    assert found["force"].n_updates[:] == 6 and found.t == 10 * ms
    check_resumed(found)


def test_a_file_without_hashes_is_compared_by_its_sizes(saved, tmp_path):
    with np.load(saved) as file:
        content = {name: values for name, values in file.items() if name != "likeness"}
    np.savez(tmp_path / "old.npz", **content)
    found = network(eta=900 * pA)
    hb.load_state(found, tmp_path / "old.npz")
    assert found.t == 5 * ms and np.all(found["neurons"].eta == 1000 * pA)


def test_what_a_program_computes_itself_is_compared_after_its_run(saved, tmp_path):
    """As of a standalone program, in which code draws the weights."""
    found = network()
    with np.load(saved) as file:
        content = dict(file)
    hashes = json.loads(content["likeness"].item())
    np.savez(tmp_path / "late.npz", **{**content, "likeness": json.dumps({**hashes, "x of later": "0"})})
    hb.load_state(found, tmp_path / "late.npz")
    found.add(NeuronGroup(1, "x : 1 (constant)", clock=found["neurons"].clock, namespace={}, name="later"))
    with pytest.raises(ValueError, match=r"late.npz' is the state of a network that differs in x of later, expected"):
        check_resumed(found)
    check_resumed(found, ["later.x"])


DAMAGE = {
    "nan": (
        "neurons.v",
        lambda v: np.full_like(v, np.nan),
        "neurons.v in .* of element 0 is nan, expected finite numbers",
    ),
    "complex": (
        "neurons.v",
        lambda v: v + 1j,
        "neurons.v in .* is of type complex128, expected floating-point numbers: save",
    ),
    "P": ("force._P", lambda P: np.full_like(P, np.nan), "force._P in .* of element 0 is nan, expected finite numbers"),
    "forgetting": ("force.forgetting", lambda f: f + 1, "force.forgetting in .* of element 0 is 2, expected 0 <"),
    "theta": ("neurons.theta", lambda theta: theta + 1, "theta of neuron 0 is 1.2, expected 0 <= theta <= 1"),
    "nan time": ("time", lambda time: time * np.nan, "time in .* is nan, expected a finite number of 0 or more"),
    "late time": (
        "time",
        lambda time: time * 1e33,
        r"time in .* is 5e\+30, .* time steps, expected at least 0 and at most",
    ),
    "short": ("neurons.v", lambda v: v[:-1], "state.npz' has .* values of neurons.v, expected .*: build the network"),
    "negative time": (
        "time",
        lambda time: -time,
        "time in .* is -0.005, expected a finite number of 0 or more: save it again",
    ),
}


@pytest.mark.parametrize(("entry", "change", "message"), DAMAGE.values(), ids=DAMAGE)
def test_numbers_that_no_state_has_are_refused(entry, change, message, saved, tmp_path):
    with np.load(saved) as file:
        content = dict(file)
    np.savez(tmp_path / "state.npz", **{**content, entry: change(content[entry])})
    with pytest.raises(ValueError) as raised:
        hb.load_state(network(), tmp_path / "state.npz")
    assert re.search(message, str(raised.value)), raised.value
