"""What is known of one field before a person is asked: how likely each label is for each row that has none.

Owns the way from examples to arrays and back, and how many rows are compared with each other. Knows neither in
what order people are asked nor what training makes of a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.engine import join_inputs
from freehold.label.beliefs import (
    UNKNOWN,
    Beliefs,
    Evidence,
    Floats,
    Whole,
    believe,
    centred_cosines,
    link,
    prepare,
)
from freehold.label.crossing import Features
from freehold.label.queue import Pool
from freehold.label.self_training import Trial, reason_against, sure_rows, try_out
from freehold.label.suggest import Suggestion, describe_labels, to_key, to_value
from freehold.label.vectors import encode, encode_last_layer
from freehold.task import Desk, Example, Field, Task, Value

__all__ = ["Outlook", "look"]

_MOST_KNOWN, _MOST_OPEN, _MOST_CELLS = 4_000, 16_000, 4_000_000
_BLOCK = 4_096
_LEAST_LIKE, _TAIL = 50, 0.95


class Outlook(NamedTuple):
    """One field's rows without a label, and what they may be.

    Attributes:
        pool: The rows, as strategies see them.
        suggestions: One a row; none where nothing is known of the labels.
        lessons: Row to the label that it is taught with; none where self-training is off.
        against: Why it is off; empty where it is on.
        trial: What came of labels that were left out; None where it was not tried.
        told: Row to what teachers say of it, where they are not sure.
    """

    pool: Pool
    suggestions: tuple[Suggestion, ...] = ()
    lessons: dict[str, Value] = {}  # noqa: RUF012 - never written to
    against: str = ""
    trial: Trial | None = None
    told: dict[str, str] = {}  # noqa: RUF012 - never written to


def look(
    desk: Desk,
    task: Task,
    field: Field,
    *,
    known: Sequence[Example],
    rows: Sequence[Example],
    asked: Sequence[Example] = (),
) -> Outlook:
    """Returns what there is to know of the rows.

    Args:
        known: Rows for training that have the field.
        rows: Rows for training that lack it.
        asked: What was asked over HTTP. Nothing is guessed for it alone: that would make every turn longer.
    """
    any_rows, rows = bool(rows), [*rows, *asked]
    texts = [join_inputs(row.inputs, tuple(task.inputs)) for row in (*known[:_MOST_KNOWN], *rows)]
    vectors = encode(desk, task, texts)
    count = len(texts) - len(rows)
    pool = Pool(
        tuple(row.id for row in rows),
        labels=(),
        chances=np.zeros((len(rows), 0)),
        discord=np.zeros(len(rows)),
        strange=_strangeness(vectors[:count], vectors[count:]),
        vectors=vectors[count:],
        labelled=vectors[:count],
        seed=task.seed,
    )
    labels = describe_labels(field, known) if field.kind in ("choice", "predicate", "score") else []
    if not labels or not any_rows:
        return Outlook(pool, against="its labels are not known")
    return _Guessing(desk, task, field, known[:_MOST_KNOWN], labels).guess(pool, rows, texts=texts)


class _Guessing:
    """The work on one field whose labels are known."""

    def __init__(
        self, desk: Desk, task: Task, field: Field, known: Sequence[Example], labels: list[tuple[str, str]]
    ) -> None:
        self._desk, self._task, self._field, self._labels = desk, task, field, labels
        numbers = {value: number for number, (value, _) in enumerate(labels)}
        self._given = np.array([numbers[to_key(row.outputs[field.name])] for row in known], np.int64)

    def guess(self, pool: Pool, rows: Sequence[Example], *, texts: Sequence[str]) -> Outlook:
        vectors = np.vstack([pool.labelled, pool.vectors])
        features = Features(texts, vectors)
        given = np.concatenate([self._given, np.full(len(rows), UNKNOWN)])
        size = min(len(given), len(self._given) + _MOST_OPEN, max(100, _MOST_CELLS // len(self._labels)))
        evidence, given = self._gather(features, vectors, texts, size), given[:size]
        trial = try_out(evidence, given)
        beliefs = believe(evidence, given)
        chances = self._chances(beliefs, features, count=len(self._given), size=size, rows=len(rows))
        chances = _sharpen(chances, trial.exponent)
        against = self._reason_against(given, trial)
        discord = np.zeros(len(rows))
        discord[: size - len(self._given)] = beliefs.discord[len(self._given) :]
        names = tuple(value for value, _ in self._labels)
        pool = Pool(pool.names, names, chances, discord, pool.strange, pool.vectors, pool.labelled, pool.seed)
        found = {} if against else self._lessons(beliefs, given, rows)
        return Outlook(pool, self._suggest(rows, chances), found, against, trial)

    def _gather(self, features: Features, vectors: Floats, texts: Sequence[str], size: int) -> Evidence:
        last = encode_last_layer(self._desk, self._task, list(texts[:size]))
        names = encode_last_layer(self._desk, self._task, [text for _, text in self._labels])
        even = self._field.kind == "choice" and len(self._labels) > 2
        near = centred_cosines(last, names)
        made = features.of(np.arange(size))
        return Evidence(made, prepare(made), link(vectors[:size]), near, even)

    def _chances(
        self, beliefs: Beliefs, features: Features, *, count: int, size: int, rows: int
    ) -> NDArray[np.float64]:
        """Returns what the rows are likely to be; those beyond what was compared through the ridge."""
        out = np.zeros((rows, len(self._labels)))
        out[: size - count] = beliefs.chances[count:]
        for start in range(size, count + rows, _BLOCK):
            places = np.arange(start, min(start + _BLOCK, count + rows))
            out[places - count] = beliefs.of(features.of(places))
        return out

    def _reason_against(self, given: Whole, trial: Trial) -> str:
        if not self._task.review.self_training:
            return "the task file says so"
        if said := reason_against(self._field, given, labels=len(self._labels)):
            return said
        return "" if trial.helps else f"on {trial.n:,} labels that were left out it did worse"

    def _lessons(self, beliefs: Beliefs, given: Whole, rows: Sequence[Example]) -> dict[str, Value]:
        count = len(self._given)
        return {
            rows[place - count].id: self._value(beliefs.guesses[place])
            for place in sure_rows(beliefs, given).tolist()
        }

    def _value(self, column: int) -> str | int | bool:
        return to_value(self._field, self._labels[column][0])

    def _suggest(self, rows: Sequence[Example], chances: NDArray[np.float64]) -> tuple[Suggestion, ...]:
        best = chances.argmax(1).tolist()
        return tuple(
            Suggestion(row.id, self._field.name, self._value(b), round(float(p[b]), 4))
            for row, b, p in zip(rows, best, chances, strict=True)
        )


def _sharpen(chances: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    powered = np.maximum(chances, 1e-12) ** exponent
    return np.asarray(powered / powered.sum(1, keepdims=True))


def _strangeness(labelled: Floats, rows: Floats) -> NDArray[np.float64]:
    """Returns how far rows lie beyond what labelled rows are to each other: 1 where none is so far off."""
    if len(labelled) < _LEAST_LIKE:
        return np.zeros(len(rows))
    among = labelled @ labelled.T
    np.fill_diagonal(among, -1)
    usual = np.sort(-among.max(1))
    far = np.concatenate(
        [-(rows[s : s + _BLOCK] @ labelled.T).max(1) for s in range(0, len(rows), _BLOCK)] or [[]]
    )
    beyond = np.searchsorted(usual, far, side="left") / len(usual)
    return np.asarray(np.maximum(0, (beyond - _TAIL) / (1 - _TAIL)))
