"""Checkpoints of a training, read as data only, and refused if they hold what no training writes."""

import zipfile
from collections.abc import Iterator, Mapping
from os import PathLike, fspath
from typing import Any

from hetbrian._support.checks import is_number, shown
from hetbrian._support.files import check_regular
from hetbrian._support.optional import torch

WHAT = "a checkpoint of training"


def read(path: str | PathLike[str], map_location: Any = "cpu", has: str = "state_dict") -> dict[str, Any]:
    """
    Return what a checkpoint holds; no code in it runs.

    Parameters
    ----------
    path : path-like
        The file.
    map_location : optional
        Where its tensors go, see `torch.load`.
    has : str
        An entry that it must have; that of the best epoch has no ``callbacks``.

    Returns
    -------
    dict

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, or another kind of file.
    """
    check_regular(path, WHAT)
    try:
        with zipfile.ZipFile(path) as archive:  # torch looks at no checksum
            if archive.testzip() is not None:
                raise ValueError("damaged")
        found = torch.load(path, map_location=map_location, weights_only=True)
        if not isinstance(found[has], Mapping):
            raise KeyError(has)
        return found
    except Exception as error:  # torch raises whatever it meets in a damaged file
        raise ValueError(
            f"{fspath(path)!r} is no checkpoint, expected one that training wrote: remove it to start again."
        ) from error


def check(path: str | PathLike[str], found: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """
    Refuse a checkpoint whose tensors are not those of a network, or not finite.

    Parameters
    ----------
    path : path-like
        The file.
    found : dict
        What `read` returned.
    own : dict of str to Tensor
        ``state_dict()`` of the network.

    Raises
    ------
    ValueError
        If that is so; the message names the tensor.
    """
    kept = found["state_dict"]
    for name in sorted({*own, *kept}):
        there, here = (_form(tensors[name]) if name in tensors else "none" for tensors in (kept, own))
        if there != here:
            raise _damaged(path, f"has {there} for {name}", here)
        is_finite = torch.isfinite(kept[name]) | ~torch.isfinite(own[name].to(kept[name].device))  # as a bound
        if not is_finite.all():
            raise _damaged(path, f"has NaN or infinite entries of {name}", "finite numbers")
    for name, tensor in _tensors({key: item for key, item in found.items() if key != "state_dict"}):
        if not torch.isfinite(tensor).all():
            raise _damaged(path, f"has NaN or infinite entries of {name}", "finite numbers")


def check_kept(path: str | PathLike[str], kept: Any) -> None:
    """
    Refuse what is not kept by the callbacks of a training.

    Parameters
    ----------
    path : path-like
        The file.
    kept : Any
        The states of the callbacks, by entry: see `KEPT`.

    Raises
    ------
    ValueError
        If that is so; the message names the entry.
    """
    for (callback, name), (is_right, expected) in KEPT.items():
        state = kept.get(callback, {})
        if not isinstance(state, Mapping) or (state and not (name in state and is_right(state[name]))):
            given = state.get(name) if isinstance(state, Mapping) else state
            raise _damaged(path, f"has {shown(given)} for {name} of {callback}", expected)


def _are_texts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(item, str) for pair in value.items() for item in pair)


def _are_rows(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(row, Mapping)
        and row.keys() == value[0].keys()
        and row.get("epoch") == at
        and all(isinstance(name, str) and is_number(number) for name, number in row.items())
        for at, row in enumerate(value, 1)
    )


KEPT = {
    ("History", "identity"): (_are_texts, "texts by name"),
    ("History", "rows"): (_are_rows, "numbers by name for each epoch, from 1"),
    ("Checkpoints", "score"): (lambda value: is_number(value) and value >= -1, "a number of -1 or more"),
    ("Checkpoints", "waited"): (lambda value: type(value) is int and value >= 0, "an integer of 0 or more"),
}
"""What each entry that callbacks keep is, in code and in words."""


def refused(path: str | PathLike[str], error: Exception) -> ValueError:
    """Return one sentence for what Lightning raised when it took a checkpoint apart."""
    return _damaged(path, f"cannot be taken up ({shown(f'{type(error).__name__}: {error}')})", "what training wrote")


def _form(tensor: Any) -> str:
    """Return dtype and shape as text."""
    return f"{tensor.dtype} of shape {tuple(tensor.shape)}" if torch.is_tensor(tensor) else type(tensor).__name__


def _damaged(path, given, expected):
    return ValueError(f"{fspath(path)!r} {given}, expected {expected}: remove it to start again.")


def _tensors(item: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the tensors in nested dicts and lists, with where they are."""
    if torch.is_tensor(item):
        yield name, item
    elif isinstance(item, Mapping):
        for key, value in item.items():
            yield from _tensors(value, f"{name} {key}".strip())
    elif isinstance(item, (list, tuple)):
        for at, value in enumerate(item):
            yield from _tensors(value, f"{name} {at}".strip())
