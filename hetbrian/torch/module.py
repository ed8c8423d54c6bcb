"""A torch module whose computations are generated source, and whose values are Brian2's."""

import numpy as np

from hetbrian._support.optional import torch
from hetbrian.torch import functions
from hetbrian.torch.statements import ExportError
from hetbrian.torch.surrogate import reset, spike

TAKEN = frozenset(dir(torch.nn.ModuleDict()))
"""Names that torch modules need for themselves."""


class Generated(torch.nn.Module):
    """
    A module with functions compiled from source, which ``code`` shows.

    Parameters and buffers have the names of Brian2's variables. It can be copied and pickled.

    Parameters
    ----------
    name : str
        Name of the Brian2 object.
    code : str
        Python source of its functions.
    surrogate : Surrogate, optional
        Derivative of the spike.
    """

    def __init__(self, name, code, surrogate=None):
        super().__init__()
        self.name, self.code, self.surrogate = name, code, surrogate
        self.dimensions = {}
        self._compile()

    def _compile(self):
        self._functions = {"ops": functions, "spike": spike, "reset": reset, "surrogate": self.surrogate}
        exec(compile(self.code, f"<torch code of {self.name}>", "exec"), self._functions)

    def __getstate__(self):
        return {key: value for key, value in self.__dict__.items() if key != "_functions"}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._compile()

    def call(self, function, *arguments):
        """Run a function of the source."""
        return self._functions[function](*arguments)

    def store(self, name, value, *, dimension=None, is_trainable=False):
        """Keep a value as parameter or buffer; a dimension is kept for `write_back`."""
        if name in TAKEN:
            raise ExportError(
                f"{self.name} has a variable {name!r}, a name that torch modules need; expected another: rename it."
            )
        if is_trainable:
            self.register_parameter(name, torch.nn.Parameter(value))
            self.dimensions[name] = dimension
        else:
            self.register_buffer(name, value)

    def write_back(self, owner, units):
        """
        Set the trained parameters of the Brian2 object, in SI.

        Parameters
        ----------
        owner : Group
            The object from which they came, or one like it.
        units : UnitSystem
            Unit system of this module.

        Raises
        ------
        ValueError
            If the object has no such variable.
        """
        for name, dimension in self.dimensions.items():
            if name not in owner.variables:
                raise ValueError(
                    f"{owner.name} has no variable {name!r} to write to, expected a parameter of its equations: "
                    f"declare it there instead of in the namespace."
                )
            values = getattr(self, name).detach().double().cpu().numpy()
            owner.variables[name].set_value(units.to_si(values, dimension))


def tensor(variable, units, dtype):
    """Return a Brian2 variable's value in a unit system; whole numbers and truth values keep their kind."""
    values = np.array(variable.get_value())
    values = values.reshape(()) if variable.scalar else values
    if values.dtype.kind == "b":
        return torch.as_tensor(values)
    if values.dtype.kind in "iu":
        return torch.as_tensor(values.astype(np.int64))
    return torch.as_tensor(np.asarray(units.from_si(values.astype(np.float64), variable.dim)), dtype=dtype)


def number(variable, units):
    """Return a Brian2 constant's value in a unit system as a Python number."""
    value = np.asarray(variable.get_value()).item()
    return float(units.from_si(value, variable.dim)) if isinstance(value, float) else value
