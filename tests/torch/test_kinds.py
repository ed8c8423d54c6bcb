"""Kinds of difference between Brian2 and torch that were silent once; each is equal now, or refused by name."""

import gc

import numpy as np
import pytest
from brian2 import (
    Clock,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    Synapses,
    TimedArray,
    defaultclock,
    linked_var,
    ms,
    mV,
    second,
)

from hetbrian._support.optional import torch
from hetbrian.torch.comparison import compare
from hetbrian.torch.events import Events
from hetbrian.torch.export import to_torch
from hetbrian.torch.fused.cell import fuse
from hetbrian.torch.limits import ExportError

ROUNDING = {torch.float64: 1e-11, torch.float32: 1e-4}
"""100 operations a step for some hundred steps, each of 1e-16 or 6e-8 of the largest value, without chaos."""


def group(equations="dv/dt = (1.5 - v)/(5*ms) : 1", n=4, **options):
    options = {"threshold": "v > 1", "reset": "v = 0", "method": "euler", "namespace": {"ms": ms}} | options
    neurons = NeuronGroup(n, equations, **options)
    neurons.v = np.linspace(0, 0.9, n)
    return neurons


def agrees(neurons, others=(), dtype=torch.float64, duration=30 * ms, variables=None, **options):
    """Whether a module and Brian2 have the same spikes, and variables but for rounding."""
    synapses = [item for item in others if isinstance(item, Synapses)]
    found = compare(neurons, to_torch(neurons, synapses, dtype=dtype, namespace={}, **options), duration, others)
    assert found.first_difference is None, str(found)
    assert all(item.relative < ROUNDING[dtype] for item in found.variables.values()), str(found)
    return found


PRECISIONS = pytest.mark.parametrize("dtype", [torch.float64, torch.float32])

STEEP = {
    "exponential": ("1.5 - v + 0.01*exp((v - 1)/0.01)", "euler"),
    "below zero": ("-45 - v + 0.5*exp((v + 50)/0.5)", "euler"),
    "logistic": ("-45 - v + 5/(1 + exp(-(v + 50)/0.4))", "rk2"),
    "other variable": ("-45 - v + 5/(1 + exp(-(u + 50)/0.4))", "exponential_euler"),
    "polynomial": ("-45 - v + (u + 70.1)**4/3.7**4", "exponential_euler"),
    "far off": ("-45 - v + (u + 1000.5)**3/1e9", "rk4"),
}


@PRECISIONS
@pytest.mark.parametrize("case", STEEP)
def test_numbers_stay_as_they_were_written(case, dtype):
    """Sympy multiplies out and evaluates, which float64 survives and float32 does not."""
    equation, method = STEEP[case]
    equations = f"dv/dt = ({equation})/(10*ms) : 1\ndu/dt = (-55.5 - u)/(20*ms) : 1"
    neurons = group(equations, threshold="v > -44.5", reset="v = -65.5", method=method)
    neurons.v, neurons.u = [-65, -60, -55, -50.5], [-70, -60, -50, -71]
    if "1.5" in equation:
        neurons = group(equations, threshold="v > 1.5", reset="v = 0.5", method=method)
    agrees(neurons, dtype=dtype, duration=60 * ms)


def test_numbers_stay_in_resets_too():
    """Brian2 collects ``v = v + ...`` to ``v += ...`` with sympy."""
    agrees(group(reset="v = v + 0.01*exp((v - 1.2)/0.01) - 1.1"), dtype=torch.float32)


def test_numbers_beyond_the_precision_are_refused():
    neurons = group("dv/dt = (1.5 - v + tiny*u)/(5*ms) : 1\nu : 1", namespace={"ms": ms, "tiny": 1e-50})
    neurons.u = 1e49
    with pytest.raises(ExportError, match=r"'u' of .* is 1e\+49 in the units of the module, expected 0 or 1.2e-38 to"):
        to_torch(neurons, namespace={})
    agrees(neurons)
    neurons = group("dv/dt = (1.5 - v)/(5*ms) + tiny*v**2/ms : 1", namespace={"ms": ms, "tiny": 1e-50})
    with pytest.raises(ExportError, match=r"'tiny' of .* is 1e-50 in the units of the module"):
        to_torch(neurons, namespace={})


WHOLE = {
    "index": "I = 1.1 + 0.9*i/N : 1",
    "root": "I = 1.1 + 0.1*sqrt(i) : 1",
    "parameter": "I = 1.1 + 0.1*n : 1\nn : integer",
    "remainder": "I = 1.1 + 0.3*(n % 3) - 0.1*(n // 2) : 1\nn : integer",
    "truth": "I = 1.1 + 0.1*flag + 0.3*int(v > 0.5) : 1\nflag : boolean",
    "condition": "I = 1.1 + 0.1*int(flag and not (n > 2) or v < 0.3) : 1\nflag : boolean\nn : integer",
}


@PRECISIONS
@pytest.mark.parametrize("case", WHOLE)
def test_whole_numbers_and_truth_values_keep_the_precision(case, dtype):
    assert torch.get_default_dtype() == torch.float32
    neurons = group(f"dv/dt = (I - v)/(5*ms) : 1\n{WHOLE[case]}")
    for name, values in {"n": [1, 2, 3, 4], "flag": [True, False, True, False]}.items():
        if name in neurons.equations:
            setattr(neurons, name, values)
    agrees(neurons, dtype=dtype)


@PRECISIONS
@pytest.mark.parametrize("method", ["rk2", "rk4", "exponential_euler"])
def test_whole_numbers_that_change_do_not_change_the_dtype(method, dtype):
    """Found by the differential tester: intermediate results of a method were of float64, and then the spikes."""
    neurons = group("dv/dt = (1.1 + 0.1*(n % 3) - v)/(5*ms) : 1\nn : integer", reset="v = 0; n += 1", method=method)
    synapses = Synapses(neurons, neurons, on_pre="v_post += 0.01")
    synapses.connect()
    assert to_torch(neurons, synapses, dtype=dtype)(30).state["v"].dtype == dtype
    agrees(neurons, [synapses], dtype=dtype)


@PRECISIONS
def test_a_product_of_a_whole_number_drops_its_fraction_as_in_cpp_standalone(dtype):
    """The numpy and Cython targets refuse it; a program in C++ gives 73 and -73 after seven spikes."""
    neurons = group("dv/dt = (2 - v)/ms : 1\nk : integer\nj : integer", reset="v = 0\nk *= 1.5\nj *= 1.5")
    neurons.k, neurons.j = 5, -5
    output = to_torch(neurons, dtype=dtype)(50, record=("k", "j"))
    expected = [5]
    for _ in range(int(output.spikes[:, 0].sum())):
        expected.append(int(expected[-1] * 1.5))
    assert expected[7] == 73 and len(expected) >= 8
    assert output.recorded["k"][-1, 0] == expected[-1] and output.recorded["j"][-1, 0] == -expected[-1]


@PRECISIONS
@pytest.mark.parametrize("where", ["threshold", "equation"])
def test_spikes_and_state_have_the_dtype_of_the_module(where, dtype):
    """The time of the last spike is of float64, what comes of it is not."""
    equations = "dv/dt = (1.5 - v)/(5*ms) : 1\nth = 1 + 0.5*exp(-(t - lastspike)/(5*ms)) : 1"
    if where == "equation":
        equations = "dv/dt = (1.5 - v - exp(-(t - lastspike)/(5*ms)))/(5*ms) : 1\nth = 1 : 1"
    neurons = group(equations, threshold="v > th", refractory=1 * ms)
    synapses = Synapses(neurons, neurons, "w : 1", on_pre="v_post += w")
    synapses.connect()
    synapses.w = 0.01
    output = to_torch(neurons, synapses, dtype=dtype)(30)
    assert output.spikes.dtype == output.state["v"].dtype == dtype and output.state["lastspike"].dtype == torch.float64
    agrees(neurons, [synapses], dtype=dtype)


GENERATED = "ops spike reset state linked prepared step spikes fired like update values timing clock moments fixed age"


@pytest.mark.parametrize("name", [*GENERATED.split(), "v_before", "part", "moment", "added_v", "c_dt", "KEPT", "x0"])
def test_names_of_generated_code_are_the_users(name):
    equations = f"dv/dt = (1.5 - v + {name})/(5*ms) : 1\nd{name}/dt = (0.1 - {name})/(20*ms) : 1"
    neurons = group(equations, reset=f"{name} = 0.3*v; v = 0", refractory=0.2 * ms)
    agrees(neurons)
    neurons.v, neurons.namespace[f"{name}2"] = 0.5, 1.0
    plain, fast = (wrap(to_torch(neurons, dtype=torch.float64))(50) for wrap in (lambda cell: cell, fuse))
    assert torch.equal(plain.spikes, fast.spikes)
    constant = group(f"dv/dt = ({name} - v)/(5*ms) : 1", namespace={"ms": ms, name: 1.5})
    agrees(constant)


@pytest.mark.parametrize("name", "forward half width size source names bounds code detach linked state_dict".split())
def test_names_of_modules_are_the_users(name):
    neurons = group(f"dv/dt = ({name} - v)/(5*ms) : 1\n{name} : 1")
    setattr(neurons, name, 1.5)
    module = to_torch(neurons, trainable=name, dtype=torch.float64)
    assert f"neurons.{name}_1" in dict(module.named_parameters())
    agrees(neurons)
    with torch.no_grad():
        module.neurons.value(name).mul_(2)
    module.write_back(neurons)
    assert np.allclose(getattr(neurons, name)[:], 3)


INFINITE = {
    "own name": ("clip(v, -inf, 2)", "v > 1", {}),
    "threshold": ("v", "v > 1 and v < top", {"top": np.inf}),
    "infinite side": ("v", "v > 1 or v >= top", {"top": np.inf}),
    "nothing": ("v - 0*bad", "v > 1", {"bad": np.nan}),
    "quotient": ("v + 1/top", "v > 1", {"top": -np.inf}),
    "division by zero": ("v + 1/(1/zero)", "v > 1", {"zero": 0.0}),
    "overflow": ("v + 1/exp(large)", "v > 1", {"large": 1000.0}),
    "root": ("clip(v, 0, 1/sqrt(zero))", "v > 1", {"zero": 0.0}),
    "negative power": ("v + 1/(zero**-1.0)", "v > 1", {"zero": 0.0}),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@PRECISIONS
@pytest.mark.parametrize("case", INFINITE)
def test_infinite_numbers_follow_ieee(case, dtype):
    equation, threshold, names = INFINITE[case]
    neurons = group(f"dv/dt = (1.5 - {equation})/(5*ms) : 1", threshold=threshold, namespace={"ms": ms} | names)
    agrees(neurons, dtype=dtype)


def test_infinite_weights_are_bounds_too():
    neurons = group()
    synapses = Synapses(neurons, neurons, "w : 1", on_pre="v_post += clip(w, 0, wmax)", namespace={"wmax": np.inf})
    synapses.connect()
    synapses.w = "0.01*i"
    agrees(neurons, [synapses])


GRID = {
    "comparison": "I = 1.5*int(t >= 2.3*ms) : 1",
    "parameter": "I = 1.5*int(t >= onset) : 1\nonset : second",
    "remainder": "I = 1 + 1.5*int(t % (0.7*ms) < 0.25*ms) : 1",
    "quotient": "I = 1 + 0.1*int(t/(0.3*ms)) : 1",
    "whole step": "I = 1 + 0.3*(t_in_timesteps % 7) : 1",
    "array": "I = stimulus(t) : 1",
    "late array": "I = stimulus(t - onset) : 1\nonset : second",
    "age": "I = 1.5 - int(t - lastspike < 0.7*ms) : 1",
    "age of a parameter": "I = 1.5 - int(t - lastspike <= onset) : 1\nonset : second",
}


@PRECISIONS
@pytest.mark.parametrize("case", GRID)
@pytest.mark.parametrize("step", [0.1, 0.07])
def test_times_on_the_grid_are_brian2s(case, step, dtype):
    stimulus = TimedArray(np.tile([1.0, 2, 1.3, 0.2], 20), dt=0.35 * ms)
    clock = Clock(step * ms)
    neurons = group(
        f"dv/dt = (I - v)/(2*ms) : 1\n{GRID[case]}",
        refractory=0.5 * ms,
        clock=clock,
        namespace={"ms": ms, "stimulus": stimulus},
    )
    if "onset" in neurons.equations:
        neurons.onset = [0.3, 0.7, 1.1, 2.3] * ms
    agrees(neurons, dtype=dtype, duration=300 * step * ms)


@pytest.mark.parametrize("case", GRID)
def test_times_on_the_grid_are_the_plain_modules_in_the_fused_cell(case):
    stimulus = TimedArray(np.tile([1.0, 2, 1.3, 0.2], 20), dt=0.35 * ms)
    neurons = group(
        f"dv/dt = (I - v)/(2*ms) : 1\n{GRID[case]}", refractory=0.5 * ms, namespace={"ms": ms, "stimulus": stimulus}
    )
    if "onset" in neurons.equations:
        neurons.onset = [0.3, 0.7, 1.1, 2.3] * ms
    cell = to_torch(neurons, dtype=torch.float32)
    if case.startswith("age"):
        with pytest.raises(ExportError, match=r"'.*lastspike.*' compares times on the grid, expected timestep"):
            fuse(cell)
    else:
        assert torch.equal(fuse(cell)(200).spikes, cell(200).spikes)


@pytest.mark.parametrize("case", ["age", "age of a parameter"])
@pytest.mark.parametrize("method", ["rk2", "rk4"])
def test_times_that_are_compared_within_a_step_are_refused(case, method):
    """Brian2 adds dt and t before it takes lastspike off, which decides a comparison on the grid."""
    neurons = group(f"dv/dt = (I - v)/(2*ms) : 1\n{GRID[case]}", method=method, refractory=0.5 * ms)
    with pytest.raises(ExportError, match=r"'.*lastspike.*' compares times within a step, expected those at its begin"):
        to_torch(neurons)


@pytest.mark.parametrize("method", ["rk2", "rk4"])
def test_other_times_within_a_step_are_brian2s(method):
    equations = "dv/dt = (I - v)/(2*ms) : 1\nI = 1.5 - 0.5*exp(-(t - lastspike)/(1*ms)) + 0.2*int(t > 5.03*ms) : 1"
    neurons = group(equations, method=method, refractory=0.5 * ms)
    agrees(neurons, dtype=torch.float64, duration=20 * ms)


def test_a_changed_parameter_counts_in_times_too():
    neurons = group("dv/dt = (I - v)/(2*ms) : 1\nI = 1.5*int(t >= onset) : 1\nonset : second")
    module = to_torch(neurons, dtype=torch.float32)
    before = module(100).spikes.sum()
    module.neurons.onset += 100
    assert before > 0 and module(100).spikes.sum() == 0


def test_comments_are_comments():
    neurons = group(
        reset="# first\nv = 0  # back; to rest\nu = 1; w = u*2 # and more",
        equations="dv/dt = (1.5 - v)/(5*ms) : 1 # v; yes\nu : 1\nw : 1",
    )
    code = "# to v; and\nv_post += w_in  # excitatory; instantaneous"
    synapses = Synapses(neurons, neurons, "w_in : 1", on_pre=code)
    synapses.connect()
    synapses.w_in = 0.01
    module = to_torch(neurons, synapses, dtype=torch.float64)
    output = module(100)
    assert output.spikes.any() and set(output.state["w"].tolist()) == {2.0}


@pytest.mark.parametrize("index", [None, [3, 2, 1, 0]])
def test_linked_variables_are_refused(index):
    neurons = group("dv/dt = (1.5 - v + x)/(5*ms) : 1\ny : 1\nx : 1 (linked)")
    neurons.x = linked_var(neurons, "y") if index is None else linked_var(neurons, "y", index=np.array(index))
    with pytest.raises(
        ExportError, match=r"'x' of .* is linked to neurongroup.*, expected a variable of its own or of"
    ):
        to_torch(neurons, namespace={})


def test_links_to_a_group_that_is_gone_are_refused():
    other = NeuronGroup(4, "y : 1", name="other")
    neurons = group("dv/dt = (1.5 - v + x)/(5*ms) : 1\nx : 1 (linked)")
    neurons.x = linked_var(other, "y")
    del other
    gc.collect()
    with pytest.raises(
        ExportError, match=r"'x' of .* is linked to a group that is gone, expected a variable of its own"
    ):
        to_torch(neurons, namespace={})


@pytest.mark.parametrize("what", ["synapses", "pathway", "regular", "updater", "resetter", "thresholder", "all"])
def test_what_is_not_active_does_nothing(what):
    neurons = group("dv/dt = (1.5 - v)/(5*ms) : 1\nu : 1\ndw/dt = -w/(5*ms) : 1")
    synapses = Synapses(neurons, neurons, on_pre="v_post += 0.3")
    synapses.connect("i != j")
    regular = neurons.run_regularly("u += 1", when="after_synapses")
    switches = {
        "synapses": [synapses],
        "pathway": [synapses.pre],
        "regular": [regular],
        "updater": [neurons.state_updater],
        "resetter": [neurons.resetter["spike"]],
        "thresholder": [neurons.thresholder["spike"]],
        "all": [synapses, regular, neurons.resetter["spike"]],
    }
    for item in switches[what]:
        item.active = False
    agrees(neurons, [synapses], duration=10 * ms)


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": "v > 1*mV"},
        {"threshold": "v + 1"},
        {"reset": "v = 1*mV"},
        {"reset": "v += u"},
        {"reset": "u = exp(u)"},
        {"equations": "dv/dt = (1.5 - v)/(5*mV) : 1\nu : volt"},
        {"refractory": "u"},
    ],
)
def test_units_that_brian2_refuses_are_refused(options):
    neurons = group(
        **{"equations": "dv/dt = (1.5 - v)/(5*ms) : 1\nu : volt", "namespace": {"ms": ms, "mV": mV}} | options
    )
    with pytest.raises(ExportError, match=r"Brian2 refuses .*, expected units and types that fit: correct them"):
        to_torch(neurons, namespace={})


def test_units_of_weights_are_checked():
    neurons = group()
    synapses = Synapses(neurons, neurons, "w : volt", on_pre="v_post += w")
    synapses.connect()
    with pytest.raises(ExportError, match=r"Brian2 refuses synapses.*, expected units and types that fit"):
        to_torch(neurons, synapses, namespace={})


def test_a_module_goes_on_at_the_time_of_its_network():
    other = group()
    Network(other).run(3 * ms, namespace={})
    new = group()
    assert defaultclock.timestep[:] == 30 and to_torch(new).first_step == 0
    network = Network(new)
    network.run(1 * ms, namespace={})
    Network(group()).run(7 * ms, namespace={})
    assert to_torch(new).first_step == 10
    defaultclock.dt = 0.05 * ms
    assert to_torch(new).first_step == 20
    defaultclock.dt = 0.3 * ms
    with pytest.raises(ExportError, match=r"the time of .* is 0.001 s, no multiple of its new dt of 300. us"):
        to_torch(new)


def test_spikes_on_their_way_are_refused():
    neurons = group()
    synapses = Synapses(neurons, neurons, on_pre="v_post += 0.01", delay=2 * ms)
    synapses.connect()
    network = Network(neurons, synapses)
    network.run(6 * ms, namespace={})
    with pytest.raises(ExportError, match=r"synapses.* has spikes on their way, expected none: export before running"):
        to_torch(neurons, synapses)
    neurons.v = -5
    network.run(2.1 * ms, namespace={})
    assert to_torch(neurons, synapses).first_step == 81


def test_a_state_of_another_batch_is_refused():
    module = to_torch(group())
    state = module(5, 3).state
    for wrap in (module, fuse(module)):
        with pytest.raises(ValueError, match=r"state has 'v' of shape \(3, 4\), expected \(2, 4\): take it from"):
            wrap(5, 2, state=state)
        with pytest.raises(ValueError, match=r"state has 'v' of shape \(3, 4\), expected \(4,\)"):
            wrap(5, state=state)


def test_the_plain_cell_takes_events():
    neurons = group()
    source = SpikeGeneratorGroup(3, [], [] * ms, name="source")
    synapses = Synapses(source, neurons, "w : 1", on_pre="v_post += w")
    synapses.connect()
    synapses.w = 0.1
    module = to_torch(neurons, synapses)
    spikes = (torch.rand(20, 2, 3, generator=torch.Generator().manual_seed(1)) < 0.3).float()
    plain = module(spikes={"source": Events.from_dense(spikes)})
    assert torch.equal(plain.state["v"], module(spikes={"source": spikes}).state["v"])


def test_weights_that_are_drawn_at_every_spike_are_refused():
    neurons = group()
    synapses = Synapses(neurons, neurons, "w : 1", on_pre="v_post += w*int(rand() < 0.5)", name="links")
    synapses.connect()
    with pytest.raises(ExportError, match=r"on_pre of links has rand\(\), expected the same weight at every spike"):
        to_torch(neurons, synapses)


@PRECISIONS
def test_weights_of_whole_numbers_keep_the_precision(dtype):
    neurons = group("dv/dt = (1.5 - v)/(5*ms) : 1\nn : integer")
    synapses = Synapses(neurons, neurons, on_pre="v_post += 0.01*sqrt(i + 1)*int(i != j); n_post += 1 + i")
    synapses.connect()
    agrees(neurons, [synapses], dtype=dtype)
    real = Synapses(neurons, neurons, on_pre="n_post += 0.5")
    real.connect()
    with pytest.raises(ExportError, match=r"on_pre of .* adds to 'n', no real number, expected a real number"):
        to_torch(neurons, real)


BRANCHES = {
    "clip": ("clip(v, 0, 2)", [-1, 0.5, 1, 2.5]),
    "root of a clip": ("sqrt(clip(v, 0, 4))", [-1, 0.3, 1, -2]),
    "power of a clip": ("clip(v, 0, 4)**0.5", [-1, 0.3, 1, -2]),
    "trained power of a clip": ("clip(v, 0, 4)**(1 + k)", [-1, 0.3, 1, -2]),
    "logarithm of a clip": ("clip(log(clip(v, 0, 4)), -3, 3)", [-1, 0.3, 1, -2]),
    "quotient of a clip": ("clip(1/clip(v, 0, 4), 0, 3)", [-1, 0.5, 1, -2]),
    "overflow": ("clip(exp(v), 0, 3)", [1000, 0.3, 1, -2]),
    "arcus": ("arcsin(clip(v, -1, 1))", [-2, 0.3, 0.9, 2]),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("case", BRANCHES)
def test_gradients_of_branches_that_are_not_taken_are_finite_differences(case):
    expression, start = BRANCHES[case]
    neurons = group(f"dv/dt = (1.5 - {expression} + 0*second*k/second)/(5*ms) : 1\nk : 1", threshold="v > 2000")
    neurons.namespace["second"] = second
    neurons.v, neurons.k = start, 0.5
    trainable = ("v", "k") if "k" in expression else ("v",)
    cell = to_torch(neurons, trainable=trainable, dtype=torch.float64, namespace={})
    found = []
    for module in (cell, fuse(cell)):
        cell.zero_grad()
        module(1, 1).state["v"].sum().backward()
        found.append([parameter.grad.clone() for parameter in cell.parameters()])
    for k, parameter in enumerate(cell.parameters()):
        with torch.no_grad():
            ends = []
            for shift in (1e-6, -1e-6):
                parameter += shift
                ends.append(cell(1).state["v"])
                parameter -= shift
        expected = (ends[0] - ends[1]) / 2e-6  # rounding 1e-16*1000/1e-6
        assert torch.allclose(found[0][k], expected, atol=1e-6, rtol=1e-6), case
        assert torch.allclose(found[1][k], found[0][k], atol=1e-12), case


def test_gradients_pass_at_the_bounds_of_a_clip():
    neurons = group("dv/dt = (1.5 - clip(v, 0, 2))/(5*ms) : 1", n=3, threshold="v > 10")
    neurons.v = [0, 1, 2]
    for wrap in (lambda cell: cell, fuse):
        module = wrap(to_torch(neurons, trainable="v", dtype=torch.float64))
        module(1, 1).state["v"].sum().backward()
        (parameter,) = module.parameters()
        assert parameter.grad.tolist() == pytest.approx([0.98] * 3, rel=1e-4)  # 1 - dt/tau; at 0 and 2 the spike's tail


def test_another_schedule_is_refused():
    neurons = group()
    network = Network(neurons)
    network.schedule = ["start", "groups", "synapses", "thresholds", "resets", "end"]
    network.run(1 * ms, namespace={})
    with pytest.raises(ExportError, match=r"the network of .* has the schedule \[.*\], expected"):
        to_torch(neurons)


TRUTHS = {
    "reset": {"reset": "v = 0.5*int(flag and v > 1)"},
    "threshold": {"threshold": "v > 1 and flag"},
    "negated": {"threshold": "v > 1 and not flag or v > 1.2"},
    "alone": {"reset": "v = 0.25*int(flag)"},
}


@pytest.mark.parametrize("flag", [True, False, np.bool_(True)])
@pytest.mark.parametrize("case", TRUTHS)
def test_truth_values_of_the_namespace(case, flag):
    """They were numbers, which torch does not join by and, or."""
    agrees(group(**TRUTHS[case], namespace={"ms": ms, "flag": flag}))


def test_truth_values_that_brian2_refuses_to_join_are_refused():
    """Brian2 takes a name of the namespace for a number where it infers the type of a new variable, on every target."""
    namespace = {"ms": ms, "flag": True}
    neurons = group("dv/dt = (1.5*int(flag and v < 0.9) - v)/(5*ms) : 1", namespace=namespace)
    with pytest.raises(TypeError, match="Boolean operator acting on non-booleans"):
        try:
            Network(neurons).run(1 * ms, namespace={})
        except Exception as error:
            raise error.__cause__ or error from None
    with pytest.raises(ExportError, match=r"Brian2 refuses .* \(Boolean operator acting on non-booleans\), expected"):
        to_torch(neurons, namespace={})
