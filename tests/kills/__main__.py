"""Stop what runs for long at random events: ``python -m tests.kills --number 20 --jobs save,report``.

Each job is stopped by kill -9 and by Ctrl-C, so many times each, and started again, which has to end with the result of
a run that was never stopped, and leave no temporary file and no process.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.kills.jobs import JOBS, Job
from tests.kills.victim import left_files, left_processes, run

LONGEST = 2.0
"""Seconds after an event at which a job is stopped whose time other processes take."""


DONE, ATTEMPTS = "as promised: it was done before", 4
"""Outcome of a job that had fewer events than the one before it, and how often another event is chosen then."""


def main() -> None:
    """Stop the jobs and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", default=",".join(JOBS))
    options = parser.parse_args()
    failures = 0
    for name in options.jobs.split(","):
        folder = Path(tempfile.mkdtemp(prefix="kills_")).resolve()  # forks would remove a TemporaryDirectory at exit
        try:
            found = trials(name, folder, options.number, options.seed)
        finally:
            shutil.rmtree(folder)
        failures += sum(count for outcome, count in found.items() if not outcome[1].startswith("as promised"))
        for (number, outcome), count in sorted(found.items()):
            print(f"{name}, {number.name}: {count} {outcome}", flush=True)
    sys.exit(bool(failures))


def trials(name: str, folder: Path, number: int, seed: int) -> Counter:
    """Return how often a job ended how, by signal and outcome."""
    job, found = JOBS[name], Counter()
    reference = _folder(job, folder / "reference")
    first = run(job.arguments, reference)
    assert first.status == 0, first.said
    expected = job.result(reference)
    # the first one makes what the cache keeps for all: their events are those of another
    counted = _folder(job, folder / "counted", reference / "cache")
    undisturbed = run(job.arguments, counted)
    assert undisturbed.status == 0, undisturbed.said
    shutil.rmtree(counted)
    for trial in range(2 * number):
        rng = random.Random(f"{name} {seed} {trial}")
        stop = (signal.SIGKILL, signal.SIGINT)[trial % 2]
        for _ in range(ATTEMPTS):
            at = rng.randint(1, undisturbed.n_events)
            delay = rng.uniform(0, LONGEST) if name == "build" and rng.random() < 0.7 else 0.0
            place = _folder(job, folder / str(trial), reference / "cache")
            try:
                outcome = _stopped(job, place, stop, at, delay, expected)
            except Exception as error:
                outcome = f"{type(error).__name__}: {error}"
            if not outcome.startswith("as promised"):
                print(f"{name}, seed {seed}, trial {trial}, event {at} of {undisturbed.n_events}, {delay:.2f} s later:")
                print(f"{outcome}\n{(place / 'said').read_text(errors='replace')[-1500:]}", flush=True)
            shutil.rmtree(place)
            if not outcome.startswith(DONE):
                break
        found[stop, outcome] += 1
    return found


def _folder(job: Job, folder: Path, cache: Path | None = None) -> Path:
    """Return a new folder with what a job needs; only its own program is not compiled yet."""
    folder.mkdir()
    job.prepare(folder)
    if cache is not None and (cache / "headers").exists():
        shutil.copytree(cache / "headers", folder / "cache" / "headers")
    return folder


def _stopped(job: Job, folder: Path, stop: signal.Signals, at: int, delay: float, expected: object) -> str:
    """Stop a job, go on, and return what came of it."""
    ended = run(job.arguments, folder, stop, at, delay)
    if ended.status == 0 and ended.n_events >= at and not delay:
        return "the signal was ignored"
    if ended.status == 0:
        return DONE if job.result(folder) == expected else "another result, undisturbed"
    if stop == signal.SIGKILL and ended.status != -signal.SIGKILL:
        return f"status {ended.status}: {ended.said[-300:]}"
    if stop == signal.SIGINT:
        last = (ended.said.strip().splitlines() or [""])[-1]
        if ended.status != 130 or "Traceback" in ended.said or not last.startswith(job.sentence):
            return f"status {ended.status}, it says {last[:200]!r}"
    if left := left_processes(folder):
        return f"left processes {left}"
    if stop == signal.SIGINT and (left := left_files(folder)):
        return f"left {left}"
    before = job.kept(folder)
    again = run(job.arguments, folder)
    if again.status != 0:
        return f"status {again.status} of the next start: {again.said[-300:]}"
    if _lost(before, job.kept(folder)):
        return "lost what was kept"
    if job.result(folder) != expected:
        return "another result"
    if left := left_files(folder) + left_processes(folder):
        return f"left {left} after the next start"
    return "as promised"


def _lost(before: object, after: object) -> bool:
    """Return whether something is not there any more: entries of a dict, or numbers of them."""
    if isinstance(before, dict) and isinstance(after, dict):
        return any(after.get(key) != value for key, value in before.items())
    return isinstance(before, int) and isinstance(after, int) and after < before


if __name__ == "__main__":
    main()
