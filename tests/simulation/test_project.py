import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, pA

import hetbrian as hb
from hetbrian.published import force_network
from hetbrian.simulation import project
from hetbrian.simulation.program import Program

SIZE = {
    "n_neurons": 40,
    "start": 2 * ms,
    "stop": 30 * ms,
    "dt": 0.1 * ms,
    "eta": 1500 * pA,
    "eta_half_width": 20 * pA,
    "recurrent_gain": 500 * pA,
}


def program(device="cpp_standalone", **options):
    return Program(force_network, 40 * ms, device=device, seed=3, **{**SIZE, **options})


def row(text, start):
    (found,) = re.findall(rf"^\| {re.escape(start)} \| .*$", text, re.M)
    return [cell.strip() for cell in found.strip("|").split("|")]


@pytest.mark.standalone
def test_a_project_runs_elsewhere_without_python(tmp_path):
    """Moved to another folder and run as its README says, it gives what simulate gives, also with another value."""
    program().generate(tmp_path / "here")
    moved = shutil.move(tmp_path / "here", tmp_path / "there")
    text = (Path(moved) / "README.md").read_text()
    assert "It was compiled here" in text and "make and a C++ compiler; no Python" in text
    assert row(text, "neurons.eta")[1:] == ["float64", "40", "A"]
    assert row(text, "sine.values")[1:] == ["float64", "2000", "1"]
    commands = re.findall(r"^    (mkdir .*|HETBRIAN_SEED.*)$", text, re.M)
    assert len(commands) == 2
    for more, values in (("", None), (" neurons.theta=0.25", {"neurons.theta": 0.25})):
        subprocess.run("; ".join(commands) + more, shell=True, cwd=moved, check=True, env={"PATH": "/bin:/usr/bin"})
        expected = hb.simulate(force_network, 40 * ms, device="numpy", seed=3, record="weights", values=values, **SIZE)
        (line,) = (line for line in text.splitlines() if " | force._weights | " in line)
        file, _, dtype, size, _ = (cell.strip() for cell in line.strip("|").split("|"))
        weights = np.fromfile(Path(moved) / "results" / file, dtype=dtype)
        assert weights.size == int(size)
        assert np.abs(weights - expected.weights.values[0]).max() < 1e-12  # sums in another order, see test_force
        assert np.abs(weights).max() > 0.01


def test_without_a_compiler_the_sources_are_written_and_the_readme_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    folder = program().generate(tmp_path / "new" / "project")
    text = (folder / "README.md").read_text()
    assert "It was not compiled: no compiler here" in text
    assert (folder / "makefile").exists() and not (folder / "main").exists()


@pytest.mark.cuda
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # brian2cuda leaves closing to Python
def test_a_cuda_project_is_written_where_there_is_no_toolkit(tmp_path, monkeypatch):
    pytest.importorskip("brian2cuda")
    monkeypatch.setattr(project.cuda, "toolkit_root", lambda: None)
    text = (program("cuda_standalone").generate(tmp_path / "project") / "README.md").read_text()
    assert "the CUDA toolkit with curand and a GPU; no Python" in text and "all in small letters" in text
    assert list((tmp_path / "project").rglob("*.cu"))


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(ValueError, match=r"holds other files, expected a new folder or a generated project: choose"):
        program().generate(tmp_path)
    (tmp_path / "README.md").write_text("of another project")
    with pytest.raises(ValueError, match=r"holds other files, expected a new folder"):
        program().generate(tmp_path)
    assert (tmp_path / "README.md").read_text() == "of another project"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file/project' cannot be written \(Not a directory\), expected a folder of you"):
        program().generate(tmp_path / "file" / "project")


def test_the_runtime_device_has_no_project(tmp_path):
    with pytest.raises(ValueError, match=r"device is 'numpy', expected cpp_standalone or cuda_standalone to generate"):
        program("numpy").generate(tmp_path / "project")


PROTOCOL = """
from brian2 import ms
import hetbrian as hb
from hetbrian.published import force_network

def compute(device="numpy", n_networks=1):
    for _ in range(n_networks):
        hb.simulate(force_network, 5*ms, n_neurons=10, device=device)
"""


def test_the_command_line_writes_the_project_of_the_first_network(tmp_path):
    (tmp_path / "mine.py").write_text(PROTOCOL)

    def run(*arguments):
        command = [sys.executable, "-m", "hetbrian", "run", "mine.py", "--codegen-only", "code", *arguments]
        environment = {"PATH": "/bin:/usr/bin", "CXX": "no-such-compiler", "PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)

    done = run("--device", "cpp_standalone")
    assert done.returncode == 0 and "wrote code; its README.md says how to build and run it" in done.stderr
    assert (tmp_path / "code" / "README.md").exists() and not (tmp_path / "out").exists()
    refused = run()
    assert refused.returncode == 1 and "Error: device is 'numpy', expected cpp_standalone" in refused.stderr
    none = run("--n_networks", "0")
    assert none.returncode == 1 and "Error: mine simulated no network, expected one to generate code" in none.stderr
