"""Labelled rows of every kind that has columns, and vectors of texts that need no encoder."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.task import Example, Field, Label, Passport, Value, example_id
from freehold.train.rows import Rows, to_rows

AREAS = ("account", "billing", "delivery")
SUBJECTS = {"login": 0, "password": 0, "invoice": 1, "refund": 1, "parcel": 2, "courier": 2}
TOPICS = ("late", "broken", "thanks")
FIELDS = (
    Field("area", "choice", labels=tuple(Label(name) for name in AREAS)),
    Field("topics", "choices", labels=tuple(Label(name) for name in TOPICS)),
    Field("urgent", "predicate"),
    Field("mood", "score", labels=(Label("1"), Label("2"), Label("10"))),
    Field("amount", "number"),
)
DIMENSION = 24


def make_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """Returns unit vectors, sums of one fixed random vector a word."""
    rows = [sum((_word(word) for word in text.split()), _word("")) for text in texts]
    vectors = np.array(rows).reshape(-1, DIMENSION)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@cache
def _word(word: str) -> NDArray[np.float64]:
    return np.random.default_rng(zlib.crc32(word.encode())).normal(size=DIMENSION)


def make_examples(count: int, *, seed: int = 0, missing: float = 0.0) -> list[Example]:
    """Returns examples whose outputs follow from their words.

    Args:
        missing: The share of outputs that are left out.
    """
    random = np.random.default_rng(seed)
    return [_example(random, number, missing) for number in range(count)]


def _example(random: np.random.Generator, number: int, missing: float) -> Example:
    subject, size = str(random.choice(list(SUBJECTS))), int(random.integers(1, 9))
    topics = [topic for topic in TOPICS if random.random() < 0.4]
    inputs = {"text": " ".join([subject, *topics, *["big"] * size, f"n{number}"])}
    outputs: dict[str, Value] = {
        "area": AREAS[SUBJECTS[subject]],
        "topics": list(topics),
        "urgent": "late" in topics,
        "mood": 10 if "thanks" in topics else 2 if "broken" in topics else 1,
        "amount": 100.0 + 10 * size + float(random.normal()),
    }
    kept: dict[str, Any] = {name: value for name, value in outputs.items() if random.random() >= missing}
    return Example(example_id(inputs), inputs, kept, Passport("rows.csv", f"rows.csv:{number}"), "train")


def make_rows(count: int, *, seed: int = 0, missing: float = 0.0, fields: Sequence[Field] = FIELDS) -> Rows:
    """Returns the examples as rows."""
    return to_rows(make_examples(count, seed=seed, missing=missing), fields, inputs=["text"])
