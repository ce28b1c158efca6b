"""The metrics of the contract as functions of rows' weights, to be evaluated and resampled.

Owns the formulas; `scores` says which kind of field has which, `calibration` has those of confidence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from freehold.gate.resampling import Floats, Statistic, Whole

__all__ = ["area", "average", "determination", "macro_f1", "micro_f1"]


def average(column: ArrayLike) -> Statistic:
    """Returns the mean of one number a row."""
    numbers = np.asarray(column, np.float64)
    return lambda weights: weights @ numbers / weights.sum(1)


def micro_f1(hits: ArrayLike, given: ArrayLike, true: ArrayLike) -> Statistic:
    """Returns 2 hits / (given + true), summed over rows; undefined where nothing is given and nothing true.

    Args:
        hits: How many of a row's answers are right.
        given: How many answers a row has.
        true: How many it should have.
    """
    shared, all_of = (
        np.asarray(hits, np.float64),
        np.asarray(given, np.float64) + np.asarray(true, np.float64),
    )
    return lambda weights: _ratio(2 * (weights @ shared), weights @ all_of)


def macro_f1(true: Sequence[Sequence[str]], given: Sequence[Sequence[str]]) -> Statistic:
    """Returns the mean of the labels' F1, over labels that are true or given on at least one row.

    Args:
        true: The labels of each row.
        given: What was answered for each row.
    """
    names = sorted({label for row in (*true, *given) for label in row})
    codes = {name: code for code, name in enumerate(names)}
    right = [set(row) & set(answer) for row, answer in zip(true, given, strict=True)]
    sum_right, sum_true, sum_given = (_label_sums(each, codes) for each in (right, true, given))

    def statistic(weights: Floats) -> Floats:
        support = sum_true(weights) + sum_given(weights)
        f1 = _ratio(2 * sum_right(weights), support)
        return _ratio(np.nansum(f1, 1), (support > 0).sum(1).astype(np.float64))

    return statistic


def _label_sums(rows: Sequence[Sequence[str] | set[str]], codes: dict[str, int]) -> Callable[[Floats], Floats]:
    """Returns the function from weights to each label's sum of weights, shape (resamples, labels).

    Sorted once by label, each resample is a gather and a segmented sum: its cost does not grow with the
    number of labels.
    """
    pairs = sorted((codes[label], row) for row, labels in enumerate(rows) for label in labels)
    label_of = np.array([code for code, _ in pairs], np.int64)
    row_of = np.array([row for _, row in pairs], np.int64)

    def sums(weights: Floats) -> Floats:
        out = np.zeros((len(weights), len(codes)))
        if len(row_of):
            present, segmented = _segment_sums(weights[:, row_of], label_of)
            out[:, present] = segmented
        return out

    return sums


def _segment_sums(weights: Floats, groups: Whole) -> tuple[Whole, Floats]:
    """Returns the groups there are and the sum of each; `groups` ascend along the columns of `weights`."""
    present, starts = np.unique(groups, return_index=True)
    return present, np.add.reduceat(weights, starts, axis=1)


def area(chances: ArrayLike, truths: ArrayLike) -> Statistic:
    """Returns the area under the ROC curve: how often a true row gets a higher chance than a false one.

    Ties count half. Undefined where all rows are true, or all false.

    Source:
        Hanley, J. A. and McNeil, B. J. (1982). The meaning and use of the area under a receiver operating
        characteristic (ROC) curve. Radiology 143, 29-36.
    """
    chance, true = np.asarray(chances, np.float64), np.asarray(truths, bool)
    order = np.argsort(chance, kind="stable")
    true = true[order]
    ties = np.unique(chance[order], return_inverse=True)[1]

    def statistic(weights: Floats) -> Floats:
        ordered = weights[:, order]
        positive = _segment_sums(ordered * true, ties)[1]
        negative = _segment_sums(ordered * ~true, ties)[1]
        below = np.cumsum(negative, axis=1) - negative / 2
        return _ratio((positive * below).sum(1), positive.sum(1) * negative.sum(1))

    return statistic


def determination(truths: ArrayLike, answers: ArrayLike) -> Statistic:
    """Returns R², 1 - squared error / squared deviation from the mean; undefined for equal truths."""
    true = np.asarray(truths, np.float64)
    errors = (true - np.asarray(answers, np.float64)) ** 2
    centred = true - true.mean()  # far from zero, the difference of squares below would lose its digits

    def statistic(weights: Floats) -> Floats:
        squares = weights @ centred**2
        deviation = squares - (weights @ centred) ** 2 / weights.sum(1)
        return 1 - _ratio(weights @ errors, np.where(deviation > 1e-12 * squares, deviation, 0.0))

    return statistic


def _ratio(above: Floats, below: Floats) -> Floats:
    """Divides, with NaN where there is nothing to divide by."""
    out: NDArray[np.float64] = np.full(np.shape(below), np.nan)
    return np.divide(above, below, out=out, where=below > 0)
