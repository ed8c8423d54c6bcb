"""Values as text that is the same if and only if the values are, to know a sweep again."""

import enum
import functools
import re
import types
from collections import deque
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import xarray
from brian2 import Quantity
from brian2.units.fundamentalunits import get_unit

from hetbrian.network.distribution import Distribution, exact_repr
from hetbrian.network.reset import Reset
from hetbrian.study.transport import digest

SHORT = 8
"""Arrays of at most so many numbers are written out, longer ones as a hash."""

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), np.dtype)
_SEQUENCES = (list, tuple, set, frozenset, deque)


def exact(value: Any, name: str) -> str:
    """
    Return a parameter of a sweep as text; two values of the same text are the same to the last bit.

    Parameters
    ----------
    value : Any
        Numbers, strings, arrays, quantities, xarray objects, dataclasses, laws, reset rules, functions and classes at
        the top of a module, and containers of them.
    name : str
        What it is called, for the error.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If its text would not say what it is, as that of an object without ``__repr__``.

    Examples
    --------
    >>> from brian2 import pA
    >>> exact([0.1, 200 * pA], "gains"), exact(np.arange(3), "x"), exact(np.mean, "score")
    ('[0.1, 200.0 * pamp]', 'array([0, 1, 2], <i8)', 'numpy.mean')
    """
    if type(value) in _PLAIN or isinstance(value, np.dtype):
        return repr(value)
    if isinstance(value, Distribution):
        return repr(value)
    if isinstance(value, Reset):
        return repr(value) if value.mean is None else f"{value!r} of mean {_named(value.mean)}"
    if isinstance(value, enum.Enum):
        return f"{_named(type(value))}.{value.name}"
    if isinstance(value, Quantity | np.ndarray):
        return _array(value, name)
    if isinstance(value, xarray.DataArray | xarray.Dataset | xarray.Variable):
        return f"{type(value).__name__}({exact(value.to_dict(data='array'), name)})"
    if isinstance(value, np.generic):
        return repr(value)
    if (parts := _parts(value)) is not None:
        return _composed(type(value), parts, name)
    if isinstance(value, types.ModuleType | np.ufunc):
        return value.__name__
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType) or _is_wrapped(value):
        text = _named(value)
        if "<" in text:
            _refuse(name, f"{text}, expected a function or class at the top of a module: write it there with def.")
        return text
    if hasattr(type(value), "to_xarray"):  # a table of pandas
        return exact(value.to_xarray(), name)
    if hasattr(type(value), "__array__"):
        return f"{_named(type(value))}({exact(np.asarray(value), name)})"
    text = repr(value)
    if text.startswith("<") or re.search(r"\n|\.\.\.|\b0x[0-9a-fA-F]{4,}", text):
        _refuse(
            name,
            f"a {_named(type(value))}, whose text does not say what it holds, expected numbers, strings, arrays, "
            "quantities, dataclasses or functions: give the numbers that it is made from, and make it in the point.",
        )
    # what an object says of itself may leave out what it has learnt
    return _composed(type(value), vars(value), name) if getattr(value, "__dict__", None) else text


def _refuse(name: str, what: str) -> None:
    raise TypeError(f"{name} is {what}")


def _named(value: Any) -> str:
    """Return where a function or class is."""
    return f"{value.__module__}.{value.__qualname__}"


def _is_wrapped(value: Any) -> bool:
    """Return whether a function stands behind it, as behind those of numpy and of functools.cache."""
    return callable(value) and isinstance(getattr(value, "__wrapped__", None), types.FunctionType)


def _parts(value: Any) -> Any:
    """Return what a value consists of, as a dict or sequence; None if it is no container."""
    if isinstance(value, (Mapping, *_SEQUENCES)):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    if isinstance(value, types.SimpleNamespace):
        return vars(value)
    if isinstance(value, functools.partial):
        return {"func": value.func, "args": value.args, "keywords": value.keywords}
    owner = getattr(value, "__self__", None)
    if isinstance(value, types.MethodType | types.BuiltinMethodType) and not isinstance(
        owner, types.ModuleType | types.NoneType
    ):
        return {"name": value.__name__, "of": owner}
    return None


def _composed(kind: type, parts: Any, name: str) -> str:
    """Return the text of a container."""
    if isinstance(parts, Mapping):
        items = [f"{exact(key, name)}: {exact(item, f'{name}[{key!r}]')}" for key, item in parts.items()]
        text = f"{{{', '.join(items)}}}"
    else:
        items = [exact(item, f"{name}[{index}]") for index, item in enumerate(parts)]
        text = f"[{', '.join(sorted(items) if isinstance(parts, set | frozenset) else items)}]"
    return text if kind in (dict, list) else f"{kind.__name__ if kind in _SEQUENCES else _named(kind)}({text})"


def _array(value: Any, name: str) -> str:
    """Return the text of an array or quantity."""
    plain = np.asarray(value)
    is_quantity = isinstance(value, Quantity)
    if is_quantity and plain.shape == () and plain.dtype == float and np.isfinite(plain):
        return exact_repr(value)
    kind = plain.dtype.str if plain.dtype.names is None else repr(plain.dtype)
    if plain.dtype.hasobject:
        data = exact(plain.ravel().tolist(), name) + f", {plain.shape}"
    elif plain.size <= SHORT:
        data = f"{plain.tolist()!r}"
    else:
        data = f"of hash {digest(plain.tobytes())}, {plain.shape}"
    if not plain.size:
        data += f", {plain.shape}"
    masked = f", mask {exact(np.ma.getmaskarray(value), name)}" if isinstance(value, np.ma.MaskedArray) else ""
    return f"array({data}, {kind}{masked})" + (f" * {get_unit(value.dim)!r}" if is_quantity else "")
