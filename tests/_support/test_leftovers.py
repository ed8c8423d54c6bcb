import os
import subprocess
import sys

import pytest

from hetbrian._support.scratch import remove_stale

START = """
import glob, os, sys, tempfile
from brian2 import BrianLogger, get_logger
from brian2.utils.logger import std_silent
from hetbrian._support.leftovers import leave_nothing
assert os.path.dirname(BrianLogger.tmp_log) == os.path.dirname(BrianLogger.tmp_script) == tempfile.gettempdir()
leave_nothing()
leave_nothing()
get_logger("brian2").debug("written nowhere")
try:
    with std_silent():
        os.write(1, b"what the compiler says")
        raise ValueError
except ValueError:
    sys.stdout.flush()
os.kill(os.getpid(), int(sys.argv[1]))
"""


@pytest.mark.parametrize("number", [9, 15])
def test_a_process_that_is_killed_leaves_no_log_of_brian2(tmp_path, number):
    (tmp_path / "script.py").write_text(START)
    (tmp_path / "tmp").mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(tmp_path / "script.py"), str(number)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -number and done.stdout == "what the compiler says", done.stderr
    assert os.listdir(tmp_path / "tmp") == []


TRIAL = """
import os
from brian2.codegen.cpp_prefs import has_flag
from hetbrian._support.leftovers import leave_nothing

class Compiler:
    compiler_type, executables = "unix", {"compiler_cxx": ["c++"]}

    def compile(self, *arguments, **keywords):
        print(os.listdir(os.environ["TMPDIR"]), flush=True)
        os.kill(os.getpid(), 9)

leave_nothing()
has_flag(Compiler(), "-O2")
"""


def test_what_is_left_of_the_trial_of_a_flag_is_removed_by_the_next_start(tmp_path):
    (tmp_path / "script.py").write_text(TRIAL)
    (tmp_path / "tmp").mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    (left,) = os.listdir(tmp_path / "tmp")
    assert left.startswith(".hetbrian-") and os.listdir(tmp_path / "tmp" / left)[0].startswith("brian_flag_test_")
    remove_stale(tmp_path / "tmp")
    assert os.listdir(tmp_path / "tmp") == []
