"""What the base says of each labelled row where it has not learned from it: cross-validated, calibrated chances.

Owns folds, and a ridge that is solved for each fold from the sums of the others: on random features of the
vectors, and on hashed n-grams, which help where the base knows little of the words. Fewer of both than training
takes, which rank suspects as well. Rows that are not independent of each other lie in one fold. Knows nothing of
errors in labels.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from freehold.engine import RandomFeatures, Sketch, softmax

__all__ = ["FOLDS", "Features", "assign_folds", "cross_scores", "score_others", "to_chances", "to_several_chances"]

FOLDS = 5
_DENSE, _GRAMS = 1_024, 512
_PENALTY = 1.0
_BLOCK = 4_096
_MOST = 2_000
"""Rows that say how sure scores may be; more would take longer and say the same."""
_TEMPERATURES = np.geomspace(0.02, 20.0, 70)
_STEPS = 30

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]


def assign_folds(names: Sequence[str], strata: Sequence[Hashable], groups: Whole) -> Whole:
    """Returns each row's fold: groups stay whole, and each stratum is dealt to all folds in turn.

    The order of the rows and what strata are called change nothing.

    Args:
        names: Of the rows, as good as random: they decide who comes first.
        strata: A group belongs to the stratum of its first row by name.
        groups: Rows with the same number lie in one fold.
    """
    drawn = [hashlib.sha256(name.encode()).digest() for name in names]
    first: dict[int, int] = {}
    for row in sorted(range(len(names)), key=drawn.__getitem__):
        first.setdefault(int(groups[row]), row)
    dealt: defaultdict[Hashable, list[int]] = defaultdict(list)
    for group, row in first.items():
        dealt[strata[row]].append(group)
    folds: dict[int, int] = {}
    for members in dealt.values():
        start = drawn[first[members[0]]][0]
        folds.update((group, (start + place) % FOLDS) for place, group in enumerate(members))
    return np.array([folds[int(group)] for group in groups], np.int64)


class Features:
    """Texts and their vectors as what heads learn from.

    Args:
        vectors: Of unit length, shape (rows, dimension).
    """

    width = _DENSE + _GRAMS

    def __init__(self, texts: Sequence[str], vectors: Floats) -> None:
        self._vectors, self._grams = vectors, Sketch(_GRAMS).transform(texts)
        self._map = RandomFeatures.draw(vectors.shape[1], count=_DENSE)

    def of(self, rows: Whole) -> Floats:
        """Returns the features of some rows, shape (rows, width)."""
        out = np.zeros((len(rows), self.width), np.float32)
        out[:, :_DENSE] = self._map.apply(self._vectors[rows])
        starts, stops = self._grams.starts[rows], self._grams.starts[rows + 1]
        sizes = stops - starts
        places = np.repeat(starts - np.cumsum(sizes) + sizes, sizes) + np.arange(int(sizes.sum()))
        lines = np.repeat(np.arange(len(rows)), sizes)
        np.add.at(out, (lines, _DENSE + self._grams.indices[places]), self._grams.values[places])
        return out


def cross_scores(features: Features, targets: Floats, *, folds: Whole) -> Floats:
    """Returns scores of each row from the rows of the other folds, shape (rows, columns).

    Args:
        targets: 1 where a row has a label and -1 where not, shape (rows, columns).
        folds: Shape (rows,).
    """
    few = len(targets) <= features.width
    return (_cross_few if few else _cross_many)(features, targets, folds=folds)


def score_others(features: Features, targets: Floats, *, learned: Whole, asked: Whole) -> Floats:
    """Returns scores of some rows from other rows, shape (asked, columns).

    Args:
        targets: Of the rows that are learned from, 1 where a row has a label and -1 where not.
    """
    gram = np.zeros((features.width, features.width), np.float32)
    product = np.zeros((features.width, targets.shape[1]), np.float32)
    mean = targets.mean(0)
    for start in range(0, len(learned), _BLOCK):
        mapped = features.of(learned[start : start + _BLOCK])
        gram += mapped.T @ mapped
        product += mapped.T @ (targets[start : start + _BLOCK] - mean)
    weights = _solve(gram, product)
    return np.concatenate([features.of(block) @ weights + mean for block in _blocks(asked)] or [targets[:0]])


def _cross_few(features: Features, targets: Floats, *, folds: Whole) -> Floats:
    """Solves in the number of the rows, which is the same solution."""
    mapped = features.of(np.arange(len(targets)))
    kernel, scores = mapped @ mapped.T, np.zeros_like(targets)
    for fold in np.unique(folds):
        out = folds == fold
        if out.all():
            continue
        mean = targets[~out].mean(0)
        weights = _solve(kernel[np.ix_(~out, ~out)], targets[~out] - mean)
        scores[out] = kernel[np.ix_(out, ~out)] @ weights + mean
    return scores


def _cross_many(features: Features, targets: Floats, *, folds: Whole) -> Floats:
    """Solves in the number of the features: a fold's sums are taken out of those of all rows."""
    width, columns = features.width, targets.shape[1]
    parts = {int(fold): np.flatnonzero(folds == fold) for fold in np.unique(folds)}
    grams = {fold: np.zeros((width, width), np.float32) for fold in parts}
    # A last column of ones among the targets sums the features themselves.
    wanted = np.hstack([targets, np.ones((len(targets), 1), np.float32)])
    products = {fold: np.zeros((width, columns + 1), np.float32) for fold in parts}
    for fold, rows in parts.items():
        for block in _blocks(rows):
            mapped = features.of(block)
            grams[fold] += mapped.T @ mapped
            products[fold] += mapped.T @ wanted[block]
    gram, product = sum(grams.values()), sum(products.values())
    scores = np.zeros_like(targets)
    for fold, rows in parts.items():
        if len(rows) == len(targets):
            continue
        mean = np.delete(targets, rows, axis=0).mean(0)
        rest = product - products[fold]
        weights = _solve(gram - grams[fold], rest[:, :-1] - np.outer(rest[:, -1], mean))
        for block in _blocks(rows):
            scores[block] = features.of(block) @ weights + mean
    return scores


def _solve(system: Floats, right: Floats) -> Floats:
    """Returns the ridge's solution; the system is spent."""
    system[np.diag_indices_from(system)] += _PENALTY
    return np.linalg.solve(system, right)


def _blocks(rows: Whole) -> list[Whole]:
    return [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]


def to_chances(scores: Floats, given: Whole) -> NDArray[np.float64] | None:
    """Returns probabilities of the labels at the temperature that fits the given ones best.

    None where they say no more, beyond noise, than how frequent each label is.

    Args:
        scores: Held-out, shape (rows, labels).
        given: Each row's label, shape (rows,).
    """
    some = np.linspace(0, len(given) - 1, min(_MOST, len(given))).astype(np.int64)
    losses = [_losses(softmax(scores[some] / np.float32(t)), given[some]).mean() for t in _TEMPERATURES]
    chances = softmax(scores / np.float32(_TEMPERATURES[int(np.argmin(losses))]))
    frequent = np.bincount(given, minlength=scores.shape[1]) / len(given)
    return chances if _tells(-np.log(frequent[given]) - _losses(chances, given)) else None


def to_several_chances(scores: Floats, given: Whole) -> NDArray[np.float64] | None:
    """Returns the probability of each label where a row has any number of them (Platt 1999, one curve for all).

    None where they say no more, beyond noise, than how frequent each label is.

    Args:
        scores: Held-out, shape (rows, labels).
        given: 1 or 0, shape (rows, labels).
    """
    some = np.linspace(0, len(given) - 1, min(_MOST, len(given))).astype(np.int64)
    slope, offset = _fit_curve(scores[some].ravel().astype(np.float64), given[some].ravel().astype(np.float64))
    chances = _curve(slope * scores.astype(np.float64) + offset)
    frequent = np.clip(given.mean(0), 1e-9, 1 - 1e-9)
    plain = -np.where(given == 1, np.log(frequent), np.log(1 - frequent)).sum(1)
    wide = np.clip(chances, 1e-9, 1 - 1e-9)
    return chances if _tells(plain + np.where(given == 1, np.log(wide), np.log(1 - wide)).sum(1)) else None


def _fit_curve(scores: NDArray[np.float64], given: NDArray[np.float64]) -> tuple[float, float]:
    """Returns slope and offset by Newton's steps, with a little weight on a curve that is flat."""
    design = np.column_stack([scores, np.ones(len(scores))])
    found = np.zeros(2)
    for _ in range(_STEPS):
        chances = _curve(design @ found)
        curve = (design * (chances * (1 - chances))[:, None]).T @ design + 1e-3 * np.eye(2)
        step = np.linalg.solve(curve, design.T @ (given - chances) - 1e-3 * found)
        found += np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-6:
            break
    return float(found[0]), float(found[1])


def _curve(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -500, 500))))


def _losses(chances: NDArray[np.float64], given: Whole) -> NDArray[np.float64]:
    return np.asarray(-np.log(chances[np.arange(len(given)), given] + 1e-12))


def _tells(gains: NDArray[np.float64]) -> bool:
    """Tells whether the mean gain of the rows is more than noise."""
    return bool(gains.mean() > 2 * gains.std() / np.sqrt(len(gains)))
