"""Code objects whose templates hetbrian writes itself, one class per Brian2 code generation target."""

from brian2 import Function
from brian2.codegen.runtime.cython_rt import CythonCodeObject
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.device import get_device
from brian2.groups.group import CodeRunner


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
    if base not in NATIVE:
        names = ", ".join(known.class_name for known in NATIVE)
        raise NotImplementedError(
            f"the device generates {base.class_name!r} code, expected one of {names}: "
            "choose set_device('runtime') or set_device('cpp_standalone')."
        )
    return NATIVE[base]


class NativeRunner(CodeRunner):
    """A CodeRunner with our templates, chosen when the run is prepared, as Brian2 chooses its own."""

    def before_run(self, run_namespace):
        """Choose the code object class of the device and build the code object."""
        self.codeobj_class = native_class()
        if self.codeobj_class is NumpyNativeCodeObject:
            for function in self.group.namespace.values():
                # Brian2 does this for its own numpy class only
                if isinstance(function, Function) and NumpyCodeObject not in function.implementations:
                    function.implementations.add_numpy_implementation(function.pyfunc)
        super().before_run(run_namespace)
