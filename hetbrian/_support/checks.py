"""Checks of arguments that many constructors share; each error is one sentence."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterable, Sequence
from numbers import Real
from os import PathLike
from typing import Any

import numpy as np
from brian2 import DimensionMismatchError, NetworkOperation, Quantity, second
from brian2.units.fundamentalunits import (
    DIMENSIONLESS,
    fail_for_dimension_mismatch,
    get_unit_for_display,
    have_same_dimensions,
)

LARGEST_COUNT = 2**31 - 1
"""Largest number of neurons, samples or steps, which code that is generated counts with 32 bits."""


def shown(value: Any) -> str:
    """Return a value on one line, and short, for an error."""
    try:
        text = str(value) if isinstance(value, (Quantity, np.generic, float)) else repr(value)
    except Exception as error:  # whatever a user's object raises
        text = f"a {type(value).__name__} that cannot be written ({type(error).__name__})"
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def is_number(value: Any) -> bool:
    """Return whether a value is one real number that a float can hold, with or without unit; True is none."""
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind in "iuf"
    if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
        return False
    try:
        float(value)
    except OverflowError:  # an integer of hundreds of digits
        return False
    return True


def check_unit(value: Any, name: str, unit: Quantity | None = None) -> None:
    """Refuse numbers in another unit; 0, infinity and NaN go with any, as elsewhere in Brian2."""
    try:
        fail_for_dimension_mismatch(value, unit)
    except DimensionMismatchError as error:
        expected = "a number without unit" if unit is None else f"a quantity in {unit}"
        text = f"{name} is {shown(value)}, expected {expected}: check its unit."
        raise DimensionMismatchError(text, *error.dims) from None


def finite(value: Any, name: str, unit: Quantity | None = None) -> float:
    """Return the one finite number `value` in SI units."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        check_unit(value, name, unit)
    if not is_number(value):
        is_value = isinstance(value, (Sequence, np.ndarray, Real)) and not isinstance(value, (str, bytes, bool))
        raise (ValueError if is_value else TypeError)(_not_finite(value, name))
    check_unit(value, name, unit)
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(_not_finite(value, name))
    return number


def _not_finite(value: Any, name: str) -> str:
    return f"{name} is {shown(value)}, expected one finite number: check its value."


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
        raise ValueError(f"{name} is {shown(value)}, expected more than 0: give a positive value.")
    return number


def not_negative(value: Any, name: str, unit: Quantity | None = None) -> float:
    """Return the one finite number `value` >= 0 in SI units."""
    number = finite(value, name, unit)
    if number < 0:
        raise ValueError(f"{name} is {shown(value)}, expected 0 or more: give no negative value.")
    return number


def whole(value: Any, name: str, least: int = -LARGEST_COUNT, most: int = LARGEST_COUNT) -> None:
    """Refuse what is not an integer from `least` to `most`."""
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_integer or not least <= value <= most:
        raise ValueError(f"{name} is {shown(value)}, expected an integer from {least} to {most}: round or limit it.")


def stream_seed(value: Any, name: str) -> None:
    """Refuse what is no root of random streams."""
    whole(value, name, 0, 2**32 - 1)


def count(value: Any, name: str) -> None:
    """Refuse what is not an integer of at least 1, or more than code can count."""
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_integer or value < 1:
        raise ValueError(f"{name} is {shown(value)}, expected an integer of at least 1: give a positive count.")
    if value > LARGEST_COUNT:
        raise ValueError(f"{name} is {shown(value)}, expected at most {LARGEST_COUNT}: give a smaller count.")


def network_size(group: Any, networks: int) -> int:
    """Return how many neurons each network of a group has, which has one network after the other, all as large."""
    if len(group) % networks:
        raise ValueError(
            f"{group.name} has {len(group)} neurons of {networks} networks, expected as many in each: build all "
            "with the same size, one after the other."
        )
    return len(group) // networks


def generator(rng: Any, name: str = "rng") -> None:
    """Refuse any other source of randomness, such as a seed."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"{name} is {shown(rng)}, expected a numpy Generator: give numpy.random.default_rng(seed).")


def instance(value: Any, name: str, kind: Any, advice: str = "give one") -> None:
    """Refuse what is not of a kind, or of one of several, such as a function that was not called."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds):
        given = getattr(value, "__name__", None) if callable(value) else None
        expected = " or ".join(item.__name__ for item in kinds)
        raise TypeError(f"{name} is {given or shown(value)}, expected a {expected}: {advice}.")


def returned(value: Any, kinds: Any, function: str, expected: str, advice: str = "return that") -> Any:
    """Return what a function of the user returned, or refuse it if it is of no such kind."""
    if not isinstance(value, kinds):
        raise TypeError(f"{function} returned {shown(value)}, expected {expected}: {advice}.")
    return value


def flag(value: Any, name: str) -> None:
    """Refuse what is neither True nor False, as the text "no", which Python takes for true."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {shown(value)}, expected True or False: give one of them.")


def text(value: Any, name: str) -> None:
    """Refuse what is no text."""
    instance(value, name, str, "put it in quotes")


def object_name(value: Any, name: str) -> None:
    """Refuse what Brian2 takes for no name of an object: letters, digits and _, and * at the end for a free number."""
    if not isinstance(value, str) or not value.removesuffix("*").isidentifier() or not value.isascii():
        raise ValueError(f"{name} is {shown(value)}, expected a name of letters, digits and _: choose another.")


def file_path(value: Any, name: str) -> None:
    """Refuse what cannot be the name of a file or folder."""
    given = os.fspath(value) if isinstance(value, PathLike) else value
    if not isinstance(given, str) or not given or "\0" in given:
        raise TypeError(f"{name} is {shown(value)}, expected the name of a file or folder: give it as text or Path.")


def function(value: Any, name: str) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise TypeError(f"{name} is {shown(value)}, expected a function: give one, not what it returns.")


def numbers(
    value: Any,
    name: str,
    unit: Quantity | None = None,
    ndim: tuple[int, ...] | None = None,
    dtype: Any = float,
    may_be_infinite: bool = False,
    least: int = 0,
    any_unit: bool = False,
) -> np.ndarray:
    """
    Return real numbers as an array, in SI units; anything else is refused by name.

    Parameters
    ----------
    value : array_like
        The numbers.
    name : str
        What they are called.
    unit : Quantity, optional
        Their unit; by default they have none.
    ndim : tuple of int, optional
        How many axes they may have.
    dtype : dtype, optional
        Of the array; None keeps that of the numbers.
    may_be_infinite : bool
        Whether NaN and infinity are taken too.
    least : int
        How many numbers there are at least.
    any_unit : bool
        Whether they may have any unit.

    Returns
    -------
    ndarray

    Raises
    ------
    TypeError
        If they are no real numbers.
    ValueError
        If they do not form an array, have other axes, are too few, or one is not finite.
    DimensionMismatchError
        If they have another unit.
    """
    try:
        array = np.asarray(value)
    except Exception:  # numpy raises what it meets in sequences of unequal length, and in objects of a user
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} is {shown(value)}, expected real numbers: give an array of them.")
    no_mask(value, name)
    if not any_unit:
        check_unit(value, name, unit)
    if ndim is not None and array.ndim not in ndim:
        axes = " or ".join(map(str, ndim))
        raise ValueError(f"{name} has the shape {array.shape}, expected {axes} axes: reshape it.")
    if array.size < least:
        raise ValueError(f"{name} has {array.size} numbers, expected at least {least}: give more.")
    array = array.astype(dtype, copy=False) if dtype is not None else array
    if not may_be_infinite and not np.isfinite(array).all():
        raise ValueError(f"{name} has NaN or infinite entries, expected finite numbers: leave them out or repair them.")
    return array


def no_mask(value: Any, name: str) -> None:
    """Refuse an array with masked entries: numpy would take what lies below the mask."""
    if np.ma.is_masked(value):
        raise ValueError(f"{name} has masked entries, expected numbers alone: leave those out, or fill them.")


def integers(value: Any, name: str) -> np.ndarray:
    """Return whole numbers as an array; the empty sequence is one too."""
    array = numbers(value, name, dtype=None)
    if array.dtype.kind == "f" and not (array == np.floor(array)).all():
        raise ValueError(f"{name} is {shown(value)}, expected whole numbers: round them.")
    return array.astype(int)


def check_broadcast(**arrays: Any) -> None:
    """Refuse arrays whose shapes do not go together."""
    try:
        np.broadcast_shapes(*(np.shape(array) for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {np.shape(array)}" for name, array in arrays.items())
        raise ValueError(f"the shapes are {shapes}, expected shapes that go together: give as many of each.") from None


def few_enough(number: float, name: str) -> int:
    """Return how many values an argument makes, rounded; refuse more than code can count."""
    if not number <= LARGEST_COUNT:
        raise ValueError(f"{name} makes {number:.3g} values, expected at most {LARGEST_COUNT}: give another.")
    return round(number)


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
    if not isinstance(value, str) or value not in known:
        end = did_you_mean(value, known, "choose one of them")
        raise ValueError(f"{name} is {shown(value)}, expected {', '.join(map(str, known)) or 'none'}{end}")
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
