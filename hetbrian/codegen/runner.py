"""The runner of our templates: one code object inside the time loop."""

import inspect
import os
from typing import Any

from brian2 import DEFAULT_FUNCTIONS, Function, prefs
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.devices.device import get_device
from brian2.groups.group import CodeRunner
from brian2.utils.stringtools import get_identifiers

from hetbrian.codegen.codeobjects import IN_TURN, CPPNativeCodeObject, NumpyNativeCodeObject, native_class, use_openmp


class NativeRunner(CodeRunner):
    """A CodeRunner with our templates, chosen when the run is prepared, as Brian2 chooses its own."""

    def before_run(self, run_namespace: dict[str, Any]) -> None:
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
        if prefs.hetbrian.threads > 1 and self.codeobj_class is CPPNativeCodeObject:
            use_openmp(get_device())
            # waiting threads leave the processor to others
            policy = os.environ.get("OMP_WAIT_POLICY", "passive")
            get_device().run_environment_variables["OMP_WAIT_POLICY"] = policy
        super().before_run(run_namespace)


def _numpy_functions(namespace: dict[str, Any], used: set[str]) -> dict[str, Any]:
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
