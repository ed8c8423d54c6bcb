"""Calls of the rooms analysis, study, torch and training."""

import functools
from dataclasses import fields

import numpy as np
from brian2 import Clock, Network, NeuronGroup, ms, mV, pA

from hetbrian import analysis, study
from hetbrian import torch as cells
from hetbrian._support.optional import torch
from hetbrian.network import Izhikevich
from hetbrian.published.protocols.common.samples import toy
from hetbrian.training import build, exported, fit, gru_accuracy, layer, layer_stack, logistic_accuracy, train
from hetbrian.training import data as recorded
from hetbrian.training.batches import Batches, EpochBatches
from hetbrian.training.classifier import Classifier
from hetbrian.training.data.formats import write_bin
from hetbrian.training.module import Training
from hetbrian.training.preset import Preset
from tests.fuzz.calls import Call
from tests.study import points

CA3 = analysis.MeanField.CA3
FOLDS = analysis.VectorField("dx/dt = mu - x**2 : 1", {"mu": 1.0})
LANDAU = analysis.VectorField(
    "dx/dt = p*x - 2*y - x*(x**2 + y**2) + q : 1\ndy/dt = 2*x + p*y - y*(x**2 + y**2) : 1", {"p": -0.5, "q": 0.0}
)
SPIKES = {
    "spike_times": np.array([0.1, 0.5, 0.7]), "spike_neurons": np.array([0, 1, 1]), "n_neurons": 2, "duration": 2.0,
    "bin": 0.5,
}  # fmt: skip
WAVE = np.sin(np.arange(40.0))
COUNTS = {"spike_counts": np.array([1, 2, 3]), "duration": 2.0, "threshold": 0.1}


@functools.cache
def fold():
    diagram = analysis.equilibria(FOLDS, "mu", -1.0, 2.0, {"x": 0.9})
    return diagram.isel(point=int(np.flatnonzero(diagram.kind == "fold")[0]))


@functools.cache
def hopf():
    diagram = analysis.equilibria(LANDAU, "p", -1.0, 1.0, {"x": 0.0, "y": 0.0})
    return diagram.isel(point=int(np.flatnonzero(diagram.kind == "hopf")[0]))


ANALYSIS = {
    "MeanField": lambda: Call(
        analysis.MeanField,
        {"a": 0.1, "b": -0.1, "alpha": 0.6, "e_r": 1.0, "w_jump": 0.1, "tau_s": 2.0, "s_jump": 1.2, "g": 1.2,
         "eta": 0.1, "time_unit": 2 * ms, "voltage_unit": 65 * mV, "g_half_width": 0.1, "eta_half_width": 0.1,
         "current": 0.1, "sigma": 1},
    ),
    "MeanField.from_parameters": lambda: Call(
        analysis.MeanField.from_parameters,
        {"neuron": Izhikevich.CA3, "eta_half_width": 10 * pA, "g_half_width": 0.1, "sigma": 1},
    ),
    "MeanField.neuron": lambda: Call(CA3.neuron, {"v_peak": 200.0, "v_reset": -200.0}),
    "MeanField.replace": lambda: Call(lambda g, eta: CA3.replace(g=g, eta=eta), {"g": 1.0, "eta": 0.2}),
    "MeanField.equilibrium": lambda: Call(CA3.equilibrium, {"r": np.array([0.1, 0.2])}),
    "MeanField.equilibria": lambda: Call(
        CA3.equilibria, {"lower": 0.0, "upper": 0.3, "n_points": 50}, says={"lower": ("eta",), "upper": ("eta",)}
    ),
    "MeanField.hopf_points": lambda: Call(
        CA3.hopf_points, {"lower": 0.0, "upper": 0.3, "n_points": 50}, says={"lower": ("eta",), "upper": ("eta",)}
    ),
    "MeanField.trajectory": lambda: Call(
        CA3.trajectory, {"times": np.arange(5) * ms, "start": np.array([0.1, 0.1, 0.0, 0.1]), "current": lambda t: 0.1},
        says={"start": ("state", "d[rvws]/dt"), "times": ("state",)},
    ),
    "MeanField.rate": lambda: Call(CA3.rate, {"r": np.array([0.1])}),
    "MeanField.potential": lambda: Call(CA3.potential, {"v": np.array([0.1])}),
    "VectorField": lambda: Call(analysis.VectorField, {"equations": "dx/dt = mu - x : 1", "parameters": {"mu": 1.0}}),
    "VectorField.with_parameters": lambda: Call(lambda mu: FOLDS.with_parameters(mu=mu), {"mu": 2.0}),
    "VectorField.check_parameter": lambda: Call(
        lambda name: FOLDS.check_parameter(name), {"name": "mu"}, says={"name": ("parameter",)}
    ),
    "VectorField.derivative": lambda: Call(FOLDS.derivative, {"order": 1, "state": np.array([1.0])}),
    "VectorField.rhs": lambda: Call(FOLDS.rhs, {"state": np.array([1.0])}),
    "VectorField.jacobian": lambda: Call(FOLDS.jacobian, {"state": np.array([1.0])}),
    "VectorField.sensitivity": lambda: Call(FOLDS.sensitivity, {"state": np.array([1.0]), "parameter": "mu"}),
    "VectorField.linearised": lambda: Call(FOLDS.linearised, {"state": np.array([1.0]), "parameter": "mu"}),
    "VectorField.eigenvalues": lambda: Call(
        FOLDS.eigenvalues, {"state": np.array([1.0])}, says={"state": ("Jacobian",)}
    ),
    "VectorField.trajectory": lambda: Call(
        FOLDS.trajectory, {"start": np.array([1.0]), "times": np.arange(4.0)},
        says={"start": ("state", "dx/dt"), "times": ("state",)},
    ),
    "active_fraction": lambda: Call(analysis.active_fraction, COUNTS),
    "asynchronous_state": lambda: Call(
        analysis.asynchronous_state,
        {"neuron": CA3.neuron(), "eta": np.array([0.1, 0.2]), "g": np.array([1.0, 1.1]), "theta": np.zeros(2),
         "adaptation": "shared", "dt": 0.1 * ms},
    ),
    "best_shift_mse": lambda: Call(
        analysis.best_shift_mse, {"output": WAVE, "target": WAVE, "dt": 0.1, "max_shift": 0.5},
        says={"dt": ("max_shift",)},
    ),
    "correlation": lambda: Call(analysis.correlation, {"output": WAVE, "target": WAVE}),
    "degrees_of_freedom": lambda: Call(analysis.degrees_of_freedom, {"activity": np.eye(3), "gamma": 0.1}),
    "dimensionality": lambda: Call(analysis.dimensionality, {"activity": np.eye(3)}),
    "equilibria": lambda: Call(
        analysis.equilibria,
        {"field": FOLDS, "parameter": "mu", "lower": -1.0, "upper": 2.0, "start": {"x": 0.9}, "max_step": 0.3,
         "max_points": 20},
        says={"lower": ("mu",), "upper": ("mu",)},
    ),
    "exponential_activity": lambda: Call(analysis.exponential_activity, {**SPIKES, "tau": 0.5}),
    "firing_rate": lambda: Call(
        analysis.firing_rate,
        {"drive": np.ones(2), "vertex": np.zeros(2), "v_peak": np.array([9.0, 9.0]), "v_reset": np.array([-9.0, -9.0])},
    ),
    "firing_rates": lambda: Call(analysis.firing_rates, {name: COUNTS[name] for name in ("spike_counts", "duration")}),
    "fold_curve": lambda: Call(
        analysis.fold_curve,
        {"field": analysis.VectorField("dx/dt = mu + nu - x**2 : 1", {"mu": 0.0, "nu": 0.0}),
         "limits": {"mu": (-1.0, 1.0), "nu": (-1.0, 1.0)}, "fold": fold(), "max_step": 0.2, "max_points": 10},
        says={"fold": ("point",), "max_points": ("curve",), "max_step": ("max_step", "curve")},
    ),
    "force_scores": lambda: Call(
        analysis.force_scores,
        {"time": np.arange(40) * 0.1, "output": WAVE, "target": WAVE, "spike_counts_in_test": np.array([1, 2]),
         "learning_stop": 1.0, "voltage": np.zeros(2), "max_shift": 0.5},
        says={"spike_counts_in_test": ("spike_counts",)},
    ),
    "gaussian_activity": lambda: Call(analysis.gaussian_activity, {**SPIKES, "sigma": 0.5}),
    "hopf_curve": lambda: Call(
        analysis.hopf_curve,
        {"field": LANDAU, "limits": {"p": (-1.0, 1.0), "q": (-0.2, 0.2)}, "hopf": hopf(), "max_step": 0.2,
         "max_points": 10},
        says={"hopf": ("point",), "max_points": ("curve",), "max_step": ("max_step", "curve")},
    ),
    "is_diverged": lambda: Call(
        analysis.is_diverged, {"output": WAVE, "rates": np.array([1.0, 2.0]), "voltage": np.zeros(2)}
    ),
    "is_silent": lambda: Call(analysis.is_silent, COUNTS),
    "limit_cycle": lambda: Call(
        lambda field, state, period: analysis.limit_cycle(field, state, period, p=0.5),
        {"field": LANDAU, "state": np.array([0.7, 0.0]), "period": 3.0},
        says={"state": ("limit cycle",), "period": ("limit cycle",)},
    ),
    "limit_cycles": lambda: Call(
        analysis.limit_cycles,
        {"field": LANDAU, "parameter": "p", "lower": -1.0, "upper": 1.0, "hopf": hopf(), "max_step": 0.1,
         "max_points": 10, "intervals": 20},
        says={"lower": ("p",), "upper": ("p",), "hopf": ("point",), "max_step": ("cycles",), "intervals": ("cycles",)},
    ),
    "log_mse": lambda: Call(analysis.log_mse, {"output": WAVE, "target": WAVE + 1}),
    "mean_reset": lambda: Call(
        analysis.mean_reset, {"neuron": CA3.neuron(), "theta": np.array([0.1]), "reset": "residual", "dt": 0.1}
    ),
    "mse": lambda: Call(analysis.mse, {"output": WAVE, "target": WAVE}),
    "synchrony": lambda: Call(analysis.synchrony, SPIKES),
    "time_saved": lambda: Call(analysis.time_saved, {"vertex": np.array([0.5]), "v_peak": 10.0, "v_reset": -9.0}),
}  # fmt: skip

EVIDENCE = study.Evidence("x", (1.0, 2.0), "<", 3.0)
GRID = study.Grid(gain=((1000, 2000), pA), seed=range(2))

STUDY = {
    "Claim": lambda: Call(study.Claim, {"name": "x", "evidence": (EVIDENCE,), "setting": "s", "statement": "s"}),
    "Evidence": lambda: Call(
        study.Evidence,
        {"quantity": "x", "values": (1.0, 2.0), "relation": "<", "threshold": 1.0, "kind": "mean", "control": False},
    ),
    "Grid": lambda: Call(lambda gain: study.Grid(gain=gain), {"gain": (1.0, 2.0)}),
    "Grid.point": lambda: Call(GRID.point, {"index": 1}),
    "Grid.text": lambda: Call(GRID.text, {"index": 1}),
    "SweepOptions": lambda: Call(
        study.SweepOptions, {"workers": 1, "folder": "x", "scheduler": "tcp://x", "watch": print}
    ),
    "sweep": lambda: Call(
        study.sweep,
        {"point": points.total, "grid": study.Grid(seed=range(2)), "parameters": {"values": np.zeros(2)}, "name": "n",
         "workers": 0, "retry_failed": False, "watch": lambda dataset: None, "view": lambda dataset: dataset},
        fixed=("workers", "folder"),
    ),
}  # fmt: skip


@functools.cache
def leaky():
    equations, names = "dv/dt = (gain - v)/tau : volt\ngain : volt", {"tau": 10 * ms, "top": 5 * mV}
    group = NeuronGroup(
        2, equations, threshold="v > top", reset="v = 0*volt", method="exact", namespace=names, clock=Clock(1 * ms),
        name="leaky",
    )  # fmt: skip
    group.v = [1, 8] * mV
    return group


@functools.cache
def cell():
    return cells.to_torch(leaky(), dtype=torch.float64)


def driven():
    return cells.to_torch(leaky(), dtype=torch.float64, inputs="gain")


DENSE = torch.eye(3).reshape(3, 1, 3)
DIM = (1 * mV).dim
INPUT = torch.ones(3, 1, 2, dtype=torch.float64)
X = torch.linspace(-1, 1, 5)


def of_inputs(function):
    return Call(
        lambda gain, n_steps=None, batch=None, record=(), first_step=None: function(
            n_steps, batch, inputs={"gain": gain}, record=record, first_step=first_step
        ),
        {"n_steps": 3, "batch": 1, "gain": INPUT, "record": ("v",), "first_step": 0},
    )


TORCH = {
    "Events": lambda: Call(
        cells.Events,
        {"begin": torch.tensor([0, 1, 2]), "index": torch.tensor([0, 1], dtype=torch.int32), "shape": (2, 1, 2)},
    ),
    "Events.from_dense": lambda: Call(cells.Events.from_dense, {"spikes": DENSE}),
    "Events.dense": lambda: Call(cells.Events.from_dense(DENSE).dense, {"dtype": torch.float64}),
    "UnitSystem": lambda: Call(cells.UnitSystem, {"volt": 0, "second": 0, "amp": 0}),
    "UnitSystem.exponent": lambda: Call(cells.SI.exponent, {"dimension": DIM}),
    "UnitSystem.from_si": lambda: Call(cells.SI.from_si, {"values": np.array([1.0]), "dimension": DIM}),
    "UnitSystem.to_si": lambda: Call(cells.SI.to_si, {"values": np.array([1.0]), "dimension": DIM}),
    "UnitSystem.label": lambda: Call(cells.SI.label, {"dimension": DIM}),
    "Cell.initial_state": lambda: Call(cell().initial_state, {"batch": 2}),
    "Cell.dimension": lambda: Call(cell().dimension, {"name": "v"}, says={"name": ("state variable",)}),
    "Cell.forward": lambda: of_inputs(driven()),
    "Cell.write_back": lambda: Call(cell().write_back, {"group": leaky()}),
    "compare": lambda: Call(
        cells.compare, {"group": leaky(), "module": cell(), "duration": 2 * ms, "others": (), "namespace": {}}
    ),
    "compare_model": lambda: Call(
        cells.compare_model,
        {"network": Network(leaky.__wrapped__()), "duration": 2 * ms, "group": "leaky", "inputs": (),
         "precision": "float64"},
    ),
    "compare_recorded": lambda: Call(
        cells.compare_recorded,
        {"module": cell(), "n_steps": 2, "spikes": (np.array([0]), np.array([1])), "traces": {"v": np.zeros((2, 2))},
         "final": {"v": np.zeros(2)}, "inputs": {}, "sources": {}},
    ),
    "fuse": lambda: Call(cells.fuse, {"cell": cell()}),
    "FusedCell": lambda: Call(cells.FusedCell, {"cell": cell()}),
    "FusedCell.forward": lambda: of_inputs(cells.fuse(driven())),
    "Stack": lambda: Call(lambda layers: cells.Stack(layers), {"layers": cell()}, says={"layers": ("a layer",)}),
    "Stack.initial_state": lambda: Call(cells.Stack(cell()).initial_state, {"batch": 2}),
    "Stack.write_back": lambda: Call(
        lambda objects: cells.Stack(cell()).write_back(objects), {"objects": leaky()}, says={"objects": ("an object",)}
    ),
    "Stack.forward": lambda: Call(
        cells.Stack(driven()).forward,
        {"n_steps": 3, "batch": 1, "inputs": {"leaky": {"gain": INPUT}}, "spikes": {}, "record": {"leaky": ("v",)},
         "state": None, "first_step": 0},
    ),
    "to_torch": lambda: Call(
        cells.to_torch,
        {"group": leaky(), "synapses": (), "trainable": ("gain",), "inputs": (), "dtype": torch.float64,
         "width": 1 * mV, "jacobian_bound": {"v": 1.0}, "namespace": {}, "surrogate": cells.SuperSpike(),
         "sparse": False, "level": 0},
    ),
} | {
    f"{law.__name__}{method}": lambda law=law, method=method: (
        Call(law().derivative, {"x": X}) if method else Call(law, {"slope": 2.0})
    )
    for law in (cells.ArcTan, cells.FastSigmoid, cells.SuperSpike, cells.Triangle)
    for method in ("", ".derivative")
}  # fmt: skip

BINNING = recorded.Binning(20, 10 * ms)
TINY = Preset.STRONG.replace(n_hidden=4, epochs=1, batch_size=16)
GENERATOR = torch.Generator()


@functools.cache
def made():
    return toy("order", np.random.default_rng(3))


@functools.cache
def trained():
    return build(TINY, BINNING, made(), 0, is_fused=False)


def layered():
    return layer(TINY, 3, 10 * ms, np.random.default_rng(1))


@functools.cache
def digits():
    """Return a folder of event data: an incomplete N-MNIST."""
    import tempfile
    from pathlib import Path

    folder = Path(tempfile.mkdtemp(prefix="fuzz_digits"))
    for split in ("Train", "Test"):
        for label in range(10):
            (folder / "NMNIST" / split / str(label)).mkdir(parents=True)
            for sample in range(3):
                path = folder / f"NMNIST/{split}/{label}/{sample}.bin"
                write_bin(path, [0.001, 0.3], [label, 33], [5, 0], [True, False])
    return folder


def checked(**arguments):
    return list(recorded.check(**arguments))


SETS = {"training": made, "validation": made, "test": made}

DATA = {
    "Binning": lambda: Call(
        recorded.Binning,
        {"n_bins": 20, "bin_width": 5 * ms, "pool": 2, "merge": True, "once": True, "jitter": 1.0, "shift": 1,
         "stretch": 0.1, "drop": 0.1},
    ),
    "Binning.shape_after": lambda: Call(BINNING.shape_after, {"shape": (700,)}),
    "Binning.n_inputs": lambda: Call(BINNING.n_inputs, {"shape": (700,)}),
    "Binning.events": lambda: Call(
        BINNING.events, {"recordings": made(), "samples": np.array([0, 1]), "rng": np.random.default_rng(1)}
    ),
    "Recordings": lambda: Call(
        recorded.Recordings,
        {"times": np.array([0.1, 0.2], np.float32), "channels": np.array([0, 1], np.int32),
         "begin": np.array([0, 1, 2]), "labels": np.array([0, 1]), "groups": np.array([0, 1]), "shape": (2,),
         "classes": ("a", "b")},
        says={"labels": ("label", "samples"), "channels": ("channel",), "begin": ("beginnings",)},
    ),
    "Recordings.slices": lambda: Call(made().slices, {"samples": np.array([0, 1])}),
    "Recordings.select": lambda: Call(made().select, {"samples": np.array([0, 1])}),
    "Recordings.split": lambda: Call(
        made().split, {"held_out": 0.2, "rng": np.random.default_rng(1)}, says={"held_out": ("hold out",)}
    ),
    "check": lambda: Call(checked, {"names": ["nmnist"], "root": digits(), "download": False}),
    "is_original": lambda: Call(recorded.is_original, {"name": "nmnist", "root": digits()}),
    "is_stand_in": lambda: Call(recorded.is_stand_in, {"name": "nmnist", "root": digits()}),
    "load": lambda: Call(
        recorded.load, {"name": "nmnist", "split": "train", "root": digits(), "download": False}, fixed=("download",)
    ),
    "splits": lambda: Call(
        recorded.splits,
        {"name": "nmnist", "root": digits(), "held_out": 0.4, "test_share": 0.0, "seed": 1},
        says={"held_out": ("hold out",), "test_share": ("hold out",)},
    ),
}  # fmt: skip

DATA_WORDS = {
    "name": ("data set",), "names": ("data set",), "split": ("split",), "root": ("folder of data sets", "data-root"),
}  # fmt: skip


def checkpoint():
    """Return the path of a checkpoint of `trained`."""
    fit(TINY, BINNING, made(), folder="trained", progress=False, is_fused=False)
    return "trained/last.ckpt"


TRAINING = {
    "TrainedNetwork.restore": lambda: Call(trained().restore, {"checkpoint": checkpoint()}),
    "Batches": lambda: Call(
        Batches,
        {"recordings": made(), "binning": BINNING, "batch_size": 8, "seed": 1, "epoch": 0, "rank": 0, "world_size": 1},
    ),
    "EpochBatches": lambda: Call(
        EpochBatches,
        {"batch_size": 8, "binning": BINNING, **{name: item() for name, item in SETS.items()}, "seed": 1},
    ),
    "Classifier": lambda: Call(
        Classifier,
        {"cell": cell(), "n_classes": 3, "tau_out": 20.0, "dropout": 0.1, "is_fused": False, "generator": GENERATOR},
    ),
    "Preset": lambda: Call(
        Preset, {item.name: getattr(Preset.STRONG, item.name) for item in fields(Preset)}
    ),
    "Preset.replace": lambda: Call(lambda rate, het: TINY.replace(rate=rate, het=het), {"rate": 0.1, "het": ("eta",)}),
    "Preset.scales": lambda: Call(TINY.scales, {"dt": 1 * ms}),
    "Training": lambda: Call(Training, {"classifier": trained().classifier, "preset": TINY}),
    "build": lambda: Call(
        build,
        {"preset": TINY, "binning": BINNING, "recordings": made(), "seed": 1, "is_fused": False,
         "dtype": torch.float32},
    ),
    "exported": lambda: Call(
        exported, dict(zip(("neurons", "synapses"), layered(), strict=True)) | {"preset": TINY, "dtype": torch.float32}
    ),
    "fit": lambda: Call(
        fit,
        {"preset": TINY, "binning": BINNING, **{name: item() for name, item in SETS.items()}, "seed": 1,
         "accelerator": "cpu", "devices": 1, "strategy": "auto", "precision": "32-true", "progress": False,
         "is_fused": False},
        fixed=("is_fused", "progress"),
    ),
    "layer": lambda: Call(
        layer,
        {"preset": TINY, "n_inputs": 3, "dt": 10 * ms, "rng": np.random.default_rng(1), "events_per_step": 1.0},
    ),
    "layer_stack": lambda: Call(
        layer_stack,
        {"preset": TINY, "n_inputs": 3, "dt": 10 * ms, "rng": np.random.default_rng(1), "events_per_step": 1.0},
    ),
    "gru_accuracy": lambda: Call(
        gru_accuracy,
        {"training": made(), "test": made(), "binning": BINNING, "n_hidden": 2, "epochs": 1, "batch_size": 4,
         "seed": 1},
    ),
    "logistic_accuracy": lambda: Call(
        logistic_accuracy, {"training": made(), "test": made(), "binning": BINNING}
    ),
    "train": lambda: Call(
        functools.partial(train, progress=False, is_fused=False),
        {"name": "nmnist", "root": digits(), "preset": TINY, "binning": recorded.Binning(20, 20 * ms), "seed": 1,
         "held_out": 0.4, "test_share": 0.0},
        says={"held_out": ("hold out",), "test_share": ("hold out",)},
    ),
}  # fmt: skip
