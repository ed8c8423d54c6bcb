"""What hetbrian finds of CUDA on a machine, with programs and folders that only pretend to be it."""

import re
import sys
from pathlib import Path

import pytest
from brian2 import prefs, second

from hetbrian import simulate
from hetbrian.simulation import cuda

HEADER = "| NVIDIA-SMI 580.1   Driver Version: 580.1   CUDA Version: {version} |"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return an empty machine: no programs, no toolkit, no wheels; scripts put into ``bin`` are found."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CUDA_PATH", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(cuda, "USUAL_ROOTS", (str(tmp_path / "usual"),))
    find = cuda.importlib.util.find_spec
    monkeypatch.setattr(cuda.importlib.util, "find_spec", lambda name: None if name == "nvidia" else find(name))
    return tmp_path


def program(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)


def toolkit(root, release="13.0"):
    program(
        root / "bin" / "nvcc",
        f'[ "$1" = --dryrun ] && echo "#$ TOP={root}/bin/.." >&2 || echo "tools, release {release}, V{release}.88"',
    )
    return root


def driver(folder, *rows, version="13.0"):
    listed = "; ".join(f'echo "{row}"' for row in rows) or ":"
    program(
        folder / "bin" / "nvidia-smi",
        f'case "$1" in --query-gpu*) {listed};; *) echo "{HEADER.format(version=version)}";; esac',
    )


def curand(root):
    for path in (root / "include" / "curand.h", root / "lib" / "libcurand.so.10"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def wheel(machine, monkeypatch):
    """Pretend that NVIDIA's wheel of curand is installed."""
    curand(machine / "site" / "nvidia" / "cu13")
    find = cuda.importlib.util.find_spec

    class Namespace:
        submodule_search_locations = (str(machine / "site" / "nvidia"),)

    monkeypatch.setattr(cuda.importlib.util, "find_spec", lambda name: Namespace if name == "nvidia" else find(name))
    return machine / "site" / "nvidia" / "cu13"


def found():
    return {part.name: part for part in cuda.diagnose()}


def test_an_empty_machine_lacks_toolkit_curand_and_gpu_and_says_how_to_get_them(machine):
    parts = found()
    for name, fix in {
        "CUDA toolkit": "set CUDA_PATH to the folder that has bin/nvcc",
        "curand": r"pip install 'hetbrian\[cuda\]'",
        "NVIDIA GPU": "install its driver",
    }.items():
        assert parts[name].found == "" and re.search(fix, parts[name].fix)


def test_brian2cuda_is_looked_for_without_importing_it(machine, monkeypatch):
    find = cuda.importlib.util.find_spec
    monkeypatch.setattr(cuda.importlib.util, "find_spec", lambda name: None if name == "brian2cuda" else find(name))
    assert found()["brian2cuda"].fix == "pip install 'hetbrian[cuda]'"


def test_a_complete_machine_lacks_nothing(machine):
    pytest.importorskip("brian2cuda")
    curand(toolkit(machine / "usual"))
    driver(machine, "NVIDIA H100, 9.0, 580.1")
    assert [part.fix for part in cuda.diagnose()] == ["", "", "", ""]
    assert found()["CUDA toolkit"].found == f"13.0 in {machine / 'usual'}"
    assert found()["NVIDIA GPU"].found == "NVIDIA H100, compute capability 9.0"
    cuda.require()


def test_the_toolkit_is_where_a_wrapper_of_nvcc_says(machine):
    root = toolkit(machine / "real")
    program(machine / "bin" / "nvcc", f'exec {root}/bin/nvcc "$@"')
    assert cuda.toolkit_root() == root


def test_cuda_path_counts_before_the_nvcc_on_the_path(machine, monkeypatch):
    program(machine / "bin" / "nvcc", f'exec {toolkit(machine / "real")}/bin/nvcc "$@"')
    monkeypatch.setenv("CUDA_PATH", str(toolkit(machine / "chosen")))
    assert cuda.toolkit_root() == machine / "chosen"


def test_a_broken_nvcc_is_no_toolkit(machine):
    program(machine / "bin" / "nvcc", "exit 1")
    assert cuda.toolkit_root() is None


def test_curand_of_the_toolkit_counts_before_the_wheel(machine, monkeypatch):
    folder = wheel(machine, monkeypatch)
    root = toolkit(machine / "usual")
    assert cuda.curand_folders() == (folder / "include", folder / "lib")
    curand(root)
    assert cuda.curand_folders() == (root / "include", root / "lib")


@pytest.mark.parametrize(
    ("visible", "expected"), [(None, [9.0, 8.6]), ("1", [8.6]), ("", []), ("1,0", [8.6, 9.0]), ("GPU-8a", [9.0, 8.6])]
)
def test_the_gpus_are_those_that_programs_see(machine, monkeypatch, visible, expected):
    driver(machine, "NVIDIA H100, 9.0, 580.1", "NVIDIA RTX A6000, 8.6, 580.1")
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.compute_capability for gpu in cuda.gpus()] == expected


@pytest.mark.parametrize(
    ("visible", "expected"),
    [(None, 80_000), ("1", 40_000), ("1,0", 40_000), ("", 80_000), ("7", None), ("GPU-8a", 80_000)],
)
def test_the_free_memory_is_that_of_the_gpu_that_programs_take(machine, monkeypatch, visible, expected):
    assert cuda.free_bytes() is None
    driver(machine, "80000", "40000")
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert cuda.free_bytes() == (None if expected is None else expected * 2**20)


def test_a_driver_that_fails_lists_no_gpu(machine):
    program(machine / "bin" / "nvidia-smi", "echo NVIDIA-SMI has failed, because, no driver; exit 9")
    assert cuda.gpus() == []


def test_a_driver_older_than_the_toolkit_is_named(machine):
    toolkit(machine / "usual")
    driver(machine, "NVIDIA H100, 9.0, 535.1", version="12.2")
    gpu = found()["NVIDIA GPU"]
    assert gpu.found == "" and "the driver 535.1 ends at CUDA 12: update it" in gpu.fix


def test_simulate_refuses_before_the_model_is_built(machine):
    with pytest.raises(
        RuntimeError, match=r"cuda_standalone cannot run here, expected .*NVIDIA GPU: .*install its driver"
    ):
        simulate(lambda rng: pytest.fail("the model was built"), 1 * second, device="cuda_standalone")


def test_configure_without_brian2cuda_says_how_to_install_it(machine, monkeypatch):
    monkeypatch.setitem(sys.modules, "brian2cuda", None)
    with pytest.raises(
        ImportError, match=r"brian2cuda is not installed, expected it for CUDA: pip install 'hetbrian\[cuda\]'"
    ):
        cuda.configure()


@pytest.fixture
def backend():
    """Return brian2cuda's preferences, and give them back as they were."""
    pytest.importorskip("brian2cuda")
    before = {name: prefs[name] for name in prefs}
    yield lambda name: prefs[cuda.BACKEND + name]
    prefs.update(before)


def test_configure_compiles_for_the_gpu_that_is_there(machine, backend):
    toolkit(machine / "usual")
    driver(machine, "NVIDIA RTX A6000, 8.6, 580.1")
    cuda.configure()
    assert backend("compute_capability") == 8.6 and not backend("detect_gpus") and backend("gpu_id") == 0
    assert backend("cuda_path") == str(machine / "usual") and backend("detect_cuda")


def test_configure_without_a_gpu_compiles_for_the_default_or_the_chosen_one(machine, backend):
    cuda.configure()
    assert backend("compute_capability") == cuda.COMPUTE_CAPABILITY
    cuda.configure(compute_capability=8.9, jobs=3)
    assert backend("compute_capability") == 8.9
    assert prefs.devices.cpp_standalone.extra_make_args_unix == ["-j3"]


def test_configure_without_a_toolkit_lets_a_project_be_generated(machine, backend):
    cuda.configure()
    assert not backend("detect_cuda") and backend("cuda_runtime_version") == 13.0


def test_configure_asks_for_cpp17_once_and_gives_all_preferences_back(machine, backend, monkeypatch):
    folder = wheel(machine, monkeypatch)
    before = {name: prefs[name] for name in prefs}
    previous = cuda.configure()
    again = cuda.configure()
    assert backend("extra_compile_args_nvcc").count("-std=c++17") == 1
    flags = prefs.codegen.cpp.extra_compile_args_gcc
    assert [flag for flag in flags if flag.startswith("-std=")] == ["-std=c++17"]
    assert prefs.codegen.cpp.include_dirs.count(str(folder / "include")) == 1
    prefs.update(again)
    prefs.update(previous)
    assert {name: prefs[name] for name in prefs} == before


def test_configure_links_the_library_of_the_wheel_under_the_name_that_the_linker_looks_for(
    machine, backend, monkeypatch
):
    folder = wheel(machine, monkeypatch)
    cuda.configure()
    link = Path(prefs.codegen.cpp.library_dirs[-1], "libcurand.so")
    assert link.resolve() == folder / "lib" / "libcurand.so.10"
    link.unlink()
    link.symlink_to(machine / "gone")
    cuda.configure()
    assert link.resolve() == folder / "lib" / "libcurand.so.10"
    assert prefs.codegen.cpp.runtime_library_dirs[-1] == str(folder / "lib")
