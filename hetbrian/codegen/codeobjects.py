"""Code objects whose templates hetbrian writes itself, one class per Brian2 code generation target."""

from typing import Any

from brian2 import BrianPreference, prefs
from brian2.codegen.runtime.cython_rt import CythonCodeObject
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.device import get_device

from hetbrian.codegen.elementwise import arrays_of, is_elementwise

OPENMP = "-fopenmp"

prefs.register_preferences(
    "hetbrian",
    "Preferences of hetbrian",
    threads=BrianPreference(
        1,
        "Threads of our own loops over P, on the CPU: OpenMP adds them to Cython and C++ standalone if there is more "
        "than one. Brian2's own code stays on one thread, which its loops are too short to share.",
        validator=lambda value: isinstance(value, int) and value >= 1,
    ),
)


def _templater(base: Any, folder: str, **functions: Any) -> Any:
    """Return a templater that looks in our folder and among the C++ kernels, then in Brian2's."""
    kernels = base.templater.derive(__package__, templates_dir="kernels", env_globals=functions)
    return kernels.derive(__package__, templates_dir=folder)


class NumpyNativeCodeObject(NumpyCodeObject):
    """Our templates for the numpy target."""

    templater = _templater(NumpyCodeObject, "templates/numpy")


def use_openmp(compiled: Any) -> None:
    """Add OpenMP to the flags of what is compiled: a code object, or a standalone device."""
    for flags in (compiled.extra_compile_args, compiled.extra_link_args):
        if OPENMP not in flags:
            flags.append(OPENMP)


class CythonNativeCodeObject(CythonCodeObject):
    """Our templates for the cython target."""

    templater = _templater(CythonCodeObject, "templates/cython")

    def compile_block(self, block: str) -> Any:
        """Compile, and refuse to go on without the code: Brian2 would run the network without it."""
        if prefs.hetbrian.threads > 1:
            use_openmp(self)
        compiled = super().compile_block(block)
        if compiled is None and block == "run":
            raise RuntimeError(
                f"Cython could not compile {self.name} (see above), expected working code: "
                "set prefs.codegen.target = 'numpy' and report it."
            )
        return compiled


class CPPNativeCodeObject(CPPStandaloneCodeObject):
    """Our templates for C++ standalone."""

    templater = _templater(CPPStandaloneCodeObject, "templates/cpp", is_elementwise=is_elementwise, arrays_of=arrays_of)


NATIVE: dict[type, type] = {
    NumpyCodeObject: NumpyNativeCodeObject,
    CythonCodeObject: CythonNativeCodeObject,
    CPPStandaloneCodeObject: CPPNativeCodeObject,
}


IN_TURN = tuple(NATIVE.values())
"""Classes whose code draws random numbers one after the other, as Brian2's own does."""


def _cuda_class(base: type) -> type:
    """Return our class for CUDA standalone; made when it is needed, because brian2cuda is optional."""
    templates = {"__doc__": "Our templates for CUDA standalone.", "templater": _templater(base, "templates/cuda")}
    return type("CUDANativeCodeObject", (base,), templates)


def native_class() -> type:
    """
    Return our code object class for the active device and code generation target.

    Returns
    -------
    type

    Raises
    ------
    NotImplementedError
        If hetbrian has no templates for the device.
    """
    base = get_device().code_object_class(None)
    if base.__name__ == "CUDAStandaloneCodeObject" and base not in NATIVE:
        NATIVE[base] = _cuda_class(base)
    if base not in NATIVE:
        names = ", ".join(known.__name__ for known in NATIVE)
        raise NotImplementedError(
            f"the device generates code as {base.__name__}, expected one of {names}: "
            "choose set_device('runtime'), set_device('cpp_standalone') or set_device('cuda_standalone')."
        )
    return NATIVE[base]
