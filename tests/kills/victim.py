"""A command line of hetbrian in a process of its own, which is stopped at an event that was chosen before."""

import os
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from hetbrian import cli
from hetbrian.simulation.reuse import KEPT

EVENTS = ("open", "os.", "shutil.", "subprocess.", "sqlite3.", "tempfile.", "pickle.")
"""Audit events of Python at which a process may be stopped: whatever it does with files and other processes."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its status, negative for a signal, what it said, and how many events there were."""

    status: int
    said: str
    n_events: int


def run(arguments: list[str], folder: Path, number: int = 0, at: int = 0, delay: float = 0.0) -> Ended:
    """
    Run a command line in a folder; a fork of this process, which has imported all that it needs.

    Parameters
    ----------
    arguments : list of str
        What follows ``hetbrian``.
    folder : Path
        Where; temporary files and the cache are in its folders ``tmp`` and ``cache``.
    number : int
        SIGKILL, which the process gets, or SIGINT, which its group gets, as from a terminal.
    at : int
        The event at which, from 1.
    delay : float
        Seconds after it, for what other processes do meanwhile, as a compiler.
    """
    for name in ("tmp", "cache"):
        (folder / name).mkdir(exist_ok=True)
    says, counts = folder / "said", folder / "events"
    with open(says, "wb") as output:
        child = os.fork()
        if not child:
            _be(arguments, folder, output.fileno(), _Counter(number, at, delay))
    _, status = os.waitpid(child, 0)
    n_events = int(counts.read_text()) if counts.exists() else 0
    return Ended(os.waitstatus_to_exitcode(status), says.read_text(errors="replace"), n_events)


def _be(arguments: list[str], folder: Path, output: int, counter: "_Counter") -> None:
    """Be the command, and end."""
    status = 70
    try:
        os.setsid()
        os.chdir(folder)
        for stream in (1, 2):
            os.dup2(output, stream)
        os.environ |= {"TMPDIR": str(folder / "tmp"), "HETBRIAN_CACHE": str(folder / "cache")}
        tempfile.tempdir = None
        sys.argv = ["hetbrian", *arguments]
        counter.process = os.getpid()
        sys.addaudithook(counter)
        try:
            cli.main()
        except SystemExit as ended:
            status = ended.code or 0
        counter.is_on = False
        (folder / "events").write_text(str(counter.count))
        sys.stdout.flush()
        sys.stderr.flush()
        KEPT.close()  # as at the end of any process; what else was imported before belongs to the first one
    finally:
        os._exit(status)


class _Counter:
    """Count events, and send the signal at one of them."""

    def __init__(self, number, at, delay):
        self.number, self.at, self.delay = number, at, delay
        self.count, self.is_on, self.process = 0, True, 0

    def __call__(self, event, arguments):
        if not self.is_on or not event.startswith(EVENTS) or os.getpid() != self.process:
            return
        self.count += 1
        if self.count == self.at:
            if self.delay:
                threading.Timer(self.delay, self.send).start()
            else:
                self.send()

    def send(self):
        if self.number == signal.SIGKILL:
            os.kill(self.process, signal.SIGKILL)
        os.killpg(self.process, self.number)


def left_processes(folder: Path, patience: float = 60.0) -> list[str]:
    """Return the commands of processes that still run in a folder, or with its files, after some time."""
    deadline = time.monotonic() + patience
    while found := [" ".join(line) for line in _commands(folder)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return found


def _commands(folder):
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            if str(folder) in " ".join(line) or process.cwd().startswith(str(folder)):
                yield line or [f"{process.pid}, a zombie"]
        except psutil.Error:
            continue


def left_files(folder: Path) -> list[str]:
    """Return temporary files and folders of hetbrian and Brian2 in a folder."""
    found = (path for pattern in (".hetbrian-*", "brian_*") for path in folder.rglob(pattern))
    return sorted(str(path.relative_to(folder)) for path in found)
