"""What the code that Brian2 generates for a network depends on, as hashes that can be compared."""

import enum
import functools
import hashlib
import re
import types
import weakref
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Any

import numpy as np
import sympy
from brian2 import DEFAULT_FUNCTIONS, Network, Quantity, TimedArray, prefs
from brian2.codegen.codeobject import CodeObject
from brian2.core.names import Nameable
from brian2.core.variables import Constant, Variable
from brian2.devices.device import Device
from brian2.equations.codestrings import CodeString
from brian2.equations.equations import Equations
from brian2.units.fundamentalunits import Dimension

LARGE = 64 * 2**20
"""Bytes from which an array is not hashed; where it is needed, it is taken for another than any other."""

PLAIN = {str, bytes, int, float, complex, bool, type(None), type(...), slice, range}

BY_IDENTITY = (type, types.ModuleType, types.BuiltinFunctionType, types.WrapperDescriptorType, np.ufunc, Dimension)
"""What is the same if it is the same object of this process."""

KNOWN = {id(function) for function in DEFAULT_FUNCTIONS.values()}
"""Brian2's own functions, which hold caches."""

IRRELEVANT = {
    "_id", "_dependencies", "_network", "_scope_key", "_creation_stack", "_full_creation_stack", "update_order",
}  # fmt: skip
"""Attributes that only say which object it is, where it was made, or in which order Brian2 sorted it."""

NUMBERS = {"values", "pyfunc", "implementations"}
"""Attributes of a timed array that hold its numbers, or code that is made of its other attributes."""

BY_TEXT = (enum.Enum, re.Pattern, sympy.Basic, np.dtype, str, int, float)  # the last ones are of derived types


class Structure:
    """
    A hash of each object of an assembled network, and of what the standalone device has noted for it.

    Equal hashes mean equal sources. Hashed are all attributes of all objects, down to numbers, code and what functions
    hold on to; the order and names of initialisations; names, types and lengths of arrays; and the preferences. The
    values of arrays and timed arrays are not, because a program reads them from files, unless Brian2 reads them while
    it prepares a run.

    Parameters
    ----------
    network : brian2.Network
        With all its objects, before its run is prepared.
    device : brian2.devices.cpp_standalone.CPPStandaloneDevice
        The device, after `hetbrian.simulation.externals.externalise`.
    files : dict of str to ndarray
        Arrays of any length that the program reads.
    """

    def __init__(self, network: Network, device: Any, files: dict[str, np.ndarray]) -> None:
        self._kept: dict[int, Any] = {}  # or another object could get the identity of one that is gone
        self._todo: deque[Any] = deque()
        self._names: set[str] = set()
        for item in network.sorted_objects:
            self._refer(item)
        self.values = {name: self._digest(device.array_cache.get(variable)) for variable, name in device.arrays.items()}
        self.hashes: dict[str, str] = {}
        while self._todo:
            item = self._todo.popleft()
            self.hashes[item.name] = self._hash(item)
        self.hashes |= {f"its {name}": self._hash(value) for name, value in _noted(device, files).items()}

    def difference(self, other: "Structure", read: Iterable[str]) -> str:
        """
        Return the name of what differs, first in the order of the schedule, or an empty string.

        Parameters
        ----------
        other : Structure
        read : iterable of str
            Names of the arrays whose values Brian2 reads while it prepares a run.

        Returns
        -------
        str
        """
        for one, another, names in (
            (self.hashes, other.hashes, self.hashes | other.hashes),
            (self.values, other.values, read),
        ):
            for name in names:
                if one.get(name) != another.get(name):
                    return name
        return ""

    def _hash(self, root: Any) -> str:
        """Return the hash of a value."""
        self._name = root.name if isinstance(root, Nameable) else ""
        self._tokens, self._seen, self._alive = list[str](), dict[int, int](), list[Any]()
        self._describe(root, type(root))
        return hashlib.blake2b("\0".join(self._tokens).encode()).hexdigest()

    def _digest(self, values: np.ndarray | None) -> Any:
        if values is not None and values.nbytes >= LARGE:
            self._kept[id(values)] = values
        return digest(values)

    def _refer(self, item: Any) -> None:
        """Note an object that has a hash of its own."""
        if item.name not in self._names:
            self._names.add(item.name)
            self._todo.append(item)

    def _walk(self, value: Any) -> None:
        """Describe a value, once if it is met again."""
        kind = type(value)
        if kind in PLAIN or isinstance(value, np.generic):
            self._tokens.append(f"{kind.__name__} {value!r}")
        elif isinstance(value, Nameable):
            self._refer(value)
            self._tokens.append(f"object {value.name}")
        elif isinstance(value, BY_IDENTITY) or id(value) in KNOWN:
            self._kept[id(value)] = value
            self._tokens.append(f"{kind.__name__} at {id(value)}")
        elif id(value) in self._seen:
            self._tokens.append(f"again {self._seen[id(value)]}")
        else:
            self._seen[id(value)] = len(self._seen)
            self._alive.append(value)
            self._describe(value, kind)

    def _describe(self, value: Any, kind: type) -> None:
        if isinstance(value, Variable) and isinstance(value.owner, Nameable) and value.owner.name != self._name:
            self._refer(value.owner)  # which describes it
            self._tokens.append(f"variable {value.owner.name}.{value.name}")
        elif isinstance(value, Device):
            self._tokens.append("the device")
        elif isinstance(value, BY_TEXT):
            self._tokens.append(f"{kind.__name__} {value!r}")
        elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
            dimensions = value.dim if isinstance(value, Quantity) else None
            self._tokens.append(f"{value.dtype} {dimensions!r} {self._digest(value)}")
        elif isinstance(value, set | frozenset):
            self._tokens.append(f"{kind.__name__} of {sorted(map(self._text, value))}")
        else:
            parts = _parts(value)
            if parts is None:  # it cannot be told from another
                self._kept[id(value)] = value
                parts = [id(value)]
            others = [place for place, part in enumerate(parts) if type(part) not in PLAIN]
            plain = [part for part in parts if type(part) in PLAIN]
            self._tokens.append(f"{kind.__module__}.{kind.__qualname__} of {plain!r} and {others}")
            for place in others:
                self._alive.append(parts[place])  # or another value could get its identity
                self._walk(parts[place])

    def _text(self, value: Any) -> str:
        """Return what is said of a member of a set, which has no order."""
        before = self._tokens, self._seen
        self._tokens, self._seen = [], dict(self._seen)
        self._walk(value)
        text = "\0".join(self._tokens)
        self._tokens, self._seen = before
        return text


def digest(values: np.ndarray | None) -> Any:
    """
    Return the hash of an array, or which one it is if it is large.

    Parameters
    ----------
    values : ndarray or None

    Returns
    -------
    tuple or None
    """
    if values is None:
        return None
    if values.nbytes >= LARGE:
        return values.shape, id(values)
    return values.shape, hashlib.blake2b(np.ascontiguousarray(values)).digest()


def _parts(value: Any) -> list[Any] | None:
    """Return what a value consists of, None if nobody can know."""
    kind = type(value)
    if kind in weakref.ProxyTypes:
        return [value.__repr__.__self__]
    if isinstance(value, weakref.ref):
        return [value()]
    if isinstance(value, list | tuple | deque):
        return list(value)
    if kind in (dict, defaultdict, types.MappingProxyType):
        return [getattr(value, "default_factory", None), *(part for item in value.items() for part in item)]
    if isinstance(value, np.ndarray):
        return [value.shape, value.tolist()]
    if isinstance(value, types.FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        return [value.__code__, value.__defaults__, value.__kwdefaults__, vars(value), cells]
    if isinstance(value, types.CodeType):
        return [value.co_code, value.co_consts, value.co_names, value.co_freevars, value.co_qualname]
    if isinstance(value, types.MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, CodeString):
        return [value.code]
    if isinstance(value, Equations):
        return [part for item in value.items() for part in item]
    if not hasattr(value, "__dict__"):
        return None
    left = IRRELEVANT | NUMBERS if isinstance(value, TimedArray) else IRRELEVANT
    items = [part for item in sorted(vars(value).items()) if item[0] not in left for part in item]
    if isinstance(value, TimedArray):
        items += [value.values.shape, value.values.dtype]
    return items + (list(value.items()) if isinstance(value, dict) else [])


def _noted(device: Any, files: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return what a device has noted of the arrays and the code of a network."""
    compiled = ("headers", "define_macros", "libraries", "extra_compile_args", "extra_link_args", "code_lines")
    return {
        "arrays": [
            sorted((name, np.dtype(variable.dtype).name, variable.size) for variable, name in device.arrays.items()),
            sorted(name for _, name in device.zero_arrays),
            sorted((name, start) for _, name, start in device.arange_arrays),
            [(name, values.dtype, values.shape) for name, values in device.static_arrays.items()],
            [(name, values.dtype) for name, values in files.items()],
        ],
        "initialisations": [(kind, _without_objects(given)) for kind, given in device.main_queue],
        "code": [_generated(item, device) for item in device.code_objects.values()],
        "preferences": [dict(prefs.prefs), [getattr(device, name) for name in compiled]],
    }


def _without_objects(given: Any) -> Any:
    """Return the arguments of an initialisation, with the name of a code object in its place."""
    return [item.name if isinstance(item, CodeObject) else item for item in given] if type(given) is tuple else given


def _generated(item: Any, device: Any) -> list[Any]:
    """Return the code that was generated for an initialisation, and the sizes and numbers that are put into it."""
    sizes = [
        (name, device.arrays.get(variable), getattr(variable, "size", None), getattr(variable, "dtype", None))
        if not isinstance(variable, Constant)
        else (name, variable.value)
        for name, variable in item.variables.items()
    ]
    return [item.name, item.code.cpp_file if hasattr(item.code, "cpp_file") else str(item.code), sizes]
