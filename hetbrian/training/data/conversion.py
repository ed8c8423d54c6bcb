"""A folder of recorded voices becomes spikes of a cochlea, in the files of SHD or SSC; after a kill it goes on."""

import hashlib
import json
import multiprocessing
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from hetbrian._support.arguments import checked, of, one_of
from hetbrian._support.checks import count, file_path, not_negative, stream_seed, text
from hetbrian._support.entries import NOT_NEGATIVE, Entry
from hetbrian._support.files import arrays, replacing, save_arrays
from hetbrian._support.progress import track
from hetbrian._support.provenance import provenance
from hetbrian.training.data.cochlea import Cochlea
from hetbrian.training.data.formats import write_spikes
from hetbrian.training.data.newdataset import NewDataSet
from hetbrian.training.data.originals import known
from hetbrian.training.data.sound import read_sound, sample_rate, trimmed
from hetbrian.training.data.voices import PATTERN, Voice, divided, voices

FORMAT = 1
PART = 32
"""Recordings that are converted and kept at once: what a kill can cost a process."""

HEARD = 0.4875
"""Top channel in sampling rates: a little below half, where the filters of recorders begin."""

LOUDNESS = 0.1
"""Root mean square of every recording before the cochlea."""

TRIM = 25.0
"""dB: people speak some 30 dB louder than the room in which they are recorded, and end a word within 10 dB of that."""

ENTRIES = {"times": Entry("f", 1, NOT_NEGATIVE), "units": Entry("u", 1), "begin": Entry("i", 1, NOT_NEGATIVE, 1)}


@checked(
    folder=file_path,
    out=file_path,
    layout=one_of("shd", "ssc"),
    pattern=text,
    test_files=text,
    cochlea=of(Cochlea, advice="give one"),
    trim=not_negative,
    seed=stream_seed,
    workers=count,
)
def make_speech(
    folder: str | PathLike[str],
    out: str | PathLike[str],
    *,
    layout: str = "shd",
    pattern: str = PATTERN,
    test_speakers: Sequence[str] = (),
    validation_speakers: Sequence[str] = (),
    test_files: str = "",
    cochlea: Cochlea | None = None,
    trim: float = TRIM,
    seed: int = 0,
    workers: int = 1,
) -> Path:
    """
    Turn a folder of recordings into spikes, in files that tonic's classes read unchanged.

    After a kill the same call goes on, and writes the same bytes as if it had never stopped.

    Parameters
    ----------
    folder : path-like
        WAV and FLAC files.
    out : path-like
        Where the data sets are; a folder named after tonic's class is made in it.
    layout : {"shd", "ssc"}
        Two splits, or three.
    pattern : str
        Where the names have label and speaker, see `hetbrian.training.data.voices.voices`.
    test_speakers, validation_speakers, test_files, seed
        Who is kept for what, see `hetbrian.training.data.voices.divided`; the seed also draws each channel's phase.
    cochlea : Cochlea, optional
        Turns sound into spikes, by default `fitting`, of 700 channels.
    trim : float
        In dB, as in `hetbrian.training.data.sound.trimmed`: silence before and after a word says who recorded it, not
        what is said. 0 leaves it.
    workers : int
        Processes; the result is the same.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    FileNotFoundError, ValueError
        If recordings, their names or their splits are not as they should be, see `hetbrian.training.data.voices`.
    FileExistsError
        If the folder is there already.
    ImportError
        If soundfile or tonic is not installed.
    """
    data = known(layout, "train")
    new = NewDataSet.of(data, data.sources, out)
    found = voices(folder, pattern)
    cochlea = cochlea or fitting(found)
    splits = divided(
        found,
        has_validation="validation" in data.sources,
        test_speakers=test_speakers,
        validation_speakers=validation_speakers,
        test_files=test_files,
        seed=seed,
    )
    folder_of_parts = _unfinished(new.target.with_suffix(".unfinished"), found, cochlea, trim, seed)
    parts = Parts(folder_of_parts, found, cochlea, trim, seed)
    try:
        parts.convert(workers)
    except BaseException:
        if not any(parts.folder.glob("*.npz")):  # nothing is kept to go on with
            shutil.rmtree(parts.folder, ignore_errors=True)
        raise
    labels, speakers = (sorted({getattr(voice, name) for voice in found}) for name in ("label", "speaker"))
    numbers = {voice.name: number for number, voice in enumerate(found)}
    note = _note(data.kind, Path(folder), cochlea, splits, parts)
    with new.written(note) as made:
        for split, members in splits.items():
            write_spikes(
                made / data.sources[split],
                parts.read([numbers[voice.name] for voice in members]),
                [labels.index(voice.label) for voice in members],
                [speakers.index(voice.speaker) for voice in members],
                labels,
                [""] * len(speakers),
                speakers,
                cochlea.n_channels,
            )
    shutil.rmtree(parts.folder)
    return new.target


def fitting(found: Sequence[Voice]) -> Cochlea:
    """
    Return the default cochlea, whose top channel is not above what was recorded.

    Parameters
    ----------
    found : sequence of Voice
        The recordings.

    Returns
    -------
    Cochlea
        Of 7500 Hz at most, and of 3900 Hz if one has 8000 samples a second.
    """
    lowest = min(sample_rate(voice.path) for voice in found)
    return Cochlea(high=min(Cochlea.high, HEARD * lowest))


def _unfinished(folder, found, cochlea, trim, seed):
    """Return the folder of what was converted so far, of the same recordings in the same way."""
    digest = hashlib.sha256()
    for voice in found:
        status = voice.path.stat()
        digest.update(f"{voice.name}{voice.path.suffix} {status.st_size} {status.st_mtime_ns}\n".encode())
    plan = {
        "recordings": len(found),
        "files": digest.hexdigest(),
        "cochlea": asdict(cochlea),
        "trim": trim,
        "seed": seed,
    }
    content = json.dumps({"format": FORMAT, **plan}, indent=1)
    path = folder / "plan.json"
    is_begun = path.exists() and any(folder.glob("*.npz"))
    if is_begun and path.read_text(encoding="utf-8") != content:
        raise ValueError(
            f"{str(folder)!r} holds an unfinished conversion of other recordings or settings, expected the same: "
            "remove it, or choose another --out."
        )
    folder.mkdir(exist_ok=True)
    with replacing(path, "choose another --out") as temporary:
        Path(temporary).write_text(content, encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Parts:
    """
    Hold the spikes of recordings in files of `PART` recordings each.

    Parameters
    ----------
    folder : Path
        Where they are kept.
    found : sequence of Voice
        The recordings.
    cochlea : Cochlea
    trim : float
    seed : int
        As in `make_speech`.
    """

    folder: Path
    found: Sequence[Voice]
    cochlea: Cochlea
    trim: float
    seed: int

    def __len__(self):
        return -(-len(self.found) // PART)

    def path(self, part: int) -> Path:
        """Return the file of a part."""
        return self.folder / f"{part:06d}.npz"

    def convert(self, workers: int) -> None:
        """Convert the parts that are not there, in so many processes."""
        missing = [part for part in range(len(self)) if not self._is_kept(part)]
        shown = f"converting {len(self.found)} recordings, parts"
        if workers == 1 or len(missing) < 2:
            for part in track(missing, shown, len(missing)):
                self.make(part)
            return
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _end_with_parent)
        try:
            for _ in track(pool.map(self.make, missing), shown, len(missing)):
                pass
        finally:
            pool.shutdown(cancel_futures=True)  # after an error, the rest need not be made

    def make(self, part: int) -> None:
        """Convert one part and keep it, whole or not at all."""
        times, units, begin = [], [], [0]
        for number in range(part * PART, min((part + 1) * PART, len(self.found))):
            when, unit = self._spikes(number)
            times.append(when.astype(np.float16))
            units.append(unit.astype(np.uint16))
            begin.append(begin[-1] + len(when))
        content = {"times": np.concatenate(times), "units": np.concatenate(units), "begin": np.array(begin)}
        save_arrays(self.path(part), FORMAT, content)

    def read(self, numbers: Sequence[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield times and units of recordings; one part at a time is in memory."""
        kept, content = -1, {}
        for number in numbers:
            part, at = divmod(number, PART)
            if part != kept:
                kept, content = part, arrays(self.path(part), FORMAT, ENTRIES, "a converted part", "hetbrian")
            first, last = content["begin"][at : at + 2]
            yield content["times"][first:last], content["units"][first:last]

    def _is_kept(self, part):
        """Return whether a part is there, and whole."""
        try:
            content = arrays(self.path(part), FORMAT, ENTRIES, "a converted part", "hetbrian")
        except (OSError, ValueError):
            return False
        return len(content["begin"]) == min(PART, len(self.found) - part * PART) + 1

    def _spikes(self, number):
        """Return the spikes of a recording, the same in whichever process."""
        path = self.found[number].path
        sound, rate = read_sound(path)
        if rate < 2 * self.cochlea.high:
            raise ValueError(
                f"{str(path)!r} has {rate} samples a second, expected at least {2 * self.cochlea.high:g} for a top "
                f"channel at {self.cochlea.high:g} Hz: lower it, as in --high {0.49 * rate:.0f}."
            )
        if self.trim:
            sound = trimmed(sound, rate, self.trim)
        sound = LOUDNESS * sound / np.sqrt(np.mean(sound.astype(float) ** 2))
        return self.cochlea.spikes(sound, rate, np.random.default_rng([self.seed, number]))


def _note(kind, folder, cochlea, splits, parts):
    """Return what the files are, for who finds them."""
    who = "; ".join(
        f"{split}: {len(members)} of {', '.join(sorted({voice.speaker for voice in members}))}"
        for split, members in splits.items()
    )
    return (
        f"These are recordings of {folder.name!r} in the layout of {kind}, not {kind}: spikes of {cochlea.n_channels} "
        f"channels from {cochlea.low:g} to {cochlea.high:g} Hz; silence at both ends is "
        f"{f'cut off {parts.trim:g} dB below the loudest' if parts.trim else 'kept'}.\n"
        f"Made by hetbrian {provenance()['hetbrian']} data make speech, seed {parts.seed}; {who}.\n"
        "Their licence is that of the recordings.\n"
    )


def _end_with_parent():
    """End this process when the one that started it is killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait():
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
