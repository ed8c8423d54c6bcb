"""Write the files of this folder: what a user saves and loads again, and the numbers that are in it.

``tests/test_frozen.py`` builds the same networks with the functions of this file.
"""

import contextlib
import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from brian2 import Clock, Hz, Network, ms, mV, pA

import hetbrian as hb

# not on hb
from hetbrian.study.grid import Grid
from hetbrian.study.outcomes import failure, outcome
from hetbrian.study.store import Store
from hetbrian.training.data.binning import Binning
from hetbrian.training.data.recordings import Recordings
from hetbrian.training.experiment import fit
from hetbrian.training.module import Training
from hetbrian.training.preset import Preset

HALF, SEED = 40 * ms, 3
READOUTS = ("feedback", "float32_bias")
STATES = {
    "feedback": {"neurons": "v_ w_ IPSC_ h_ r h_r_ I_feedback_ eta_ g_ theta", "force": "z y weights P n_updates"},
    "gating": {"neurons": "v_ w_ r eta_ g_ theta", "gating": "s", "rls": "z y weights P n_updates"},
}
CHOSEN = {name: [0, 7] for name in "v w IPSC r eta g theta".split()}
RECORD = dict.fromkeys("z y weights spikes rate".split(), True) | CHOSEN

PRESET = Preset.STRONG.replace(n_hidden=6, epochs=3, batch_size=6, het=("eta", "theta"), rate=0.1)
BINNING = Binning(8, 10 * ms)

GRID = Grid(kind=("a", "b"), gain=((1000, 2000), pA))
IDENTITY = {"point": "mine.point", "settings": {"n": "3"}}


def model(rng, kind, readout=None):
    """Return a small network that learns; ``kind`` is the first or last part of the names of its files."""
    n, clock = 20, Clock(0.1 * ms, name="clock")
    start = {"start": 5 * ms, "every": 0.8 * ms}
    if kind == "gating":
        values = {"eta": rng.uniform(3000, 4000, n) * pA, "v": rng.uniform(-65, -25, n) * mV}
        parameters = hb.Izhikevich.CA3.replace(v_peak=30 * mV, v_reset=-65 * mV)
        neurons = hb.population(n, parameters, hb.gating(20 * ms), theta=0.1, **values, clock=clock)
        rls = hb.RLS(neurons, "cos(2*pi*50*Hz*t)", gamma=0.1, **start, namespace={"Hz": Hz}, name="rls")
        return Network(neurons, hb.AllToAll(neurons, parameters), rls)
    eta = hb.Lorentzian(1500 * pA, 50 * pA).draw(n, rng)
    g, theta = rng.uniform(0.8, 1.2, n), rng.uniform(0, 0.2, n)
    v = hb.Uniform(hb.Izhikevich.FORCE.v_r, hb.Izhikevich.FORCE.v_peak).draw(n, rng)
    neurons = hb.population(
        n, hb.Izhikevich.FORCE, hb.double_exponential(), eta=eta, g=g, theta=theta, v=v, feedback=True, clock=clock
    )
    recurrent = hb.recurrent(neurons, 500 * pA, 0.3, rng=rng)
    if kind == "feedback":
        encoder = 500 * pA * rng.uniform(-1, 1, n)
        force = hb.FORCE(neurons, hb.sine(frequency=50 * Hz, dt=clock.dt, name="sine"), encoder, **start, name="force")
    else:
        options = {"rule": "posterior", "bias": True, "n_outputs": 2, "dtype": "float32", "namespace": {"Hz": Hz}}
        force = hb.FORCE(neurons, "cos(2*pi*50*Hz*t + i)", forgetting=0.99, **start, **options, name="force")
    if readout is not None:
        force.load(readout)
    return Network(neurons, recurrent, force)


def simulated(kind, duration=HALF, record=("z", "spikes"), **options):
    """Return what a network does; numpy, which needs no compiler."""
    return hb.simulate(model, duration, seed=SEED, device="numpy", record=record, kind=kind, **options)


def numbers(network, names):
    """Return variables of objects in a network, by 'object.variable', as lists."""
    return {
        f"{owner}.{name}": np.array(getattr(network[owner], name)).tolist()
        for owner, text in names.items()
        for name in text.split()
    }


def arrays(dataset):
    """Return dimensions, attributes, type and values of all variables of a Dataset as plain data."""
    return {
        name: [list(item.dims), item.attrs, item.dtype.name, item.values.tolist()]
        for name, item in dataset.variables.items()
    }


def recordings(delay):
    """Return 12 samples: channels fire one after the other, upwards in one class and downwards in the other."""
    labels, channel = np.arange(12) % 2, np.arange(6)
    channels = np.array([channel[:: 1 - 2 * label] for label in labels])
    times = 0.01 * channel + 0.001 * ((delay * np.arange(12)) % 7)[:, np.newaxis]
    begin = 6 * np.arange(13)
    flat = times.ravel().astype(np.float32), channels.ravel().astype(np.int32)
    return Recordings(*flat, begin, labels, None, (6,), ("up", "down"))


def trained(folder):
    """Train in a folder, or go on there."""
    samples = {"training": recordings(1), "validation": recordings(2), "test": recordings(3)}
    return fit(PRESET, BINNING, **samples, seed=SEED, folder=folder, progress=False)


def weights(checkpoint):
    """Return the parameters in a checkpoint as lists."""
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    return {name: values.tolist() for name, values in state.items()}


def write(folder):
    """Write every file into a new folder, and ``expected.json`` with numbers that were taken before."""
    folder, expected = Path(folder), {}
    folder.mkdir()
    for kind in READOUTS:
        path = folder / f"readout_{kind}.npz"

        def keep(network, kind=kind, path=path):
            force = network["force"]
            names = "weights P n_updates initial_P forgetting" + (" encoder" if force.has_feedback else "")
            expected[path.name] = numbers(network, {"force": names})
            force.save(path)

        simulated(kind, finish=keep)
        expected[f"{path.name} run"] = arrays(simulated(kind, readout=str(path)))
    for kind, names in STATES.items():
        path = folder / f"state_{kind}.npz"

        def keep(network, path=path, names=names):
            expected[path.name] = numbers(network, names)
            hb.save_state(network, path)

        simulated(kind, finish=keep, record="spikes")
        whole = simulated(kind, 2 * HALF, record="spikes")
        expected[f"{path.name} run"] = arrays(whole.isel(spike=whole.spike_time.values >= float(HALF)))
    dataset = simulated("feedback", record=RECORD)
    expected["dataset.nc"] = [arrays(dataset), dataset.attrs]
    hb.save(dataset, folder / "dataset.nc")
    expected |= write_training(folder)
    with Store(folder, GRID, IDENTITY) as store:
        store.add({0: outcome({"x": 1 / 3, "z": ("time", [0.1, 0.2], {"units": "mV"})})})
        store.add({3: failure(ZeroDivisionError("by zero"))})
        expected["journal.jsonl"] = arrays(store.dataset())
    (folder / "lock").unlink()
    names = sorted(path.name for path in folder.iterdir() if path.suffix in (".npz", ".nc", ".ckpt", ".jsonl"))
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    lines = [f'"{key}": {json.dumps(item)}' for key, item in ({"sha256": digests} | expected).items()]
    (folder / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def write_training(folder):
    """Write the checkpoints of a training that was stopped, and return what comes of it."""
    begin, expected = Training.on_train_epoch_start, {}

    def stop(module):
        if module.current_epoch == 2:
            raise KeyboardInterrupt
        begin(module)

    with tempfile.TemporaryDirectory() as temporary:
        Training.on_train_epoch_start = stop
        with contextlib.suppress(KeyboardInterrupt):
            trained(temporary)
        Training.on_train_epoch_start = begin
        for name in ("last.ckpt", "best.ckpt"):
            expected[name] = weights(Path(temporary) / name)
            (folder / name).write_bytes((Path(temporary) / name).read_bytes())
        return expected | {"training": arrays(trained(temporary))}


if __name__ == "__main__":
    write(sys.argv[1])
