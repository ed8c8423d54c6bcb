import builtins
import ctypes
from types import SimpleNamespace

import pytest
from cuda.bindings import driver, nvrtc

from hetbrian._support.compiler import CompilerError
from hetbrian._support.optional import torch
from hetbrian.torch.events import Events
from hetbrian.torch.fused import cell as cell_module
from hetbrian.torch.fused import gpu
from hetbrian.torch.fused.cell import fuse
from hetbrian.torch.fused.gpu import THREADS, CudaModule, GpuKernel, compile_cuda, shared_bytes
from hetbrian.torch.surrogate import SuperSpike
from tests.codegen.cuda_emulation.sequence import EmulatedModule, emulated
from tests.torch.fused.test_cell import BATCH, STEPS, TRAINED, N, apart, inputs, modules, results, with_source

pytestmark = pytest.mark.cuda


@pytest.fixture
def emulate(monkeypatch, tmp_path):
    """Run the CUDA kernels of every cell on the CPU, with at most a number of threads a block."""

    def choose(threads=64, backwards=False):
        build = emulated(tmp_path, backwards)
        monkeypatch.setitem(
            cell_module.KERNELS, "cpu", lambda step, dtype, size: GpuKernel(step, dtype, size, build, threads)
        )

    return choose


def spikes_of(n=30, density=0.1):
    return (torch.rand(STEPS, BATCH, n, generator=torch.Generator().manual_seed(2)) < density).double()


# 8 threads have several neurons each, 128 take a part of the sums each; in both orders, as a barrier may be missing
@pytest.mark.parametrize(("threads", "backwards"), [(8, True), (128, False)])
@pytest.mark.parametrize("name", TRAINED)
def test_gradients_are_the_plain_modules(name, threads, backwards, emulate):
    emulate(threads, backwards)
    cell, fast = modules(name, torch.float64)
    given = inputs(cell, torch.float64)
    (plain, expected), (found, gradients) = (results(item, cell, inputs=given) for item in (cell, fast))
    (kernel,) = fast._kernels.values()
    assert [launch[:2] for launch in kernel.module.launches] == [("forward", BATCH), ("backward", BATCH)]
    assert plain.spikes.sum() > 10 and torch.equal(plain.spikes, found.spikes)
    for key, value in plain.state.items():
        if isinstance(value, tuple):
            assert all(torch.equal(a, b) for a, b in zip(value, found.state[key], strict=True))
        elif value.is_floating_point():
            assert apart(found.state[key].detach(), value.detach()) < 1e-10  # sums in another order
        else:
            assert torch.equal(found.state[key], value)
    for key, gradient in expected.items():
        assert gradient.abs().sum() > 0 and apart(gradients[key], gradient) < 1e-10, key


def test_single_precision(emulate):
    emulate()
    cell, fast = modules("retain", torch.float32)
    (plain, expected), (found, gradients) = (results(item, cell) for item in (cell, fast))
    assert torch.equal(plain.spikes, found.spikes)
    assert all(apart(gradients[key], expected[key]) < 1e-4 for key in expected)  # as in C++; 1e-6 measured


@pytest.mark.parametrize("delay", [0, 0.2, 1e3])  # the last comes after the end of the sequence
def test_outside_spikes_arrive(delay, emulate):
    emulate()
    cell = with_source(surrogate=SuperSpike(3.0), detach_reset=True, delay=delay)
    plain, expected = results(cell, cell, spikes={"source": spikes_of()})
    found, gradients = results(fuse(cell), cell, spikes={"source": Events.from_dense(spikes_of())})
    assert torch.equal(plain.spikes, found.spikes)
    assert all(apart(gradients[key], expected[key]) < 1e-10 for key in expected)


def test_events_that_fall_together_count_each(emulate):
    emulate()
    cell = with_source()
    once = Events.from_dense(spikes_of())
    twice = Events(2 * once.begin, once.index.repeat_interleave(2), once.shape)
    plain, expected = results(cell, cell, spikes={"source": twice})
    found, gradients = results(fuse(cell), cell, spikes={"source": twice})
    assert torch.equal(plain.spikes, found.spikes)
    assert all(apart(gradients[key], expected[key]) < 1e-10 for key in expected)


def test_gradients_reach_the_spikes_of_a_layer_below(emulate):
    emulate()
    cell = with_source()
    gradients = []
    for module in (cell, fuse(cell)):
        spikes = spikes_of().requires_grad_()
        results(module, cell, spikes={"source": spikes})
        gradients.append(spikes.grad)
    assert gradients[0].abs().sum() > 0 and apart(*gradients[::-1]) < 1e-10


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize(("real", "architecture"), [("float", 75), ("double", 90)])
def test_the_compiler_takes_the_kernels(name, real, architecture):
    _, _, step = modules(name, torch.float32)[1]._step()
    code = compile_cuda(
        step.kernel("sequence.cu", threads=THREADS), [f"--gpu-architecture=sm_{architecture}", f"-DREAL={real}"]
    )
    assert code.startswith(b"\x7fELF") and b"forward" in code and b"backward" in code


def test_what_the_compiler_says_is_told():
    with pytest.raises(
        CompilerError, match=r"no CUDA was compiled \(.*identifier \"nonsense\" is undefined.*\), expected"
    ):
        compile_cuda('extern "C" __global__ void forward() { nonsense(); }', [])


def test_too_little_shared_memory_is_told(monkeypatch):
    _, _, step = modules("retain", torch.float32)[1]._step()
    properties = SimpleNamespace(shared_memory_per_block_optin=232448, major=9, minor=0)  # an H100's
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda: properties)
    needed = shared_bytes(step, 20_000, 4)
    with pytest.raises(CompilerError, match=f"state takes {needed} bytes of shared memory, expected at most 232448"):
        GpuKernel(step, torch.float32, 20_000, CudaModule)


def test_missing_bindings_are_told(monkeypatch):
    original = builtins.__import__

    def without(name, *arguments):
        if name.startswith("cuda."):
            raise ImportError("No module named 'cuda'")
        return original(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CompilerError, match=r"bindings are missing \(No module named 'cuda'\), expected cuda-bindings"):
        compile_cuda("", [])


class EmulatedDriver:
    """In the place of NVIDIA's driver: loads emulated kernels, and takes what a launch gives it."""

    CUfunction_attribute = driver.CUfunction_attribute

    def __init__(self, folder, source, shared):
        self.folder, self.source, self.shared, self.module = folder, source, shared, None

    def cuModuleLoadData(self, code):
        assert code.startswith(b"\x7fELF")
        self.module = EmulatedModule(self.folder, self.source, "double", self.shared, False)
        return 0, self.module

    def cuModuleGetFunction(self, module, name):
        return 0, (module, name.decode())

    def cuFuncSetAttribute(self, kernel, attribute, value):
        assert attribute == self.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        assert value == self.shared
        return (0,)

    def cuLaunchKernel(self, kernel, x, y, z, threads, v, w, shared, stream, parameters, extra):
        assert (y, z, v, w, shared, stream, extra) == (1, 1, 1, 1, self.shared, 77, 0)
        (address,) = (ctypes.c_void_p * 1).from_address(parameters)
        module, name = kernel
        module.launch(name, x, threads, ctypes.c_void_p(address))
        return (0,)


def test_a_module_loads_and_launches(monkeypatch, tmp_path):
    """All but the driver is real: NVRTC, the struct, the order of the driver's calls and their arguments."""
    properties = SimpleNamespace(shared_memory_per_block_optin=232448, major=8, minor=0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda: properties)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: SimpleNamespace(cuda_stream=77))
    found = []

    def build(source, real, shared):
        emulated = EmulatedDriver(tmp_path, source, shared)
        assert all(hasattr(driver, name) for name in vars(EmulatedDriver) if name.startswith("cu"))
        monkeypatch.setattr(gpu, "_bindings", {"driver": emulated, "nvrtc": nvrtc}.__getitem__)
        found.append(CudaModule(source, real, shared))
        return found[0]

    monkeypatch.setitem(cell_module.KERNELS, "cpu", lambda *arguments: GpuKernel(*arguments, build, 64))
    cell, fast = modules("retain", torch.float64)
    (plain, expected), (output, gradients) = (results(item, cell) for item in (cell, fast))
    assert [name for name, *_ in found[0].module.launches] == ["forward", "backward"]
    assert torch.equal(plain.spikes, output.spikes)
    assert all(apart(gradients[key], expected[key]) < 1e-10 for key in expected)


@pytest.mark.parametrize("error", ["CUDA_ERROR_OUT_OF_MEMORY", "CUDA_ERROR_ILLEGAL_ADDRESS"])
def test_what_the_driver_says_is_told(error):
    with pytest.raises(RuntimeError, match=f"CUDA said {error}, expected success: run with CUDA_LAUNCH_BLOCKING=1"):
        gpu._check(getattr(driver.CUresult, error))


@pytest.mark.gpu
@pytest.mark.parametrize("name", TRAINED)
def test_a_gpu_agrees_with_the_plain_module(name):
    if not torch.cuda.is_available():
        pytest.skip("torch finds no GPU")
    cell, fast = modules(name, torch.float64)
    cell.cuda()
    given = inputs(cell, torch.float64)
    given = given and {key: value.cuda() for key, value in given.items()}
    (plain, expected), (found, gradients) = (results(item, cell, inputs=given) for item in (cell, fast))
    assert fast._kernels and torch.equal(plain.spikes, found.spikes)
    assert all(apart(gradients[key], expected[key]) < 1e-10 for key in expected)


@pytest.mark.gpu
def test_a_gpu_takes_events():
    if not torch.cuda.is_available():
        pytest.skip("torch finds no GPU")
    cell = with_source()
    _, expected = results(cell, cell, spikes={"source": spikes_of()})
    found, gradients = results(fuse(cell.cuda()), cell, spikes={"source": Events.from_dense(spikes_of())})
    assert found.spikes.device.type == "cuda" and found.spikes.shape == (STEPS, BATCH, N)
    assert all(apart(gradients[key].cpu(), expected[key]) < 1e-10 for key in expected)
