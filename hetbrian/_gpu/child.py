"""One check in this process: ``python -m hetbrian._gpu.child CHECK-AND-PLACE FILE``; the runner starts it."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from hetbrian._gpu.checks import Check, Place
from hetbrian._gpu.findings import CheckFailed, Findings
from hetbrian._support.leftovers import leave_nothing


def main(text: str, file: str) -> int:
    """
    Run a check and keep what it finds.

    Parameters
    ----------
    text : str
        JSON of a list, the fields of the `Check` and of the `Place`.
    file : str
        JSON file for the findings, in a folder where the check may write.

    Returns
    -------
    int
        Exit status, 0 if it passes.
    """
    leave_nothing()
    check, place = json.loads(text)
    path = Path(file)
    try:
        Check(**check).run(Place(**place), Findings(path), path.parent)
    except CheckFailed:  # the findings say so
        return 1
    return 0


def _end_with(parent):
    """End this process, and all that it started, when the runner is gone: a killed one leaves nothing on the card."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os.killpg(0, signal.SIGKILL)  # the runner gives each check a group of its own


if __name__ == "__main__":
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    sys.exit(main(*sys.argv[1:]))
