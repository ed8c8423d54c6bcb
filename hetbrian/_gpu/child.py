"""One check in this process: ``python -m hetbrian._gpu.child CHECK-AND-PLACE FILE``; the runner starts it."""

import json
import sys
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


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
