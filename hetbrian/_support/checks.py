"""Checks of arguments that many constructors share; each error is one sentence."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from brian2 import DimensionMismatchError, NetworkOperation, Quantity, second
from brian2.units.fundamentalunits import (
    DIMENSIONLESS,
    fail_for_dimension_mismatch,
    get_unit_for_display,
    have_same_dimensions,
)

if TYPE_CHECKING:
    Function = TypeVar("Function", bound=Callable[..., Any])

    def check_units(**units: Any) -> Callable[[Function], Function]:
        """Brian2's decorator, for type checkers, to whom its own would hide the signature."""
        ...
else:
    from brian2 import check_units as check_units


def finite(value: Any, name: str, unit: Quantity | None = None) -> float:
    """Return the one finite number `value` in SI units."""
    expected = "a number without unit" if unit is None else f"a quantity in {unit}"
    message = f"{name} is {{value}}, expected {expected}: check its unit."
    fail_for_dimension_mismatch(value, unit, message, value=value)
    if np.ndim(value) != 0 or not math.isfinite(value):
        raise ValueError(f"{name} is {value}, expected one finite number: check its value.")
    return float(value)


def check_dimensions(name: str, values: Any, dimensions: Any) -> None:
    """Refuse values of another unit."""
    if not have_same_dimensions(values, dimensions):
        raise DimensionMismatchError(
            f"{name} has the wrong unit, expected {get_unit_for_display(dimensions)}: multiply by it",
            getattr(values, "dim", DIMENSIONLESS),
            dimensions,
        )


def positive(value: Any, name: str, unit: Quantity | None = None) -> float:
    """Return the one finite number `value` > 0 in SI units."""
    number = finite(value, name, unit)
    if number <= 0:
        raise ValueError(f"{name} is {value}, expected more than 0: give a positive value.")
    return number


def count(value: int, name: str) -> None:
    """Refuse what is not an integer of at least 1."""
    if not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} is {value!r}, expected an integer of at least 1: give a positive count.")


def check_generator(rng: np.random.Generator) -> None:
    """Refuse any other source of randomness, such as a seed."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is {rng!r}, expected a numpy Generator: give numpy.random.default_rng(seed).")


def check_instance(value: Any, name: str, kind: type, advice: str) -> None:
    """Refuse what is not of a kind, such as a function that was not called."""
    if not isinstance(value, kind):
        shown = getattr(value, "__name__", None) or repr(value)
        raise TypeError(f"{name} is {shown}, expected a {kind.__name__}: {advice}.")


def choice(value: Any, name: str, known: Iterable[str]) -> Any:
    """
    Return a value that is among the known ones.

    Parameters
    ----------
    value : Any
        The choice.
    name : str
        What is chosen, for the error.
    known : iterable of str
        What can be chosen.

    Returns
    -------
    Any
        The value.

    Raises
    ------
    ValueError
        If it is none of them; the message says which one is near.

    Examples
    --------
    >>> choice("capped", "reset", ("residual", "capped"))
    'capped'
    """
    known = tuple(known)
    if value not in known:
        end = did_you_mean(value, known, "choose one of them")
        raise ValueError(f"{name} is {value!r}, expected {', '.join(map(str, known)) or 'none'}{end}")
    return value


def nearest(name: Any, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known name that is most like another one, None if none is alike enough."""
    return next(iter(difflib.get_close_matches(str(name), list(map(str, known)), n=1, cutoff=cutoff)), None)


def did_you_mean(name: Any, known: Iterable[str], advice: str = "check the spelling") -> str:
    """Return the end of an error about an unknown name: the nearest known one, or advice."""
    near = nearest(name, known)
    return f": {advice}." if near is None else f": did you mean {near!r}?"


def whole_steps(interval: Any, dt: Any, name: str, tolerance: float = 1e-6) -> int:
    """
    Return how many time steps an interval lasts.

    Parameters
    ----------
    interval, dt : Quantity [second], or float in seconds
        Interval and time step.
    name : str
        What the interval is called in the error.
    tolerance : float
        Largest relative rounding; the default is far above that of dt itself (1e-16).

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the interval is shorter than a step, no whole number of steps, or more of them than 32 bits can count.
    """
    ratio = float(interval) / float(dt)
    steps = round(ratio) if math.isfinite(ratio) else 0
    if steps >= 2**31:
        raise ValueError(
            f"{name} is {Quantity(float(interval), dim=second.dim)}, expected fewer than 2^31 time steps of "
            f"{Quantity(float(dt), dim=second.dim)}, which code can count: shorten it."
        )
    if steps < 1 or abs(ratio - steps) > tolerance * ratio:
        raise ValueError(
            f"{name} is {Quantity(float(interval), dim=second.dim)}, expected a multiple of the time step "
            f"{Quantity(float(dt), dim=second.dim)}: round it, or choose a dt that divides it."
        )
    return steps


def no_network_operations(network: Any, device: str) -> None:
    """Refuse a network operation, which standalone devices leave out of the program without a word."""
    for item in sorted(network, key=lambda item: item.name):
        if isinstance(item, NetworkOperation):
            raise NotImplementedError(
                f"the network holds the network operation {item.name!r}, which {device} ignores; expected "
                "Brian2 code: write it as run_regularly, or use the runtime device."
            )


ROUNDING = 1e-3
"""How much a period may change, relatively, to be a whole number of steps."""


def check_finite(name: str, values: Any, dtype: Any = float) -> np.ndarray:
    """Return the values as an array; NaN and infinity are refused by name."""
    values = np.asarray(values, dtype=dtype)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} has NaN or infinite entries, expected finite numbers; mask or repair them first")
    return values
