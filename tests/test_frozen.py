"""Files that earlier versions wrote still load, and hold the same numbers; see frozen/README.md."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from brian2 import second

import hetbrian as hb

# not on hb
from hetbrian._support.optional import torch
from hetbrian.study.store import Store
from hetbrian.training.experiment import build
from tests.frozen.write import (
    BINNING,
    GRID,
    HALF,
    IDENTITY,
    PRESET,
    READOUTS,
    SEED,
    STATES,
    arrays,
    model,
    numbers,
    recordings,
    simulated,
    trained,
    weights,
)

FOLDER = Path(__file__).parent / "frozen"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
FILES = sorted(EXPECTED["sha256"])


def same(found, expected):
    """Compare plain data exactly; NaN is NaN."""
    np.testing.assert_equal(json.loads(json.dumps(found, default=np.generic.item)), expected)


def same_run(dataset, expected):
    """Compare spikes exactly; outputs are sums, in an order that the processor's linear algebra chooses."""
    found = json.loads(json.dumps(arrays(dataset)))
    assert found.keys() == expected.keys() and len(expected["spike_time"][3]) > 10
    for name, item in found.items():
        if name == "z":
            assert np.allclose(item[3], expected[name][3], rtol=0, atol=1e-12) and np.abs(item[3]).max() > 0.1
        else:
            same(item, expected[name])


@pytest.mark.parametrize("name", FILES)
def test_files_are_as_they_were_written(name):
    assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == EXPECTED["sha256"][name]


def test_every_file_is_checked():
    there = {path.name for path in FOLDER.iterdir()} - {"__pycache__"}
    assert there == {*FILES, "README.md", "expected.json", "write.py"}


@pytest.mark.parametrize("kind", READOUTS)
def test_a_readout(kind):
    path = FOLDER / f"readout_{kind}.npz"
    network = model(np.random.default_rng(0), kind)
    force = network["force"]
    force.load(path, learn=True)
    names = "weights P n_updates initial_P forgetting" + (" encoder" if force.has_feedback else "")
    same(numbers(network, {"force": names}), EXPECTED[path.name])
    same_run(simulated(kind, readout=path), EXPECTED[f"{path.name} run"])


@pytest.mark.parametrize("kind", STATES)
def test_a_state(kind):
    path = FOLDER / f"state_{kind}.npz"
    network = model(np.random.default_rng(0), kind)
    hb.load_state(network, path)
    assert float(network.t / second) == float(HALF)
    same(numbers(network, STATES[kind]), EXPECTED[path.name])
    same_run(simulated(kind, record="spikes", resume=path), EXPECTED[f"{path.name} run"])


def test_a_dataset():
    dataset = hb.load(FOLDER / "dataset.nc")
    same([arrays(dataset), dataset.attrs], EXPECTED["dataset.nc"])


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
def test_a_trained_network(name):
    same(weights(FOLDER / name), EXPECTED[name])
    classifier = build(PRESET, BINNING, recordings(1), SEED).classifier
    state = torch.load(FOLDER / name, weights_only=True)["state_dict"]
    classifier.load_state_dict({key.removeprefix("classifier."): values for key, values in state.items()})
    same({f"classifier.{key}": values.tolist() for key, values in classifier.state_dict().items()}, EXPECTED[name])


def test_a_training_goes_on(tmp_path):
    for name in ("last.ckpt", "best.ckpt"):
        shutil.copy(FOLDER / name, tmp_path)
    checkpoint = torch.load(tmp_path / "last.ckpt", weights_only=True)
    checkpoint["callbacks"]["History"]["identity"]["torch"] = str(torch.__version__)  # a training goes on with its own
    torch.save(checkpoint, tmp_path / "last.ckpt")
    found, expected = arrays(trained(tmp_path)), EXPECTED["training"]
    assert found.keys() >= expected.keys()  # later versions measure more
    for name, (dims, attributes, kind, values) in expected.items():
        assert found[name][:3] == [dims, attributes, kind]
        if dims == ["epoch"]:
            assert found[name][3][:2] == values[:2]  # from the file
        # float32 sums of one epoch, in the order of this processor and version
        assert np.allclose(found[name][3], values, rtol=1e-3, atol=1e-4), name


def test_a_sweep_is_left_as_it_is(tmp_path):
    """Its point belongs to the sources of that version, so nothing could go on in it."""
    shutil.copy(FOLDER / "journal.jsonl", tmp_path)
    with pytest.raises(ValueError, match="holds a sweep of an earlier version of hetbrian, expected a folder of this"):
        Store(tmp_path, GRID, IDENTITY)
    assert (tmp_path / "journal.jsonl").read_bytes() == (FOLDER / "journal.jsonl").read_bytes()
