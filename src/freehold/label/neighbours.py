"""Which texts of a pool are near each other: the nearest few of each, by the cosine of their vectors.

Owns the graph that labels spread over and that coverage is counted on. Every pair is compared, so whoever calls it
bounds the rows. Knows nothing of labels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

__all__ = ["Graph", "find_neighbours"]

_BLOCK = 1_024


class Graph(NamedTuple):
    """Each row's nearest rows, itself not among them, the nearest first.

    Attributes:
        places: Shape (rows, neighbours).
        cosines: Shape (rows, neighbours).
    """

    places: NDArray[np.int64]
    cosines: NDArray[np.float32]

    def to_matrix(self, weights: NDArray[np.float32]) -> csr_matrix:
        """Returns weights of the edges as a matrix, the larger of both directions, shape (rows, rows)."""
        rows, count = self.places.shape
        starts = np.arange(0, rows * count + 1, count)
        matrix = csr_matrix((weights.ravel(), self.places.ravel(), starts), shape=(rows, rows))
        return matrix.maximum(matrix.T).tocsr()


def find_neighbours(vectors: NDArray[np.float32], *, count: int) -> Graph:
    """Returns the graph of rows with vectors of unit length, shape (rows, dimension).

    Example:
        >>> find_neighbours(np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32), count=1).places.ravel().tolist()
        [2, 2, 1]
    """
    rows = len(vectors)
    count = max(0, min(count, rows - 1))
    places, cosines = np.zeros((rows, count), np.int64), np.zeros((rows, count), np.float32)
    for start in range(0, rows if count else 0, _BLOCK):
        block = vectors[start : start + _BLOCK] @ vectors.T
        lines = np.arange(len(block))
        block[lines, start + lines] = -np.inf
        nearest = np.argpartition(-block, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(block, nearest, 1)
        order = np.lexsort((nearest, -found), axis=1)
        places[start : start + len(block)] = np.take_along_axis(nearest, order, 1)
        cosines[start : start + len(block)] = np.take_along_axis(found, order, 1)
    return Graph(places, cosines)
