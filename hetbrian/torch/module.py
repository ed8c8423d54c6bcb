"""A torch module whose computations are generated source, and whose values are Brian2's."""

import numpy as np

from hetbrian._support.optional import torch
from hetbrian.torch import functions
from hetbrian.torch.limits import refused
from hetbrian.torch.names import Names
from hetbrian.torch.surrogate import reset, spike


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
    functions : dict of str to str, optional
        Names of functions in the source, if they have others there.

    Attributes
    ----------
    attributes : dict of str to str
        Where the values of variables are kept whose name the module needs for itself, e.g. ``half_1``.
    """

    def __init__(self, name, code, surrogate=None, functions=None):
        super().__init__()
        self.name, self.code, self.surrogate = name, code, surrogate
        self.functions, self.attributes, self.dimensions = dict(functions or {}), {}, {}
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
        return self._functions[self.functions.get(function, function)](*arguments)

    def store(self, name, value, *, dimension=None, is_trainable=False):
        """Keep a variable's value as parameter or buffer; a dimension is kept for `write_back`."""
        attribute = name
        if hasattr(self, name):
            attribute = self.attributes[name] = Names(dir(self)).new(name)
        if is_trainable:
            self.register_parameter(attribute, torch.nn.Parameter(value))
            self.dimensions[name] = dimension
        else:
            self.register_buffer(attribute, value)

    def value(self, name):
        """Return the parameter or buffer of a variable."""
        return getattr(self, self.attributes.get(name, name))

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
        variables = self.targets(owner)
        for name, dimension in self.dimensions.items():
            if name not in variables:
                raise ValueError(
                    f"{owner.name} has no variable {name!r} to write to, expected a parameter of its equations: "
                    f"declare it there instead of in the namespace."
                )
            values = self.value(name).detach().double().cpu().numpy()
            variables[name].set_value(units.to_si(values, dimension))

    def targets(self, owner):
        """Return the variables of the Brian2 object that trained values are written to, by name."""
        return owner.variables


def tensor(variable, units, dtype):
    """Return a Brian2 variable's value in a unit system; whole numbers and truth values keep their kind."""
    values = exact(variable)
    if values.dtype == torch.bool:
        return values
    kind = np.asarray(variable.get_value()).dtype
    if kind.kind in "iu":
        return values.to(torch.int64)
    if kind == np.float32 and dtype == torch.float64:
        found = f"{variable.name!r} of {variable.owner.name} is kept in float32"
        raise refused("precision", found, "float64, in which the module computes")
    return units.from_si(values, variable.dim).to(dtype)


def exact(variable):
    """Return a Brian2 variable's value in SI and float64; truth values keep their kind."""
    values = np.array(variable.get_value())
    values = values.reshape(()) if variable.scalar else values
    return torch.as_tensor(values if values.dtype.kind == "b" else values.astype(np.float64))


def number(variable):
    """Return a Brian2 constant's value in SI as a Python number, or truth value."""
    value = np.asarray(variable.get_value()).item()
    return bool(value) if variable.is_boolean else value
