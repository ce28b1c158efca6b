"""Rows that nobody labelled, as lessons: their likeliest labels, where held-out labels say that this pays.

Owns when self-training is on, and which rows it labels. Only rows for training get such labels: what is held apart
is labelled by people alone. Knows nothing of the review list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.label.beliefs import UNKNOWN, Beliefs, Evidence, Whole, believe, learn_alone
from freehold.task import Example, Field, Value

__all__ = ["MAKER", "Trial", "add_lessons", "reason_against", "sure_rows", "try_out"]

MAKER = "rule:self-training"
_ENOUGH = 25
"""Median labelled rows a label from which on rows without a label add nothing; training calls fewer scarce."""
_LEAST_LABELS, _LEAST_ROWS = 3, 10
_LEAST_KNOWN, _FOLDS = 20, 3
_EXPONENTS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)


class Trial(NamedTuple):
    """How often labels that were left out were guessed right.

    Attributes:
        alone: By what learned from labelled rows alone.
        together: By what learned from the others too.
        n: Of so many.
        exponent: What makes chances fit these labels best, as a power of them.
    """

    alone: float
    together: float
    n: int
    exponent: float = 1.0

    @property
    def helps(self) -> bool:
        """Whether rows without a label were of use, or nobody can tell."""
        return not self.n or self.together >= self.alone


def reason_against(field: Field, given: Whole, *, labels: int) -> str:
    """Returns why rows without a label are not learned from; empty where they may be.

    Args:
        given: Column of each row's label, `UNKNOWN` where it has none: of the rows for training.
        labels: How many the field has.
    """
    if field.kind != "choice" or labels < _LEAST_LABELS:
        return "it is for a choice of three labels or more"
    if field.other:
        return "rows may be of none of the labels"
    known = given[given != UNKNOWN]
    if np.median(np.bincount(known, minlength=labels)) >= _ENOUGH:
        return "enough rows are labelled"
    if len(given) - len(known) < max(len(known), _LEAST_ROWS * labels):
        return "there are too few rows without a label"
    return ""


def try_out(evidence: Evidence, given: Whole) -> Trial:
    """Returns what comes of labels that are left out in turn; of few, nothing can be told."""
    known = np.flatnonzero(given != UNKNOWN)
    if len(known) < _LEAST_KNOWN:
        return Trial(0.0, 0.0, 0)
    labels, alone, together = evidence.names.shape[1], 0, 0
    chances = np.zeros((len(known), labels))
    for fold in range(_FOLDS):
        out = known[fold::_FOLDS]
        rest = given.copy()
        rest[out] = UNKNOWN
        weights, mean = learn_alone(evidence.features, rest, labels=labels)
        alone += int(((evidence.features[out] @ weights + mean).argmax(1) == given[out]).sum())
        chances[fold::_FOLDS] = believe(evidence, rest).chances[out]
        together += int((chances[fold::_FOLDS].argmax(1) == given[out]).sum())
    exponent = _fit_exponent(chances, given[known])
    return Trial(alone / len(known), together / len(known), len(known), exponent)


def _fit_exponent(chances: NDArray[np.float64], given: Whole) -> float:
    """Returns the power of the chances with the least log loss (temperature scaling: Guo et al. 2017)."""

    def loss(exponent: float) -> float:
        powered = np.maximum(chances, 1e-12) ** exponent
        right = powered[np.arange(len(given)), given] / powered.sum(1)
        return float(-np.log(right + 1e-12).mean())

    return min(_EXPONENTS, key=loss)


def add_lessons(rows: Sequence[Example], lessons: dict[str, dict[str, Value]]) -> list[Example]:
    """Returns the rows that have labels, those of self-training among them.

    Args:
        rows: In the order of their ids.
        lessons: Of rows without any label: example to field to value.
    """
    out = []
    for row in rows:
        if row.outputs:
            out.append(row)
        elif row.id in lessons and row.split == "train":
            passport = replace(row.passport, maker=MAKER)
            out.append(replace(row, outputs=lessons[row.id], passport=passport))
    return out


def sure_rows(beliefs: Beliefs, given: Whole) -> Whole:
    """Returns the rows without a label of which both views say the same."""
    return np.flatnonzero((given == UNKNOWN) & (beliefs.guesses == beliefs.chances.argmax(1)))
