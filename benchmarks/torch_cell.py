"""
Forward and backward pass of a recurrent Izhikevich layer, 700 -> 256 -> 20, against what a user would use instead.

Batch 128, 100 steps, 2 % input spikes, float32, one thread unless told otherwise; medians of interleaved runs. The
peers are installed for this only: ``pip install norse snntorch spikingjelly jax spyx brainpy``. Those that are missing
are left out. Every layer ends in the same read-out, a linear map of the mean spikes. The last line but those of JAX is
no layer: it is what the recurrent products of one alone take, by torch.
Run it as ``python -m benchmarks.torch_cell``; ``--threads 2`` and ``--device cuda`` change the machine, not the shapes.
"""

import argparse
import ctypes
import gc
import multiprocessing
import os
import statistics
import time

SHAPE = {"steps": 100, "batch": 128, "n_in": 700, "n": 256, "n_out": 20}
DENSITY = 0.02


def group(n=SHAPE["n"], n_in=SHAPE["n_in"]):
    """Return heterogeneous Izhikevich neurons at dt = 1 ms, their inputs and their recurrent synapses."""
    import numpy as np
    from brian2 import Clock, NeuronGroup, SpikeGeneratorGroup, Synapses, ms, mV, nS, pA, pF

    rng, clock = np.random.default_rng(0), Clock(1 * ms)
    names = {
        "C": 100 * pF, "k": 0.7 * nS / mV, "v_r": -60 * mV, "v_t": -40 * mV, "v_peak": 35 * mV, "v_reset": -50 * mV,
        "a": 0.03 / ms, "beta": -2 * nS, "w_jump": 100 * pA, "tau_s": 6 * ms, "pA": pA,
    }  # fmt: skip
    neurons = NeuronGroup(
        n,
        """
        dv/dt = (k*(v - v_r)*(v - v_t) - w + eta + g*s*pA)/C : volt
        dw/dt = a*(beta*(v - v_r) - w) : amp
        ds/dt = -s/tau_s : 1
        eta : amp
        g : 1
        theta : 1
        """,
        threshold="v >= v_peak",
        reset="v = v_reset + theta*(v - v_reset); w += w_jump",
        method="euler",
        namespace=names,
        clock=clock,
        name="neurons",
    )
    neurons.v, neurons.eta = -60 * mV, rng.normal(80, 60, n) * pA
    neurons.g, neurons.theta = rng.normal(10, 1, n), rng.uniform(0, 0.2, n)
    source = SpikeGeneratorGroup(n_in, [], [] * ms, clock=clock, name="source")
    layers = []
    for name, pre, mean, width in (("given", source, 0.5, 1.3), ("recurrent", neurons, 0.0, 0.06)):
        synapses = Synapses(pre, neurons, "omega : 1", on_pre="s_post += omega", clock=clock, name=name)
        synapses.connect()
        synapses.omega = rng.normal(mean, width, len(pre) * n)
        layers.append(synapses)
    return neurons, layers


def ours(kind):
    """Return our layer: plain, plain with a compiled step, or fused with spikes as events or frames."""
    import torch
    from brian2 import BrianLogger, mV

    from hetbrian.torch.events import Events
    from hetbrian.torch.export import to_torch
    from hetbrian.torch.fused.cell import fuse
    from hetbrian.torch.surrogate import FastSigmoid

    BrianLogger.log_level_error()
    neurons, layers = group()
    trainable = ("eta", "g", "theta", "given.omega", "recurrent.omega")
    cell = to_torch(neurons, layers, trainable=trainable, surrogate=FastSigmoid(), width=5 * mV)
    if kind == "compiled":
        cell.step = torch.compile(cell.step, dynamic=False)
    module = fuse(cell) if kind.startswith("fused") else cell

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.events = module, None

        def forward(self, spikes):
            given = spikes
            if kind == "fused, events":  # a loader of event data hands events on, it never had frames
                given = self.events = self.events or Events.from_dense(spikes)
            return self.layer(spikes={"source": given}).spikes

    return Layer()


def norse():
    """Return Norse's recurrent Izhikevich layer."""
    import torch
    from norse.torch import IzhikevichRecurrent
    from norse.torch.functional.izhikevich import tonic_spiking

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = IzhikevichRecurrent(SHAPE["n_in"], SHAPE["n"], tonic_spiking)

        def forward(self, spikes):
            return self.layer(spikes)[0]

    return Layer()


def snntorch():
    """Return snnTorch's recurrent leaky layer, as it has no Izhikevich neuron."""
    import snntorch
    import torch
    from snntorch import surrogate

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.given = torch.nn.Linear(SHAPE["n_in"], SHAPE["n"])
            self.layer = snntorch.RLeaky(0.9, linear_features=SHAPE["n"], spike_grad=surrogate.fast_sigmoid(25))

        def forward(self, spikes):
            fired, potential = self.layer.init_rleaky()
            found = []
            for current in self.given(spikes).unbind(0):
                fired, potential = self.layer(current, fired, potential)
                found.append(fired)
            return torch.stack(found)

    return Layer()


def spikingjelly():
    """Return SpikingJelly's Izhikevich neurons in its recurrent container."""
    import torch
    from spikingjelly.activation_based import functional, layer, neuron, surrogate

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.given = torch.nn.Linear(SHAPE["n_in"], SHAPE["n"])
            neurons = neuron.IzhikevichNode(
                tau=10.0, a=0.1, b=0.1, tau_w=20.0, surrogate_function=surrogate.ATan(), step_mode="s"
            )
            self.layer = layer.LinearRecurrentContainer(neurons, SHAPE["n"], SHAPE["n"], step_mode="m")

        def forward(self, spikes):
            functional.reset_net(self.layer)
            return self.layer(self.given(spikes))

    return Layer()


LAYERS = {
    "hetbrian fused, events": lambda: ours("fused, events"),
    "hetbrian fused, frames": lambda: ours("fused, frames"),
    "hetbrian plain loop": lambda: ours("plain"),
    "hetbrian plain, compiled step": lambda: ours("compiled"),
    "Norse IzhikevichRecurrent": norse,
    "snnTorch RLeaky": snntorch,
    "SpikingJelly IzhikevichNode": spikingjelly,
}

IN_JAX = ("JAX by hand", "Spyx RLIF", "brainpy.state Izhikevich")
"""Layers of `benchmarks.jax_cells`."""


PRODUCTS = "recurrent products by torch"
"""What a dense recurrent layer cannot do without: see `products`."""


def products(device):
    """Return what multiplies with recurrent weights in each step, forward and back, and for their own adjoint."""
    import torch

    shape = [SHAPE[name] for name in ("steps", "batch", "n")]
    values, adjoints, weights = torch.rand(shape), torch.rand(shape), torch.rand(shape[-1], shape[-1])
    values, adjoints, weights = (item.to(device) for item in (values, adjoints, weights))

    def run():
        _wait(device)
        started = time.perf_counter()
        for step in range(SHAPE["steps"]):
            values[step] @ weights
        for step in range(SHAPE["steps"]):
            adjoints[step] @ weights.t()
        values.flatten(0, 1).t() @ adjoints.flatten(0, 1)
        _wait(device)
        return time.perf_counter() - started, float("nan")

    run()
    return run


def trial(name, threads, device):
    """Return a function that runs forward and backward once, which returns seconds and mean spikes, and the layer."""
    if name in IN_JAX:
        # read when JAX starts: without it, every process has threads for all cores
        os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()}"
        from benchmarks import jax_cells

        return jax_cells.trial(name, SHAPE, DENSITY), None
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if name == PRODUCTS:
        return products(device), None
    layer = LAYERS[name]().to(device)
    readout = torch.nn.Linear(SHAPE["n"], SHAPE["n_out"]).to(device)
    spikes = (torch.rand(SHAPE["steps"], SHAPE["batch"], SHAPE["n_in"]) < DENSITY).float().to(device)
    labels = torch.randint(0, SHAPE["n_out"], (SHAPE["batch"],)).to(device)
    parameters = [*layer.parameters(), *readout.parameters()]

    def run():
        for parameter in parameters:
            parameter.grad = None
        _wait(device)
        started = time.perf_counter()
        fired = layer(spikes)
        torch.nn.functional.cross_entropy(readout(fired.mean(0)), labels).backward()
        _wait(device)
        elapsed = time.perf_counter() - started
        return elapsed, float(fired.detach().mean())

    run(), run()  # compile, fill caches
    return run, layer


def _wait(device):
    if device != "cpu":
        import torch

        torch.cuda.synchronize()


def peak_memory(name, threads, device):
    """Return the largest memory of a forward and backward pass above that before it, in MB, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak_memory, (name, threads, device))


def _peak_memory(name, threads, device):
    import torch

    if device != "cpu":
        run, _ = trial(name, threads, device)
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    run, layer = trial(name, threads, device)
    if hasattr(getattr(layer, "layer", None), "release"):
        layer.layer.release()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what earlier passes left in the C library's heap
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # the peak begins anew (proc(5))
    before = _resident("VmRSS")
    run()
    return (_resident("VmHWM") - before) / 1e3


def _resident(field):
    """Return a field of /proc/self/status in kB."""
    with open("/proc/self/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith(field)).split()[1])


def measure(names, threads=1, device="cpu", rounds=9):
    """
    Measure layers in interleaved runs.

    Returns
    -------
    list of dict
        Name, median and quartiles of the seconds, peak memory in MB, mean spikes a step.
    """
    trials = {}
    for name in names:
        try:
            trials[name] = trial(name, threads, device)
        except ImportError as error:
            print(f"{name}: left out, {error}")
    seconds: dict = {name: [] for name in trials}
    rates: dict = {}
    for _ in range(rounds):
        for name, (run, _) in trials.items():
            elapsed, rates[name] = run()
            seconds[name].append(elapsed)
    rows = []
    for name, values in seconds.items():
        low, _, high = statistics.quantiles(values, n=4)
        rows.append(
            {
                "name": name,
                "median": statistics.median(values),
                "quartiles": (low, high),
                "rate": rates[name],
                "memory": peak_memory(name, threads, device),
            }
        )
    return rows


def table(rows):
    """Return the rows as text, with ratios to the first."""
    first = rows[0]
    lines = [f"{'layer':32} {'ms':>7} {'quartiles':>15} {'ratio':>6} {'MB':>6} {'ratio':>6} {'spikes/step':>12}"]
    for row in rows:
        low, high = (1e3 * value for value in row["quartiles"])
        lines.append(
            f"{row['name']:32} {1e3 * row['median']:7.1f} {f'{low:.1f}-{high:.1f}':>15} "
            f"{row['median'] / first['median']:6.2f} {row['memory']:6.0f} {row['memory'] / first['memory']:6.2f} "
            f"{row['rate']:12.3f}"
        )
    return "\n".join(lines)


def main(arguments=None):
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="*", help="parts of the names of layers")
    chosen = parser.parse_args(arguments)
    if chosen.device == "cpu" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: chosen.threads])
    known = [*LAYERS, PRODUCTS, *(IN_JAX if chosen.device == "cpu" else ())]
    names = [name for name in known if not chosen.only or any(part in name for part in chosen.only)]
    print(f"{SHAPE}, {100 * DENSITY:.0f} % input spikes, float32, {chosen.threads} thread(s), {chosen.device}")
    print(table(measure(names, chosen.threads, chosen.device, chosen.rounds)))


if __name__ == "__main__":
    main()
