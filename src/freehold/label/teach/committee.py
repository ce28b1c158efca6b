"""One answer from several teachers, and how sure it is: each is believed as far as rows with a known label say.

Owns the way from what teachers say of a field to a value with a confidence. Of choices, predicates, scores and
several labels the model is Dawid and Skene's, with the known rows as its anchor; numbers have their median, spans
their majority, free texts only what most say word by word. A teacher whose samples disagree is held to be another,
less able one: how much less, the known rows say. The confidence is then read off rows whose label is known and
which the model has not been told: of as many as were so sure, how many were right (isotonic, Ayer et al. 1955).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.label.crowd import Annotation, Means, settle
from freehold.label.teach.sayings import Saying
from freehold.task import Field, Value, canonical

__all__ = ["LEAST", "Verdict", "alike", "decide"]

LEAST = 20
"""Rows with a known label, below which a confidence is what the model itself says."""
_FOLDS = 4
_ROUNDS = 60
_TORN = "?"
_CLOSED = ("choice", "predicate", "score", "choices")

Floats = NDArray[np.float64]


class Verdict(NamedTuple):
    """What the committee says of one field of one row.

    Attributes:
        value: Its best guess; None where teachers are tied.
        raw: How sure the model is of it; `confidence` how often such a guess was right on known rows.
        sayings: What each teacher said.
    """

    example: str
    value: Value | None
    confidence: float
    raw: float
    sayings: tuple[Saying, ...]


def alike(field: Field, one: Value, other: Value) -> bool:
    """Returns whether two values of a field are the same; spans by label and place."""
    if field.kind == "spans":
        return _places(one) == _places(other)
    if field.kind == "choices" and isinstance(one, list) and isinstance(other, list):
        return sorted(map(str, one)) == sorted(map(str, other))
    return canonical(one) == canonical(other)


def _places(value: Value) -> list[tuple[object, ...]]:
    spans = value if isinstance(value, list) else []
    return sorted((s["start"], s["end"], s["label"]) for s in spans if isinstance(s, Mapping))


def decide(
    field: Field, said: Mapping[str, Sequence[Saying]], *, known: Mapping[str, Value]
) -> dict[str, Verdict]:
    """Returns what the committee says of each row.

    Args:
        said: Example to what teachers say of it, one saying a teacher.
        known: Example to its value, where that is known. What is said of these rows is what would be said if it
            were not: the model is fitted without a part of them for that.
    """
    rows = {example: sayings for example, sayings in said.items() if sayings}
    measured = [example for example in sorted(known) if example in rows]
    found = _settle(field, rows, gold={example: known[example] for example in measured})
    held: dict[str, tuple[Value | None, float]] = {}
    for fold in range(_FOLDS if measured else 0):
        out = [example for example in measured if _fold(example) == fold]
        if not out:
            continue
        anchored = {example: known[example] for example in measured if _fold(example) != fold}
        fitted = _settle(field, rows, gold=anchored) if field.kind in _CLOSED else found
        held.update({example: fitted[example] for example in out})
    found |= held
    right = [_is_right(field, held[example][0], known[example]) for example in measured]
    curve = _Curve.fit([held[example][1] for example in measured], right)
    return {
        example: Verdict(example, value, curve.at(raw) if value is not None else 0.0, raw, tuple(rows[example]))
        for example, (value, raw) in found.items()
    }


def _is_right(field: Field, value: Value | None, truth: Value) -> bool:
    return value is not None and alike(field, value, truth)


def _fold(example: str) -> int:
    return hashlib.sha256(example.encode()).digest()[0] % _FOLDS


def _settle(
    field: Field, rows: Mapping[str, Sequence[Saying]], *, gold: Mapping[str, Value]
) -> dict[str, tuple[Value | None, float]]:
    """Returns each row's value and how sure the model is of it."""
    if field.kind == "text":
        return {example: _most(sayings) for example, sayings in rows.items()}
    heard = [
        Annotation(example, each.teacher + (_TORN if each.share < 1 else ""), field.name, each.value)
        for example, sayings in rows.items()
        for each in sayings
    ]
    anchor = dict(gold) if field.kind in _CLOSED else {}
    outcomes = settle(field, heard, gold=anchor, means=Means(rounds=_ROUNDS))
    texts = {example: _spans(sayings) for example, sayings in rows.items()} if field.kind == "spans" else {}
    return {
        each.item: (_with_texts(each.value, texts.get(each.item, {})), round(float(each.confidence), 6))
        for each in outcomes
    }


def _most(sayings: Sequence[Saying]) -> tuple[Value | None, float]:
    """Returns the text that most teachers gave word by word."""
    counts: dict[bytes, int] = {}
    for each in sayings:
        counts[canonical(each.value)] = counts.get(canonical(each.value), 0) + 1
    best = max(counts.values())
    leading = [each.value for each in sayings if counts[canonical(each.value)] == best]
    tied = len({canonical(value) for value in leading}) > 1
    return (None if tied else leading[0]), best / len(sayings)


def _spans(sayings: Sequence[Saying]) -> dict[tuple[object, ...], object]:
    """Returns the text of each span that anybody marked: agreement is about places, and loses it."""
    spans = [span for each in sayings if isinstance(each.value, list) for span in each.value]
    return {(s["start"], s["end"]): s["text"] for s in spans if isinstance(s, Mapping)}


def _with_texts(value: object, texts: Mapping[tuple[object, ...], object]) -> Value | None:
    if not texts or not isinstance(value, list):
        return value  # type: ignore[return-value]
    return [{**span, "text": texts[span["start"], span["end"]]} for span in value]


class _Curve(NamedTuple):
    """How often a guess was right, by how sure the model was; rising. Between blocks it is a line; without any,
    the model is believed.
    """

    middles: Floats
    shares: Floats

    @classmethod
    def fit(cls, sure: Sequence[float], right: Sequence[bool]) -> _Curve:
        """Pools neighbours until the shares rise; each has half a right and half a wrong row added to it."""
        if len(sure) < LEAST:
            return cls(np.empty(0), np.empty(0))
        order = np.argsort(sure, kind="stable")
        blocks: list[tuple[float, float, float]] = []
        for place in order.tolist():
            block = (sure[place], float(right[place]), 1.0)
            while blocks and blocks[-1][1] * block[2] >= block[1] * blocks[-1][2]:
                last = blocks.pop()
                block = (last[0] + block[0], last[1] + block[1], last[2] + block[2])
            blocks.append(block)
        shares = np.array([(hits + 0.5) / (count + 1) for _, hits, count in blocks])
        return cls(np.array([total / count for total, _, count in blocks]), np.maximum.accumulate(shares))

    def at(self, sure: float) -> float:
        """Returns the share for a confidence of the model."""
        if not len(self.middles):
            return sure
        return round(float(np.interp(sure, self.middles, self.shares)), 4)
