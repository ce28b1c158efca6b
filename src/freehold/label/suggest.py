"""Suggestions from the base model alone: which label's words lie nearest to the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.engine import join_inputs, softmax
from freehold.label.vectors import encode_last_layer
from freehold.task import Desk, Example, Field, Json, Task

__all__ = ["Suggestion", "suggest"]

_TEMPERATURES = (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.4, 1.0)
_DEFAULT = 0.05
_FEW, _MOST = 20, 500


class Suggestion(NamedTuple):
    """A label for one field of one example, with a confidence from 0 to 1."""

    example: str
    field: str
    value: Json
    confidence: float


def suggest(
    desk: Desk, task: Task, field: Field, *, known: Sequence[Example], rows: Sequence[Example]
) -> list[Suggestion]:
    """Returns a suggestion for every row that lacks the field; none where no label is known.

    Args:
        known: Labelled rows: where they name the labels, and where the temperature is fitted (on up to 500).
    """
    wanted = [row for row in rows if field.name not in row.outputs]
    labelled = [row for row in known if field.name in row.outputs]
    labels = _labels(field, labelled)
    if not wanted or not labels:
        return []
    vectors = encode_last_layer(desk, task, [text for _, text in labels])
    fitted = [row for row in labelled if row.split == "train"][:_MOST]
    temperature = _DEFAULT
    if len(fitted) >= _FEW:
        numbers = {value: number for number, (value, _) in enumerate(labels)}
        truth = np.array([numbers[_key(row.outputs[field.name])] for row in fitted])
        temperature = _fit(_similarities(desk, task, fitted, vectors), truth)
    probabilities = softmax((_similarities(desk, task, wanted, vectors) / temperature).astype(np.float32))
    best = probabilities.argmax(1)
    return [
        Suggestion(row.id, field.name, _value(field, labels[b][0]), round(float(p[b]), 4))
        for row, b, p in zip(wanted, best.tolist(), probabilities, strict=True)
    ]


def _key(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(field: Field, label: str) -> Json:
    if field.kind == "predicate":
        return label == "true"
    return int(label) if field.kind == "score" else label


def _labels(field: Field, labelled: Sequence[Example]) -> list[tuple[str, str]]:
    """Returns each label with the words that describe it."""
    about = field.description or field.name
    if field.kind == "predicate":
        return [("false", f"not: {about}"), ("true", about)]
    if field.labels is not None:
        return [(label.name, _words(label.name, label.description)) for label in field.labels]
    found = sorted({_key(row.outputs[field.name]) for row in labelled})
    return [(name, _words(name, "")) for name in found]


def _words(name: str, description: str) -> str:
    plain = name.replace("_", " ").replace("-", " ")
    return f"{plain}: {description}" if description else plain


def _similarities(
    desk: Desk, task: Task, rows: Sequence[Example], labels: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Returns cosines, shape (rows, labels)."""
    texts = [join_inputs(row.inputs, tuple(task.inputs)) for row in rows]
    return np.asarray(encode_last_layer(desk, task, texts) @ labels.T)


def _fit(similarities: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """Returns the temperature with the least log loss."""

    def loss(temperature: float) -> float:
        probabilities = softmax((similarities / temperature).astype(np.float32))
        return float(-np.log(probabilities[np.arange(len(truth)), truth] + 1e-12).mean())

    return min(_TEMPERATURES, key=loss)
