"""Linear heads over joined features: an encoder's vector beside word and character n-grams.

One linear support vector machine a field (one against the rest, squared hinge), solved by LIBLINEAR (Fan et
al. 2008) through scikit-learn. Its margins become probabilities by one temperature a field (Guo et al. 2017),
fitted on validation rows. Knows nothing of files or stages.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix, hstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from freehold.engine import Ngrams, softmax

__all__ = [
    "MISSING",
    "FieldHead",
    "Temperature",
    "Features",
    "answered_right",
    "fit_field",
    "fit_temperature",
    "join_features",
    "ngram_matrix",
]

MISSING = -1
"""The target of a row that has no label for a field."""

_NEVER = -10.0
_TEMPERATURES = (0.02, 20.0)


class Features(NamedTuple):
    """Joined features of some rows: the dense part first, then one column an n-gram."""

    matrix: csr_matrix
    dense_weight: float


@dataclass(frozen=True, slots=True)
class FieldHead:
    """One field's weights.

    Attributes:
        dense: Shape (dimension, labels).
        ngrams: Shape (n-grams, labels).
        bias: Shape (labels,).
    """

    dense: NDArray[np.float32]
    ngrams: NDArray[np.float32]
    bias: NDArray[np.float32]

    def scores(self, vectors: NDArray[np.float32], grams: csr_matrix) -> NDArray[np.float32]:
        """Returns margins, shape (rows, labels)."""
        return np.asarray(vectors @ self.dense + grams @ self.ngrams + self.bias, np.float32)


def ngram_matrix(ngrams: Ngrams, texts: Sequence[str]) -> csr_matrix:
    """Returns the n-gram features of `texts`, shape (texts, n-grams)."""
    sparse = ngrams.transform(texts)
    return csr_matrix((sparse.values, sparse.indices, sparse.starts), shape=(len(texts), len(ngrams)))


def join_features(vectors: NDArray[np.float32], grams: csr_matrix, *, dense_weight: float) -> Features:
    """Returns both kinds of features side by side; `dense_weight` sets how much the dense part counts."""
    matrix = hstack([csr_matrix(vectors * np.float32(dense_weight)), grams]).tocsr()
    return Features(matrix, dense_weight)


def fit_field(
    features: Features, targets: NDArray[np.int64], *, labels: int, dimension: int, cost: float, seed: int
) -> FieldHead:
    """Returns one field's head.

    Args:
        targets: Label number a row, `MISSING` where there is none.
        labels: Number of labels; those without a row are never answered.
        dimension: Width of the dense part.
        cost: The machine's C.
    """
    rows = np.flatnonzero(targets != MISSING)
    present = np.unique(targets[rows])
    weights = np.zeros((features.matrix.shape[1], labels), np.float32)
    bias = np.full(labels, _NEVER, np.float32)
    if len(present) == 1:
        bias[present] = 1.0
    elif len(present) > 1:
        machine = _solve(features.matrix[rows], targets[rows], cost=cost, seed=seed)
        coefficients, offsets = machine.coef_, machine.intercept_
        if len(present) == 2:
            coefficients, offsets = np.vstack([-coefficients, coefficients]), np.hstack([-offsets, offsets])
        weights[:, present] = coefficients.T
        bias[present] = offsets
    dense = weights[:dimension] * np.float32(features.dense_weight)
    return FieldHead(np.ascontiguousarray(dense), np.ascontiguousarray(weights[dimension:]), bias)


def _solve(matrix: csr_matrix, targets: NDArray[np.int64], *, cost: float, seed: int) -> Any:
    machine = LinearSVC(C=cost, random_state=seed)
    with warnings.catch_warnings():
        # Data that cannot be separated may stop at the iteration limit; the head is judged all the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return machine.fit(matrix, targets)


class Temperature(NamedTuple):
    """What margins are divided by, and the mean log loss of the probabilities that this gives."""

    value: float
    loss: float


def fit_temperature(scores: NDArray[np.float32], targets: NDArray[np.int64]) -> Temperature:
    """Returns the temperature with the least log loss on labelled rows; 1 where there is none.

    Args:
        scores: Shape (rows, labels).
        targets: Label number a row, `MISSING` where there is none.
    """
    rows = np.flatnonzero(targets != MISSING)
    if not len(rows) or scores.shape[1] < 2:
        return Temperature(1.0, 0.0)
    kept, truth = scores[rows], targets[rows]

    def loss(log_temperature: float) -> float:
        probabilities = softmax(kept / np.float32(np.exp(log_temperature)))
        return float(-np.log(probabilities[np.arange(len(rows)), truth] + 1e-12).mean())

    found = minimize_scalar(loss, bounds=tuple(np.log(_TEMPERATURES)), method="bounded")
    return Temperature(round(float(np.exp(found.x)), 4), float(found.fun))


def answered_right(
    heads: Mapping[str, FieldHead],
    vectors: NDArray[np.float32],
    grams: csr_matrix,
    *,
    targets: Mapping[str, NDArray[np.int64]],
) -> dict[str, NDArray[np.bool_]]:
    """Returns, for each field, whether each labelled row is answered right."""
    right = {}
    for name, head in heads.items():
        labelled = targets[name] != MISSING
        answers = head.scores(vectors[labelled], grams[labelled]).argmax(1)
        right[name] = answers == targets[name][labelled]
    return right
