"""Checks that do what checks should not: for the runner."""

import os
import signal
import subprocess
import sys
import time


def passes(place, findings, folder):
    findings.note("answer", 42.0)
    findings.at_most("device has letters", len(place.device), 20)


def fails(place, findings, folder):
    findings.note("before", 1)
    findings.at_most("difference", 2.0, 1e-9)
    findings.holds("symmetry", False, "P has no mirror image")


def raises(place, findings, folder):
    findings.note("before", 1)
    raise RuntimeError("CUDA said no")


def crashes(place, findings, folder):
    findings.note("before", 1)
    os.kill(os.getpid(), signal.SIGSEGV)


def tells(place, findings, folder):
    """Hang, with a child that hangs too, after it has written who they are."""
    child = subprocess.Popen(["sleep", "600"])
    path = os.environ["TOLD"]
    with open(f"{path}.new", "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    os.rename(f"{path}.new", path)
    time.sleep(600)


def hangs(place, findings, folder):
    """With a child that hangs too."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    findings.note("child", child.pid)
    time.sleep(600)
