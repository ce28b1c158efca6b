"""What teachers said of rows, whoever they are, and whether it fits the task.

Owns the check of values against fields and the count of a teacher's own samples. Knows nothing of how teachers are
asked, nor of what becomes of their answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from freehold.engine import fit_value
from freehold.task import Example, Field, Value, canonical, normalise

__all__ = ["Saying", "Sayings", "Values", "agree_with_self", "fit_values", "resolve_fields"]

Values: TypeAlias = Mapping[str, Value]
Sayings: TypeAlias = Mapping[str, Mapping[str, Sequence[Values]]]
"""Teacher to example to what it said of it, sample by sample; a sample holds what fits the fields."""

_NAMED = ("choice", "choices", "score", "spans")


class Saying(NamedTuple):
    """What one teacher says of one field of one row, all of its samples taken together.

    Attributes:
        value: What it said most often.
        share: How many of its samples said so.
    """

    teacher: str
    value: Value
    share: float


def resolve_fields(fields: Sequence[Field], rows: Sequence[Example]) -> tuple[Field, ...]:
    """Returns the fields with every label named, those from the data in sorted order."""
    from dataclasses import replace

    from freehold.task import Label

    found = []
    for field in fields:
        if field.labels is None and field.kind in _NAMED:
            names = {name for row in rows if field.name in row.outputs for name in _names(row.outputs[field.name])}
            ordered = sorted(names, key=int) if field.kind == "score" else sorted(names)
            field = replace(field, labels=tuple(Label(name) for name in ordered))
        found.append(field)
    return tuple(found)


def _names(value: Value) -> list[str]:
    if isinstance(value, list):
        return [str(each["label"]) if isinstance(each, Mapping) else str(each) for each in value]
    return [str(value)]


def fit_values(values: object, *, fields: Sequence[Field], inputs: Mapping[str, str]) -> dict[str, Value]:
    """Returns what fits the fields of what a teacher said of them; the rest is left out.

    Args:
        values: An object with a key for each field that the teacher says something of.
        inputs: The row's, in which spans are looked up.
    """
    if not isinstance(values, Mapping):
        return {}
    found: dict[str, Value] = {}
    for field in fields:
        value = _fit(field, values.get(field.name), inputs)
        if value is not None:
            found[field.name] = value
    return found


def _fit(field: Field, value: Any, inputs: Mapping[str, str]) -> Value | None:
    if value is None:
        return None
    if field.kind == "text":
        return normalise(value) if isinstance(value, str) and value.strip() else None
    return _fit_spans(field, value, inputs) if field.kind == "spans" else fit_value(field, value)


def _fit_spans(field: Field, value: Any, inputs: Mapping[str, str]) -> Value | None:
    """Returns spans that lie where they say, none of them twice or over another."""
    labels = {label.name for label in field.labels or ()}
    places: set[tuple[int, int, str, str]] = set()
    try:
        for each in value:
            label, start, end = str(each["label"]), int(each["start"]), int(each["end"])
            text = str(each["text"])
            if label not in labels or start >= end or not any(t[start:end] == text for t in inputs.values()):
                return None
            places.add((start, end, label, text))
    except (KeyError, TypeError, ValueError):
        return None
    ordered = sorted(places)
    if any(one[1] > other[0] for one, other in pairwise(ordered)):
        return None
    found: list[dict[str, str | int]] = []
    for start, end, label, text in ordered:
        found.append({"label": label, "start": start, "end": end, "text": text})
    return found


def agree_with_self(teacher: str, samples: Sequence[Values], *, field: str) -> Saying | None:
    """Returns what a teacher says of a field in most of its samples; None where it says nothing, or is torn.

    Example:
        >>> agree_with_self("cloud", [{"spam": True}, {"spam": True}, {"spam": False}], field="spam")
        Saying(teacher='cloud', value=True, share=0.6666666666666666)
    """
    given = [sample[field] for sample in samples if field in sample]
    counts = Counter(canonical(value) for value in given).most_common(2)
    if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
        return None
    value = next(value for value in given if canonical(value) == counts[0][0])
    return Saying(teacher, value, counts[0][1] / len(samples))
