"""What a model is called with, kept apart from the options of a run."""

import inspect
from collections.abc import Callable
from typing import Any

from hetbrian._support.checks import nearest

OPTION_LIKE = 0.8
"""Likeness from which a keyword is taken for a misspelt option; "reset" and "resume" have 0.73."""


def checked_parameters(
    model: Callable[..., Any], parameters: dict[str, Any], keywords: dict[str, Any], callers: tuple[Any, ...]
) -> dict[str, Any]:
    """
    Return what a model is called with; what could be an option of ours too has to stand in ``parameters``.

    Parameters
    ----------
    model : callable
        The model.
    parameters : dict
        Given as such.
    keywords : dict
        Given as keywords.
    callers : tuple of callable
        What has options of its own.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If a name is given twice, or may be that of an option or of a parameter.
    """
    options = {name for caller in callers for name in inspect.signature(caller).parameters} - {"keywords"}
    for name in sorted(parameters.keys() & keywords.keys()):
        raise ValueError(f"{name!r} is in parameters and a keyword too, expected one of them: leave out the keyword.")
    if "rng" in parameters.keys() | keywords.keys():
        raise ValueError("'rng' is what simulate gives the model itself, expected no other: give seed=... instead.")
    named = {item.name for item in inspect.signature(model).parameters.values() if item.kind is not item.VAR_KEYWORD}
    for name in sorted(options & named - parameters.keys()):
        raise ValueError(
            f"{name!r} is an option of simulate and a parameter of the model, expected to know which is meant: "
            f"give the model's as parameters={{{name!r}: ...}}, or rename it."
        )
    for name in sorted(keywords.keys() - named):
        near = nearest(name, options, OPTION_LIKE)
        if near is not None:
            raise ValueError(
                f"{name!r} is no option of simulate and no parameter that the model names, expected an option, or the "
                f"model's as parameters={{{name!r}: ...}}: did you mean {near!r}?"
            )
    return parameters | keywords
