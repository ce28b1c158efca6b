"""How far confidence may be believed: the formulas, as functions of rows' weights.

Owns calibration error, the Brier score and the area under the risk-coverage curve. Knows nothing of kinds of
fields (`scores`) and draws nothing (`curves`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from freehold.gate.resampling import Floats, Statistic, Whole

__all__ = [
    "BINS",
    "LabelChances",
    "brier",
    "calibration_error",
    "equal_mass",
    "label_chances",
    "risk_coverage_area",
]

BINS = 15


def equal_mass(confidences: Floats) -> Whole:
    """Returns the bin, 0 to 14, of each confidence: as many in each as ties allow; equal ones share a bin."""
    edges = np.sort(confidences)[np.arange(1, BINS) * len(confidences) // BINS]
    return np.searchsorted(np.unique(edges), confidences, side="right").astype(np.int64)


def calibration_error(confidences: ArrayLike, hits: ArrayLike) -> Statistic:
    """Returns the expected calibration error over 15 bins of equal mass; equal confidences share one.

    It is the mean over bins of |mean confidence - share right|, weighted by the bins' size. The bins are
    those of the rows as they are, in resamples too.

    Args:
        confidences: Shape (rows,), or (rows, labels) where each label of a row is an answer of its own; rows
            are what is resampled.
        hits: What was right, in the same shape.

    Source:
        Naeini, M. P., Cooper, G. and Hauskrecht, M. (2015). Obtaining well calibrated probabilities using
        Bayesian binning. AAAI 29. Bins of equal mass: Nixon, J. et al. (2019). Measuring calibration in deep
        learning. CVPR workshops; Roelofs, R. et al. (2022). Mitigating bias in calibration error estimation.
        AISTATS 25.
    """
    confidence = np.asarray(confidences, np.float64)
    rows, answers = len(confidence), confidence.size // len(confidence)
    excess = (confidence - np.asarray(hits, np.float64)).ravel()
    places = np.repeat(np.arange(rows), answers) * BINS + equal_mass(confidence.ravel())
    gaps = np.bincount(places, weights=excess, minlength=rows * BINS).reshape(rows, BINS)
    return lambda weights: np.abs(weights @ gaps).sum(1) / (weights.sum(1) * answers)


def brier(probabilities: Mapping[str, float], truth: str) -> float:
    """Returns the squared distance of the probabilities from the truth, summed over labels: from 0 to 2.

    A truth that is not among the labels had no chance.

    Example:
        >>> round(brier({"a": 0.8, "b": 0.2}, "a"), 6)
        0.08

    Source:
        Brier, G. W. (1950). Verification of forecasts expressed in terms of probability. Monthly Weather
        Review 78, 1-3.
    """
    chances = np.fromiter(probabilities.values(), np.float64, len(probabilities))
    return max(0.0, float(chances @ chances) + 1 - 2 * probabilities.get(truth, 0.0))


class LabelChances(NamedTuple):
    """Each label's probability on each row and whether it is true there, both of shape (rows, labels)."""

    chances: Floats
    true: NDArray[np.bool_]


def label_chances(probabilities: Sequence[Mapping[str, float]], truths: Sequence[set[str]]) -> LabelChances:
    """Returns the probabilities of independent labels as a table; what a row does not name has none."""
    names = sorted({name for row in probabilities for name in row} | {name for row in truths for name in row})
    columns = {name: column for column, name in enumerate(names)}
    chances = np.zeros((len(truths), len(names)))
    true = np.zeros(chances.shape, bool)
    for row, (given, labels) in enumerate(zip(probabilities, truths, strict=True)):
        chances[row, [columns[name] for name in given]] = list(given.values())
        true[row, [columns[name] for name in labels]] = True
    return LabelChances(chances, true)


def risk_coverage_area(confidences: ArrayLike, hits: ArrayLike) -> Statistic:
    """Returns the area under the risk-coverage curve: the mean share wrong among the most confident answers.

    The mean goes over every coverage from the first row to all of them. Equal confidences are accepted
    together, so that the order of the rows does not count.

    Source:
        Geifman, Y., Uziel, G. and El-Yaniv, R. (2019). Bias-reduced uncertainty estimation for deep neural
        classifiers. ICLR.
    """
    confidence = np.asarray(confidences, np.float64)
    order = np.argsort(-confidence, kind="stable")
    last = np.append(np.flatnonzero(np.diff(confidence[order])), len(order) - 1)  # of each run of equal ones
    wrong = ~np.asarray(hits, bool)[order]

    def statistic(weights: Floats) -> Floats:
        ordered = weights[:, order]
        covered = np.cumsum(ordered, axis=1)[:, last]
        missed = np.cumsum(ordered * wrong, axis=1)[:, last]
        risk = np.divide(missed, covered, out=np.zeros_like(missed), where=covered > 0)
        mass = np.diff(covered, axis=1, prepend=0.0)
        return np.asarray((mass * risk).sum(1) / weights.sum(1))

    return statistic
