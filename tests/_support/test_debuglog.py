import os
import subprocess
import sys

import pytest

START = """
import glob, os, sys, tempfile
from brian2 import BrianLogger, get_logger
from brian2.utils.logger import std_silent
from hetbrian._support.debuglog import leave_no_logs
assert os.path.dirname(BrianLogger.tmp_log) == os.path.dirname(BrianLogger.tmp_script) == tempfile.gettempdir()
leave_no_logs()
leave_no_logs()
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
