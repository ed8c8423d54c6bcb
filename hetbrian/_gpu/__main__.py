"""``python -m hetbrian._gpu --minutes 10 --out out/gpu``: the checks, where the command line's packages are missing."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hetbrian._gpu.machine import refuse
from hetbrian._gpu.runner import run_checks
from hetbrian._support.checks import positive
from hetbrian._support.errors import MissingDevice
from hetbrian._support.files import writable

MINUTES, OUT = 15.0, Path("out") / "gpu"


def check(minutes: float = MINUTES, out: Path = OUT) -> int:
    """
    Run the checks on this machine's GPU.

    Parameters
    ----------
    minutes : float
        How long they may take, more than 0.
    out : Path
        Folder of ``gpu.json`` and ``gpu.md``.

    Returns
    -------
    int
        Exit status: 0 if none failed.

    Raises
    ------
    ValueError
        If the time is not a positive number of minutes.
    MissingDevice
        If there is no GPU; one sentence with all that is missing.
    OSError
        If the folder cannot be written.
    """
    positive(minutes, "minutes")
    refuse()
    record = run_checks(writable(out, "choose another --out"), minutes, say=lambda text: print(text, flush=True))
    states = [item["state"] for item in record["checks"]]
    print(
        f"{states.count('passed')} passed, {states.count('failed')} failed, {states.count('left out')} left out; "
        f"wrote {out}/gpu.json and {out}/gpu.md"
    )
    return int("failed" in states)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks as the arguments of the command line say; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m hetbrian._gpu", description="Check hetbrian on this GPU.")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--out", type=Path, default=OUT)
    chosen = parser.parse_args(arguments)
    try:
        return check(chosen.minutes, chosen.out)
    except (MissingDevice, OSError, ValueError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
