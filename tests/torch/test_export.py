import copy
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from brian2 import (
    BrianLogger,
    Clock,
    DimensionMismatchError,
    Hz,
    Network,
    NeuronGroup,
    PoissonGroup,
    SpikeMonitor,
    Synapses,
    check_units,
    get_device,
    linked_var,
    ms,
    mV,
    nS,
    pA,
    prefs,
    second,
    set_device,
    volt,
)
from brian2.devices.device import reset_device
from numpy.random import default_rng

import hetbrian as hb
from hetbrian._support.optional import torch
from hetbrian.published import force_network
from hetbrian.torch.comparison import compare, compare_recorded
from hetbrian.torch.export import to_torch
from hetbrian.torch.limits import ExportError
from hetbrian.torch.units import SI
from tests.torch.models import DURATIONS, MODELS

# Brian2 and torch round each operation to 1.1e-16 and order some sums differently; a step has about ten operations,
# and 10000 spikes are added one by one in the gating variable (4e-14 measured, everything else below 1e-15).
ONE_STEP = 1e-12
N_STATES = 10_000


def export(name, n, **options):
    """Return a model's group, the rest of its network and its module in float64."""
    group, others, own = MODELS[name](n)
    exported = [item for item in others if isinstance(item, (Synapses, NeuronGroup))]
    return group, others, to_torch(group, exported, dtype=torch.float64, **own, **options)


@pytest.mark.parametrize("name", MODELS)
def test_one_step_from_random_states_is_brian2s(name):
    group, others, module = export(name, N_STATES)
    found = compare(group, module, group.clock.dt, others)
    assert found.first_difference is None and found.n_spikes > 50
    assert all(item.relative < ONE_STEP for item in found.variables.values()), str(found)


@pytest.mark.parametrize("name", MODELS)
def test_spike_trains_are_brian2s(name):
    group, others, module = export(name, 20)
    found = compare(group, module, DURATIONS[name], others)
    assert found.first_difference is None and found.n_spikes > 20, str(found)
    # rounding grows with the spikes that carry the overshoot on: at most 7e-5 (retain) of the largest value
    assert all(item.relative < 1e-3 for item in found.variables.values()), str(found)


@pytest.mark.slow
@pytest.mark.standalone
def test_a_standalone_program_has_the_same_spikes(tmp_path, monkeypatch):
    """One program holds all models; -O1 halves the time to compile it."""
    modules = {name: export(name, 20)[2] for name in MODELS}
    monkeypatch.setitem(prefs, "codegen.cpp.extra_compile_args_gcc", ["-w", "-O1", "-march=native", "-std=c++11"])
    duration = 20 * ms
    set_device("cpp_standalone", build_on_run=False)
    try:
        network, parts = Network(), {}
        for name, model in MODELS.items():
            group, others, _ = model(20)
            monitor = SpikeMonitor(group, name=f"{name}_spikes")
            network.add(group, *others, monitor)
            parts[name] = (group, others, monitor)
        network.run(duration, namespace={})
        get_device().build(directory=str(tmp_path / "program"))
        for name, (group, others, monitor) in parts.items():
            module, dt = modules[name], float(group.clock.dt)
            n_steps = round(float(duration) / dt)
            owners = {None: group} | {item.name: item for item in others}
            # a trace of one row at the start and one at the end would need a monitor; the end says it all
            final = {
                key: np.array(owners[owner].variables[variable].get_value())
                for key, (owner, variable) in module.variables().items()
            }
            sources = {}
            for source in module.sources:
                of_source = next(item for item in others if item.name == source)
                times, neurons = (
                    np.array(of_source.variables[key].get_value()) for key in ("spike_time", "neuron_index")
                )
                steps = np.rint(times / dt).astype(int)
                sources[source] = (steps[steps < n_steps], neurons[steps < n_steps])
            inputs = {key: np.tile(np.array(group.variables[key].get_value()), (n_steps, 1)) for key in module.inputs}
            spikes = (np.rint(np.array(monitor.t_) / dt).astype(int), np.array(monitor.i))
            found = compare_recorded(module, n_steps, spikes, {}, inputs=inputs, sources=sources, final=final)
            assert found.first_difference is None and found.n_spikes > 5, (name, str(found))
            assert all(item.relative < 1e-6 for item in found.variables.values()), (name, str(found))
    finally:
        get_device().reinit()
        reset_device()


@pytest.mark.slow
def test_force_and_ca3_networks_agree_for_a_thousand_spikes_at_weak_coupling():
    """Feedback and learning run in Brian2; torch is given the feedback current."""
    network = force_network(
        default_rng(3),
        n_neurons=600,
        recurrent_gain=1000 * pA,
        feedback_gain=500 * pA,
        eta_half_width=50 * pA,
        g_half_width=100 * pA,
        theta=0.2,
        theta_half_width=0.1,
        start=20 * ms,
        stop=1 * second,
        every=4 * ms,
    )
    neurons = network["neurons"]
    module = to_torch(neurons, network["recurrent"], inputs="I_feedback", dtype=torch.float64)
    found = compare(neurons, module, 280 * ms, network)
    assert found.first_difference is None and found.n_equal >= 1000, str(found)
    assert network["force"].variables["n_updates"].get_value() == 0  # the run was undone

    rng, n = default_rng(5), 1000
    ca3 = hb.Izhikevich.CA3
    neurons = hb.population(
        n,
        ca3,
        hb.gating(),
        eta=rng.normal(2000, 200, n) * pA,
        g=rng.normal(10, 1, n) * nS,
        theta=rng.uniform(0, 0.5, n),
        v=rng.uniform(-65, 0, n) * mV,
        clock=Clock(0.001 * ms, name="fine"),  # v_peak is 12935 mV, which Euler's method reaches in steps below 1 us
        name="ca3",
    )
    gate = hb.AllToAll(neurons, ca3)
    found = compare(neurons, to_torch(neurons, gate, dtype=torch.float64), 17 * ms, [gate])
    assert found.first_difference is None and found.n_equal >= 1000, str(found)


def quadratic(n=3, equations="dv/dt = (v**2/mV + I - v)/tau : volt\nI : volt", **options):
    """Return a small group to be changed and refused."""
    options = {"threshold": "v > 20*mV", "reset": "v = 0*mV", "method": "euler"} | options
    namespace = {"tau": 10 * ms, "mV": mV, "ms": ms, "volt": volt} | options.pop("namespace", {})
    return NeuronGroup(n, equations, namespace=namespace, **options)


def connected(source, target, *arguments, **options):
    synapses = Synapses(source, target, *arguments, **options)
    synapses.connect()
    return synapses


@check_units(x=1, result=1)
def square(x):
    return x**2


def linked():
    other = quadratic(name="other")
    group = quadratic(equations="dv/dt = (I - v)/tau : volt\nI : volt (linked)")
    group.I = linked_var(other, "I")
    group.add_attribute("other")
    group.other = other  # which a link does not keep alive
    return group, ()


def regular(**options):
    group = quadratic(name="group")
    group.run_regularly("v = 0*mV", name="often", **options)
    return group, ()


def itself(make):
    """Return a group with synapses on itself."""
    group = quadratic(name="group")
    return group, make(group)


def shared_and_written():
    group = quadratic(equations="dv/dt = (I - v)/tau : volt\nI : volt (shared)", name="group")
    return group, connected(group, group, on_pre="I_post += 1*mV", name="links")


def delayed_clock():
    group, source = quadratic(name="group"), quadratic(name="other", clock=Clock(0.5 * ms, name="slow"))
    return group, connected(source, group, on_pre="v_post += 1*mV", name="links")


REFUSED = {
    "subgroup": (lambda: (quadratic()[:2], ()), "a Subgroup cannot be exported, expected a NeuronGroup"),
    "source": (lambda: (PoissonGroup(2, 1 * Hz), ()), "a PoissonGroup cannot be exported, expected a NeuronGroup"),
    "event": (lambda: (quadratic(events={"high": "v > 9*mV"}, name="group"), ()), "has the custom event 'high'"),
    "over_dt": (
        lambda: (quadratic(equations="dv/dt = -u/tau : volt\nu = 2*v : volt (constant over dt)", name="group"), ()),
        r"'u' of group is \(constant over dt\), expected a plain sub-expression: remove the flag",
    ),
    "gsl": (lambda: (quadratic(method="gsl", name="group"), ()), "has the method 'gsl', which is no Brian2 code"),
    "linked": (linked, "'I' of .* is linked to other, expected a variable of its own or of an AllToAll"),
    "regular": (regular, "group holds 'often' in the slot 'start', expected Brian2's default slots"),
    "clock": (lambda: regular(dt=1 * ms, when="after_synapses"), "holds 'often' in .*, expected .* one time step"),
    "function": (
        lambda: (quadratic(equations="dv/dt = square(v/mV)*mV/tau : volt", namespace={"square": square}), ()),
        "the function 'square' of .* cannot be exported, expected a TimedArray or one of abs,",
    ),
    "poisson": (lambda: (quadratic(reset="v = poisson(1.0)*mV"), ()), "the function 'poisson' of .* cannot"),
    "equality": (lambda: (quadratic(threshold="v == 1*mV"), ()), "the threshold has 'v == 1 . mV', which has no"),
    "rounding": (lambda: (quadratic(reset="v = floor(v)"), ()), r"'floor\(v\)' rounds a quantity in SI units"),
    "static": (
        lambda: (NeuronGroup(2, "I : 1", threshold="I > 1", reset="", name="group"), ()),
        "group has no variable that changes in time, expected a differential equation",
    ),
    "shared": (shared_and_written, "'I' of group is a shared variable that changes during a run, expected one value"),
    "object": (
        lambda: itself(lambda group: [SpikeMonitor(group, name="monitor")]),
        r"synapses has 'monitor' \(SpikeMonitor\), expected Synapses or AllToAll",
    ),
    "group": (lambda: (quadratic(), quadratic(name="other")), "other is no gating variable, expected one neuron with"),
    "plastic": (
        lambda: itself(lambda g: connected(g, g, "w : volt", on_pre="v_post += w", on_post="w += 1*mV", name="links")),
        "links has pathways pre, post, expected one on_pre: learning rules run in Brian2",
    ),
    "synaptic": (
        lambda: itself(lambda g: connected(g, g, "dw/dt = -w/tau : 1 (clock-driven)", name="links", method="euler")),
        "links has synaptic differential equations, expected weights",
    ),
    "summed": (
        lambda: itself(lambda g: connected(g, g, "I_post = v_pre : volt (summed)", name="links")),
        r"links has a \(summed\) variable, expected on_pre",
    ),
    "nonlinear": (
        lambda: itself(lambda group: connected(group, group, on_pre="v_post += 0.1*v_post", name="links")),
        "on_pre of links uses 'v_post' of .*, expected variables of the synapses and constants",
    ),
    "assignment": (
        lambda: itself(lambda group: connected(group, group, "w : volt", on_pre="v_post = w", name="links")),
        "on_pre of links has 'v_post = w', expected variable_post .= weight",
    ),
    "part": (
        lambda: itself(lambda group: connected(group[:2], group, on_pre="v_post += 1*mV", name="links")),
        "links connects the subgroup .*, expected whole groups",
    ),
    "target": (
        lambda: itself(lambda group: connected(group, quadratic(name="other"), on_pre="v_post += 1*mV", name="links")),
        "links targets other, expected group: export that group",
    ),
    "slot": (delayed_clock, "links runs in the slot 'synapses' every 0.5 ms, expected 'synapses' every 100"),
    "taken": (
        lambda: itself(lambda group: connected(group, group, on_pre="v_post += 1*mV", name="keys")),
        "'keys' is a name that torch modules need, expected another: rename the object",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_exported_is_refused_by_name(case):
    make, message = REFUSED[case]
    BrianLogger.suppress_name("method_choice")
    group, synapses = make()
    with pytest.raises(ExportError, match=message) as caught:
        to_torch(group, synapses)
    assert str(caught.value).count(". ") <= 1 and ": " in str(caught.value)  # one sentence, with what to do


def test_synapses_that_were_not_connected_are_refused():
    group = quadratic()
    synapses = Synapses(group, group, on_pre="v_post += 1*mV", name="links")
    with pytest.raises(ExportError, match=r"links has no synapses, expected some: call connect\(\) first"):
        to_torch(group, synapses)
    synapses.active = False
    assert not to_torch(group, synapses).couplings


def test_a_standalone_device_is_refused(tmp_path):
    set_device("cpp_standalone", build_on_run=False, directory=str(tmp_path))
    group = quadratic()
    with pytest.raises(ExportError, match=r"the active device is standalone, .* expected the runtime device"):
        to_torch(group)


def test_legacy_refractory_timing_is_refused(monkeypatch):
    monkeypatch.setitem(prefs, "legacy.refractory_timing", True)
    with pytest.raises(ExportError, match="has Brian2's legacy refractory timing, expected the default"):
        to_torch(quadratic(refractory=2 * ms))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"trainable": "J"}, ValueError, "trainable has 'J', expected parameters of group among I, .*tau, v"),
        ({"trainable": "dt"}, ValueError, "trainable has 'dt', expected parameters of group"),
        (
            {"trainable": "links.J"},
            ValueError,
            "trainable is 'links.J', expected links.w, links.delay: did you mean 'links.w'",
        ),
        ({"trainable": "other.w"}, ValueError, "the synapses of 'other.w' in trainable is 'other', expected links"),
        ({"inputs": "v"}, ValueError, "inputs is 'v', expected I: choose one"),
        (
            {"width": 1 * ms},
            DimensionMismatchError,
            "width has the wrong unit, expected mV as in the threshold 'v",
        ),
        ({"jacobian_bound": {"I": 1}}, ValueError, "jacobian_bound is 'I', expected v: choose"),
        ({"jacobian_bound": {"v": 0}}, ValueError, "jacobian_bound of 'v' is 0, expected more than 0: give a bound"),
        ({"width": -1 * mV}, ValueError, "width is -1. mV, expected more than 0"),
    ],
)
def test_bad_arguments_are_refused(options, error, message):
    group = quadratic(name="group")
    synapses = connected(group, group, "w : volt", on_pre="v_post += w", name="links")
    with pytest.raises(error, match=message):
        to_torch(group, synapses, **options)


def test_bounds_of_noisy_equations_are_refused():
    group = quadratic(equations="dv/dt = -v/tau + mV*xi/tau**0.5 : volt", name="group")
    with pytest.raises(ExportError, match="group has random numbers, expected none with jacobian_bound: clip the norm"):
        to_torch(group, jacobian_bound={"v": 1})


def test_names_of_the_caller_are_found_as_in_run():
    """Regression: constants of the caller's frame were not seen."""
    tau, level = 5 * ms, 3 * mV  # noqa: F841 - Brian2 looks them up here
    group = NeuronGroup(2, "dv/dt = (level - v)/tau : volt", method="exact")
    module = to_torch(group, dtype=torch.float64)
    found = compare(group, module, 1 * ms)
    assert found.variables["v"].relative < ONE_STEP and found.variables["v"].scale > 0.5
    with pytest.raises(KeyError, match="level"):
        to_torch(group, namespace={"tau": tau})


def test_truth_values_become_numbers_of_the_states_dtype():
    """Regression: int(not_refractory) had torch's default dtype and cost eight digits."""
    assert torch.get_default_dtype() == torch.float32
    group = NeuronGroup(
        2,
        "dv/dt = (c - v)/tau : 1 (unless refractory)\nc : 1",
        threshold="v > 1",
        reset="v = 0.1",
        refractory=1 * ms,
        method="exact",
        namespace={"tau": 3 * ms},
    )
    group.v, group.c = 0.3, [1.7, 2.3]
    found = compare(group, to_torch(group, dtype=torch.float64), 20 * ms)
    assert found.first_difference is None and found.n_spikes > 5
    assert found.variables["v"].before < 1e-13  # also of the reset value 0.1, which no float32 has


def test_refractoriness_counts_steps_in_float32_after_many_of_them():
    """Regression: a time of 100 s in float32 has a resolution of 8 us, worse than Brian2's 1e-3 of a step."""
    group = NeuronGroup(
        1,
        "dv/dt = 1/ms : 1 (unless refractory)",
        threshold="v > 0.55",
        reset="v = 0",
        refractory=1 * ms,
        method="euler",
        namespace={"ms": ms},
    )
    module = to_torch(group, dtype=torch.float32)
    steps = [module(60, first_step=first).spikes.flatten().nonzero().flatten().tolist() for first in (0, 1_000_003)]
    assert steps[0] == steps[1] and len(steps[0]) > 3


def test_parameters_are_registered_in_the_same_order_in_every_process():
    """Regression: Brian2's sets of names gave an order by hash, so optimisers and processes mixed parameters up."""
    program = (
        "import brian2; brian2.BrianLogger.log_level_error()\n"
        "from tests.torch.test_export import registered\n"
        "print(registered())"
    )
    said = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": "1", "PYTHONPATH": ".", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.strip() == str(registered()) and "neurons.eta" in said  # this process has another hash seed


def registered():
    """Return the names of a module's parameters and buffers in their order, and its code.

    Without comments, in which Brian2 may write a unit otherwise once a process has used more of them.
    """
    group, (synapses,), _ = MODELS["residual"](3)
    module = to_torch(group, synapses, trainable=["g", "eta", "theta", "C", "v", f"{synapses.name}.omega"])
    code = re.sub("  #.*", "", module.neurons.code)
    return [name for name, _ in module.named_parameters()], list(module.state_dict()), code


def test_inputs_are_unbound_not_indexed():
    """Regression: indexing an input allocates a zero tensor of the whole sequence in each backward step."""
    module = to_torch(quadratic(), inputs="I")
    inputs = torch.rand(5, 2, 3, requires_grad=True)
    nodes, seen = [module(inputs={"I": inputs}).state["v"].grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is not None and node not in seen:
            seen.add(node)
            nodes += [item for item, _ in node.next_functions]
    kinds = {type(node).__name__ for node in seen}
    assert "UnbindBackward0" in kinds and "SelectBackward0" not in kinds


def test_gradients_are_those_of_brian2s_simulation():
    """Central differences of Brian2 below threshold; spikes never come, and detached they have no part."""
    values = {"eta": np.array([5.0, 10, 15, 20, 25]), "g": np.array([2.0, 3, 4, 5, 6])}

    def group(eta, g):
        clock = Clock(0.1 * ms, name="clock*")
        neurons = hb.population(
            5, hb.Izhikevich.CA3, hb.gating(), eta=eta * pA, g=g * nS, v=-58 * mV, theta=0.1, clock=clock, name="group"
        )
        gate = hb.AllToAll(neurons, hb.Izhikevich.CA3, name="gate")
        gate.s = 0.2
        return neurons, gate

    def final(eta, g):
        neurons, gate = group(eta, g)
        Network(neurons, gate).run(40 * ms, namespace={})
        return np.array(neurons.v_) * 1e3

    neurons, gate = group(**values)
    module = to_torch(neurons, gate, trainable=("eta", "g"), dtype=torch.float64, detach_reset=True)
    output = module(400)
    output.state["v"].sum().backward()
    assert not output.spikes.any() and np.abs(output.state["v"].detach().numpy() - final(**values)).max() < 1e-9
    for name, value in values.items():
        step = 1e-4 * value  # truncation 1e-8 and rounding 1e-12/1e-4 of it
        sides = [final(**values | {name: value + sign * step}) for sign in (1, -1)]
        expected = (sides[0] - sides[1]) / (2 * step)
        assert getattr(module.neurons, name).grad.numpy() == pytest.approx(expected, rel=1e-6)


def test_trained_values_are_written_back():
    group, (synapses,), _ = MODELS["residual"](6)
    module = to_torch(group, synapses, trainable=("eta", f"{synapses.name}.omega"), dtype=torch.float64)
    with torch.no_grad():
        module.neurons.eta += 3
        module.couplings[synapses.name].omega *= 2
    before = np.array(group.eta_), np.array(synapses.omega_)
    module.write_back(group, synapses)
    assert np.allclose(group.eta_, before[0] + 3e-12, rtol=1e-14, atol=0)
    assert np.allclose(synapses.omega_, 2 * before[1], rtol=1e-14, atol=0)
    with pytest.raises(ValueError, match=f"the parameters of {synapses.name} were trained, expected its Synapses"):
        module.write_back(group)
    module = to_torch(group, synapses, trainable="C")
    assert module.neurons.C.shape == (6,)
    with pytest.raises(ValueError, match="residual has no variable 'C' to write to, expected a parameter of its eq"):
        module.write_back(group)


def test_initial_values_can_be_trained():
    module = to_torch(quadratic(), trainable="v")
    module(3, 2).state["v"].sum().backward()
    assert [name for name, _ in module.named_parameters()] == ["neurons._initial_v"]
    assert (module.neurons._initial_v.grad != 0).all()


def test_si_units_give_the_same_steps():
    group, others, module = export("residual", 20, units=SI)
    assert compare(group, module, 5 * ms, others).first_difference is None
    assert float(module.initial_state()["v"].abs().max()) < 0.1


def test_modules_can_be_copied_pickled_and_captured():
    _, _, module = export("leaky", 6, trainable="tau")
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        twin.load_state_dict(module.state_dict())
        assert torch.equal(twin(30, 2).state["v"], module(30, 2).state["v"])
    captured = torch.compile(module.step, fullgraph=True, backend="eager")
    state = module.initial_state(2)
    ours, theirs = module.step(state, 0), captured(state, 0)
    assert torch.equal(ours[0]["v"], theirs[0]["v"]) and torch.equal(ours[1], theirs[1])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_the_step_is_compiled_by_inductor():
    """Ten steps and their gradients; the compiler joins operations, which rounds some of them once less."""
    found = []
    for compiled in (False, True):
        _, _, module = export("residual", 6, trainable=("eta", "theta"), width=5 * mV)
        step = torch.compile(module.step, fullgraph=True, dynamic=False) if compiled else module.step
        state, prepared, count = module.initial_state(2), module.prepare(), 0
        for _ in range(10):
            state, fired = step(state, 0, prepared=prepared)
            count += fired.sum()
        (state["v"].sum() + count).backward()
        found.append([state["v"], state["w"], *(parameter.grad for parameter in module.parameters())])
    assert all(torch.allclose(a, b, rtol=1e-10, atol=1e-12) for a, b in zip(*found, strict=True))


def test_noise_has_the_strength_of_brian2s():
    """An Ornstein-Uhlenbeck process has standard deviation sigma; 4000 samples know it to 1.1 %."""
    group = NeuronGroup(
        4000, "dv/dt = -v/tau + sigma*sqrt(2/tau)*xi : 1", method="euler", namespace={"tau": 1 * ms, "sigma": 0.3}
    )
    module = to_torch(group, dtype=torch.float64)
    torch.manual_seed(1)
    deviation = float(module(100).state["v"].std())
    assert deviation == pytest.approx(0.3 * (1 - 0.05) ** -0.5, rel=0.05)  # Euler's method widens by dt/(2 tau)


def test_import_hetbrian_does_not_import_torch():
    program = "import sys, hetbrian, hetbrian.cli; print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


def test_without_torch_the_error_says_how_to_install_it():
    program = "import sys; sys.modules['torch'] = None; import hetbrian; import hetbrian.torch.export"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    last = said.stderr.strip().splitlines()[-1]
    assert (
        last
        == "ImportError: torch is not installed, expected it for training and export: pip install 'hetbrian[torch]'."
    )
