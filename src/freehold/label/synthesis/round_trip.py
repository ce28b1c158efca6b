"""What a model of the real rows says of others: do made rows mean what was wanted, and what is mixed up.

A ridge on the base's frozen vectors and n-grams learns the training rows; validation rows say how sure it may be.
Owns fields with one label a row (choice, predicate, score); it says nothing of the others. Knows no test row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.engine import softmax
from freehold.label.crossing import Features, score_others
from freehold.label.synthesis.drafts import Confusion
from freehold.task import Example, Field, Value

__all__ = ["Lesson", "RoundTrip", "key_of"]

KINDS = ("choice", "predicate", "score")
_TEMPERATURES = np.geomspace(0.02, 5.0, 40)
_USUAL = 0.2
_FEW = 20
_MOST = 20

Whole = NDArray[np.int64]


def key_of(value: Value) -> str:
    """Returns a label as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Lesson(NamedTuple):
    """Rows to learn from: positions among the features, and what each is labelled with."""

    places: list[int]
    outputs: list[dict[str, Value]]

    @classmethod
    def of(cls, rows: Sequence[Example], *, start: int = 0) -> Lesson:
        """Returns real rows that stand behind each other among the features."""
        return cls(list(range(start, start + len(rows))), [dict(row.outputs) for row in rows])

    def beside(self, other: Lesson) -> Lesson:
        """Returns one lesson of two."""
        return Lesson(self.places + other.places, self.outputs + other.outputs)


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Asks a model of some rows about others.

    Attributes:
        fields: Of the task, labels resolved.
        features: Of all rows, real and made.
        validation: Real rows that tell how sure it is.
    """

    fields: tuple[Field, ...]
    features: Features
    validation: Lesson

    def chances(self, field: Field, lesson: Lesson, asked: Sequence[int]) -> tuple[list[str], NDArray[np.float64]]:
        """Returns the labels of a field and the chance of each for the rows asked, shape (asked, labels).

        Nothing where the lesson has fewer than two labels.
        """
        known = [(p, key_of(o[field.name])) for p, o in zip(*lesson, strict=True) if field.name in o]
        labels = sorted({label for _, label in known})
        if field.kind not in KINDS or len(labels) < 2 or not asked:
            return [], np.zeros((len(asked), 0))
        numbers = {label: number for number, label in enumerate(labels)}
        targets = np.full((len(known), len(labels)), -1.0, np.float32)
        targets[np.arange(len(known)), [numbers[label] for _, label in known]] = 1.0
        held = [
            (place, numbers[key_of(outputs[field.name])])
            for place, outputs in zip(*self.validation, strict=True)
            if field.name in outputs and key_of(outputs[field.name]) in numbers
        ]
        every = np.array([*(place for place, _ in held), *asked], np.int64)
        learned = np.array([place for place, _ in known], np.int64)
        scores = score_others(self.features, targets, learned=learned, asked=every)
        temperature = _fit(scores[: len(held)], np.array([label for _, label in held], np.int64))
        return labels, softmax(scores[len(held) :] / np.float32(temperature))

    def hits(self, lesson: Lesson) -> NDArray[np.bool_]:
        """Returns which labels of validation rows a model of a lesson gets right, field by field."""
        found = []
        for field in self.fields:
            rows = [(p, o[field.name]) for p, o in zip(*self.validation, strict=True) if field.name in o]
            labels, chances = self.chances(field, lesson, [place for place, _ in rows])
            if labels:
                answers = [labels[best] for best in chances.argmax(1)]
                found += [key_of(value) == said for (_, value), said in zip(rows, answers, strict=True)]
        return np.array(found, bool)

    def confusions(self, lesson: Lesson) -> tuple[Confusion, ...]:
        """Returns the labels that are taken for one another on validation rows, the most frequent first."""
        counted: Counter[tuple[str, str, str]] = Counter()
        for field in self.fields:
            rows = [(p, o[field.name]) for p, o in zip(*self.validation, strict=True) if field.name in o]
            labels, chances = self.chances(field, lesson, [place for place, _ in rows])
            if labels and field.kind == "choice":
                answers = [labels[best] for best in chances.argmax(1)]
                pairs = ((key_of(value), said) for (_, value), said in zip(rows, answers, strict=True))
                counted.update((field.name, truth, said) for truth, said in pairs if truth != said)
        return tuple(Confusion(*each, count) for each, count in counted.most_common(_MOST))

    def agreement(self, lesson: Lesson, made: Lesson) -> NDArray[np.float64]:
        """Returns the least chance that each made row's wanted labels have; 1 where nothing is known of them."""
        least = np.ones(len(made.places))
        for field in self.fields:
            labels, chances = self.chances(field, lesson, made.places)
            for place, outputs in enumerate(made.outputs) if labels else ():
                if field.name in outputs and key_of(outputs[field.name]) in labels:
                    least[place] = min(least[place], chances[place, labels.index(key_of(outputs[field.name]))])
        return least


def _fit(scores: NDArray[np.float32], given: Whole) -> float:
    """Returns the temperature that fits held-out rows best, the usual one where they are few."""
    if len(given) < _FEW:
        return _USUAL

    def loss(temperature: float) -> float:
        chances = softmax(scores / np.float32(temperature))
        return float(-np.log(chances[np.arange(len(given)), given] + 1e-12).mean())

    best: float = min(_TEMPERATURES.tolist(), key=loss)
    return best
