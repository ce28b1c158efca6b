"""From a head's scores to answers with calibrated confidence.

Owns what the numbers of a `Head` mean for each kind of field. How they are found is for training to know.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from freehold.engine.layout import Head, Scope
from freehold.task import Answer, Field, Value

__all__ = ["COVERAGE", "answer_rows", "softmax", "to_probabilities"]

COVERAGE = 0.9
"""The share of true numbers that lie within the interval of an answer."""


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns the softmax over the last axis, in double precision."""
    shifted = np.exp(scores.astype(np.float64) - scores.max(-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(-1, keepdims=True))


def to_probabilities(field: Field, head: Head, scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns calibrated probabilities of a field's labels, shape (rows, labels).

    They sum to 1 over the labels of a row, but for `choices`, where each label has its own.

    Args:
        scores: The field's columns, shape (rows, labels).
    """
    scaled = np.asarray(scores, np.float64)
    if head.factors:
        scaled = scaled * np.asarray(head.factors)
    scaled = scaled / head.temperature
    if head.offsets:
        scaled = scaled + np.asarray(head.offsets)
    if field.kind == "choices":
        return np.asarray(1 / (1 + np.exp(-np.clip(scaled, -500, 500))))
    probabilities = softmax(scaled.astype(np.float32))
    return _through_knots(probabilities, head.knots) if head.knots else probabilities


def _through_knots(
    probabilities: NDArray[np.float64], knots: Sequence[tuple[float, float]]
) -> NDArray[np.float64]:
    """Moves each row's highest probability along a monotone curve; the others share the rest as before."""
    rows, best = np.arange(len(probabilities)), probabilities.argmax(1)
    raw = probabilities[rows, best]
    top = np.interp(raw, [knot[0] for knot in knots], [knot[1] for knot in knots])
    others = probabilities.copy()
    others[rows, best] = 0
    total, even = others.sum(1, keepdims=True), np.full_like(others, 1 / max(1, others.shape[1] - 1))
    out = np.divide(others, total, out=even, where=total > 0) * (1 - top)[:, None]
    out[rows, best] = top
    return np.asarray(out)


def answer_rows(
    field: Field, head: Head, scores: NDArray[np.float32], *, labels: Sequence[str], tier: str = ""
) -> list[Answer]:
    """Returns a field's answer to each row.

    A choice is the label with the highest score, whatever calibration did to the probabilities.

    Args:
        scores: The field's columns, shape (rows, columns).
        labels: Their names.
        tier: Who answers, where a model has several tiers.
    """
    if field.kind == "number":
        return [_number(field, head, float(score), tier=tier) for score in scores[:, 0]]
    chances = to_probabilities(field, head, scores)
    if field.kind == "choices":
        return [_choices(field, head, row, labels=labels, tier=tier) for row in chances.tolist()]
    answers = []
    for row, best, highest in zip(
        chances.tolist(), scores.argmax(1).tolist(), scores.max(1).tolist(), strict=True
    ):
        known = None if head.scope is None else _is_known(highest, head.scope)
        answers.append(_choice(field, row, best=best, labels=labels, known=known, tier=tier))
    return answers


def _is_known(highest: float, scope: Scope) -> bool:
    return highest >= scope.threshold


def _choice(
    field: Field, row: list[float], *, best: int, labels: Sequence[str], known: bool | None, tier: str
) -> Answer:
    if known is False and field.other:
        best = labels.index(field.other)
    elif known and labels[best] == field.other:
        known = False
    return Answer(
        value=_value(field, labels[best]),
        confidence=row[best],
        probabilities=dict(zip(labels, row, strict=True)),
        abstained=row[best] < field.abstain_below,
        in_scope=known,
        tier=tier,
    )


def _choices(field: Field, head: Head, row: list[float], *, labels: Sequence[str], tier: str) -> Answer:
    """Answers every label above the threshold; sure of it as if labels came and went by themselves."""
    taken = [chance >= head.threshold for chance in row]
    confidence = float(np.prod([c if t else 1 - c for c, t in zip(row, taken, strict=True)]))
    return Answer(
        value=sorted(label for label, t in zip(labels, taken, strict=True) if t),
        confidence=confidence,
        probabilities=dict(zip(labels, row, strict=True)),
        abstained=confidence < field.abstain_below,
        tier=tier,
    )


def _number(field: Field, head: Head, score: float, *, tier: str) -> Answer:
    """Answers a number with its interval; sure of nothing where no row was held out to tell."""
    value = head.centre + head.spread * score
    if head.margin is None:
        return Answer(value, 0.0, {}, abstained=field.abstain_below > 0, tier=tier)
    interval = (value - head.margin, value + head.margin)
    return Answer(value, COVERAGE, {}, abstained=field.abstain_below > COVERAGE, interval=interval, tier=tier)


def _value(field: Field, label: str) -> Value:
    if field.kind == "predicate":
        return label == "true"
    return int(label) if field.kind == "score" else label
