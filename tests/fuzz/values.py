"""Malformed values, by what they are; what an argument is, is seen from a right value of it."""

import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, kelvin, mV, second
from hypothesis import strategies as st

KINDS = ("flag", "count", "number", "quantity", "array", "text", "mapping", "function", "path", "object", "unknown")


@dataclass(frozen=True, eq=False)
class Malformed:
    """A value and what is wrong with it."""

    tag: str
    value: Any

    def __repr__(self):
        try:
            text = repr(self.value)
        except Exception as error:  # a number of too many digits
            text = f"{type(self.value).__name__} ({type(error).__name__})"
        return f"{self.tag} {text[:200]}"


NUMBERS = {
    "nan": (np.nan, np.float32("nan")),
    "inf": (np.inf, -np.inf),
    "huge": (1e300, -1e300, 10**30, -(10**30), 2**63, 10**400),
    "negative": (-1, -0.5, -3.7, np.int64(-2)),
    "zero": (0, 0.0, -0.0),
    "fraction": (0.5, 1e-9, 1e-300, 5e-324),
}

OTHERS = {
    "none": (None,),
    "text": ("", "a", "1", "nan", "no", "\0", "x" * 500, "ä b", "a\nb"),
    "bytes": (b"", b"1"),
    "bool": (True, False, np.True_),
    "complex": (1j, np.complex128(1 + 2j), np.array([1j, 2.0])),
    "object": (
        object(),
        np.array([None, 1], dtype=object),
        np.array(object()),
        [[1], [1, 2]],
        [None],
        {1, 2},
        np.datetime64("2020"),
        np.array(["a", "b"]),
        NotImplemented,
        int,
        print,
        range(3),
        {"a": object()},
    ),
    "empty": ([], (), {}, np.empty(0), np.empty((0, 3)), set()),
    "shape": (np.ones((2, 2, 2)), [1.0, 2.0], np.ones(1000), [[1.0]], np.ones((1, 7))),
}

WITH_UNIT = (3 * kelvin, 1e-3 * mV * second, [1, 2] * kelvin, 1j * kelvin)

NEVER_A_NUMBER = {"none", "text", "bytes", "complex", "object", "empty", "shape", "unit", "nan"}

FORBIDDEN = {
    "flag": {*NEVER_A_NUMBER, "inf", "huge", "negative", "fraction"},
    "count": {*NEVER_A_NUMBER, "inf", "fraction"},
    "number": NEVER_A_NUMBER,
    "quantity": {*NEVER_A_NUMBER, "plain"},
    "array": {"none", "text", "bytes", "complex", "object", "unit"},
    "text": {*NEVER_A_NUMBER, *NUMBERS, "bool"} - {"text"},
    "mapping": {*NEVER_A_NUMBER, *NUMBERS, "bool"} - {"empty"},
    "function": {*NEVER_A_NUMBER, *NUMBERS, "bool"} - {"object"},
    "path": {*NEVER_A_NUMBER, *NUMBERS, "bool"} - {"text"},
    "object": {*NEVER_A_NUMBER, *NUMBERS, "bool"},
    "unknown": {"complex", "object"},
}
"""What an argument of each kind must refuse; what else is taken must give a result that is sound."""


def kind_of(value):
    """Return which of `KINDS` an argument is, from a right value of it."""
    if value is None:
        return "unknown"
    if isinstance(value, (bool, np.bool_)):
        return "flag"
    if isinstance(value, Quantity) and value.ndim == 0:
        return "quantity"
    if isinstance(value, (int, np.integer)):
        return "count"
    if isinstance(value, numbers.Real):
        return "number"
    if hasattr(value, "__fspath__"):
        return "path"
    if isinstance(value, str):
        return "text"
    if isinstance(value, np.ndarray) or (
        isinstance(value, (list, tuple, range)) and value and all(isinstance(item, numbers.Real) for item in value)
    ):
        return "array"
    if isinstance(value, Mapping):
        return "mapping"
    if isinstance(value, (list, tuple)):
        return "unknown"
    return "function" if callable(value) and not hasattr(value, "parameters") else "object"


def tagged(table):
    """Return the values of a table."""
    return [Malformed(tag, value) for tag, values in table.items() for value in values]


def arrays_like(value):
    """Return arrays that are wrong somewhere, in the shape and unit of a right one."""
    right = np.array(value, dtype=float)
    found = []
    for tag, wrong in (("nan", np.nan), ("inf", -np.inf), ("huge", 1e300), ("negative", -1.0), ("fraction", 0.3)):
        array = right.copy()
        array.flat[-1:] = wrong
        found.append((tag, array))
    found += [("shape", right[..., :-1] if right.ndim else right), ("shape", right[None]), ("shape", right.T)]
    found += [("shape", np.concatenate([right, right]) if right.ndim else right), ("zero", np.zeros_like(right))]
    dim = getattr(value, "dim", None)
    return [Malformed(tag, array if dim is None else Quantity(array, dim=dim)) for tag, array in found]


def malformed(value):
    """Return a strategy of values for an argument of which a right value is known."""
    kind, dim = kind_of(value), getattr(value, "dim", None)
    fixed = [*tagged(OTHERS), *(Malformed("unit", item) for item in WITH_UNIT)]
    drawn = st.one_of(
        st.floats(allow_nan=False, allow_infinity=False, width=32),
        st.integers(-300, 300),
        st.integers(2**31, 2**33),  # between these a call may honestly take hours, or all memory
    )
    if kind in ("quantity",) or (kind == "array" and dim is not None):
        fixed += [Malformed(item.tag, Quantity(float(item.value), dim=dim)) for item in _floats()]
        fixed += [
            Malformed("plain", item.value) for item in _floats() if np.isfinite(float(item.value)) and item.value != 0
        ]
        random = st.floats(-9, 9).map(lambda factor: Malformed("random", value * factor))
    else:
        fixed += tagged(NUMBERS)
        random = drawn.map(lambda number: Malformed("random", number))
    if kind == "array":
        fixed += arrays_like(value)
    strategies = [st.sampled_from(fixed), random, st.text(max_size=6).map(lambda text: Malformed("text", text))]
    if kind == "array":
        strategies.append(st.sampled_from(arrays_like(value)))
    return st.one_of(*strategies)


def _floats():
    """Return those malformed numbers that fit into a float."""
    return [item for item in tagged(NUMBERS) if not isinstance(item.value, int) or abs(item.value) < 2**1000]
