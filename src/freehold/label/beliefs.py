"""What each row of a pool is likely to be: from labels' names, from what is labelled, and from each other.

Owns label propagation and self-training as plain arrays. Two views, the neighbours and a ridge, teach each other.
Knows nothing of tasks, files or people.

Neighbours: Zhou, Bousquet, Lal, Weston, Schölkopf 2003, "Learning with local and global consistency". Labels are
evened out by Sinkhorn's scaling, half of the way, after Asano, Rupprecht, Vedaldi 2020 ("Self-labelling"): where
little is labelled, no label may draw all rows to itself. The numbers were chosen on Banking77's training rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from freehold.engine import softmax
from freehold.label.neighbours import find_neighbours

__all__ = ["UNKNOWN", "Beliefs", "Evidence", "believe", "centred_cosines", "learn_alone", "link"]

UNKNOWN = -1
"""Stands in the place of a label that is missing."""
_NEIGHBOURS, _POWER = 15, 10
_FAR, _STEPS, _ROUNDS = 0.8, 25, 2
_GUESSED = 0.02
"""What a guess weighs beside a label while both spread."""
_EVEN, _EVEN_STEPS = 0.5, 10
_NAME_HEAT, _HEAT = 0.1, 0.15
_SURE_HEAT = 0.2
_PENALTY, _GIVEN = 0.3, 5.0

Floats = NDArray[np.float32]
Chances = NDArray[np.float64]
Whole = NDArray[np.int64]


class Evidence(NamedTuple):
    """What there is to learn from.

    Attributes:
        features: Of the rows, shape (rows, width).
        links: How near rows are to each other, of `link`.
        names: How near each row is to the name of each label, shape (rows, labels).
        even: Whether labels may be taken to be about as frequent as each other.
    """

    features: Floats
    links: csr_matrix
    names: Floats
    even: bool = True


class Beliefs(NamedTuple):
    """What rows are likely to be.

    Attributes:
        chances: The mean of both views, shape (rows, labels).
        discord: How far they are apart, 0 to 1, shape (rows,).
        guesses: Column of the label that the neighbours give each row, shape (rows,).
        weights: The ridge, for rows that were not there, shape (width, labels).
        mean: What it adds, shape (labels,).
    """

    chances: Chances
    discord: NDArray[np.float64]
    guesses: Whole
    weights: Floats
    mean: Floats

    def of(self, features: Floats) -> Chances:
        """Returns what other rows are likely to be, shape (rows, labels)."""
        return softmax(np.asarray((features @ self.weights + self.mean) / _SURE_HEAT, np.float32))


def link(vectors: Floats) -> csr_matrix:
    """Returns how near rows are to their nearest ones, each row's and column's sum about 1, shape (rows, rows)."""
    graph = find_neighbours(vectors, count=_NEIGHBOURS)
    matrix = graph.to_matrix(np.maximum(graph.cosines, 0) ** _POWER)
    scale = 1 / np.sqrt(np.maximum(np.asarray(matrix.sum(1)).ravel(), 1e-9))
    return matrix.multiply(scale[:, None]).multiply(scale[None, :]).tocsr()


def centred_cosines(rows: Floats, names: Floats) -> Floats:
    """Returns cosines of rows and names, each about its own middle: else some names draw rows to themselves."""
    rows = rows - rows.mean(0)
    names = names - names.mean(0) if len(names) > 2 else names
    rows, names = (each / np.maximum(np.linalg.norm(each, axis=1, keepdims=True), 1e-9) for each in (rows, names))
    return np.asarray(rows @ names.T, np.float32)


def believe(evidence: Evidence, given: Whole) -> Beliefs:
    """Returns what the rows are likely to be.

    Args:
        given: Column of each row's label, `UNKNOWN` where it has none, shape (rows,).
    """
    known, labels = np.flatnonzero(given != UNKNOWN), evidence.names.shape[1]
    ones = np.eye(labels, dtype=np.float32)
    guess = _even(softmax(evidence.names / np.float32(_NAME_HEAT)), evidence)
    importance = np.where(given == UNKNOWN, 1.0, _GIVEN).astype(np.float32)
    for _ in range(_ROUNDS):
        near = _spread(guess, given, known=known, evidence=evidence)
        guesses = near.argmax(1)
        weights, mean = _fit(evidence.features, ones[guesses], importance)
        scores = evidence.features @ weights + mean
        guess = softmax(scores / np.float32(_HEAT))
    alone = softmax(scores / np.float32(_SURE_HEAT))
    discord = np.abs(alone - near).sum(1) / 2
    return Beliefs((alone + near) / 2, discord, guesses, weights, mean)


def _spread(guess: Chances, given: Whole, *, known: Whole, evidence: Evidence) -> Chances:
    seeds = (_GUESSED * guess).astype(np.float32)
    _clamp(seeds, given, known=known)
    found = seeds
    for _ in range(_STEPS):
        found = np.asarray(_FAR * (evidence.links @ found) + (1 - _FAR) * seeds)
    _clamp(found, given, known=known)
    shares = np.asarray(found / np.maximum(found.sum(1, keepdims=True), 1e-30), np.float64)
    shares = _even(shares, evidence)
    _clamp(shares, given, known=known)
    return shares


def _clamp(values: NDArray[np.floating], given: Whole, *, known: Whole) -> None:
    values[known] = 0
    values[known, given[known]] = 1


def _even(chances: Chances, evidence: Evidence) -> Chances:
    """Returns the chances with labels drawn nearer to the same share of the rows."""
    rows, labels = chances.shape
    for _ in range(_EVEN_STEPS if evidence.even else 0):
        chances = chances / np.maximum(chances.sum(0) * labels / rows, 1e-9) ** _EVEN
        chances = chances / chances.sum(1, keepdims=True)
    return chances


def learn_alone(features: Floats, given: Whole, *, labels: int) -> tuple[Floats, Floats]:
    """Returns the ridge of the labelled rows alone, for comparison: its weights and what it adds."""
    known = np.flatnonzero(given != UNKNOWN)
    ones = np.eye(labels, dtype=np.float32)
    return _fit(features[known], ones[given[known]], np.ones(len(known), np.float32))


def _fit(features: Floats, wanted: Floats, importance: Floats) -> tuple[Floats, Floats]:
    """Returns a weighted ridge's weights, and the mean of what was wanted."""
    targets = 2 * wanted - 1
    mean = (importance[:, None] * targets).sum(0) / importance.sum()
    root = np.sqrt(importance)[:, None]
    scaled, right = features * root, (targets - mean) * root
    if len(features) < features.shape[1]:
        system = scaled @ scaled.T
        system[np.diag_indices_from(system)] += _PENALTY
        return np.asarray(scaled.T @ np.linalg.solve(system, right), np.float32), mean
    system = scaled.T @ scaled
    system[np.diag_indices_from(system)] += _PENALTY
    return np.asarray(np.linalg.solve(system, scaled.T @ right), np.float32), mean
