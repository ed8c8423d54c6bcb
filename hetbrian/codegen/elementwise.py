"""What our templates for C++ standalone ask about the code for one element that Brian2 generated."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

CALL = re.compile(r"\b(?!if\b)\w+\s*\(")
COMMENT = re.compile("//.*")
ARRAY = re.compile(r"\b(\w+)\[_idx\]")


def is_elementwise(code: str | Iterable[str], variables: Mapping[str, Any], indices: Mapping[str, str]) -> bool:
    """
    Return whether code for one element gives the same, bit for bit, in any order and in vectors.

    Not so if it calls a function, which may draw random numbers, or whose vector form rounds otherwise, nor if it
    divides, which in single precision does, nor if it reads another element.

    Parameters
    ----------
    code : str or iterable of str
        C++ that Brian2 generated.
    variables : dict of str
        Brian2's variables of it.
    indices : dict of str to str
        Their indices.

    Returns
    -------
    bool
    """
    text = COMMENT.sub("", _joined(code))
    return not CALL.search(text) and "/" not in text and all(indices[name] in ("_idx", "0") for name in variables)


def arrays_of(code: str | Iterable[str]) -> list[str]:
    """
    Return the arrays that code for one element reads or writes at this element.

    Parameters
    ----------
    code : str or iterable of str
        C++ that Brian2 generated.

    Returns
    -------
    list of str
    """
    return sorted(set(ARRAY.findall(_joined(code))))


def _joined(code: str | Iterable[str]) -> str:
    return code if isinstance(code, str) else "\n".join(code)
