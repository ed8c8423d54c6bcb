"""The fused time loop of torch on a GPU: its results, a training, how fast."""

import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import BrianLogger, Clock, SpikeGeneratorGroup, Synapses, ms, mV, pA

import hetbrian as hb
from hetbrian._gpu.checks import Place
from hetbrian._gpu.findings import Findings
from hetbrian._support.optional import torch
from hetbrian.torch.surrogate import FastSigmoid

SHAPE = {"n_steps": 100, "batch": 128, "n_in": 700, "n": 256}
SMALL_SHAPE = {"n_steps": 40, "batch": 5, "n_in": 30, "n": 20}

DENSITY = 0.02
"""Share of inputs that fire in a step."""

BOUNDS = {"float64": 1e-10, "float32": 1e-4}
"""Relative differences of gradients from sums in another order: as on a CPU, where 1e-14 and 1e-6 were measured."""

ROUNDS = 9


def cell(n: int, n_in: int, dtype: Any) -> Any:
    """
    Return a recurrent Izhikevich layer with inputs as a plain module, its parameters and weights trained.

    Parameters
    ----------
    n, n_in : int
        Neurons and inputs.
    dtype : torch.dtype
        Precision.

    Returns
    -------
    hetbrian.torch.cell.Cell
    """
    BrianLogger.suppress_hierarchy("brian2.core.base.unused_brian_object")  # they are exported, not simulated
    rng, clock = np.random.default_rng(0), Clock(1 * ms, name="clock")
    parameters = hb.Izhikevich.FORCE
    neurons = hb.population(
        n,
        parameters,
        hb.single_exponential(),
        eta=rng.normal(3000, 300, n) * pA,
        theta=rng.uniform(0, 0.2, n),
        v=rng.uniform(-65, -40, n) * mV,
        clock=clock,
    )
    source = SpikeGeneratorGroup(n_in, [], [] * ms, clock=clock, name="source")
    paths = []
    for name, pre, width in (("given", source, 300 * pA), ("recurrent", neurons, 30 * pA)):
        options = {"namespace": neurons.synapse.namespace, "clock": clock, "name": name}
        path = Synapses(pre, neurons, "omega : amp", on_pre=neurons.synapse.on_pre, **options)
        path.connect()
        path.omega = rng.normal(0, 1, len(pre) * n) * width
        paths.append(path)
    trainable = ("eta", "theta", "given.omega", "recurrent.omega")
    options = {"trainable": trainable, "surrogate": FastSigmoid(), "width": 5 * mV, "dtype": dtype}
    return hb.to_torch(neurons, paths, **options)


def _shape(place):
    return SMALL_SHAPE if place.is_small else SHAPE


def _spikes(shape, place, dtype):
    """Return input spikes, shape (time, batch, input)."""
    size = (shape["n_steps"], shape["batch"], shape["n_in"])
    drawn = torch.rand(size, generator=torch.Generator().manual_seed(2)) < DENSITY
    return drawn.to(device=place.torch, dtype=dtype)


def _results(module, plain, spikes):
    """Return the spikes of a module, and the gradients of a loss that depends on all of them, by name."""
    plain.zero_grad()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the fused cell would say that the plain one runs in its place
        fired = module(spikes={"source": spikes}).spikes
    weights = torch.randn(fired.shape, generator=torch.Generator().manual_seed(3), dtype=fired.dtype)
    (fired * weights.to(fired.device)).sum().backward()
    return fired.detach(), {name: value.grad.clone() for name, value in plain.named_parameters()}


def agrees(place: Place, findings: Findings, folder: Path) -> None:
    """Spikes and gradients of the fused cell are those of the plain one, in both precisions."""
    shape = _shape(place)
    for precision, bound in BOUNDS.items():
        dtype = getattr(torch, precision)
        plain = cell(shape["n"], shape["n_in"], dtype).to(place.torch)
        spikes = _spikes(shape, place, dtype)
        expected, gradients = _results(plain, plain, spikes)
        found, others = _results(hb.fuse(plain), plain, spikes)
        differing = int((found != expected).sum())
        findings.note(f"spikes, {precision}", int(expected.sum()))
        findings.holds(f"there are spikes, {precision}", bool(expected.sum() > 100), "there are too few to compare")
        # float32: a neuron at its threshold may fire a step earlier, which is no error if it is one in 10 000
        allowed = 0 if precision == "float64" else 1e-4 * int(expected.sum())
        findings.at_most(f"spikes that differ, {precision}", differing, allowed)
        for name, gradient in gradients.items():
            length = float(gradient.double().norm())
            findings.holds(f"gradient of {name} is not zero, {precision}", length > 0, "it is zero")
            apart = float((others[name] - gradient).double().norm()) / max(length, 1e-300)
            if differing:
                findings.note(f"difference of the gradient of {name}, {precision}", apart)
            else:
                findings.at_most(f"difference of the gradient of {name}, {precision}", apart, bound)


def _recordings(n_samples: int, n_channels: int, n_classes: int = 3) -> Any:
    """Return made-up recordings of 0.2 s whose classes differ in the channels that fire."""
    from hetbrian.training.data.recordings import of_samples

    rng = np.random.default_rng(5)
    labels = np.arange(n_samples) % n_classes
    counts = rng.poisson(rng.uniform(0, 4, (n_classes, n_channels))[labels])
    samples = [np.repeat(np.arange(n_channels), row) for row in counts]
    times = [rng.uniform(0, 0.2, len(row)) for row in samples]
    return of_samples(times, samples, labels, (n_channels,), tuple(str(k) for k in range(n_classes)))


def trains(place: Place, findings: Findings, folder: Path) -> None:
    """Two epochs of the fused and of the plain module: the losses are finite, fall, and are the same at first."""
    from hetbrian.training import Preset, fit
    from hetbrian.training.data import Binning

    sizes = {"n_hidden": 12, "batch_size": 16} if place.is_small else {"n_hidden": 128, "batch_size": 64}
    recordings = _recordings(*((48, 20) if place.is_small else (1024, 100)))
    preset, losses = Preset.STRONG.replace(epochs=2, **sizes), {}
    for is_fused in (True, False):
        name, began = "fused" if is_fused else "plain", time.perf_counter()
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*plain module")
            result = fit(
                preset,
                Binning(20, 10 * ms),
                recordings,
                accelerator="cpu" if place.torch == "cpu" else "gpu",
                progress=False,
                is_fused=is_fused,
            )
        losses[name] = result.loss.values
        findings.note(f"seconds for two epochs, {name}", time.perf_counter() - began)
        findings.note(f"losses, {name}", losses[name].tolist())
    findings.holds("losses are finite", bool(np.isfinite(list(losses.values())).all()), str(losses))
    findings.holds("the loss falls", bool(losses["fused"][1] < losses["fused"][0]), str(losses["fused"]))
    # a step of Adam has the sign of a gradient: where that is nearly zero, rounding decides, and moves a weight by 1e-2
    apart = abs(losses["fused"][0] / losses["plain"][0] - 1)
    findings.at_most("difference of the first losses", float(apart), 0.05)


def speed(place: Place, findings: Findings, folder: Path) -> None:
    """Seconds of a forward and backward pass, float32: fused, plain, plain with a compiled step, and on the CPU."""
    shape, trials = _shape(place), {}
    for name, kind, where in (
        ("fused", "fused", place.torch),
        ("fused, CPU", "fused", "cpu"),
        ("plain", "plain", place.torch),
        ("torch.compile", "compiled", place.torch),
    ):
        plain = cell(shape["n"], shape["n_in"], torch.float32).to(where)
        if kind == "compiled":
            plain.step = torch.compile(plain.step, dynamic=False)
        module = hb.fuse(plain) if kind == "fused" else plain
        spikes = _spikes(shape, Place(torch=where), torch.float32)
        if kind == "fused":
            spikes = hb.torch.Events.from_dense(spikes)
        try:
            for _ in range(2):  # compile, fill caches
                _pass(module, plain, spikes, where)
        except Exception as error:  # one of them costs the others nothing
            findings.failures.append(f"{name} failed: {error!r}")
            continue
        trials[name] = (module, plain, spikes, where)
    seconds: dict[str, list[float]] = {name: [] for name in trials}
    for _ in range(2 if place.is_small else ROUNDS):
        for name, trial in trials.items():
            seconds[name].append(_pass(*trial))
    for name, took in seconds.items():
        findings.note(f"ms a pass, {name}", 1e3 * statistics.median(took))


def _pass(module, plain, spikes, where):
    """Return the seconds of a forward and a backward pass."""
    plain.zero_grad()
    _wait(where)
    began = time.perf_counter()
    module(spikes={"source": spikes}).spikes.mean().backward()
    _wait(where)
    return time.perf_counter() - began


def _wait(where):
    if where != "cpu":
        torch.cuda.synchronize()
