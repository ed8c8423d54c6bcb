"""Every file format that hetbrian reads, with a right file of it, and what can happen to a file."""

import os
import random
import shutil
from pathlib import Path

import numpy as np
from brian2 import Network, kHz, ms
from hypothesis import strategies as st

from hetbrian import readout, simulation, study
from hetbrian.study.report import collect
from hetbrian.training import data as recorded
from hetbrian.training import fit
from hetbrian.training.data.clips import clips, read_clip
from hetbrian.training.data.formats import write_bin, write_gesture, write_spikes
from tests.fuzz.chunk import drawn, in_a_folder, summed
from tests.fuzz.harmless import harmless
from tests.fuzz.judge import judge
from tests.fuzz.of_learning import BINNING, TINY, made, trained
from tests.fuzz.of_networks import dataset, force, neurons, wave
from tests.study import points

DIGIT, GESTURE, WORDS = "NMNIST/Train/3/0.bin", "DVSGesture/ibmGestureTrain/user02_led/3.npy", "SHD/shd_train.h5"


def write_digits():
    for label in range(10):
        Path(f"NMNIST/Train/{label}").mkdir(parents=True)
        write_bin(f"NMNIST/Train/{label}/0.bin", [0.001, 0.3], [label, 33], [5, 0], [True, False])


def write_gestures():
    Path(GESTURE).parent.mkdir(parents=True)
    for label in range(11):
        write_gesture(Path(GESTURE).parent / f"{label}.npy", np.array([0.0, 0.25]), [label, 1], [127, 0], [True, False])


def write_clips():
    Path("clips").mkdir()
    write_bin("clips/a.bs2", np.linspace(0.0, 0.5, 20), np.arange(20), np.arange(20, 0, -1), [True] * 20)
    Path("clips/labels.csv").write_text("file,class,subject\na.bs2,3,1\n")


def write_words():
    Path("SHD").mkdir()
    samples = [(np.linspace(0, 1, 5 + label), np.full(5 + label, 3)) for label in range(20)]
    keys = [f"word {label}" for label in range(20)]
    write_spikes(WORDS, samples, list(range(20)), np.arange(20) % 4, keys, ["male"] * 4)


def sweep():
    options = {"parameters": {"values": np.zeros(2)}, "workers": 0, "folder": "kept"}
    return study.sweep(points.total, study.Grid(seed=range(2)), **options)


def training():
    return fit(TINY, BINNING, made(), folder="trained", progress=False, is_fused=False)


def recordings(name):
    return recorded.load(name, "train", ".")


def network():
    return Network(force(name="force"), neurons(name="others"))


def resumed():
    """Return what a network has after it went on from a file."""
    found = network()
    simulation.load_state(found, "a.npz")
    groups = [item for item in found.sorted_objects if item.name in ("force", "others", "neurons")]
    return {f"{item.name}.{key}": item.variables[key].get_value() for item in groups for key in ("v", "z", "_P")
            if key in item.variables} | {"t": found.t_}  # fmt: skip


def learnt():
    """Return the weights of a readout that was loaded."""
    found = force()
    found.load("a.npz")
    return found.weights


def write_results():
    Path("results").mkdir()
    simulation.save(dataset(), "results/a.nc")


def reported():
    """Return what a report has of the files of a folder."""
    return [(item.name, str(getattr(item, "dataset", ""))) for item in collect("results", lambda name: None)]


FORMATS = {
    "Dataset": ("a.nc", lambda: simulation.save(dataset(), "a.nc"), lambda: simulation.load("a.nc")),
    "report": ("results/a.nc", write_results, reported),
    "state": (
        "a.npz", lambda: simulation.save_state(network(), "a.npz"), resumed
    ),
    "readout": ("a.npz", lambda: force().save("a.npz"), learnt),
    "sound": ("a.wav", lambda: wave("a.wav"), lambda: readout.sound("a.wav", n_bands=2, dt=1 * ms, high=2 * kHz)),
    "checkpoint": ("trained/last.ckpt", training, training),
    "restored checkpoint": ("trained/last.ckpt", training, lambda: trained().restore("trained/last.ckpt")),
    "sweep": ("kept/points.sqlite", sweep, sweep),
    "digit": (DIGIT, write_digits, lambda: recordings("nmnist")),
    "gesture": (GESTURE, write_gestures, lambda: recordings("dvs128")),
    "clip": ("clips/a.bs2", write_clips, lambda: read_clip("clips/a.bs2")),
    "table of clips": ("clips/labels.csv", write_clips, lambda: len(clips("clips"))),
    "words": (WORDS, write_words, lambda: recordings("shd")),
}  # fmt: skip
"""Path of the file, what writes it, and what reads it."""

OTHER_FORMATS = (
    b"hello\n",
    b"{}",
    b"PK\x03\x04" + bytes(60),
    b"\x89PNG\r\n\x1a\n" + bytes(60),
    b"\x89HDF\r\n\x1a\n" + bytes(90),
    b"SQLite format 3\0" + bytes(90),
    b"RIFF\x10\0\0\0WAVEfmt ",
    b"\x93NUMPY\x01\0v\0",
)


def damage(path: Path, kind: str, number: int) -> None:
    """Do something to a file; a number decides where."""
    rng, data = random.Random(number), path.read_bytes()
    if kind == "flipped":
        changed = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
    elif kind == "zeroed":
        start = rng.randrange(len(data))
        path.write_bytes(data[:start] + bytes(min(64, len(data) - start)) + data[start + 64 :])
    elif kind == "truncated":
        path.write_bytes(data[: rng.randrange(len(data))])
    elif kind == "longer":
        path.write_bytes(data + rng.randbytes(rng.randint(1, 99)))
    elif kind == "noise":
        path.write_bytes(rng.randbytes(rng.randint(1, 300)))
    elif kind == "other format":
        path.write_bytes(rng.choice(OTHER_FORMATS))
    elif kind == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
        if kind == "folder":
            path.mkdir()
        elif kind == "FIFO":
            os.mkfifo(path)
        elif kind == "link to nowhere":
            path.symlink_to("nowhere")
        elif kind == "device":
            path.symlink_to("/dev/zero")


DAMAGES = (
    "flipped", "zeroed", "truncated", "longer", "noise", "other format", "empty", "folder", "FIFO", "link to nowhere",
    "device", "missing",
)  # fmt: skip


def check_format(name: str, number: int, count: int) -> dict:
    """Read damaged files of a format; see `tests.fuzz.chunk.check_call`."""
    path, write, read = FORMATS[name]
    found: list = []
    with in_a_folder():
        write()
        right = str(read())
        kept = Path.cwd()

        def check(chosen):
            kind, where = chosen
            with in_a_folder():
                shutil.copytree(kept, ".", dirs_exist_ok=True)
                damage(Path(path), kind, where)
                result: list = []
                places = [str(place) for place in Path(path).parents[:-1]]
                words = (path, os.path.basename(path), *places, str(Path.cwd()), "point", "grid")
                outcome, said = judge(f"file.{name}", lambda: result.append(read()), (), words, [("file", kind)])
                if outcome == "correct" and str(result[0]) != right:
                    is_harmless = harmless(f"file.{name}", [("file", kind)])
                    outcome, said = "harmless" if is_harmless else "wrong", f"another result: {result[0]}"
            found.append((outcome, name, chosen, said))

        drawn(lambda: st.tuples(st.sampled_from(DAMAGES), st.integers(0, 10**6)), number, count, check)
    return summed(number, found)
