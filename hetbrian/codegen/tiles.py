"""How the C++ and Cython kernels store a symmetric matrix; see codegen/kernels/rls.h."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

LINE = 64
"""Bytes of a block of columns."""

TILE = 32
"""Blocks of a tile of columns."""


def length(size: int, dtype: npt.DTypeLike) -> int:
    """
    Return how many numbers hold a matrix, whole or in tiles.

    Parameters
    ----------
    size : int
        Rows of the matrix.
    dtype : numpy.dtype

    Returns
    -------
    int
    """
    spare = LINE // np.dtype(dtype).itemsize  # the tiles begin with a cache line
    return max(size**2, spare + sum(4 * (end - start) for _, start, end in panels(size, dtype)))


def panels(size: int, dtype: npt.DTypeLike) -> Iterator[tuple[int, int, int]]:
    """
    Yield first row, first column and end of the columns of each panel of four rows, in the order of storage.

    Parameters
    ----------
    size : int
        Rows of the matrix.
    dtype : numpy.dtype

    Yields
    ------
    tuple of int
    """
    block = LINE // np.dtype(dtype).itemsize
    tile, rows, columns = TILE * block, -(-size // 4) * 4, -(-size // block) * block
    for left in range(0, columns, tile):
        end = min(left + tile, columns)
        for row in range(0, min(rows, end), 4):
            yield row, left if row < left else row // block * block, end


def unpack(stored: np.ndarray, size: int) -> np.ndarray:
    """
    Return the symmetric matrix that tiles hold.

    Parameters
    ----------
    stored : ndarray, shape (length,)
        Numbers in the order of the kernels.
    size : int
        Rows of the matrix.

    Returns
    -------
    ndarray, shape (size, size)
    """
    block = LINE // stored.dtype.itemsize
    matrix = np.zeros((size + 4, size + block), dtype=stored.dtype)
    at = 0
    for row, start, end in panels(size, stored.dtype):
        count = 4 * (end - start)
        blocks = stored[at : at + count].reshape(-1, 4, block)  # (block, row, column)
        matrix[row : row + 4, start:end] = blocks.transpose(1, 0, 2).reshape(4, -1)
        at += count
    upper = np.triu(matrix[:size, :size])
    return upper + np.triu(upper, 1).T
