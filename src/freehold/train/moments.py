"""Sums over rows from which ridge regression is solved: rows are added and taken out exactly.

With features F of shape (rows, D) and targets T, all that the solution needs is FᵀF, FᵀT and a few totals. Adding
or withdrawing a row changes them by its own products (Björck 1996, "Numerical methods for least squares
problems", section 3.2), so that a thousand rows more or less cost no second look at the others. In double
precision throughout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.blas import dsyrk
from scipy.sparse import csr_matrix

from freehold.engine import Grams, RandomFeatures
from freehold.task import FieldKind
from freehold.train.heads import NEVER, FieldHead, gram_matrix, one_hot
from freehold.train.rows import Target, is_labelled

__all__ = ["PENALTY", "FeatureMap", "FieldSums", "Moments", "Solved", "solve_few"]

PENALTY = 0.1
"""The ridge's penalty, for features of unit length; chosen by cross-validation."""

_BLOCK = 2_048
_UNLIKE = 1e-4
"""Numbers whose spread is less than this share of their mean are all the same: the rest is rounding."""


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """From texts and their vectors to features that depend on nothing else.

    Attributes:
        dense: Random features of the vector.
        grams: Hashed n-grams.
        gram_weight: What the n-grams' features are multiplied by.
    """

    dense: RandomFeatures
    grams: Grams
    gram_weight: float = 1.0

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.dense.phases) + len(self.grams)

    def apply(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Returns features, shape (texts, width): the same ones for a text alone and among others, but for 1e-15.

        What is taken out of sums is then what was added: in single precision, products depend on the batch.
        """
        sparse = gram_matrix(self.grams, texts).toarray() * self.gram_weight
        return np.hstack([self.dense.apply(vectors.astype(np.float64)), sparse])

    def blocks(
        self, texts: Sequence[str], vectors: NDArray[np.float32]
    ) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Yields the features of a few thousand rows at a time, so that memory does not grow with the rows."""
        for start in range(0, len(texts), _BLOCK):
            part = slice(start, start + _BLOCK)
            yield part, self.apply(texts[part], vectors[part])


@dataclass(slots=True)
class FieldSums:
    """One field's totals over its labelled rows.

    Attributes:
        kind: Of the field.
        products: Targets times features, shape (columns, width).
        totals: Of the targets, shape (columns,).
        squares: Of a number's targets.
    """

    kind: FieldKind
    products: NDArray[np.float64]
    totals: NDArray[np.float64]
    squares: float = 0.0


@dataclass(slots=True)
class Moments:
    """The sums over the rows that have labels for one and the same fields.

    Attributes:
        gram: FᵀF; only the upper triangle counts. Shape (width, width).
        features: Sum of the features, shape (width,).
        rows: How many.
        fields: Field to its totals.
    """

    gram: NDArray[np.float64]
    features: NDArray[np.float64]
    rows: int
    fields: dict[str, FieldSums]

    @classmethod
    def zero(cls, width: int, *, fields: Mapping[str, tuple[FieldKind, int]]) -> Moments:
        """Returns the sums over no rows.

        Args:
            fields: Field to kind and number of columns.
        """
        sums = {
            name: FieldSums(kind, np.zeros((columns, width)), np.zeros(columns))
            for name, (kind, columns) in fields.items()
        }
        return cls(np.zeros((width, width), order="F"), np.zeros(width), 0, sums)

    def add(self, features: NDArray[np.float64], targets: Mapping[str, Target], *, sign: float = 1.0) -> None:
        """Adds rows, or takes them out with `sign` -1.

        Args:
            features: Shape (rows, width).
            targets: Field to what is wanted of these rows, each of them labelled.
        """
        # The transpose of a row-major array is what BLAS calls a matrix: nothing is copied.
        self.gram = dsyrk(sign, features.T, beta=1.0, c=self.gram, overwrite_c=True)
        self.features += sign * features.sum(0)
        self.rows += int(sign) * len(features)
        for name, sums in self.fields.items():
            wanted = _wanted(targets[name], sums.kind, columns=len(sums.totals))
            sums.products += sign * np.asarray(wanted.T @ features)
            sums.totals += sign * np.asarray(wanted.sum(0)).ravel()
            if sums.kind == "number":
                sums.squares += sign * float((targets[name] ** 2).sum())

    def join(self, other: Moments) -> None:
        """Adds the sums over other rows."""
        self.gram += other.gram
        self.features += other.features
        self.rows += other.rows
        for name, sums in self.fields.items():
            more = other.fields[name]
            sums.products += more.products
            sums.totals += more.totals
            sums.squares += more.squares

    def solve(self, *, dense: int, penalty: float = PENALTY, spend: bool = False) -> dict[str, Solved]:
        """Returns each field's head.

        Args:
            dense: How many of the features, the first ones, are dense.
            spend: Whether the sums are of no use afterwards; a copy of them takes as long as a look at many rows.
        """
        system = self.gram if spend else self.gram.copy(order="F")
        system[np.diag_indices_from(system)] += penalty
        factor = cho_factor(system, lower=False, overwrite_a=True, check_finite=False)
        found = {}
        for name, sums in self.fields.items():
            scale = _Scale.of(sums, rows=self.rows)
            right = (sums.products - np.outer(scale.mean, self.features)).T * scale.factor
            found[name] = scale.solved(cho_solve(factor, right, check_finite=False), dense=dense)
        return found


class Solved(NamedTuple):
    """A field's head, and the value and size of a score of 0 and 1 where it is a number."""

    head: FieldHead
    centre: float = 0.0
    spread: float = 1.0


class _Scale(NamedTuple):
    """From targets to what is regressed on: centred, and of a size that makes scores lie about -1 and 1."""

    kind: FieldKind
    mean: NDArray[np.float64]
    factor: float
    present: NDArray[np.bool_]

    @classmethod
    def of(cls, sums: FieldSums, *, rows: int) -> _Scale:
        mean = sums.totals / max(1, rows)
        if sums.kind != "number":
            return cls(sums.kind, mean, 2.0, sums.totals > 0.5)
        spread = float(np.sqrt(max(sums.squares / max(1, rows) - float(mean[0]) ** 2, 0.0)))
        if spread <= _UNLIKE * abs(float(mean[0])):
            spread = 1.0
        return cls(sums.kind, mean, 1 / spread, np.ones(1, bool))

    def solved(self, weights: NDArray[np.float64], *, dense: int) -> Solved:
        single = weights.astype(np.float32)
        if self.kind == "number":
            head = FieldHead(single[:dense], single[dense:], np.zeros(1, np.float32))
            return Solved(head, float(self.mean[0]), 1 / self.factor)
        bias = np.where(self.present, 2 * self.mean - 1, NEVER).astype(np.float32)
        return Solved(FieldHead(single[:dense], single[dense:], bias))


def solve_few(
    features: NDArray[np.float64],
    targets: Mapping[str, Target],
    *,
    shape: Mapping[str, tuple[FieldKind, int]],
    dense: int,
    penalty: float = PENALTY,
) -> dict[str, Solved]:
    """Returns what `Moments.solve` would, from the rows themselves: faster where they are few.

    Args:
        features: Shape (rows, width).
        targets: Field to what is wanted of these rows, each of them labelled.
        shape: Field to kind and number of columns.
    """
    system = features @ features.T
    system[np.diag_indices_from(system)] += penalty
    factor = cho_factor(system, overwrite_a=True, check_finite=False)
    found = {}
    for name, (kind, columns) in shape.items():
        wanted = _wanted(targets[name], kind, columns=columns).toarray()
        sums = FieldSums(kind, np.zeros((0, 0)), wanted.sum(0), float((wanted**2).sum()))
        scale = _Scale.of(sums, rows=len(features))
        found[name] = scale.solved(
            features.T @ cho_solve(factor, (wanted - scale.mean) * scale.factor, check_finite=False), dense=dense
        )
    return found


def _wanted(target: Target, kind: FieldKind, *, columns: int) -> csr_matrix:
    assert is_labelled(target).all()
    return csr_matrix(target[:, None]) if kind == "number" else one_hot(target, columns=columns)
