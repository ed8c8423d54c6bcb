"""What the entries of a saved readout may be, and the matrix P in it."""

import os
from collections.abc import Mapping

import numpy as np

from hetbrian._support.entries import ADVICE, COUNT, FINITE, NOT_NEGATIVE, POSITIVE, UNLIMITED, WHOLE, Entry
from hetbrian.codegen.waiting import CAPACITY, COUNTS
from hetbrian.readout.online import LEARNING, RULES

RULE, BIAS = Entry("U", 0, known=RULES), Entry("b", 0)

ROUNDINGS = 8
"""By how many roundings an update changes an entry of P at most, with one update that waits for it and its scale."""

ROWS = 256
"""Of P, looked at together, so that no copy of it is made."""


def table(size: int, n_networks: int = 1) -> dict[str, Entry]:
    """
    Return what each entry of a file may be: of a readout alone, or of the state of a network.

    Parameters
    ----------
    size : int
        Number of weights of an output.
    n_networks : int
        Networks that the readout has, of which arrays have a part each.

    Returns
    -------
    dict of str to Entry
        By the names of this and of earlier versions. How many values there are depends on the device too, so that
        here stands only what the translation from one to another needs.
    """
    n, numbers, scalar, whole = (
        n_networks,
        Entry("f", 1, FINITE),
        Entry("f", 1, NOT_NEGATIVE, 1),
        Entry("i", 1, WHOLE, 1),
    )
    return {
        **dict.fromkeys(("_weights", "_encoder", "_products", "_seen", "_x", "_product", "z", "y"), numbers),
        "_P": Entry("f", 1, FINITE, n * size**2),
        "_c": Entry("f", 1, FINITE, n * size),
        "_gain": Entry("f", 1, FINITE, n),
        "n_updates": whole,
        "initial_P": Entry("f", 1, NOT_NEGATIVE, n),  # 0 before the first update with "auto"
        "forgetting": Entry("f", 1, LEARNING["forgetting"], 1),
        "_largest": Entry("f", 1, UNLIMITED, n),
        "start": scalar,
        "stop": Entry("f", 1, UNLIMITED, 1),
        "_every": Entry("i", 1, COUNT, 1),
        "every": Entry("i", 1, COUNT, 1),
        "_next": whole,
        "_draw": Entry("i", 1, COUNT, 1),
        "_tiles": whole,
        "_waiting": Entry("f", 1, FINITE, n * CAPACITY * size),
        "_gains": Entry("f", 1, FINITE, n * CAPACITY),
        "_scale": Entry("f", 1, POSITIVE, n),
        "_counts": Entry("i", 1, WHOLE, n * len(COUNTS)),
    }


def check_counts(path: str | os.PathLike[str], content: Mapping[str, np.ndarray]) -> None:
    """Refuse counts, of `hetbrian.codegen.waiting`, that would lead a kernel beyond its arrays."""
    if "_counts" not in content:
        return
    counts = dict(zip(COUNTS, content["_counts"].tolist(), strict=False))
    is_pending = bool(np.any(content.get("_gain", 0)))  # it joins those that wait
    for name, most in {"waiting": CAPACITY - 1 - is_pending, "kept": 1, "dense": 1, "stride": 0}.items():
        if counts[name] > most:
            raise ValueError(
                f"_counts in {os.fspath(path)!r} has {counts[name]} for {name}, expected at most {most}: {ADVICE}."
            )


def check_P(path: str | os.PathLike[str], content: Mapping[str, np.ndarray], size: int) -> None:
    """
    Refuse a P that no learning can have: it is an inverse correlation, so symmetric and positive semidefinite.

    With that P_ii >= 0 and P_ij^2 <= P_ii P_jj, up to the roundings of the updates that made it. Its products P_ij^2
    must be numbers of its precision, as each update forms them.

    Parameters
    ----------
    path : path-like
        The file, for the error.
    content : dict of str to ndarray
        As `table` declares, P row by row.
    size : int
        Rows of P.

    Raises
    ------
    ValueError
        If that is not so.
    """
    P = content["_P"][: size**2].reshape(size, size)
    n_updates, forgetting, initial = (float(content[name][0]) for name in ("n_updates", "forgetting", "initial_P"))
    precision = np.finfo(P.dtype)
    diagonal = P.diagonal().astype(float)
    called, most = f"_P in {os.fspath(path)!r}", float(np.sqrt(precision.max))
    largest = float(max(abs(P.min()), abs(P.max())))
    if largest > most:
        raise ValueError(f"{called} has entries up to {largest:g}, expected at most {most:.3g}: {ADVICE}.")
    with np.errstate(over="ignore"):  # errors of an update are divided by forgetting in every one after it
        slack = (
            ROUNDINGS
            * float(precision.eps)
            * (n_updates + 1)
            * max(largest, initial)
            * forgetting ** np.float64(-n_updates)
        )
    if diagonal.min() < -slack:
        where = int(diagonal.argmin())
        raise ValueError(
            f"{called} has {diagonal[where]:g} on its diagonal at {where}, expected 0 or more, as of an inverse "
            f"correlation: {ADVICE}."
        )
    root = np.sqrt(np.maximum(diagonal, 0) + slack)
    for first in range(0, size, ROWS):
        part = P[first : first + ROWS].astype(float)
        if (np.abs(part - P[:, first : first + ROWS].T) > 2 * slack).any():
            raise ValueError(f"{called} is not symmetric, expected an inverse correlation: {ADVICE}.")
        if (np.abs(part) > root[first : first + ROWS, np.newaxis] * root + slack).any():
            raise ValueError(
                f"{called} has entries larger than its diagonal allows, expected an inverse correlation: {ADVICE}."
            )
