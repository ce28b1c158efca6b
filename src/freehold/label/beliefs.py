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

__all__ = ["UNKNOWN", "Beliefs", "Evidence", "believe", "centred_cosines", "learn_alone", "link", "prepare"]

UNKNOWN = -1
"""Stands in the place of a label that is missing."""
_NEIGHBOURS, _POWER = 15, 10
_FAR, _STEPS, _ROUNDS = 0.8, 25, 2
_GUESSED = 0.02
"""What a guess weighs beside a label while both spread."""
_EVEN, _EVEN_STEPS = 0.5, 10
_NAME_HEAT, _HEAT = 0.1, 0.15
_SURE_HEAT = 0.2
_PENALTY = 0.3

Floats = NDArray[np.float32]
Chances = NDArray[np.float64]
Whole = NDArray[np.int64]


class Evidence(NamedTuple):
    """What there is to learn from.

    Attributes:
        features: Of the rows, shape (rows, width).
        solver: Their ridge, whatever is wanted of them, shape (width, rows) or its factors; of `prepare`.
        links: How near rows are to each other, of `link`.
        names: How near each row is to the name of each label, shape (rows, labels).
        even: Whether labels may be taken to be about as frequent as each other.
    """

    features: Floats
    solver: Solver
    links: csr_matrix
    names: Floats
    even: bool = True


class Solver(NamedTuple):
    """What solves a ridge on the same rows again and again: one inverse, for either number of rows.

    Attributes:
        inverse: Of the rows' products with each other, or of the features', the smaller of both.
        by_rows: Which of the two.
    """

    inverse: Floats
    by_rows: bool


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
    return matrix.multiply(scale[:, None]).multiply(scale[None, :]).tocsr().astype(np.float32)


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
    for _ in range(_ROUNDS):
        near = _spread(guess, given, known=known, evidence=evidence)
        guesses = near.argmax(1)
        weights, mean = _solve(evidence.solver, evidence.features, ones[guesses])
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
    part, ones = features[known], np.eye(labels, dtype=np.float32)
    return _solve(prepare(part), part, ones[given[known]])


def prepare(features: Floats) -> Solver:
    """Returns what solves the ridge of these rows, shape (rows, width)."""
    by_rows = len(features) < features.shape[1]
    system = features @ features.T if by_rows else features.T @ features
    system[np.diag_indices_from(system)] += _PENALTY
    return Solver(np.asarray(np.linalg.inv(system), np.float32), by_rows)


def _solve(solver: Solver, features: Floats, wanted: Floats) -> tuple[Floats, Floats]:
    """Returns the ridge's weights, and the mean of what was wanted."""
    targets = 2 * wanted - 1
    mean = targets.mean(0)
    right = targets - mean
    weights = features.T @ (solver.inverse @ right) if solver.by_rows else solver.inverse @ (features.T @ right)
    return np.asarray(weights, np.float32), mean
