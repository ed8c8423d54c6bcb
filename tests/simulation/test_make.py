import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms

from hetbrian._support.compiler import CompilerError
from hetbrian.published import force_network
from hetbrian.simulation import make
from hetbrian.simulation.program import simulate

MAKEFILE = """PROGRAM = main

SRCS = main.cpp code_objects/step.cpp
H_SRCS = code_objects/step.h
OBJS = ${SRCS:.cpp=.o}
OPTIMISATIONS = -w -O3 -march=native -std=c++11
CXXFLAGS = -c -Wno-write-strings $(OPTIMISATIONS) -I.
LFLAGS =
DEPS = make.deps

all: $(PROGRAM)
make.deps: $(SRCS) $(H_SRCS)
	$(CXX) $(CXXFLAGS) -MM $(SRCS) > make.deps
"""

SOURCES = {
    "main.cpp": '#include "code_objects/step.h"\nint main() { return step(); }\n',
    "code_objects/step.h": "int step();\n",
    "code_objects/step.cpp": "#include <vector>\nint step() { return std::vector<int>(3).size() == 3 ? 0 : 1; }\n",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    (folder / "code_objects").mkdir(parents=True)
    for name, text in {**SOURCES, "makefile": MAKEFILE}.items():
        (folder / name).write_text(text)
    return folder


def made(folder, **environment):
    for stale in folder.rglob("*.o"):
        stale.unlink()
    command = ["make", *(f"{name}={value}" for name, value in environment.items())]
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # of make test
    said = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, env=outside).stdout
    assert subprocess.run([folder / "main"], check=False).returncode == 0
    return said


@pytest.mark.standalone
def test_a_project_is_compiled_with_and_without_the_header_that_was_compiled_before(project):
    make.simplify(project)
    lines = made(project).splitlines()
    step, main = (next(line for line in lines if f" {name}.cpp" in line) for name in ("code_objects/step", "main"))
    assert len(lines) == 3 and "-O1" in main and "-O1" not in step and "-O3" in step
    header = make.precompiled(project)
    before = (project.parent / "cache" / "headers").glob("*.gch")
    stamps = {path: path.stat().st_mtime_ns for path in before}
    assert len(stamps) == 1 and make.precompiled(project) == header
    assert f'-include "{header}"' in made(project, HETBRIAN_PRECOMPILED=header)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())


@pytest.mark.standalone
def test_other_options_get_a_header_of_their_own(project):
    first = make.precompiled(project)
    (project / "makefile").write_text(MAKEFILE.replace("-O3", "-O2"))
    assert make.precompiled(project) not in ("", first)


def test_a_change_of_a_header_compiles_what_includes_it(project):
    make.simplify(project)
    rule = (project / "makefile").read_text()
    assert "%.o : %.cpp makefile $(H_SRCS)" in rule and "make.deps" not in rule


def test_another_compiler_and_a_cache_that_cannot_be_written_do_without_it(project, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(make, "toolchain", lambda: "clang version 19")
        assert make.precompiled(project) == ""
    (project.parent / "cache").write_text("")
    assert make.precompiled(project) == ""


def test_a_makefile_of_another_kind_is_left_as_it_is(project):
    (project / "makefile").write_text("all:\n\techo nothing\n")
    make.simplify(project)
    assert (project / "makefile").read_text() == "all:\n\techo nothing\n"


@pytest.mark.slow
@pytest.mark.standalone
def test_programs_give_the_same_bits_as_with_the_makefile_of_brian2(tmp_path, monkeypatch):
    found = []
    for name in ("ours", "brian"):
        with monkeypatch.context() as patch:
            patch.setenv("HETBRIAN_CACHE", str(tmp_path / name))
            if name == "brian":
                patch.setattr(make, "simplify", lambda folder: None)
                patch.setattr(make, "precompiled", lambda folder: "")
            size = {"n_neurons": 100, "start": 20 * ms, "stop": 150 * ms, "record": ("z", "weights", "spikes")}
            found.append(simulate(force_network, 200 * ms, device="cpp_standalone", **size))
    assert found[0].spike_time.size > 100
    assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0].variables)


@pytest.mark.parametrize(("given", "meant"), [("", "g++"), (" ", "g++"), ("env g++", "env g++")])
def test_make_calls_the_compiler_that_cxx_means(tmp_path, monkeypatch, given, meant):
    monkeypatch.setenv("CXX", given)
    (tmp_path / "makefile").write_text("all:\n\techo $(CXX) > said\n")
    make.make(tmp_path, is_cuda=True)  # without the header that is compiled before
    assert (tmp_path / "said").read_text().strip() == meant


def test_what_the_compiler_says_is_one_sentence(tmp_path):
    (tmp_path / "makefile").write_text("all:\n\t@echo 'main.cpp:1:1: error: no such thing'; exit 1\n")
    with pytest.raises(
        CompilerError, match=r"was not compiled \(main.cpp:1:1: error: no such thing\), expected sources that compile"
    ):
        make.make(tmp_path)


@pytest.mark.parametrize("name", ["PATH", "CXX"])
def test_without_a_compiler_nothing_is_built_and_one_sentence_says_so(tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "/nonexistent")
    said = r"was not compiled, expected a compiler: no C\+\+ compiler '.*': install one"
    with pytest.raises(CompilerError, match=said):
        make.make(tmp_path)


@contextlib.contextmanager
def interrupted_at(path, later=0.0):
    """Interrupt this process as soon as a file is there, and expect that."""

    def interrupt():
        while not path.exists():
            time.sleep(0.01)
        time.sleep(later)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    thread.join()


@pytest.mark.parametrize("is_cuda", [False, True])
def test_an_interrupt_stops_the_compiler_and_all_that_it_started(tmp_path, is_cuda):
    (tmp_path / "makefile").write_text("all:\n\t@touch begun; sleep 3; touch late\n")
    with interrupted_at(tmp_path / "begun"):
        make.make(tmp_path, is_cuda)
    time.sleep(3)
    assert not (tmp_path / "late").exists()


@pytest.mark.cuda
@pytest.mark.skipif(shutil.which("nvcc") is None, reason="no nvcc")
def test_an_interrupt_stops_nvcc_and_the_compilers_behind_it(tmp_path):
    (tmp_path / "late.cu").write_text("#include <thrust/sort.h>\n#include <thrust/device_vector.h>\n")
    (tmp_path / "makefile").write_text("all:\n\t@touch begun; nvcc -c late.cu -o late.o\n")
    with interrupted_at(tmp_path / "begun", later=0.3):
        make.make(tmp_path, is_cuda=True)
    time.sleep(0.5)
    left = [process for process in Path("/proc").glob("[0-9]*") if _works_in(process, tmp_path)]
    assert left == [] and not (tmp_path / "late.o").exists()


def _works_in(process, folder):
    try:
        return Path(os.readlink(process / "cwd")) == folder
    except OSError:
        return False
