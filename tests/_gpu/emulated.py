"""
`hetbrian devices --check` on CUDA that is emulated: ``python -m tests._gpu.emulated FOLDER [CHECK ...]``.

Whole projects of Brian2CUDA with our kernels, and the programs of CUDA alone, are compiled for the CPU and run there,
each in a process that the runner starts. Not covered: what torch has on a GPU (its kernels run on the emulation in
test_checks.py), curand's numbers, which no check draws, and how fast anything is. All of it takes some five minutes.
"""

import os
import sys
from pathlib import Path

import pytest

from hetbrian._gpu import __main__ as command
from hetbrian._gpu import runner
from hetbrian._gpu.checks import CHECKS, Place
from hetbrian._support.scratch import temporary_folder
from tests.codegen.cuda_emulation.toolkit import toolkit

PLACE = Place("cuda_standalone", "cpp_standalone", "cuda", is_small=True)


def check(out: Path, names: tuple[str, ...] = ()) -> int:
    """
    Run checks, all of them by default, as the command does.

    Parameters
    ----------
    out : Path
        Folder of ``gpu.json`` and ``gpu.md``.
    names : tuple of str
        Checks.

    Returns
    -------
    int
        The command's exit status.
    """
    checks, run_checks = [check for check in CHECKS if not names or check.name in names], runner.run_checks
    with temporary_folder() as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in toolkit(folder / "toolkit").items():
            patch.setenv(name, f"{value}:{os.environ['PATH']}" if name == "PATH" else value)
        patch.setattr(runner, "PATIENCE", 60)  # a CPU is slower, and others may use it
        patch.setattr(command, "run_checks", lambda *given, **options: run_checks(
            *given, **options, checks=checks, place=PLACE))  # fmt: skip
        return command.main(["--minutes", "240", "--out", str(out)])


if __name__ == "__main__":
    sys.exit(check(Path(sys.argv[1]), tuple(sys.argv[2:])))
