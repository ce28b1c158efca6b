"""The second rung: linear support vector machines on random features and a vocabulary of n-grams.

Squared hinge, one label against the rest (squared error for numbers), minimised by L-BFGS (Liu and Nocedal 1989)
in coordinates where the dense features are white, which takes a tenth of the steps. Stopped early: on held-out
rows the last steps buy nothing (`bench/LOG.md`). Deterministic.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from freehold.engine import RANDOM_FEATURES, Ngrams, RandomFeatures, field_labels
from freehold.task import Field
from freehold.train.heads import NEVER, FieldHead, Trained, gram_matrix, one_hot
from freehold.train.rows import Rows, Target, is_labelled

__all__ = ["MOST_CELLS", "KernelSettings", "fit_kernel"]

MOST_CELLS = 60_000_000
"""Rows times labels that fit into memory in a handful of copies."""

_HISTORY = 8
_FEW = 500
_CURVATURE = 0.6


@dataclass(frozen=True, slots=True)
class KernelSettings:
    """What decides the outcome.

    Attributes:
        cost: What an error costs beside the weights' length: the machine's C.
        dense_weight: Length of the dense part.
        steps: Of L-BFGS, at most.
        tolerance: Stop where the gradient has shrunk to this share of the first.
        features: Number of random features.
    """

    cost: float = 0.5
    dense_weight: float = 2.0
    steps: int = 40
    tolerance: float = 2e-3
    features: int = RANDOM_FEATURES


class _Parts(NamedTuple):
    """Numbers of a field's weights, or their gradient: dense, sparse, bias."""

    dense: Tensor
    grams: Tensor
    bias: Tensor

    def dot(self, other: _Parts) -> float:
        return sum(float((a * b).sum()) for a, b in zip(self, other, strict=True))

    def plus(self, other: _Parts, factor: float) -> _Parts:
        return _Parts(*(a + factor * b for a, b in zip(self, other, strict=True)))


def fit_kernel(
    rows: Rows,
    fields: Sequence[Field],
    *,
    vectors: NDArray[np.float32],
    settings: KernelSettings = KernelSettings(),
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Trained:
    """Returns the heads of all fields that have columns.

    Args:
        vectors: Of the rows' texts, shape (rows, dimension).
        tell: Called with steps done and steps at most, over all fields.
    """
    grams = Ngrams.fit(rows.texts)
    features = RandomFeatures.draw(vectors.shape[1], count=settings.features)
    dense = features.apply(vectors) * np.float32(settings.dense_weight)
    sparse = gram_matrix(grams, rows.texts)
    heads, centres, spreads = {}, {}, {}
    spectra: dict[bytes, _Spectrum] = {}
    for number, field in enumerate(fields):
        target = rows.targets[field.name]
        places = np.flatnonzero(is_labelled(target))
        wanted = _wanted(field, target[places])
        squares = field.kind == "number"
        part = torch.from_numpy(dense[places])
        if places.tobytes() not in spectra:  # most fields are labelled on the same rows
            spectra[places.tobytes()] = _whiten(part)
        spectrum = spectra[places.tobytes()]
        problem = _Problem(part, sparse[places], wanted, spectrum=spectrum, settings=settings, squares=squares)
        tell_step = partial(_tell_step, tell, number * settings.steps, len(fields) * settings.steps)
        head = problem.solve(tell_step)
        heads[field.name] = _named(head, wanted, weight=settings.dense_weight)
        centres[field.name], spreads[field.name] = wanted.centre, wanted.spread
    return Trained(grams, features, heads, centres, spreads)


def _tell_step(tell: Callable[[int, int], None], before: int, most: int, step: int) -> None:
    tell(before + step, most)


class _Wanted(NamedTuple):
    """What a problem's columns should be, shape (rows, columns), and which of the field's labels they are."""

    values: NDArray[np.float32]
    columns: NDArray[np.int64]
    total: int
    centre: float = 0.0
    spread: float = 1.0


def _wanted(field: Field, target: Target) -> _Wanted:
    if field.kind == "number":
        centre, spread = (float(target.mean()), float(target.std()) or 1.0) if len(target) else (0.0, 1.0)
        return _Wanted(((target - centre) / spread)[:, None].astype(np.float32), np.arange(1), 1, centre, spread)
    total = len(field_labels(field))
    ones = one_hot(target, columns=total).toarray()
    columns = np.flatnonzero(ones.any(0))
    return _Wanted((2 * ones[:, columns] - 1).astype(np.float32), columns, total)


def _named(head: FieldHead, wanted: _Wanted, *, weight: float) -> FieldHead:
    """Returns a problem's weights as those of all labels; labels without a row are never answered."""
    dense = np.zeros((len(head.dense), wanted.total), np.float32)
    grams = np.zeros((len(head.grams), wanted.total), np.float32)
    bias = np.full(wanted.total, NEVER, np.float32)
    dense[:, wanted.columns] = head.dense * np.float32(weight)
    grams[:, wanted.columns] = head.grams
    bias[wanted.columns] = head.bias
    return FieldHead(dense, grams, bias)


class _Spectrum(NamedTuple):
    """Eigenvalues and eigenvectors of the dense features' products."""

    values: Tensor
    basis: Tensor


class _Problem:
    """One field's convex problem, in coordinates where L-BFGS is quick."""

    def __init__(
        self,
        dense: Tensor,
        sparse: csr_matrix,
        wanted: _Wanted,
        *,
        spectrum: _Spectrum,
        settings: KernelSettings,
        squares: bool,
    ) -> None:
        self._dense, self._wanted, self._squares = dense, torch.from_numpy(wanted.values), squares
        self._sparse, self._turned = _to_torch(sparse), _to_torch(sparse.T)
        self._settings = settings
        stretch = settings.cost * _CURVATURE
        energies = torch.from_numpy(np.asarray(sparse.multiply(sparse).sum(0), np.float32).ravel())
        self._basis = spectrum.basis
        self._white = torch.rsqrt(1 + stretch * spectrum.values.clamp(min=0))[:, None]
        self._thin = torch.rsqrt(1 + stretch * energies)[:, None]
        self._flat = float(1 / np.sqrt(1 + stretch * max(1, len(dense))))

    def solve(self, tell: Callable[[int], None]) -> FieldHead:
        columns = self._wanted.shape[1]
        shapes = ((self._dense.shape[1], columns), (self._sparse.shape[1], columns), (columns,))
        place = _Parts(*(torch.zeros(shape) for shape in shapes))
        if len(self._wanted):
            place = _minimise(self._value, place, settings=self._settings, tell=tell)
        weights = self._weights(place)
        return FieldHead(*(part.numpy() for part in weights))

    def _weights(self, place: _Parts) -> _Parts:
        return _Parts(self._basis @ (self._white * place.dense), self._thin * place.grams, self._flat * place.bias)

    def _value(self, place: _Parts) -> tuple[float, _Parts]:
        """Returns the objective and its gradient."""
        weights, cost = self._weights(place), self._settings.cost
        scores = self._dense @ weights.dense
        scores += self._sparse @ weights.grams
        scores += weights.bias
        if self._squares:
            short = self._wanted - scores
            slope = -2 * short
        else:
            short = (1 - self._wanted * scores).clamp_(min=0)
            slope = (-2 * self._wanted) * short
        slope *= cost
        value = 0.5 * weights.dot(weights) + cost * float((short * short).sum())
        dense = self._white * (self._basis.T @ (self._dense.T @ slope + weights.dense))
        grams = self._thin * (self._turned @ slope + weights.grams)
        return value, _Parts(dense, grams, self._flat * (slope.sum(0) + weights.bias))


def _whiten(dense: Tensor) -> _Spectrum:
    """Returns the eigenvalues and eigenvectors of the features' products; few rows are solved as they are."""
    if len(dense) < _FEW:
        return _Spectrum((dense * dense).sum(0), torch.eye(dense.shape[1]))
    return _Spectrum(*torch.linalg.eigh(dense.T @ dense))


def _to_torch(matrix: csr_matrix) -> Tensor:
    rows = matrix.tocsr().astype(np.float32)
    starts, columns = (torch.from_numpy(np.asarray(part, np.int64)) for part in (rows.indptr, rows.indices))
    with warnings.catch_warnings():
        # torch says that its sparse matrices may change; what is used here has been the same for years.
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(
            starts, columns, torch.from_numpy(rows.data), size=list(rows.shape), check_invariants=False
        )


def _minimise(
    function: Callable[[_Parts], tuple[float, _Parts]],
    place: _Parts,
    *,
    settings: KernelSettings,
    tell: Callable[[int], None],
) -> _Parts:
    value, slope = function(place)
    enough = settings.tolerance * slope.dot(slope) ** 0.5
    history: list[tuple[_Parts, _Parts, float]] = []
    for step in range(settings.steps):
        if slope.dot(slope) ** 0.5 <= enough:
            break
        way = _direction(slope, history)
        falls, stride = slope.dot(way), 1.0
        while True:
            there = place.plus(way, stride)
            next_value, next_slope = function(there)
            if next_value <= value + 1e-4 * stride * falls + 1e-6 * abs(value) or stride < 1e-3:
                break
            stride /= 2
        moved, turned = there.plus(place, -1.0), next_slope.plus(slope, -1.0)
        if (curved := moved.dot(turned)) > 0:
            history = [*history, (moved, turned, 1 / curved)][-_HISTORY:]
        place, value, slope = there, next_value, next_slope
        tell(step + 1)
    return place


def _direction(slope: _Parts, history: Sequence[tuple[_Parts, _Parts, float]]) -> _Parts:
    """Returns where to go: the two loops of Nocedal and Wright (2006), algorithm 7.4."""
    way, shares = slope, []
    for moved, turned, scale in reversed(history):
        share = scale * moved.dot(way)
        way = way.plus(turned, -share)
        shares.append(share)
    if history:
        _, turned, scale = history[-1]
        way = _Parts(*(part / (scale * turned.dot(turned)) for part in way))
    for (moved, turned, scale), share in zip(history, reversed(shares), strict=True):
        way = way.plus(moved, share - scale * turned.dot(way))
    return _Parts(*(-part for part in way))
