"""What the arguments of a function may be: declared above it, checked before it runs."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from brian2 import DimensionMismatchError, Quantity

from hetbrian._support.checks import choice, did_you_mean, finite, instance, numbers, shown

Target = TypeVar("Target", bound=Callable[..., Any])

Rule = Callable[[Any, str], Any]
"""Refuses a value by the name of its argument, as those of `hetbrian._support.checks` do."""


def checked(**rules: Rule) -> Callable[[Target], Target]:
    """
    Return a decorator that lets each argument pass its rule before a function or a constructor runs.

    A default passes unseen: None stands for "not given" where it is the default, and is refused elsewhere. The
    arguments reach the function as they were given. An argument that collects others, as ``**changes``, has no rule.

    Parameters
    ----------
    **rules : callable
        For each argument a function of its value and name, which raises one sentence.

    Returns
    -------
    callable

    Examples
    --------
    >>> from hetbrian._support.checks import count, positive
    >>> @checked(n=count, width=positive)
    ... def mean_width(n, width=None):
    ...     return None if width is None else width / n
    >>> mean_width(2, 3), mean_width(2)
    (1.5, None)
    >>> mean_width(2, -3.0)
    Traceback (most recent call last):
    ...
    ValueError: width is -3.0, expected more than 0: give a positive value.
    """

    def decorated(target: Any) -> Any:
        if inspect.isclass(target):
            target.__init__ = decorated(target.__init__)  # type: ignore[method-assign]
            return target
        signature = inspect.signature(target)
        defaults = {name: signature.parameters[name].default for name in rules}  # KeyError: a rule without argument

        @functools.wraps(target)
        def call(*arguments: Any, **keywords: Any) -> Any:
            try:
                given = signature.bind(*arguments, **keywords).arguments
            except TypeError as error:
                raise TypeError(_unbound(target, signature, arguments, keywords, error)) from None
            for name, rule in rules.items():
                if name in given and given[name] is not defaults[name]:
                    rule(given[name], name)
            return target(*arguments, **keywords)

        call.rules = rules  # type: ignore[attr-defined]
        return call

    return decorated


def _unbound(
    target: Any, signature: inspect.Signature, arguments: tuple[Any, ...], keywords: dict[str, Any], error: TypeError
) -> str:
    """Return one sentence on arguments that do not fit a function: which, what it takes, and what to change."""
    items = list(signature.parameters.values())
    items = items[1:] if items and items[0].name in ("self", "cls") else items
    arguments = arguments[len(signature.parameters) - len(items) :]
    name = target.__qualname__.removesuffix(".__init__").rpartition("<locals>.")[2]
    words = [*map(shown, arguments), *(f"{key}={shown(value)}" for key, value in keywords.items())]
    given = ", ".join(words) if len(words) < 9 else f"{', '.join(words[:8])}, ..."
    bare = [item.replace(annotation=item.empty, default=item.empty) for item in items]
    usage = str(signature.replace(parameters=bare, return_annotation=signature.empty))
    unknown = next((key for key in keywords if key not in signature.parameters), None)
    advice = (
        ": give each once, and those after * by name."
        if unknown is None
        else did_you_mean(unknown, signature.parameters)
    )
    said = re.sub(r"^missing a required (.*)argument:", r"no \1argument", str(error).removeprefix("got "))
    return f"{name}({given}) is a call with {said}, expected {name}{usage}{advice}"


def optional(rule: Rule) -> Rule:
    """Return a rule that lets None pass too, where it is no default."""

    def check(value: Any, name: str) -> None:
        if value is not None:
            rule(value, name)

    return check


def either(*rules: Rule) -> Rule:
    """Return a rule that lets a value pass if one of several does; the last one speaks for all."""

    def check(value: Any, name: str) -> None:
        for rule in rules[:-1]:
            try:
                rule(value, name)
            except (ValueError, TypeError, ArithmeticError, DimensionMismatchError):
                continue
            return
        rules[-1](value, name)

    return check


def quantity(unit: Quantity, check: Callable[..., Any] = finite) -> Rule:
    """Return a rule for one number in a unit, that is `finite`, `positive` or `not_negative`, say."""
    return functools.partial(check, unit=unit)


def array(unit: Quantity | None = None, *ndim: int, **options: Any) -> Rule:
    """Return a rule for an array of real numbers with so many axes; see `hetbrian._support.checks.numbers`."""
    return functools.partial(numbers, unit=unit, ndim=ndim or None, **options)


def one_of(*known: str) -> Rule:
    """Return a rule for one of several words."""
    return functools.partial(choice, known=known)


def of(*kinds: type, advice: str = "give one") -> Rule:
    """Return a rule for what is an instance of a class, or of one of several."""
    return functools.partial(instance, kind=kinds, advice=advice)


def texts(expected: str) -> Rule:
    """Return a rule for a sequence of texts; ``expected`` ends the error: what they are, and how to write them."""

    def check(value: Any, name: str) -> None:
        is_several = isinstance(value, Sequence) and not isinstance(value, str)
        if not is_several or not all(isinstance(item, str) for item in value):
            raise TypeError(f"{name} is {shown(value)}, expected {expected}.")

    return check
