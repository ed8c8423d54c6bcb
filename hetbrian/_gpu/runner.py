"""Run the checks one after the other, each in a process of its own, and keep a record after each."""

import contextlib
import datetime
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hetbrian._gpu import machine
from hetbrian._gpu.checks import CHECKS, Check, Place
from hetbrian._gpu.page import page
from hetbrian._support.files import replacing
from hetbrian._support.scratch import temporary_folder

LINES = 40
"""Lines of the output of a check that failed that are kept: the last ones."""

PATIENCE = 4
"""A check is stopped after so many times the seconds that it is expected to take."""

FILE_FORMAT = 1


def run_checks(
    out: Path,
    minutes: float = 15.0,
    *,
    checks: Iterable[Check] = CHECKS,
    place: Place = Place(),  # noqa: B008  - frozen
    say: Callable[[str], object] = print,
) -> dict[str, Any]:
    """
    Run checks in their order, as far as the time goes, and write ``gpu.json`` and ``gpu.md`` after each of them.

    A check that fails, crashes or hangs costs no other one. One that is expected to take longer than what is left of
    the time is left out, and those after it are tried.

    Parameters
    ----------
    out : Path
        Folder of the record.
    minutes : float
        How long all of them may take.
    checks : iterable of Check
        Which.
    place : Place
        Where they run.
    say : callable
        Told one line before and after each check.

    Returns
    -------
    dict
        The record: ``format``, ``date``, ``minutes``, ``machine`` and ``checks``, each with ``name``, ``shows``,
        ``state`` (passed, failed, left out), ``seconds``, ``numbers`` and ``output``.
    """
    deadline, lacking = time.monotonic() + 60 * minutes, machine.missing()
    record: dict[str, Any] = {
        "format": FILE_FORMAT,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "minutes": minutes,
        "place": asdict(place),
        "machine": machine.described(),
        "checks": [],
    }
    for check in checks:
        needed = [name for name in check.needs if name in lacking]
        left = deadline - time.monotonic()
        if needed and place.device == Place.device:
            result = _left_out(check, "; ".join(f"{name} is missing: {lacking[name]}" for name in needed))
        elif left < check.seconds:
            result = _left_out(check, f"{max(0, left):.0f} s were left, and it takes some {check.seconds} s")
        else:
            say(f"{check.name}: {check.shows} (some {check.seconds} s)")
            result = _run(check, place, min(left, PATIENCE * check.seconds))
        record["checks"].append(result)
        say(f"{check.name}: {result['state']} after {result['seconds']:.0f} s")
        for name, text in (("gpu.json", json.dumps(record, indent=1) + "\n"), ("gpu.md", page(record))):
            with replacing(Path(out) / name, "choose another --out") as temporary:
                Path(temporary).write_text(text)
    return record


def _left_out(check, why):
    """Return the result of a check that did not run."""
    shared = {"name": check.name, "shows": check.shows, "numbers": {}}
    return {**shared, "state": "left out", "seconds": 0.0, "output": why}


def _run(check: Check, place: Place, limit: float) -> dict[str, Any]:
    """Return the result of a check, in a process of its own that is ended with all its children at a limit."""
    with temporary_folder() as folder:
        given, log = folder / "found.json", folder / "log"
        command = [sys.executable, "-m", "hetbrian._gpu.child", json.dumps([asdict(check), asdict(place)])]
        began = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, str(given)], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
            try:
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _end(process)
        seconds = time.monotonic() - began
        said = log.read_text(errors="replace").splitlines()[-LINES:]
        found = json.loads(given.read_text()) if given.exists() else {"numbers": {}, "failures": []}
    if status is None:
        said.append(f"stopped after {limit:.0f} s")
    elif status < 0:
        said.append(f"the process was ended by the signal {signal.Signals(-status).name}")
    return {
        "name": check.name,
        "shows": check.shows,
        "state": "failed" if status != 0 else "passed",
        "seconds": seconds,
        "numbers": found["numbers"],
        "output": "" if status == 0 else "\n".join([*found["failures"], *said]),
    }


def _end(process):
    """End a process and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
