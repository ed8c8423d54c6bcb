"""Code objects whose templates hetbrian writes itself, one class per Brian2 code generation target."""

import inspect

from brian2 import DEFAULT_FUNCTIONS, BrianPreference, Function, prefs
from brian2.codegen.runtime.cython_rt import CythonCodeObject
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.device import get_device
from brian2.groups.group import CodeRunner
from brian2.utils.stringtools import get_identifiers

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


def _templater(base, folder):
    """Return a templater that looks in our folder and among the C++ kernels, then in Brian2's."""
    return base.templater.derive(__name__, templates_dir="kernels").derive(__name__, templates_dir=folder)


class NumpyNativeCodeObject(NumpyCodeObject):
    """Our templates for the numpy target."""

    templater = _templater(NumpyCodeObject, "templates_numpy")


class CythonNativeCodeObject(CythonCodeObject):
    """Our templates for the cython target."""

    templater = _templater(CythonCodeObject, "templates_cython")

    def compile_block(self, block):
        """Compile, and refuse to go on without the code: Brian2 would run the network without it."""
        compiled = super().compile_block(block)
        if compiled is None and block == "run":
            raise RuntimeError(
                f"Cython could not compile {self.name} (see above), expected working code: "
                "set prefs.codegen.target = 'numpy' and report it."
            )
        return compiled


class CPPNativeCodeObject(CPPStandaloneCodeObject):
    """Our templates for C++ standalone."""

    templater = _templater(CPPStandaloneCodeObject, "templates_cpp")


NATIVE = {
    NumpyCodeObject: NumpyNativeCodeObject,
    CythonCodeObject: CythonNativeCodeObject,
    CPPStandaloneCodeObject: CPPNativeCodeObject,
}

OPENMP = "-fopenmp"

IN_TURN = tuple(NATIVE.values())
"""Classes whose code draws random numbers one after the other, as Brian2's own does."""


def _cuda_class(base):
    """Return our class for CUDA standalone; made when it is needed, because brian2cuda is optional."""
    templates = {"__doc__": "Our templates for CUDA standalone.", "templater": _templater(base, "templates_cuda")}
    return type("CUDANativeCodeObject", (base,), templates)


def native_class():
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


class NativeRunner(CodeRunner):
    """A CodeRunner with our templates, chosen when the run is prepared, as Brian2 chooses its own."""

    def before_run(self, run_namespace):
        """Choose the code object class of the device and build the code object."""
        self.codeobj_class = native_class()
        used = get_identifiers(self.abstract_code)
        random = sorted(used & {"rand", "randn", "poisson"})
        if random and self.codeobj_class not in IN_TURN:
            raise NotImplementedError(
                f"the code of {self.name} uses {random[0]}(), which our CUDA kernels cannot draw; expected an "
                "expression of time and output: draw the numbers with NumPy and give a TimedArray."
            )
        if self.codeobj_class is NumpyNativeCodeObject:
            used -= set(DEFAULT_FUNCTIONS)
            namespace = getattr(self.group, "namespace", None) or {}
            namespace.update(_numpy_functions(namespace, used))
            run_namespace = {**run_namespace, **_numpy_functions(run_namespace, used)}
        self.template_kwds: dict = {**(self.template_kwds or {}), "threads": prefs.hetbrian.threads}
        if prefs.hetbrian.threads > 1:
            for name in ("codegen.cpp.extra_compile_args_gcc", "codegen.cpp.extra_link_args"):
                if OPENMP not in prefs[name]:
                    prefs[name] = [*prefs[name], OPENMP]
            if hasattr(get_device(), "run_environment_variables"):  # waiting threads leave the processor to others
                get_device().run_environment_variables.setdefault("OMP_WAIT_POLICY", "passive")
        super().before_run(run_namespace)


def _numpy_functions(namespace, used):
    """Return the user functions among the names used, ready for numpy; Brian2 does this for its own class only."""
    functions = {}
    for name in used & namespace.keys():
        value = namespace[name]
        if inspect.isfunction(value) and hasattr(value, "_arg_units"):  # decorated with check_units
            value = Function(value, arg_units=value._arg_units, return_unit=vars(value)["_return_unit"])
        if isinstance(value, Function) and NumpyCodeObject not in value.implementations:
            value.implementations.add_numpy_implementation(value.pyfunc)
            functions[name] = value
    return functions
