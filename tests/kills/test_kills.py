import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def stopped(*jobs, number=2):
    """Stop jobs in a process without threads, which may fork; return what it prints of each."""
    command = [sys.executable, "-m", "tests.kills", "--number", str(number), "--jobs", ",".join(jobs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def counted(lines, job):
    """Return how many of a job's kills and interrupts ended as promised."""
    return {
        signal: sum(
            int(line.split()[2]) for line in lines if line.startswith(f"{job}, {signal}:") and "as promi" in line
        )
        for signal in ("SIGKILL", "SIGINT")
    }


def test_a_handful_of_kills_and_interrupts_lose_nothing():
    pytest.importorskip("zarr")
    lines = stopped("save", "report", "sweep")
    for job in ("save", "report", "sweep"):
        assert counted(lines, job) == {"SIGKILL": 2, "SIGINT": 2}


@pytest.mark.long
@pytest.mark.standalone
@pytest.mark.parametrize("job", ["fit", "build", "processes"])
def test_what_takes_longer_is_stopped_as_well(job):
    pytest.importorskip("lightning" if job == "fit" else "distributed")
    assert counted(stopped(job), job) == {"SIGKILL": 2, "SIGINT": 2}
