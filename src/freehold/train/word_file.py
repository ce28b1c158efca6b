"""Vectors of the words of many rows, in a file instead of in memory.

Owns how they lie there: 16-bit floats, row after row, in a file without a name that goes when nobody reads it any
more. The operating system keeps in memory what is read often. Knows nothing of encoders or heads.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["store_words"]

_LARGEST = float(np.finfo(np.float16).max)


def store_words(rows: Iterable[NDArray[np.float32]], *, folder: Path) -> list[NDArray[np.float16]]:
    """Returns the same vectors, one array a row, shape (words, dimension), which lie in a file.

    Args:
        rows: One array a row, of one dimension; taken one by one.
        folder: Where the file lies while it is used.
    """
    counts, width = [0], 0
    with tempfile.TemporaryFile(dir=folder) as file:
        for row in rows:
            file.write(np.clip(row, -_LARGEST, _LARGEST).astype(np.float16).tobytes())
            counts.append(len(row))
            width = row.shape[1]
        file.flush()
        borders = np.cumsum(counts).tolist()
        empty: NDArray[np.float16] = np.zeros((0, width), np.float16)
        whole = np.asarray(np.memmap(file, np.float16, "r", shape=(borders[-1], width))) if borders[-1] else empty
    return [whole[start:stop] for start, stop in pairwise(borders)]
