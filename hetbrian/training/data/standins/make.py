"""Stand-ins for data sets that cannot be downloaded: real digits and spoken words in the original file formats."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path

import numpy as np

from hetbrian._support.progress import track
from hetbrian._support.provenance import provenance
from hetbrian.training.data.cochlea import Cochlea
from hetbrian.training.data.formats import write_bin, write_gesture, write_spikes
from hetbrian.training.data.newdataset import NewDataSet
from hetbrian.training.data.originals import known
from hetbrian.training.data.standins.gestures import LIGHTS, Subject, gesture_events
from hetbrian.training.data.standins.saccades import digits, saccade_events
from hetbrian.training.data.standins.speech import COMMANDS, ENGLISH, FEMALE, GERMAN, RATE, VOICES, speak


@dataclass(frozen=True)
class StandIn:
    """
    Hold what is made for a data set.

    Parameters
    ----------
    sizes : dict of str to int
        Samples of each split.
    source : str
        What the samples are.
    """

    sizes: dict[str, int]
    source: str


STAND_INS = {
    "nmnist": StandIn(
        {"train": 1437, "test": 360},
        "handwritten digits of scikit-learn (8 x 8 pixels) before a simulated event camera that makes saccades",
    ),
    "dvs128": StandIn(
        {"train": 506, "test": 132}, "stick figures that move their arms before a simulated event camera"
    ),
    "shd": StandIn(
        {"train": 1800, "test": 600},
        "digits in English and German, spoken by espeak-ng, through a bank of gammatone filters",
    ),
    "ssc": StandIn(
        {"train": 3500, "validation": 700, "test": 700},
        "35 commands, spoken by espeak-ng, through a bank of gammatone filters",
    ),
}
"""What can be made, by name."""

_DRAWN = np.random.default_rng(0).permutation(len(VOICES)).tolist()  # unlike voices stand together in the list

SPEAKERS = {
    "shd": {"test": _DRAWN[:4], "train": _DRAWN[4:]},
    "ssc": {"test": _DRAWN[:4], "validation": _DRAWN[4:8], "train": _DRAWN[8:]},
}
"""Voices of each split; nobody speaks in two."""

SUBJECTS = {"train": range(1, 24), "test": range(24, 30)}
"""Subjects of the two splits of DVS128, numbered as in the original."""

GESTURE = 1.5
"""Seconds of a gesture; about 6 in the original."""


def make_stand_in(
    name: str, folder: str | PathLike[str], sizes: dict[str, int] | None = None, seed: int = 0, jobs: int = 1
) -> Path:
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
    data, stand_in = known(name, "train"), STAND_INS[name]
    sizes = stand_in.sizes | (sizes or {})
    for split, size in sizes.items():
        known(name, split)
        _check_size(name, split, size)
    new = NewDataSet.of(data, sizes, folder)
    note = (
        f"This is a stand-in for {data.kind}, not the data set: {stand_in.source}.\n"
        f"Made by hetbrian {provenance()['hetbrian']} data make {name}, seed {seed}, sizes {sizes}.\n"
    )
    with new.written(note) as made:
        for at, (split, size) in enumerate(sizes.items()):
            rngs = [np.random.default_rng([seed, at, sample]) for sample in range(size)]
            each = partial(_each, jobs, f"{name} {split}", size)
            _WRITERS[name](made / data.sources[split], name, split, rngs, seed, each)
    return new.target


def _each(jobs, text, total, function, *columns):
    """Yield the function of each row of the columns, made in threads, in order, and show how far it is."""
    pool = ThreadPoolExecutor(jobs)
    try:
        yield from track(pool.map(function, *columns), text, total)
    finally:
        pool.shutdown(cancel_futures=True)  # after an error, the rest need not be made


def _write_digits(source, name, split, rngs, seed, each):
    """Write N-MNIST: the last fifth of the digits is for the test."""
    images, labels = digits()
    border = round(0.8 * len(labels))
    chosen = np.arange(border) if split == "train" else np.arange(border, len(labels))
    chosen = chosen[np.arange(len(rngs)) % len(chosen)]
    for label in range(10):
        (source / str(label)).mkdir(parents=True)
    for at, events in enumerate(each(saccade_events, images[chosen], rngs)):
        write_bin(source / str(labels[chosen[at]]) / f"{at + 1:05d}.bin", *events)


def _write_gestures(source, name, split, rngs, seed, each):
    """Write DVS128 Gesture: a folder for each subject and light, with a file for each gesture."""
    places = _gestures(split)[: len(rngs)]
    people = {number: Subject.draw(np.random.default_rng([seed, 9, number])) for number in SUBJECTS[split]}

    def one(place, rng):
        light, number, label = place
        return gesture_events(label, people[number], light, GESTURE, rng)

    for (light, number, label), events in zip(places, each(one, places, rngs), strict=True):
        folder = source / f"user{number:02d}_{light}"
        folder.mkdir(parents=True, exist_ok=True)
        write_gesture(folder / f"{label}.npy", *events)


def _gestures(split):
    """Return light, subject and label of every recording that a split can have."""
    return [(light, number, label) for light in LIGHTS for number in SUBJECTS[split] for label in range(11)]


def _write_words(source, name, split, rngs, seed, each):
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
    genders = ["female" if voice in FEMALE else "male" for voice in VOICES]
    write_spikes(source, each(one, labels, speakers, rngs), labels, speakers, keys, genders)


_WRITERS = {"nmnist": _write_digits, "dvs128": _write_gestures, "shd": _write_words, "ssc": _write_words}


def _check_size(name, split, size):
    """Refuse a size that cannot be made."""
    if size < 1:
        raise ValueError(f"the size of {split} is {size}, expected at least 1: give a number of samples.")
    if name == "dvs128" and size > len(_gestures(split)):
        raise ValueError(
            f"the size of {split} is {size}, expected at most {len(_gestures(split))}, "
            "each gesture by each subject in each light: make fewer."
        )
