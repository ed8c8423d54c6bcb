"""The generated CUDA code: read, compiled for a GPU and emulated on the CPU; not yet run on a GPU."""

import os
import re
import subprocess
from functools import lru_cache

import numpy as np
import pytest
from brian2 import BrianObjectException, Clock, Hz, Network, get_device, ms, pA, prefs, set_device
from brian2.core.variables import ArrayVariable

from hetbrian import (
    FORCE,
    AllToAll,
    Gamma,
    Guard,
    Izhikevich,
    RecursiveLeastSquares,
    Target,
    double_exponential,
    gating,
    population,
    recurrent,
    simulate,
)
from hetbrian._gpu.networks import DenseFORCE
from hetbrian.codegen.interval import MODULUS, MULTIPLIER, N_QUANTILES
from hetbrian.simulation import cuda, standalone
from hetbrian.simulation.sampling import SampledMonitor
from tests.codegen.cuda_emulation.emulate import EmulatedCode

pytest.importorskip("brian2cuda", reason="brian2cuda is not installed: pip install 'hetbrian[cuda]'")
pytestmark = [
    pytest.mark.cuda,
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),  # brian2cuda leaves closing to Python
]
needs_nvcc = pytest.mark.skipif(cuda.toolkit_root() is None, reason="no nvcc: install the CUDA toolkit")

N_NEURONS, N_STEPS, EVERY = 70, 25, 2
SIGNAL = np.random.default_rng(5).standard_normal((10, 3))  # (time, output), one period


@pytest.fixture
def cuda_device(tmp_path):
    """Set brian2cuda up as on a machine without a GPU, and give the preferences back."""
    previous = cuda.configure(compute_capability=9.0, jobs=1)
    set_device("cuda_standalone", build_on_run=False)
    yield tmp_path / "project"
    prefs.update(previous)


def force_network(n_outputs=1, bias=False, rule="prior", dtype="float64", feedback=True, kind=DenseFORCE, clock=None):
    rng = np.random.default_rng(0)
    neurons = population(N_NEURONS, Izhikevich.FORCE, double_exponential(), feedback=True, clock=clock)
    force = kind(
        neurons,
        Target(SIGNAL, 0.1 * ms, periodic=True, name="lesson") if n_outputs == 3 else "cos(2*pi*500*Hz*t)",
        rng.uniform(-1, 1, (N_NEURONS, n_outputs)) * pA if feedback else None,
        every=EVERY * 0.1 * ms,
        bias=bias,
        rule=rule,
        dtype=dtype,
        namespace={"Hz": Hz},
        name="force",
    )
    synapses = recurrent(neurons, 5000 * pA, rng=rng)
    monitor = SampledMonitor(force, "z", True, every=1 * ms, name="monitor")
    return Network(neurons, synapses, force, Guard(neurons, every=1 * ms, name="guard"), monitor)


def generate(folder, network):
    """Write the project of a network, and return its arrays: owner's variable -> (name, size)."""
    network.run(10 * ms, namespace={})
    get_device().build(directory=str(folder), compile=False, run=False)
    return {
        f"{group.name}.{name}": (get_device().get_array_name(variable), variable.size)
        for group in network.objects
        if hasattr(group, "variables")
        for name, variable in group.variables.items()
        if isinstance(variable, ArrayVariable) and not variable.dynamic
    }


def source_of(folder, name):
    """Return the file of a code object, whose name may end in a number."""
    (path,) = (folder / "code_objects").glob(f"{name}_codeobject*.cu")
    return path


def step_of(folder, name):
    """Return the host function of a code object: all that happens in a time step."""
    return source_of(folder, name).read_text().split("void _run_")[1]


def code_name(step):
    """Return the name of the code object that a host function is of."""
    return re.search(r"_kernel_readout_(\w+)<<<", step)[1]


def launches(code):
    """Return name and check of each kernel launch."""
    return re.findall(r"(\w+)<<<.*?>>>\(.*?\);\s*(CUDA_CHECK_ERROR)?", code, re.DOTALL)


def schedule(folder):
    """Return the code objects in the order in which a time step runs them."""
    added = re.findall(r"network\w*\.add\(&defaultclock, _run_(\w+)\);", (folder / "main.cu").read_text())
    assert added[0] == "random_number_buffer"  # brian2cuda's own
    return [re.sub(r"_codeobject(_\d+)?$", "", name) for name in added[1:]]


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_a_step_of_force_launches_target_feedback_product_and_weights_in_this_order(cuda_device, n_outputs):
    generate(cuda_device, force_network(n_outputs))
    step = step_of(cuda_device, "force_step")
    before, due = step.split("bool _is_due;")
    assert re.match("_kernel_readout_force", launches(before)[0][0])
    assert [name for name, _ in launches(before)[1:]] == ["feedback"]
    limits = f"_kernel_limits_{code_name(step)}"
    assert [name for name, _ in launches(due)] == [limits, "rls_product", "rls_weights", "rls_count"]
    assert "_array_force_start[0]" in due and "_array_force_stop[0]" in due
    assert all(checked for _, checked in launches(step)) and len(launches(step)) == step.count("<<<") == 6


def test_a_gpu_holds_p_as_a_matrix_and_no_tiles(cuda_device):
    variables = force_network(bias=True)["force"].variables
    assert {"_c", "_product"} == {"_c", "_tiles", "_x", "_product"} & variables.keys()
    assert variables["_P"].size == 71**2


def test_the_event_driven_step_launches_an_update_of_its_own_and_waits_no_more_often(cuda_device):
    generate(cuda_device, force_network(kind=FORCE))
    step = step_of(cuda_device, "force_step")
    before, event = step.split("hetbrian::launch_update(")
    assert launches(before)[-1][0] == f"_kernel_limits_{code_name(step)}"
    # event_changes and the dense kernel for networks of which that is in charge
    assert [name for name, _ in launches(event)] == ["event_changes", "rls_product", "rls_weights", "rls_count"]
    assert "launch_flush(_state, 1, true)" in event
    always, polled = step.split("_array_defaultclock_timestep[0] % 100 == 0")
    # trouble, and which kernel should be in charge; to the device, if it is another
    assert re.findall(r"cudaMemcpy\(.*?cudaMemcpy(\w+)", polled) == ["DeviceToHost", "DeviceToHost", "HostToDevice"]
    waiting = r"cuda\w*Synchronize|cudaMemcpy(?:Async)?\b|thrust|cudaMalloc"
    kernels = source_of(cuda_device, "force_step").read_text().split("HETBRIAN_EVENT_RLS_CUH")[2]
    assert not re.findall(waiting, always) and not re.findall(waiting, kernels.split("#endif")[0])


def test_a_readout_without_feedback_launches_none(cuda_device):
    generate(cuda_device, force_network(feedback=False))
    assert "feedback" not in step_of(cuda_device, "force_step")


def test_the_host_waits_for_the_device_only_where_the_guard_looks(cuda_device):
    generate(cuda_device, force_network())
    waiting = r"cuda\w*Synchronize|cudaMemcpy(?:Async)?\b|thrust|cudaMalloc"
    force = step_of(cuda_device, "force_step")
    always, polled = force.split("_array_defaultclock_timestep[0] % 100 == 0")
    assert not re.findall(waiting, always)
    assert re.findall(waiting, polled) == ["cudaMemcpy"]
    guard = step_of(cuda_device, "guard_check")
    always, due = guard.split("_array_defaultclock_timestep[0] % _array_guard__every[0] == 0")
    looked, counted = due.split("_kernel_count")
    rarely = counted.split("(_array_defaultclock_timestep[0] + 1) % _array_guard__window[0] == 0")
    assert not re.findall(waiting, always) and not re.findall(waiting, rarely[0])
    assert re.findall(waiting, looked) == ["cudaMemcpy"] and re.findall(waiting, rarely[1]) == ["cudaMemcpy"] * 4
    assert [checked for _, checked in launches(due)] == ["CUDA_CHECK_ERROR"] * 2


def test_force_reads_the_activity_after_the_spikes_of_the_step_then_the_guard_looks_and_monitors_record(cuda_device):
    generate(cuda_device, force_network())
    assert schedule(cuda_device) == [
        "neurons_stateupdater",
        "neurons_spike_thresholder",
        "recurrent_pre_push_spikes",
        "recurrent_pre",
        "neurons_spike_resetter",
        "force_step",
        "guard_check",
        "monitor",
    ]


def test_a_sampled_monitor_returns_before_it_stores_a_step_that_is_not_due(cuda_device):
    generate(cuda_device, force_network())
    step = step_of(cuda_device, "monitor")
    gate = "if (_array_defaultclock_timestep[0] % _array_monitor__every[0] != 0) return;"
    assert 0 < step.index(gate) < step.index("_dynamic_array_monitor_t.push_back") < step.index("<<<")


def all_to_all_network(label=""):
    neurons = population(N_NEURONS, Izhikevich.CA3, gating(), name=f"neurons{label}")
    gate = AllToAll(neurons, Izhikevich.CA3, name=f"gating{label}")
    return Network(neurons, gate, Guard(neurons, name=f"guard{label}"))


def test_the_all_to_all_network_adds_its_spikes_atomically_to_the_one_gate_that_all_neurons_read(cuda_device):
    generate(cuda_device, all_to_all_network())
    assert schedule(cuda_device) == [
        "neurons_stateupdater",
        "gating_stateupdater",
        "neurons_spike_thresholder",
        "gating_spikes_pre_push_spikes",
        "gating_spikes_pre",
        "gating_bounds",
        "neurons_spike_resetter",
        "guard_check",
    ]
    assert "SynapticPathway brian::gating_spikes_pre;" in (cuda_device / "objects.cu").read_text()
    assert "_brian_atomicAdd(&_ptr_array_gating_s[" in source_of(cuda_device, "gating_spikes_pre").read_text()
    assert "_ptr_array_gating_s[" in source_of(cuda_device, "neurons_stateupdater").read_text()


@needs_nvcc
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("force_step", {"n_outputs": 3, "bias": True}),
        pytest.param("force_step", {"dtype": "float32", "rule": "posterior"}, marks=pytest.mark.long),
        pytest.param("force_step", {"kind": FORCE, "n_outputs": 3, "bias": True}, marks=pytest.mark.long),
        ("force_step", {"kind": FORCE, "dtype": "float32"}),
        ("guard_check", {}),
        ("monitor", {}),
    ],
)
def test_our_kernels_compile_without_register_spills(cuda_device, name, options):
    generate(cuda_device, force_network(**options))
    nvcc = cuda.toolkit_root() / "bin" / "nvcc"
    include = [f"-I{folder}" for folder in (cuda_device, cuda.curand_folders()[0])]
    flags = ["-std=c++17", "-arch=sm_90", "-use_fast_math", "-w", "-Xptxas", "-v", "-dc"]
    source = source_of(cuda_device, name)
    said = subprocess.run(
        ["nice", nvcc, *flags, *include, source, "-o", source.with_suffix(".o")], capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    spills = re.findall(r"(\d+) bytes spill stores, (\d+) bytes spill loads", said.stderr)
    n_kernels = source.read_text().count("__global__ void")
    assert len(spills) >= n_kernels and set(spills) == {("0", "0")}


@lru_cache
def activity():
    return np.random.default_rng(3).random((N_STEPS, N_NEURONS))  # (time, neuron)


def emulate(project, arrays, folder, options, forgetting, steps, threads):
    """Run the FORCE step on the CPU beside `RecursiveLeastSquares`, and return both after the last step."""
    n_outputs, bias = options["n_outputs"], options["bias"]
    code = EmulatedCode(project, source_of(project, "force_step"), folder, threads)
    for name, (array, size) in arrays.items():
        if name.startswith("force.") or name in ("neurons.r", "neurons.I_feedback"):
            code[f"dev{array}"] = np.full(size, np.nan if code.dtypes[f"dev{array}"].kind == "f" else -7)
    host = {name: array for name, (array, _) in arrays.items()}
    device = {name: f"dev{array}" for name, array in host.items()}
    start, stop, dt = 3e-4, 21e-4, 1e-4
    constants = {"_every": EVERY, "start": start, "stop": stop, "initial_P": 0.05, "forgetting": forgetting}
    for name, value in {**constants, "dt": dt, "t": 0, "t_in_timesteps": 0}.items():
        code[host[f"force.{name}"]] = value
    for name in ("_trouble", "largest_output"):
        code[host[f"force.{name}"]] = {"_trouble": 0, "largest_output": 1e300}[name]
    code[device["force.initial_P"]] = 0.05
    for name in (
        "_weights",
        "_c",
        "_gain",
        "n_updates",
        "_largest",
        "_trouble",
    ):  # what Brian2 sets to zero; P is only allocated
        code[device[f"force.{name}"]] = np.zeros(arrays[f"force.{name}"][1])
    code[device["force.i"]] = np.arange(n_outputs)
    encoder = np.random.default_rng(4).standard_normal((n_outputs, N_NEURONS))
    code[device["force._encoder"]] = encoder
    if n_outputs == 3:
        code["lesson_values"] = SIGNAL
    rls = RecursiveLeastSquares(
        N_NEURONS, n_outputs, initial_P=0.05, forgetting=forgetting, bias=bias, rule=options["rule"]
    )
    errors, launches = [], 0
    for step, r in enumerate(activity()[:steps]):
        code[host["force.t"]][:], code[host["force.t_in_timesteps"]][:] = step * dt, step
        code[device["neurons.r"]][:] = r
        code.run()
        z, y = rls.predict(r), SIGNAL[step % 10] if n_outputs == 3 else [np.cos(2 * np.pi * 500 * step * dt)]
        errors.append(abs(code[device["force.z"]] - z).max() / max(abs(z).max(), 1e-3))
        errors.append(abs(code[device["force.y"]] - y).max())
        errors.append(abs(code[device["neurons.I_feedback"]] - code[device["force.z"]] @ encoder).max())
        is_due = step % EVERY == 0 and 3 <= step < 21
        launches += 6 if is_due else 2
        if is_due:
            rls.update(r, y)
    assert code.count("launches") == launches
    assert code[device["force.n_updates"]][0] == rls.n_updates > 0
    m = rls.weights.shape[1]
    stored, c = code[device["force._P"]].reshape(m, m), code[device["force._c"]].astype(float)
    assert np.array_equal(stored, stored.T)  # the kernel keeps the symmetry to the last bit
    P = (stored - code[device["force._gain"]][0] * np.outer(c, c)) / forgetting
    weights = code[device["force._weights"]].reshape(rls.weights.shape)
    errors.append(abs(weights - rls.weights).max() / abs(rls.weights).max())
    errors.append(abs(P - rls.P).max() / abs(rls.P).max())
    return max(errors)


@pytest.mark.parametrize("forgetting", [1.0, 0.999])
@pytest.mark.parametrize(
    ("options", "bound"),
    [
        # double: nine updates of sums of 71 terms differ in their order, by about 1e-14
        ({"n_outputs": 1, "bias": False, "rule": "prior", "dtype": "float64"}, 1e-10),
        ({"n_outputs": 3, "bias": True, "rule": "posterior", "dtype": "float64"}, 1e-10),
        # float: P carries 24 bits, that is 6e-8, and the updates amplify it about a hundred times
        ({"n_outputs": 1, "bias": True, "rule": "posterior", "dtype": "float32"}, 1e-5),
        ({"n_outputs": 3, "bias": False, "rule": "prior", "dtype": "float32"}, 1e-5),
    ],
)
def test_the_emulated_kernels_equal_recursive_least_squares(cuda_device, tmp_path, options, bound, forgetting):
    arrays = generate(cuda_device, force_network(**options))
    error = emulate(cuda_device, arrays, tmp_path / "emulated", options, forgetting, N_STEPS, threads=64)
    assert error < bound


def test_the_emulated_kernels_equal_recursive_least_squares_with_the_blocks_of_a_gpu(cuda_device, tmp_path):
    options = {"n_outputs": 3, "bias": True, "rule": "posterior", "dtype": "float64"}
    arrays = generate(cuda_device, force_network(**options))
    error = emulate(cuda_device, arrays, tmp_path / "emulated", options, 0.999, steps=7, threads=None)
    assert error < 1e-10  # as above


SPACE = "dev_array_neurons__spikespace"
GUARDED = {"neuron": -1, "time": 0, "t": 0.0, "t_in_timesteps": 0, "_n_spikes": 0, "highest_rate": 1000, "rate": 0}
GUARDED |= {"dt": 1e-4}


def test_the_emulated_guard_stops_at_a_rate_that_no_neuron_holds(cuda_device, tmp_path):
    arrays = generate(cuda_device, force_network())
    code = EmulatedCode(cuda_device, source_of(cuda_device, "guard_check"), tmp_path / "emulated")
    for name, value in {**GUARDED, "_every": 10, "_window": 20}.items():
        code[arrays[f"guard.{name}"][0]] = code["dev" + arrays[f"guard.{name}"][0]] = value
    code["dev" + arrays["neurons.v"][0]] = np.zeros(N_NEURONS)
    code[SPACE] = spikes = np.zeros(N_NEURONS + 1)
    n_spikes = code[SPACE]
    for step in range(60):
        code[arrays["guard.t_in_timesteps"][0]][:], code[arrays["guard.t"][0]][:] = step, step * 1e-4
        n_spikes[N_NEURONS] = N_NEURONS * (step % 10 == 0) if step < 40 else N_NEURONS * (step % 5 == 0)
        code.run()
        assert code.is_stopped == (step == 59)  # 1000 Hz may be, 2000 Hz may not
    rate, time = (code["dev" + arrays[f"guard.{name}"][0]][0] for name in ("rate", "time"))
    assert rate == pytest.approx(2000, rel=1e-12) and time == 59 * 1e-4 and spikes.size == n_spikes.size


def test_the_emulated_guard_names_the_first_neuron_and_stops(cuda_device, tmp_path):
    arrays = generate(cuda_device, force_network())
    code = EmulatedCode(cuda_device, source_of(cuda_device, "guard_check"), tmp_path / "emulated")
    v = np.zeros(N_NEURONS)
    for name, value in {**GUARDED, "_every": 10, "_window": 1000}.items():
        code[arrays[f"guard.{name}"][0]] = code["dev" + arrays[f"guard.{name}"][0]] = value
    code["dev" + arrays["neurons.v"][0]] = v
    code[SPACE] = np.zeros(N_NEURONS + 1)
    neuron, time = arrays["guard.neuron"][0], arrays["guard.time"][0]
    for step in range(31):
        code[arrays["guard.t_in_timesteps"][0]][:], code[arrays["guard.t"][0]][:] = step, step * 1e-4
        if step == 25:
            code["dev" + arrays["neurons.v"][0]][[60, 17]] = np.nan, np.inf
        code.run()
        assert code.is_stopped == (step == 30)
    assert code.count("copies") == code.count("launches") - 31 == 4  # at the steps 0, 10, 20 and 30; it counts in each
    assert code[neuron][0] == code["dev" + neuron][0] == 17
    assert code["dev" + time][0] == 30 * 1e-4


def test_simulate_generates_the_project_with_a_seed_read_at_the_start_and_gives_the_preferences_back(
    tmp_path, monkeypatch
):
    class Generated(Exception):
        """Stands for the build, which takes minutes."""

    def build(device, folder, is_compiled, is_cuda):
        device.build(directory=str(folder), compile=False, run=False)
        raise Generated

    cuda.configure()  # registers the preferences
    before = {name: prefs[name] for name in prefs}
    monkeypatch.setattr(cuda, "require", lambda: None)
    monkeypatch.setattr(standalone, "build", build)
    with pytest.raises(Generated):
        simulate(lambda rng: force_network(), 10 * ms, record=("spikes",), device="cuda_standalone", directory=tmp_path)
    main = (tmp_path / "main.cu").read_text()
    assert main.index('set_seed(std::strtoull(std::getenv("HETBRIAN_SEED")') < main.index("network.run(")
    assert {name: prefs[name] for name in prefs} == before
    assert get_device().__class__.__name__ == "RuntimeDevice"


@needs_nvcc
@pytest.mark.long
def test_a_whole_project_of_force_and_all_to_all_coupling_compiles_and_links(cuda_device):
    """Two minutes or three: brian2cuda's headers take 8 s a file; both networks share those of one project."""
    network = force_network(kind=FORCE, clock=Clock(0.1 * ms, name="clock"))
    network.add(*all_to_all_network("_ca3").objects)
    network.run(10 * ms, namespace={})
    standalone.build(get_device(), cuda_device, is_cuda=True)
    assert os.access(cuda_device / "main", os.X_OK)
    symbols = subprocess.run(["nm", "-C", cuda_device / "main"], capture_output=True, text=True, check=True).stdout
    for kernel in (
        "hetbrian::rls_product",
        "hetbrian::rls_weights",
        "hetbrian::event_products",
        "hetbrian::event_flush",
        "hetbrian::feedback",
        "_run_gating_ca3_spikes_pre",
    ):
        assert kernel in symbols


def test_random_numbers_in_a_target_are_refused_on_cuda(cuda_device):
    group = population(3, Izhikevich.FORCE, double_exponential())
    force = FORCE(group, "randn()", name="force")
    with pytest.raises(BrianObjectException) as raised:
        Network(group, force).run(1 * ms, namespace={})
    assert re.match(
        r"the code of force_step uses randn\(\), which our CUDA kernels cannot draw", str(raised.value.__cause__)
    )


@pytest.mark.parametrize("every", ["fixed", "random"])
def test_the_emulated_readout_stops_beyond_its_limit_finds_its_first_p_and_draws_its_intervals(
    cuda_device, tmp_path, every
):
    neurons = population(N_NEURONS, Izhikevich.FORCE, double_exponential(), feedback=True)
    law = {"every": Gamma(0.3 * ms, shape=1), "rng": np.random.default_rng(1)} if every == "random" else {}
    force = DenseFORCE(neurons, "1.0", initial_P="auto", **{"every": 0.2 * ms, **law}, name="force")
    table = np.array(force.variables["_intervals"].get_value()) if law else None
    arrays = generate(cuda_device, Network(neurons, force))
    code = EmulatedCode(cuda_device, source_of(cuda_device, "force_step"), tmp_path / "emulated", threads=64)
    start = {"start": 0, "stop": 1, "forgetting": 1, "largest_output": 1000, "_every": 2, "_next": 0, "_draw": 12345}
    zeros = ("initial_P", "_weights", "_c", "_gain", "n_updates", "_largest", "_trouble", "_trouble_time", "y", "z")
    for name in (*start, *zeros, "_P", "_product", "dt", "t", "t_in_timesteps"):
        if f"force.{name}" in arrays:
            array, size = arrays[f"force.{name}"]
            value = np.full(size, {**start, "dt": 1e-4}.get(name, 0.0))
            code[array], code[f"dev{array}"] = value, value
    if law:
        code[arrays["force._intervals"][0]] = table
    code["dev" + arrays["force.i"][0]] = np.zeros(1)
    code["dev" + arrays["neurons.r"][0]] = r = np.linspace(0.1, 1, N_NEURONS)
    host, device = ({name: f"{kind}{array}" for name, (array, _) in arrays.items()} for kind in ("", "dev"))
    due, after, draw = [], 0, 12345
    for step in range(301):
        if step >= after if law else step % 2 == 0:
            due.append(step)
        if law and step >= after:
            draw = MULTIPLIER * draw % MODULUS
            after = step + table[draw * N_QUANTILES >> 31]
        code[host["force.t"]][:], code[host["force.t_in_timesteps"]][:] = step * 1e-4, step
        if step == 250:
            code[device["force._weights"]][:] = 1e9
        code.run()
        assert code[device["force.n_updates"]][0] == len(due)
        assert code.is_stopped == (step == 300)
    assert code[device["force.initial_P"]][0] == pytest.approx(1 / (r @ r))
    assert code[device["force._trouble"]][0] == 2
    assert code[device["force._trouble_time"]][0] == pytest.approx(1e-4 * min(step for step in due if step >= 250))
    if law:
        assert code[device["force._next"]][0] == code[host["force._next"]][0] == after
