import os
import signal
import subprocess
import sys
from pathlib import Path

import brian2
import pytest

from hetbrian._support.compiler import command, missing
from hetbrian.simulation.externals import HEADER

PROGRAM = """
#include "externals.h"
int main() { hetbrian::end_with_parent(); std::cout << getpid() << std::endl; pause(); }
"""

PARENT = """
import os, subprocess, sys
named = str(os.getpid()) if os.environ["WHOSE"] == "ours" else "1"
subprocess.call(sys.argv[1:], env={**os.environ, "HETBRIAN_PARENT": named})
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("program")
    (folder / "main.cpp").write_text(PROGRAM)
    includes = [f"-I{HEADER.parent}", f"-I{Path(brian2.__file__).parent / 'devices' / 'cpp_standalone'}"]
    subprocess.run([*command(), *includes, "-o", folder / "main", folder / "main.cpp"], check=True)
    return folder / "main"


@pytest.mark.skipif(bool(missing()) or sys.platform != "linux", reason="needs a C++ compiler and Linux")
@pytest.mark.parametrize("whose", ["ours", "another"])
def test_a_program_ends_with_the_process_that_started_it_however_that_ends(program, whose):
    """One that somebody else starts, as from a generated project, goes on without its shell."""
    parent = subprocess.Popen(
        [sys.executable, "-S", "-c", PARENT, program],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "WHOSE": whose},
    )
    number = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    if whose == "another":
        os.kill(number, 0)
        os.kill(number, signal.SIGKILL)
    assert parent.stdout.read() == ""  # returns when the program has ended
    parent.stdout.close()
