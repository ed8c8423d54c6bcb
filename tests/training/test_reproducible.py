import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import hashlib, json, sys, tempfile
from pathlib import Path
import numpy as np, torch
from brian2 import ms
from hetbrian.published.protocols.common.samples import toy
from hetbrian.training import Preset, fit
from hetbrian.training.checkpoint import read
from hetbrian.training.data import Binning

torch.set_num_threads(1)
binning = Binning(20, 10*ms, jitter=1.0, shift=1, stretch=0.1, drop=0.1)
training, test = (toy("order", rng) for rng in np.random.default_rng(3).spawn(2))
found = {}
for het, seed in (((), 1), (("eta", "g", "theta"), 1), (("eta", "g", "theta"), 2)):
    preset = Preset.STRONG.replace(n_hidden=16, epochs=2, batch_size=16, dropout=0.2, het=het)
    with tempfile.TemporaryDirectory() as folder:
        result = fit(preset, binning, training, validation=test, test=test, seed=seed, folder=folder, progress=False)
        kept = read(Path(folder) / "last.ckpt")
        states = [item for state in kept["optimizer_states"][0]["state"].values() for item in state.values()]
        arrays = [item.numpy() for item in (*kept["state_dict"].values(), *states)]
        arrays += [result[name].values for name in sorted(result.variables) if result[name].dtype.kind in "fi"]
        content = b"".join(array.tobytes() for array in arrays) + (Path(folder) / "history.csv").read_bytes()
    found[f"{het} {seed}"] = hashlib.sha256(content).hexdigest()
print(json.dumps(found))
"""


@pytest.mark.slow
def test_an_epoch_a_seed_and_a_condition_are_the_same_to_the_last_bit_in_another_process():
    said = []
    for order in ("1", "2"):  # of sets of strings
        environment = {**os.environ, "PYTHONHASHSEED": order, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", PROGRAM]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        said.append(json.loads(done.stdout.splitlines()[-1]))
    assert said[0] == said[1]
    assert len(set(said[0].values())) == 3  # and another condition or seed is another training
