"""
The code of the checks, from end to end on the CPU, at a test's sizes.

C++ stands in for CUDA standalone, with numpy as what it is compared with; for other checks test_emulated.py has the
project for CUDA itself. Of the fused cell the CUDA kernels run, on the emulation.
"""

import numpy as np
import pytest
import xarray

from hetbrian._gpu import force, fused, toolkit
from hetbrian._gpu.checks import CHECKS, Place
from hetbrian._gpu.comparison import compare_spikes, compare_weights
from hetbrian._gpu.findings import CheckFailed, Findings
from hetbrian._support.compiler import CompilerError
from hetbrian.simulation import cuda

STAND_IN = Place("cpp_standalone", "numpy", "cpu", is_small=True)
NAMED = {check.name: check for check in CHECKS}


def numbers_of(name, folder, place=STAND_IN):
    findings = Findings(folder / "found.json")
    NAMED[name].run(place, findings, folder)
    return findings.numbers


@pytest.mark.slow
@pytest.mark.standalone
@pytest.mark.parametrize(
    "name",
    [
        "force",
        "many networks",
        "errors",
        "all-to-all",
        "resume",
        "speed of FORCE",
        "speed of many networks",
    ],
)
def test_of_standalone_devices(name, tmp_path):
    found = numbers_of(name, tmp_path)
    if name == "errors":
        assert len(set(found["log10 of the errors"])) == 5
    elif name.startswith("speed"):
        assert len(found) == 4 and all(value > 0 for value in found.values())
    else:
        spikes = [value for key, value in found.items() if key.startswith("spikes")]
        assert min(spikes) > 100 and len(spikes) == {"force": 2, "resume": 2}.get(name, 1)


def test_a_readout_of_zeros_has_other_errors(monkeypatch):
    time = np.arange(0, 2, 1e-3)
    y = np.tile(np.sin(2 * np.pi * 5 * time)[:, None], 5)
    z = {"cpp_standalone": 0 * y, "numpy": y + 0.1 * np.linspace(1, 2, 5)}

    def simulate(model, duration, *, device, seeds, **_):
        assert len(seeds) == 5
        return xarray.Dataset(
            {"z": (("time", "output"), z[device]), "y": (("time", "output"), y)}, coords={"time": time}
        )

    monkeypatch.setattr(force.hb, "simulate", simulate)
    findings = Findings()
    with pytest.raises(CheckFailed, match=r"difference of the means is 1\.[0-9]+, expected at most 0.30103"):
        NAMED["errors"].run(Place("cpp_standalone", "numpy", "cpu"), findings, None)


def test_fused_on_the_emulation(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from hetbrian.torch.fused import cell
    from hetbrian.torch.fused.gpu import GpuKernel
    from tests.codegen.cuda_emulation.sequence import emulated

    build, kernels = emulated(tmp_path), []

    def kernel(step, dtype, size):
        kernels.append(GpuKernel(step, dtype, size, build, 64))
        return kernels[-1]

    monkeypatch.setitem(cell.KERNELS, "cpu", kernel)
    found = numbers_of("fused", tmp_path)
    assert [len(item.module.launches) for item in kernels] == [2, 2]  # both precisions, forward and backward
    assert found["spikes, float64"] > 100 and found["spikes that differ, float64"] == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch.compile
@pytest.mark.parametrize("name", ["training", "speed of the cell"])
def test_of_torch(name, tmp_path):
    pytest.importorskip("lightning")
    found = numbers_of(name, tmp_path)
    assert found["the loss falls"] if name == "training" else found["ms a pass, fused"] > 0


def test_fused_fails_where_the_plain_module_runs_in_its_place(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from hetbrian.torch.fused import cell

    def none(*_):
        raise CompilerError("no compiler")

    monkeypatch.setitem(cell.KERNELS, "cpu", none)
    with pytest.raises(UserWarning, match="no compiler"):
        numbers_of("fused", tmp_path)


def dataset(steps, neurons):
    return xarray.Dataset({"spike_time": ("spike", np.array(steps) * 1e-4), "spike_neuron": ("spike", neurons)})


def test_other_spikes_and_weights_are_told():
    findings, neurons = Findings(), np.arange(200)
    compare_spikes(findings, dataset(neurons, neurons), dataset(neurons, neurons), 1e-4)
    findings.close()
    later = np.where(neurons == 150, 151, neurons)
    compare_spikes(findings, dataset(later, neurons), dataset(neurons, neurons), 1e-4, until=0.015)
    findings.close()  # those after the end do not count
    compare_spikes(findings, dataset(later, neurons), dataset(neurons, neurons), 1e-4)
    compare_weights(findings, [1.0, 2.0], [1.0, 2.1], 1e-3)
    with pytest.raises(
        CheckFailed, match=r"first of 2 that only one has is at 0.015 s; difference of weights is 0.0476"
    ):
        findings.close()


@pytest.mark.cuda
@pytest.mark.skipif(cuda.toolkit_root() is None, reason="no nvcc: install the CUDA toolkit")
@pytest.mark.skipif(bool(cuda.gpus()), reason="there is a GPU")
@pytest.mark.parametrize("name", ["probe", "rls_speed"])
def test_programs_of_cuda_compile_and_say_that_there_is_no_gpu(name, tmp_path):
    with pytest.raises(RuntimeError, match=r"ended with 1, expected 0: cuda\w+\(.*: .*driver"):
        toolkit.ran(toolkit.compiled(name, tmp_path), "100")


def test_what_nvcc_says_is_told(tmp_path, monkeypatch):
    root = tmp_path / "toolkit"
    (root / "bin").mkdir(parents=True)
    nvcc = root / "bin" / "nvcc"
    nvcc.write_text("#!/bin/sh\necho 'probe.cu(7): error: nonsense' >&2\nexit 2\n")
    nvcc.chmod(0o755)
    monkeypatch.setattr(cuda, "toolkit_root", lambda: root)
    with pytest.raises(CompilerError, match=r"nvcc did not compile probe.cu, expected a program .* error: nonsense"):
        toolkit.compiled("probe", tmp_path)
    monkeypatch.setattr(cuda, "toolkit_root", lambda: None)
    with pytest.raises(
        CompilerError, match="there is no nvcc, expected the CUDA toolkit: install it, or set CUDA_PATH"
    ):
        toolkit.compiled("probe", tmp_path)


def test_a_program_that_prints_is_read(tmp_path):
    program = tmp_path / "probe"
    program.write_text('#!/bin/sh\necho \'{"a": 1}\'\necho "{\\"a\\": $1}"\n')
    program.chmod(0o755)
    assert toolkit.ran(program, "2") == [{"a": 1}, {"a": 2}]
    assert fused.SMALL_SHAPE.keys() == fused.SHAPE.keys()
