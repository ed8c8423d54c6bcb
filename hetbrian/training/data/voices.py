"""Recorded voices in a folder: who says what in which file, and who is kept for the test."""

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from hetbrian._support.checks import choice, shown
from hetbrian._support.files import check_regular
from hetbrian.training.data.sound import ENDINGS

PATTERN = "{label}_{speaker}_*"
"""How the files of the Free Spoken Digit Dataset are named."""

FIELDS = ("label", "speaker")

TEST_SHARE = 0.2
"""Share of the speakers that are drawn for the test, and of those left for the validation of SSC."""


@dataclass(frozen=True)
class Voice:
    """
    Hold what is known of a recording by its name.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Its path within the folder, without the ending.
    label, speaker : str
        What is said, and by whom.
    """

    path: Path
    name: str
    label: str
    speaker: str


def voices(folder: str | PathLike[str], pattern: str = PATTERN) -> list[Voice]:
    """
    Return the recordings of a folder and of those in it, in the order of their names.

    Parameters
    ----------
    folder : path-like
        WAV and FLAC files.
    pattern : str
        Where their names have the label and the speaker, as ``{label}/{speaker}_nohash_*``; ``*`` is anything but
        a slash. Without the ending, and compared with as many folders as it has.

    Returns
    -------
    list of Voice

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it has no recordings, one is no regular file or its name no text, the pattern is none or does not fit one.
    OSError
        If one cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pathlib.Path(folder, "7_theo_0.wav").touch()
    ...     [(voice.label, voice.speaker) for voice in voices(folder)]
    [('7', 'theo')]
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{str(folder)!r} is not there, expected a folder of recordings: check --wav.")
    name_of = _compiled(pattern)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    if not paths:
        raise ValueError(f"{str(folder)!r} has no {' or '.join(ENDINGS)} file, expected recordings: check --wav.")
    found = []
    for path in paths:
        if not str(path).isprintable():
            raise ValueError(
                f"{str(path)!r} is no text in UTF-8, or has signs that are not printed, expected the name of a "
                "recording: rename it."
            )
        check_regular(path, "a recording")
        name = path.relative_to(folder).with_suffix("").as_posix()
        match = name_of.fullmatch("/".join(name.split("/")[-1 - pattern.count("/") :]))
        if match is None:
            raise ValueError(
                f"{name!r} does not fit the pattern {pattern!r}, expected a name with label and speaker: "
                "give --pattern '{label}/{speaker}_*', say."
            )
        found.append(Voice(path, name, *match.group(*FIELDS)))
    return found


def _compiled(pattern):
    """Return a pattern as a regular expression."""
    parts = re.split(r"(\{[^}]*\}|\*)", pattern)
    fields = sorted(part[1:-1] for part in parts if part.startswith("{"))
    if fields != sorted(FIELDS):
        raise ValueError(
            f"the pattern is {shown(pattern)}, expected {{label}} and {{speaker}} once each: write {PATTERN!r}, say."
        )
    named = {f"{{{name}}}": f"(?P<{name}>[^/]+?)" for name in FIELDS} | {"*": "[^/]*"}
    return re.compile("".join(named.get(part, re.escape(part)) for part in parts))


def divided(
    found: Sequence[Voice],
    *,
    has_validation: bool = False,
    test_speakers: Sequence[str] = (),
    validation_speakers: Sequence[str] = (),
    test_files: str = "",
    seed: int = 0,
) -> dict[str, list[Voice]]:
    """
    Divide recordings into splits in which nobody speaks twice.

    Parameters
    ----------
    found : sequence of Voice
    has_validation : bool
        Whether there is a validation split.
    test_speakers, validation_speakers : sequence of str
        Who is in them; by default a fifth of the speakers, drawn.
    test_files : str
        In place of speakers: the test is what has such a name, as ``*_[0-4]``; then the same voices are on both sides.
    seed : int
        Draws who is not named.

    Returns
    -------
    dict of str to list of Voice
        By "train", "validation", "test".

    Raises
    ------
    ValueError
        If a speaker is unknown or named twice, or a split lacks a label.
    """
    everybody = sorted({voice.speaker for voice in found})
    needed = 1 + (not test_files) + has_validation
    if len(everybody) < needed:
        raise ValueError(
            f"the recordings are of {len(everybody)} speaker{'s' * (len(everybody) > 1)} ({', '.join(everybody)}), "
            f"expected at least {needed}, so that no voice of the test was trained on: add speakers, or choose test "
            "recordings by --test-files."
        )
    if test_files and test_speakers:
        raise ValueError(
            f"test_speakers is {', '.join(test_speakers)} beside test_files {test_files!r}, expected one of them: "
            "leave one out."
        )
    rng = np.random.default_rng(seed)
    held_out: dict[str, set[str]] = {}
    free = set(everybody)
    for split, names in (("test", test_speakers), ("validation", validation_speakers)):
        for name in names:
            choice(name, f"a speaker of {split}", everybody)
            if name not in free:
                raise ValueError(f"the speaker {name!r} is named twice, expected once: leave one out.")
            free.discard(name)
        held_out[split] = set(names)
    for split, is_drawn in (("test", not test_files), ("validation", has_validation)):
        if is_drawn and not held_out[split]:
            drawn = rng.permutation(sorted(free))[: max(1, round(TEST_SHARE * len(free)))]
            held_out[split] = set(drawn.tolist())
            free -= held_out[split]
    splits: dict[str, list[Voice]] = {"train": [], **({"validation": []} if has_validation else {}), "test": []}
    for voice in found:
        if fnmatch.fnmatchcase(voice.name, test_files) if test_files else voice.speaker in held_out["test"]:
            splits["test"].append(voice)
        else:
            splits["validation" if voice.speaker in held_out["validation"] else "train"].append(voice)
    labels = {voice.label for voice in found}
    for split, members in splits.items():
        for label in sorted(labels - {voice.label for voice in members}):
            who = ", ".join(sorted({voice.speaker for voice in members})) or "nobody"
            raise ValueError(
                f"the {split} split ({who}) has no recording of {label!r}, expected every label in each split: choose "
                "other speakers, or leave its recordings out."
            )
    return splits
