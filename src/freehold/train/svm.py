"""The second rung: linear support vector machines on the encoder's vector and a vocabulary of n-grams.

Squared hinge, one label against the rest, by dual coordinate descent (Hsieh et al. 2008) in LIBLINEAR (Fan et al.
2008), which scikit-learn wraps; for numbers, squared error by the same. Deterministic, and the same whatever the
labels are called and in whichever order they stand.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from freehold.engine import Grams, Ngrams, field_labels
from freehold.task import Field
from freehold.train.heads import NEVER, FieldHead, Trained, gram_matrix
from freehold.train.rows import Rows, Target, is_labelled

__all__ = ["MOST_CELLS", "MOST_LABELS", "MOST_MARGINS", "SvmSettings", "count_cells", "fit_svm"]

MOST_CELLS = 30_000_000
"""Features that are not zero, over all rows. Two fits at once take 94 bytes for each: measured on 10,000 rows."""

MOST_MARGINS = 10_000_000
"""Rows times labels up to which a fit takes minutes."""

MOST_LABELS = 1_000
"""Labels whose weights fit into memory in double precision."""

_GRAMS_A_ROW = 120


@dataclass(frozen=True, slots=True)
class SvmSettings:
    """What decides the outcome; chosen by cross-validation (`bench/LOG.md`).

    Attributes:
        cost: What an error costs beside the weights' length: the machine's C.
        dense_weight: Length of the vector, beside two blocks of n-grams of length 1.
        tolerance: Of the optimiser.
    """

    cost: float = 1.0
    dense_weight: float = 2.0
    tolerance: float = 1e-2


def count_cells(rows: int, *, dimension: int) -> int:
    """Returns about how many features of rows are not zero."""
    return rows * (dimension + _GRAMS_A_ROW)


def fit_svm(
    rows: Rows,
    fields: Sequence[Field],
    *,
    vectors: NDArray[np.float32],
    settings: SvmSettings = SvmSettings(),
    grams: Grams | None = None,
) -> Trained:
    """Returns the heads of all fields that have columns.

    Args:
        vectors: Of the rows' texts, shape (rows, dimension).
        grams: The sparse features; a vocabulary of these rows where None.
    """
    grams = grams or Ngrams.fit(rows.texts)
    dense = csr_matrix(vectors.astype(np.float64) * settings.dense_weight)
    features = hstack([dense, gram_matrix(grams, rows.texts).astype(np.float64)]).tocsr()
    problems = [each for field in fields for each in _problems(field, rows.targets[field.name])]
    heads = {f.name: np.zeros((features.shape[1] + 1, len(field_labels(f)))) for f in fields}
    for field in fields:
        heads[field.name][-1] = 0.0 if field.kind == "number" else NEVER
    for problem in problems:
        heads[problem.field][:, problem.columns] = problem.solve(features, settings)
    scales = {f.name: _scale(f, rows.targets[f.name]) for f in fields}
    return Trained(
        grams,
        None,
        {name: _head(each, dense=vectors.shape[1], settings=settings) for name, each in heads.items()},
        {name: centre for name, (centre, _) in scales.items()},
        {name: spread for name, (_, spread) in scales.items()},
    )


def _head(weights: NDArray[np.float64], *, dense: int, settings: SvmSettings) -> FieldHead:
    single = weights.astype(np.float32)
    return FieldHead(single[:dense] * np.float32(settings.dense_weight), single[dense:-1], single[-1])


def _scale(field: Field, target: Target) -> tuple[float, float]:
    """Returns the value and the size of a score of 0 and 1."""
    known = target[is_labelled(target)]
    if field.kind != "number" or not len(known):
        return 0.0, 1.0
    return float(known.mean()), float(known.std()) or 1.0


class _Problem(NamedTuple):
    """One machine: which rows, what is wanted of them, and which columns of which field it gives.

    Attributes:
        wanted: Numbers of classes in the order of `columns`, or a number's values; shape (rows,).
    """

    field: str
    columns: list[int]
    places: NDArray[np.int64]
    wanted: NDArray[np.int64] | NDArray[np.float64]

    def solve(self, features: csr_matrix, settings: SvmSettings) -> NDArray[np.float64]:
        """Returns weights with the bias below them, shape (features + 1, columns)."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.svm import LinearSVC, LinearSVR

        if self.wanted.dtype.kind == "f":
            loss = "squared_epsilon_insensitive"
            machine = LinearSVR(loss=loss, C=settings.cost, tol=settings.tolerance, random_state=0, dual="auto")
        elif len({*self.wanted.tolist()}) < 2:
            return self._only(features.shape[1])
        else:
            machine = LinearSVC(C=settings.cost, tol=settings.tolerance, random_state=0, dual="auto")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the last steps buy nothing on held-out rows
            machine.fit(features[self.places] if len(self.places) < features.shape[0] else features, self.wanted)
        found = np.vstack([np.atleast_2d(machine.coef_).T, np.atleast_1d(machine.intercept_)[None]])
        return np.hstack([-found, found]) if len(self.columns) == 2 else found

    def _only(self, width: int) -> NDArray[np.float64]:
        """Returns what says that every row has the one label that there is."""
        weights = np.zeros((width + 1, 1))
        weights[-1] = 1.0
        return weights


def _problems(field: Field, target: Target) -> Iterator[_Problem]:
    if field.kind == "choices":
        places = np.flatnonzero(is_labelled(target))
        for column in range(target.shape[1]):
            wanted = (target[places, column] == 1).astype(np.int64)
            if wanted.any():
                yield _Problem(field.name, [column], places, wanted)
        return
    places = np.flatnonzero(is_labelled(target))
    if not len(places):
        return
    known = target[places]
    if field.kind == "number":
        centre, spread = _scale(field, target)
        yield _Problem(field.name, [0], places, (known.astype(np.float64) - centre) / spread)
        return
    # Classes are numbered as they are met, so that neither names nor the order of labels changes a weight.
    columns, first, classes = np.unique(known, return_index=True, return_inverse=True)
    order = np.argsort(first)
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.arange(len(order))
    yield _Problem(field.name, columns[order].tolist(), places, numbers[classes])
