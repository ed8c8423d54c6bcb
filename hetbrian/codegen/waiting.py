"""How the kernels keep P for updates that wait; see codegen/kernels/event_rls.h and, for a GPU, event_rls.cuh."""

import numpy as np
from numpy.typing import DTypeLike

from hetbrian.codegen import tiles

CAPACITY = 96
"""Updates that can wait: fewer write P more often, more are dearer to read (64 to 192 were measured)."""

PANEL = 192
"""Bytes of the widest panel of columns, that of 64-byte vectors."""

LINE = 64
"""Bytes of the widest vector, of which the rows of P are whole ones."""

COUNTS = ("waiting", "changed", "kept", "dense", "stride", "width")
"""What ``_counts`` holds."""


def stride(size: int, dtype: DTypeLike) -> int:
    """
    Return the longest distance that the rows of a matrix can have, whatever the vectors of the processor.

    Parameters
    ----------
    size : int
        Rows of the matrix.
    dtype : numpy.dtype

    Returns
    -------
    int
    """
    return size + 2 * PANEL // np.dtype(dtype).itemsize


def length(size: int, dtype: DTypeLike) -> int:
    """
    Return how many numbers hold a matrix in rows at that distance.

    Parameters
    ----------
    size : int
        Rows of the matrix.
    dtype : numpy.dtype

    Returns
    -------
    int
    """
    line = LINE // np.dtype(dtype).itemsize
    return (size + line) * stride(size, dtype) + line


def arrays(size: int, dtype: DTypeLike) -> dict[str, tuple[int, np.dtype]]:
    """
    Return what a learner keeps beside P.

    Parameters
    ----------
    size : int
        Number of weights of an output.
    dtype : numpy.dtype
        Precision of P.

    Returns
    -------
    dict of str to tuple
        Length and dtype, by name: waiting updates, products of P with both states of the filter, those states,
        gains and common factor of the updates, and `COUNTS`.
    """
    dtype = np.dtype(dtype)
    return {
        "_waiting": (CAPACITY * stride(size, dtype), dtype),
        "_products": (2 * stride(size, dtype), dtype),
        "_seen": (2 * size, np.dtype(np.float64)),
        "_gains": (CAPACITY, np.dtype(np.float64)),
        "_scale": (1, np.dtype(np.float64)),
        "_counts": (len(COUNTS), np.dtype(np.int32)),
    }


def scratch(size: int, dtype: DTypeLike) -> dict[str, tuple[int, np.dtype]]:
    """
    Return what the kernels of a GPU hand each other within an update, as `arrays`; C++ has it on its stack.

    Parameters
    ----------
    size : int
        Number of weights of an output.
    dtype : numpy.dtype
        Precision of P.

    Returns
    -------
    dict of str to tuple
        Length and dtype, by name: which entries changed, by how much, their products with the waiting updates, and
        whether the dense kernel is in charge, as the host has decided.
    """
    return {
        "_changed": (size + 2, np.dtype(np.int32)),
        "_by": (2 * size, np.dtype(dtype)),
        "_along": (2 * CAPACITY, np.dtype(np.float64)),
        "_is_dense": (1, np.dtype(np.int32)),
    }


def _begin(values):
    """Return where the kernel's order of P begins, -1 if P is row by row."""
    return int(values["_tiles"][0]) - 1 if "_tiles" in values else -1


def _count(values, name):
    """Return one of `COUNTS`."""
    return int(values["_counts"][COUNTS.index(name)])


def stored_matrix(values: dict[str, np.ndarray], size: int) -> np.ndarray:
    """
    Return P without the updates that wait or are pending, in whatever order it is.

    Parameters
    ----------
    values : dict of str to ndarray
        A learner's ``_P``, ``_tiles`` and, if it has `arrays`, ``_counts``.
    size : int
        Rows of the matrix.

    Returns
    -------
    ndarray, shape (size, size)
        Symmetric to the last bit.
    """
    begin, stored = _begin(values), values["_P"]
    distance = _count(values, "stride") if "_counts" in values else 0
    if begin >= 0 and distance:
        return stored[begin : begin + size * distance].reshape(size, distance)[:, :size]
    if begin >= 0:
        return tiles.unpack(stored[begin:], size)
    upper = np.triu(stored[: size * size].reshape(size, size))
    return upper + np.triu(upper, 1).T


def waiting_updates(values: dict[str, np.ndarray], size: int) -> np.ndarray:
    """
    Return the updates that wait.

    Parameters
    ----------
    values : dict of str to ndarray
        As `stored_matrix`, with ``_waiting``.
    size : int
        Rows of the matrix.

    Returns
    -------
    ndarray, shape (n_waiting, size)
    """
    stored, count, width = values["_waiting"], _count(values, "waiting"), _count(values, "width")
    if _begin(values) < 0 or not count:
        return stored[: count * size].reshape(count, size)
    panels = stored[: stored.size // (CAPACITY * width) * CAPACITY * width].reshape(-1, CAPACITY, width)
    return panels[:, :count].transpose(1, 0, 2).reshape(count, -1)[:, :size]


def settled(values: dict[str, np.ndarray], size: int, forgetting: float) -> np.ndarray:
    """
    Return P with every update.

    Parameters
    ----------
    values : dict of str to ndarray
        As `waiting_updates`, with ``_gains``, ``_scale``, and ``_c`` and ``_gain`` of the update that is pending.
    size : int
        Rows of the matrix.
    forgetting : float

    Returns
    -------
    ndarray of float64, shape (size, size)
    """
    matrix = stored_matrix(values, size).astype(float)
    if "_counts" in values and _count(values, "waiting"):
        updates = waiting_updates(values, size).astype(float)  # (update, weight)
        scaled = np.sqrt(np.abs(values["_gains"][: len(updates)]))[:, np.newaxis] * updates
        signs = np.sign(values["_gains"][: len(updates)])[:, np.newaxis]
        product = scaled.T @ (signs * scaled)
        matrix = values["_scale"][0] * (matrix - (product + product.T) / 2)
    if values["_gain"].any():  # the reference leaves nothing pending
        c = values["_c"].astype(float)
        matrix = (matrix - values["_gain"] * np.outer(c, c)) / forgetting
    return matrix


def portable(values: dict[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
    """
    Return what any processor reads of the arrays that the kernel orders for its own vectors, bit for bit.

    Parameters
    ----------
    values : dict of str to ndarray
        As `waiting_updates`.
    size : int
        Rows of the matrix.

    Returns
    -------
    dict of str to ndarray
        Nothing if they are so already.
    """
    if _begin(values) < 0:
        return {}
    changed = {"_P": stored_matrix(values, size), "_tiles": None}
    if "_counts" in values:
        counts = values["_counts"].copy()
        counts[COUNTS.index("stride")] = 0
        changed |= {"_waiting": waiting_updates(values, size), "_counts": counts}
    found = {}
    for name, array in changed.items():
        found[name] = np.zeros_like(values[name])
        if array is not None:
            found[name][: array.size] = array.ravel()
    return found


def without_waiting(values: dict[str, np.ndarray], size: int, forgetting: float) -> dict[str, np.ndarray]:
    """
    Return the arrays for a kernel that lets no more than one update wait: `portable`, with the others in P.

    Parameters
    ----------
    values, size, forgetting
        As `settled`.

    Returns
    -------
    dict of str to ndarray
        Nothing if they are so already.
    """
    found = portable(values, size)
    if "_counts" not in values or not values["_counts"].any():
        return found
    if _count(values, "waiting"):
        found = found or {"_P": np.zeros_like(values["_P"])}
        matrix = settled(values, size, forgetting)
        found["_P"][: size * size] = matrix.ravel()
        found["_gain"] = np.zeros_like(values["_gain"])
    return found | {"_counts": np.zeros_like(values["_counts"]), "_scale": np.ones_like(values["_scale"])}


def translated(content: dict[str, np.ndarray], size: int, is_used: bool) -> dict[str, np.ndarray]:
    """
    Return the arrays of a file for a learner that keeps updates waiting, or for one that does not.

    Parameters
    ----------
    content : dict of str to ndarray
        What was saved: P row by row, and `arrays` if updates waited there.
    size : int
        Rows of the matrix.
    is_used : bool
        Whether updates wait here.

    Returns
    -------
    dict of str to ndarray
        With `arrays` if they are used here, and without if not; incomplete content comes back as it is. Where updates
        wait, the dense kernel is not in charge yet: a GPU saves that it is to be, as its host has not looked.
    """
    added = arrays(size, content["_P"].dtype)
    is_whole = "_counts" in content and content["_counts"].shape == (len(COUNTS),)  # else it is refused later
    if is_used and is_whole and (_count(content, "waiting") or _count(content, "kept")):
        counts = content["_counts"].copy()
        counts[COUNTS.index("dense")] = 0
        content = content | {"_counts": counts}
    if is_used == ("_counts" in content) or not {"_c", "_gain", "forgetting"} <= content.keys():
        return content
    if is_used:
        return (
            content | {name: np.zeros(length, kind) for name, (length, kind) in added.items()} | {"_scale": np.ones(1)}
        )
    found = content | without_waiting(content, size, content["forgetting"].item())
    return {name: values for name, values in found.items() if name not in (*added, "_tiles")}
