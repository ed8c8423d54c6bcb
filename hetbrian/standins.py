"""Stand-ins for data sets that cannot be downloaded: real digits and spoken words in the original file formats."""

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

import hetbrian
from hetbrian.cochlea import Cochlea
from hetbrian.eventfiles import write_bin, write_gesture, write_spikes
from hetbrian.gestures import LIGHTS, Subject, gesture_events
from hetbrian.saccades import digits, saccade_events
from hetbrian.speech import COMMANDS, ENGLISH, GERMAN, RATE, VOICES, speak

README = "STAND-IN.txt"
"""File that tells a stand-in from the data set."""


@dataclass(frozen=True)
class StandIn:
    """
    Hold what is made for a data set.

    Parameters
    ----------
    folder : str
        Name of the folder, which is that of tonic's class.
    sizes : dict of str to int
        Samples of each split.
    archives : dict of str to str
        File that tonic looks for before it believes that the split is there.
    source : str
        What the samples are.
    """

    folder: str
    sizes: dict[str, int]
    archives: dict[str, str]
    source: str


STAND_INS = {
    "nmnist": StandIn(
        "NMNIST",
        {"train": 1437, "test": 360},
        {"train": "train.zip", "test": "test.zip"},
        "handwritten digits of scikit-learn (8 x 8 pixels) before a simulated event camera that makes saccades",
    ),
    "dvs128": StandIn(
        "DVSGesture",
        {"train": 506, "test": 132},
        {"train": "ibmGestureTrain.tar.gz", "test": "ibmGestureTest.tar.gz"},
        "stick figures that move their arms before a simulated event camera",
    ),
    "shd": StandIn(
        "SHD",
        {"train": 1800, "test": 600},
        {"train": "shd_train.h5.zip", "test": "shd_test.h5.zip"},
        "digits in English and German, spoken by espeak-ng, through a bank of gammatone filters",
    ),
    "ssc": StandIn(
        "SSC",
        {"train": 3500, "validation": 700, "test": 700},
        {"train": "ssc_train.h5.zip", "validation": "ssc_valid.h5.zip", "test": "ssc_test.h5.zip"},
        "35 commands, spoken by espeak-ng, through a bank of gammatone filters",
    ),
}
"""What can be made, by name."""

SPEAKERS = {
    "shd": {"train": range(12), "test": range(12, 16)},
    "ssc": {"train": range(16), "validation": range(16, 20), "test": range(20, 24)},
}
"""Voices of each split; nobody speaks in two."""

SUBJECTS = {"train": range(1, 24), "test": range(24, 30)}
"""Subjects of the two splits of DVS128, numbered as in the original."""

GESTURE = 1.5
"""Seconds of a gesture; about 6 in the original."""


def make(name, folder, sizes=None, seed=0, jobs=1):
    """
    Write a stand-in for a data set, in its own file format, which tonic's classes read unchanged.

    It shows that files are read and networks trained as they should be. It is no evidence for what a
    network would reach on the data set.

    Parameters
    ----------
    name : str
        "nmnist", "dvs128", "shd" or "ssc".
    folder : path-like
        Where the data sets are; a folder named after tonic's class is made in it.
    sizes : dict of str to int, optional
        Samples of each split, by default those of `STAND_INS`.
    seed : int
        The same seed makes the same samples.
    jobs : int
        How many samples are made at once; the result is the same.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    ValueError
        If there is no such data set or split, or a size cannot be made.
    FileExistsError
        If the folder is there already.
    ImportError
        If scikit-learn or espeak-ng is not installed.
    """
    if name not in STAND_INS:
        raise ValueError(f"{name!r} is no data set here, expected one of {', '.join(STAND_INS)}: check the spelling.")
    stand_in = STAND_INS[name]
    sizes = stand_in.sizes | (sizes or {})
    _check_sizes(name, stand_in, sizes)
    target = Path(folder) / stand_in.folder
    if target.exists():
        raise FileExistsError(f"{str(target)!r} is there already, expected a new folder: remove it, or choose another.")
    Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".making") as temporary, ThreadPoolExecutor(jobs) as pool:
        made = Path(temporary) / stand_in.folder
        made.mkdir()
        for at, (split, size) in enumerate(sizes.items()):
            rngs = [np.random.default_rng([seed, at, sample]) for sample in range(size)]
            with_progress = _Progress(pool, f"{name} {split}", size)
            _WRITERS[name](made, name, split, rngs, seed, with_progress)
        text = (
            f"This is a stand-in for {stand_in.folder}, not the data set: {stand_in.source}.\n"
            f"Made by hetbrian {hetbrian.__version__} make-data {name}, seed {seed}, sizes {sizes}.\n"
        )
        (made / README).write_text(text)
        _write_archives(made, stand_in, text)
        made.rename(target)
    return target


@dataclass(frozen=True)
class _Progress:
    """Make samples in a pool of threads and show how far it is."""

    pool: ThreadPoolExecutor
    text: str
    total: int

    def __call__(self, function, *columns) -> Any:
        return track(
            self.pool.map(function, *columns),
            description=self.text,
            total=self.total,
            console=Console(stderr=True),
            transient=True,
        )


def _write_digits(made, name, split, rngs, seed, each):
    """Write N-MNIST: the last fifth of the digits, which others wrote, is for the test."""
    images, labels = digits()
    border = round(0.8 * len(labels))
    chosen = np.arange(border) if split == "train" else np.arange(border, len(labels))
    chosen = chosen[np.arange(len(rngs)) % len(chosen)]
    for label in range(10):
        (made / split.capitalize() / str(label)).mkdir(parents=True)
    for at, events in enumerate(each(saccade_events, images[chosen], rngs)):
        write_bin(made / split.capitalize() / str(labels[chosen[at]]) / f"{at + 1:05d}.bin", *events)


def _write_gestures(made, name, split, rngs, seed, each):
    """Write DVS128 Gesture: a folder for each subject and light, with a file for each gesture."""
    places = _gestures(split)[: len(rngs)]
    people = {number: Subject.draw(np.random.default_rng([seed, 9, number])) for number in SUBJECTS[split]}

    def one(place, rng):
        light, number, label = place
        return gesture_events(label, people[number], light, GESTURE, rng)

    for (light, number, label), events in zip(places, each(one, places, rngs), strict=True):
        folder = made / f"ibmGesture{split.capitalize()}" / f"user{number:02d}_{light}"
        folder.mkdir(parents=True, exist_ok=True)
        write_gesture(folder / f"{label}.npy", *events)


def _gestures(split):
    """Return light, subject and label of every recording that a split can have."""
    return [(light, number, label) for light in LIGHTS for number in SUBJECTS[split] for label in range(11)]


def _write_words(made, name, split, rngs, seed, each):
    """Write SHD or SSC: each voice says each word about as often."""
    words = [(word, "en") for word in (COMMANDS if name == "ssc" else ENGLISH)]
    words += [(word, "de") for word in GERMAN] if name == "shd" else []
    voices = SPEAKERS[name][split]
    cochlea = Cochlea()
    at = np.random.default_rng([seed, 9]).permutation(len(rngs))  # words come in no order
    labels = at % len(words)
    speakers = np.array(voices)[at // len(words) % len(voices)]

    def one(label, speaker, rng):
        word, language = words[label]
        language = rng.choice(["en-us", "en-gb"]) if language == "en" else language
        sound = speak(word, language, VOICES[speaker], int(rng.integers(20, 81)), int(rng.integers(120, 191)))
        sound = sound * 10 ** (rng.uniform(-4, 4) / 20)
        hiss = 0.1 * 10 ** (rng.uniform(-50, -35) / 20)  # of a quiet room, 35 to 50 dB below the word
        times, units = cochlea.spikes(sound + hiss * rng.standard_normal(len(sound)), RATE, rng)
        return times.astype(np.float16), units.astype(np.uint16)

    keys = [word.replace("ü", "ue") for word, _ in words]
    genders = ["female" if voice[0] in "fAasblL" else "male" for voice in VOICES[: voices[-1] + 1]]
    file = f"{name}_{'valid' if split == 'validation' else split}.h5"
    write_spikes(made / file, each(one, labels, speakers, rngs), labels, speakers, keys, genders)


_WRITERS = {"nmnist": _write_digits, "dvs128": _write_gestures, "shd": _write_words, "ssc": _write_words}


def _check_sizes(name, stand_in, sizes):
    """Refuse splits that the data set does not have and sizes that cannot be made."""
    for split, size in sizes.items():
        if split not in stand_in.sizes:
            raise ValueError(
                f"{name} has no split {split!r}, expected {', '.join(stand_in.sizes)}: leave the others out."
            )
        if size < 1:
            raise ValueError(f"the size of {split} is {size}, expected at least 1: give a number of samples.")
        if name == "dvs128" and size > len(_gestures(split)):
            raise ValueError(
                f"the size of {split} is {size}, expected at most {len(_gestures(split))}, one recording of each gesture "
                "by each subject in each light: make fewer."
            )


def _write_archives(made, stand_in, text):
    """Write the archives that tonic looks for; all that is in them is what this is."""
    with tempfile.TemporaryDirectory() as content:
        (Path(content) / README).write_text(text)
        for archive in stand_in.archives.values():
            stem, kind = (archive[:-7], "gztar") if archive.endswith(".tar.gz") else (archive[:-4], "zip")
            shutil.make_archive(str(made / stem), kind, content)
