"""Options of protocols: words of the command line as numbers, quantities and texts."""

import ast
import contextlib
import dataclasses
import functools
import inspect
import operator
import pydoc
import re
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import DEFAULT_UNITS, Quantity
from brian2.units.fundamentalunits import DimensionMismatchError, have_same_dimensions

from hetbrian._support.checks import did_you_mean, shown

CHANGEABLE = (int, float, str, Quantity)
"""Kinds of settings that have an option."""


NO_VALUE = (
    SyntaxError,
    ValueError,
    KeyError,
    TypeError,
    ArithmeticError,
    MemoryError,
    RecursionError,
    DimensionMismatchError,
)
"""Errors of a text that is no value."""

LARGEST_BITS = 1024
"""Bits of a whole number that is computed: a float has no larger one."""


def parse_value(name: str, text: str, default: Any) -> Any:
    """
    Return the value of an option, of the same kind and unit as its default.

    Parameters
    ----------
    name, text : str
        The option and what was typed, e.g. ``recurrent_gain`` and ``2000*pA``.
    default : Any
        The default value; strings take the text as it is, None too unless it is a quantity as ``3.9*kHz``, several
        strings are divided by commas.

    Returns
    -------
    Any

    Raises
    ------
    ValueError
        If the text is no such value.
    DimensionMismatchError
        If it has another unit.
    """
    if default is None and re.match(r"[\d.(][^/]*\*", text):
        with contextlib.suppress(*NO_VALUE):
            value = _evaluate(ast.parse(text, mode="eval").body)
            is_real = isinstance(value, Quantity) and not np.iscomplexobj(value) and np.all(np.isfinite(value))
            return value if is_real else text
    if default is None or isinstance(default, (str, Path)):
        return text
    if isinstance(default, (tuple, list)) and default and all(isinstance(item, str) for item in default):
        return tuple(item.strip() for item in text.split(",") if item.strip())
    try:
        value = _evaluate(ast.parse(text, mode="eval").body)
        is_deep = np.ndim(value) > np.ndim(np.asarray(default, dtype=object))
        if isinstance(value, str) or is_deep or np.iscomplexobj(value) or not np.all(np.isfinite(value)):
            raise ValueError("no finite number")
    except NO_VALUE as error:
        raise ValueError(
            f"{name} is {shown(text)}, expected a value like {default!r}: write numbers and units, e.g. 2000*pA."
        ) from error
    several = isinstance(default, (tuple, list))
    items = tuple(value) if np.ndim(value) else (value,)
    if not isinstance(default[0] if several and default else default, bool):
        for item in items:
            if isinstance(item, bool):
                raise ValueError(f"{name} is {brief(text)}, expected a number like {default!r}: write one, not {item}.")
    if not all(have_same_dimensions(item, like) for item in items for like in (default[:1] if several else [default])):
        raise DimensionMismatchError(
            f"{name} is {brief(text)}, expected the unit of {default!r}: multiply by it",
            getattr(value, "dim", Quantity(1).dim),
            getattr(default, "dim", Quantity(1).dim),
        )
    if several:
        return items
    if isinstance(default, bool):
        if value not in (0, 1):
            raise ValueError(f"{name} is {brief(text)}, expected True or False: give one of them.")
        return bool(value)
    if isinstance(default, int) and not float(value).is_integer():
        raise ValueError(f"{name} is {brief(text)}, expected a whole number like {default}: round it.")
    return int(value) if isinstance(default, int) else value


def options(module: Any, small: bool = False, seed: int | None = None, settings: Iterable[str] = ()) -> dict[str, Any]:
    """
    Return the arguments of a protocol's ``compute``.

    Parameters
    ----------
    module : module
        The protocol.
    small : bool
        Whether to start from its ``SMALL`` size.
    seed : int, optional
        Its ``seed``.
    settings : iterable of str
        ``name=value`` texts.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If there is no such option or the text is no value of it.
    """
    known = _parameters(module)
    chosen: dict[str, Any] = {}
    if small:
        chosen.update(_small(module, known))
    given = dict(split_setting(setting) for setting in settings)
    if seed is not None:
        given["seed"] = str(seed)
    for name, text in given.items():
        if name not in known:
            raise ValueError(
                f"{shown(name)} is no option of {module.__name__}, expected one of {', '.join(known)}"
                f"{did_you_mean(name, known)}"
            )
        default = known[name].default
        chosen[name] = parse_value(name, text, None if default is inspect.Parameter.empty else default)
    missing = [
        name for name, parameter in known.items() if parameter.default is inspect.Parameter.empty and name not in chosen
    ]
    if missing:
        raise ValueError(f"{module.__name__} needs {missing[0]}, expected a value for it: add --{missing[0]} VALUE.")
    return chosen


def _parameters(module):
    """Return the parameters of ``compute`` by name; ``**others`` have none and are no options."""
    try:
        found = inspect.signature(module.compute).parameters
    except (TypeError, ValueError):  # written in C, or without room for the rng of a model
        found = None
    kinds = inspect.Parameter
    if found is None or any(item.kind == kinds.POSITIONAL_ONLY for item in found.values()):
        raise ValueError(
            f"the function of {module.__name__} has arguments without a name, expected compute(n=1), or model(rng, n=1)"
            " of a network: define it so."
        )
    return {name: item for name, item in found.items() if item.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)}


def _small(module, known):
    """Return the values of the small size."""
    if not hasattr(module, "SMALL"):
        raise ValueError(f"{module.__name__} has no small size, expected a dict SMALL in it: leave --small out.")
    if not isinstance(module.SMALL, dict) or not module.SMALL.keys() <= known.keys():
        raise ValueError(
            f"SMALL of {module.__name__} is {shown(module.SMALL)}, expected a dict of values for {', '.join(known)}: "
            "correct it."
        )
    return module.SMALL


def described(module: Any) -> list[tuple[str, str, str, str]]:
    """
    Return what a protocol's options are.

    Parameters
    ----------
    module : module
        The protocol.

    Returns
    -------
    list of (str, str, str, str)
        Of each parameter of ``compute`` its name, its default, its value of the small size, and what its docstring
        says; empty where there is nothing to say.
    """
    parameters = _parameters(module)
    texts, small = _documented(module.compute), _small(module, parameters) if hasattr(module, "SMALL") else {}
    return [
        (
            name,
            "" if parameter.default is inspect.Parameter.empty else written(parameter.default),
            written(small[name]) if name in small else "",
            texts.get(name, ""),
        )
        for name, parameter in parameters.items()
    ]


def described_settings(*settings: Any, without: Iterable[str] = ()) -> list[tuple[str, str, str, str]]:
    """
    Return what the settings of dataclasses are that `changed` can change, as `described` does.

    Parameters
    ----------
    *settings : dataclass
    without : iterable of str
        Names that have no option but in the first.

    Returns
    -------
    list of (str, str, str, str)
    """
    return [
        (name, written(getattr(part, name)), "", _documented(type(part)).get(name, ""))
        for number, part in enumerate(settings)
        for name in changeable(part, without if number else ())
    ]


def changeable(settings: Any, without: Iterable[str] = ()) -> list[str]:
    """
    Return which settings of a dataclass have an option: numbers, quantities and texts, also where they are None so far.

    Parameters
    ----------
    settings : dataclass
    without : iterable of str
        Names that have none.

    Returns
    -------
    list of str
    """
    kinds = typing.get_type_hints(type(settings))
    return [
        item.name
        for item in dataclasses.fields(settings)
        if item.name not in without
        and (
            isinstance(value := getattr(settings, item.name), CHANGEABLE)
            or (value is None and set(typing.get_args(kinds[item.name])) & {float, Quantity})
        )
    ]


def written(value):
    """Return a default as it would be typed, quantities in the unit in which they are shortest."""
    if value is None:
        return ""
    if isinstance(value, Quantity):
        unit = value.get_best_unit()
        name = str(unit) if str(unit) in DEFAULT_UNITS else unit.name  # "s" is none
        numbers = [f"{number:g}" for number in np.ravel(value / unit)]
        return f"({','.join(numbers)})*{name}" if np.ndim(value) else f"{numbers[0]}*{name}"
    return ",".join(map(written, value)) if isinstance(value, (tuple, list)) else str(value)


def brief(text):
    """Return a text as it was typed, if it is not endless."""
    return text if len(text) <= 80 else f"{text[:77]}..."


def _documented(item, known=()):
    """Return type and description of parameters by name, from a docstring in the manner of numpydoc.

    Where it says ``See `hetbrian.x.y``` only, that is looked up there; ``known`` are those on the way.
    """
    while isinstance(item, functools.partial):
        item = item.func
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-+\n|\Z)", inspect.getdoc(item) or "", re.M | re.S)
    found = {}
    for item in re.finditer(r"^(\S[^\n]*)\n?((?:[ ]+[^\n]*\n?|\n)*)", section[1] if section else "", re.M):
        names, _, kind = (part.strip() for part in item[1].partition(" : "))
        text = " ".join(item[2].split())
        elsewhere = re.match(r"(?:Of|See) `(hetbrian\.[\w.]+)`", text)
        there = {}
        if elsewhere and elsewhere[1] not in known:
            there = _documented(pydoc.locate(elsewhere[1]), (*known, elsewhere[1]))
        for name in names.split(","):
            own = f"{text} ({kind})" if text and kind else text or kind
            found[name.strip()] = there.get(name.strip(), own)
    return found


def changed(settings: Any, texts: dict[str, str], without: Iterable[str] = ()) -> Any:
    """
    Return settings with the values that texts give, and take these texts away.

    Parameters
    ----------
    settings : dataclass
        With numbers, quantities and strings, see `changeable`.
    texts : dict of str to str
        What was typed, by name.
    without : iterable of str
        Names whose texts stay.

    Returns
    -------
    dataclass

    Raises
    ------
    ValueError
        If a value does not fit.
    """
    changes = {}
    for name in changeable(settings, without):
        if name in texts:
            default, text = getattr(settings, name), texts.pop(name)
            value = parse_value(name, text, default)
            is_text = default is None and isinstance(value, str)  # no quantity, so a number
            changes[name] = parse_value(name, text, 1.0) if is_text else value
    try:
        return dataclasses.replace(settings, **changes)
    except TypeError as error:  # whatever was typed is text, and a value that does not fit
        raise ValueError(str(error)) from error


def listed(names: str) -> tuple[str, ...]:
    """
    Return names that are divided by commas.

    Parameters
    ----------
    names : str
        As ``theo, lucas``; empty for none.

    Returns
    -------
    tuple of str
    """
    return tuple(name.strip() for name in names.split(",") if name.strip())


def no_more(texts: dict[str, str], *settings: Any, without: Iterable[str] = ()) -> None:
    """
    Refuse texts that `changed` has left.

    Parameters
    ----------
    texts : dict of str to str
        What was typed, by name.
    *settings : dataclass
        Where they could belong.
    without : iterable of str
        See `described_settings`.

    Raises
    ------
    ValueError
        If there is one; the message says which settings there are.
    """
    for name in texts:
        known = [setting for setting, *_ in described_settings(*settings, without=without)]
        raise ValueError(f"{shown(name)} is no setting, expected one of {', '.join(known)}{did_you_mean(name, known)}")


def split_setting(setting: str) -> tuple[str, str]:
    """Return name and value of ``name=value``."""
    name, equals, value = setting.partition("=")
    if not equals or not name:
        raise ValueError(f"--set got {shown(setting)}, expected name=value: write --set seed=3, say.")
    return name.strip().replace("-", "_"), value.strip()


def extra_settings(arguments: Iterable[str]) -> list[str]:
    """Return ``--name value`` and ``--name=value`` arguments as ``name=value`` texts."""
    settings, rest = [], list(arguments)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("--"):
            raise ValueError(
                f"{shown(argument)} is not expected here, expected --NAME VALUE: put -- names before values."
            )
        if "=" in argument:
            settings.append(argument[2:])
        elif rest:
            settings.append(f"{argument[2:]}={rest.pop(0)}")
        else:
            raise ValueError(f"{brief(argument)} has no value, expected {brief(argument)} VALUE: give one.")
    return settings


def _evaluate(node):
    """Return the value of an expression of numbers, units, * / ** + - and sequences; nothing else runs."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float, bool, str)):
        return node.value
    if isinstance(node, ast.Name):
        return DEFAULT_UNITS[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_evaluate(node.operand)
    if isinstance(node, ast.BinOp):
        return _combined(OPERATIONS[type(node.op)], _evaluate(node.left), _evaluate(node.right))
    if isinstance(node, (ast.Tuple, ast.List)):
        return tuple(_evaluate(item) for item in node.elts)
    raise TypeError(ast.dump(node))


OPERATIONS = {
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
}


def _combined(operation, left, right):
    """Return the result of an operation; whole numbers that no float can hold are not computed, nor texts."""
    left, right = _operand(left), _operand(right)
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * abs(right) if operation is operator.pow else left.bit_length() + right.bit_length()
        if bits > LARGEST_BITS and abs(left) > 1:
            raise OverflowError(f"more than {LARGEST_BITS} bits")
    return operation(left, right)


def _operand(value):
    """Return what is computed with: a number, or the array of several, with their unit."""
    if isinstance(value, str) or (isinstance(value, tuple) and any(isinstance(item, (str, tuple)) for item in value)):
        raise TypeError("a text, or several in several")
    if isinstance(value, tuple):
        return Quantity(list(value)) if any(isinstance(item, Quantity) for item in value) else np.asarray(value)
    return value
