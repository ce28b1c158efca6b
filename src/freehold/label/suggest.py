"""A label for a row that has none, and the words that say what each label of a field means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from freehold.task import Example, Field, Json

__all__ = ["Suggestion", "describe_labels", "to_key", "to_value"]


class Suggestion(NamedTuple):
    """A label for one field of one example, with a confidence from 0 to 1."""

    example: str
    field: str
    value: Json
    confidence: float


def to_key(value: object) -> str:
    """Returns a value's label: its name, as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def to_value(field: Field, label: str) -> str | int | bool:
    """Returns the value that a label's name means."""
    if field.kind == "predicate":
        return label == "true"
    return int(label) if field.kind == "score" else label


def describe_labels(field: Field, labelled: Sequence[Example]) -> list[tuple[str, str]]:
    """Returns each label with the words that describe it; those that rows have where the field lists none."""
    about = field.description or field.name
    if field.kind == "predicate":
        return [("false", f"not: {about}"), ("true", about)]
    if field.labels is not None:
        return [(label.name, _words(label.name, label.description)) for label in field.labels]
    found = sorted({to_key(row.outputs[field.name]) for row in labelled})
    return [(name, _words(name, "")) for name in found]


def _words(name: str, description: str) -> str:
    plain = name.replace("_", " ").replace("-", " ")
    return f"{plain}: {description}" if description else plain
