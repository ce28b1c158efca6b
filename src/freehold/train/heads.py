"""One field's weights, and the features that all rungs share: dense ones from a vector, sparse ones from n-grams.

Knows nothing of files or stages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from freehold.engine import Grams, Heads, RandomFeatures
from freehold.train.rows import MISSING, Target

__all__ = ["NEVER", "FieldHead", "Trained", "gram_matrix", "one_hot"]

NEVER = -10.0
"""The bias of a label without a row."""


@dataclass(frozen=True, slots=True)
class FieldHead:
    """One field's weights.

    Attributes:
        dense: Shape (dense features, columns).
        grams: Shape (n-grams, columns).
        bias: Shape (columns,).
    """

    dense: NDArray[np.float32]
    grams: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Trained:
    """The heads of all fields on the features that they belong to.

    Attributes:
        fields: Field to weights, in the task's order.
        centres: Number fields to the value that a score of 0 means.
        spreads: Number fields to the size of a score of 1.
    """

    grams: Grams
    features: RandomFeatures | None
    fields: Mapping[str, FieldHead]
    centres: Mapping[str, float]
    spreads: Mapping[str, float]

    def heads(self, *, dense: int) -> Heads:
        """Returns the fields' heads side by side.

        Args:
            dense: Number of dense features, for a model without columns.
        """
        parts = list(self.fields.values())
        if not parts:
            empty = np.zeros((dense, 0), np.float32)
            return Heads(empty, np.zeros((len(self.grams), 0), np.float32), np.zeros(0, np.float32), self.features)
        return Heads(
            np.hstack([part.dense for part in parts]),
            np.hstack([part.grams for part in parts]),
            np.hstack([part.bias for part in parts]),
            self.features,
        )


def gram_matrix(grams: Grams, texts: Sequence[str]) -> csr_matrix:
    """Returns the sparse features of `texts`, shape (texts, n-grams)."""
    sparse = grams.transform(texts)
    return csr_matrix((sparse.values, sparse.indices, sparse.starts), shape=(len(texts), len(grams)))


def one_hot(target: Target, *, columns: int) -> csr_matrix:
    """Returns label numbers, or several labels a row, as a matrix of ones, shape (rows, columns)."""
    if target.ndim == 2:
        return csr_matrix((target == 1).astype(np.float64))
    rows = np.flatnonzero(target != MISSING)
    return csr_matrix((np.ones(len(rows)), (rows, target[rows])), shape=(len(target), columns))
