"""Whether a value fits its field: what every made row is held to, whoever made it.

Pure. Knows nothing of rows or files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from freehold.task import Example, Field, Label, Value

__all__ = ["find_mistake", "resolve_labels"]


def find_mistake(field: Field, value: object, inputs: Mapping[str, str]) -> str:
    """Returns what is wrong with a value, or an empty string.

    Args:
        inputs: The row's, where spans lie.
    """
    match field.kind:
        case "choice":
            return _label_mistake(field, value)
        case "choices":
            if not isinstance(value, list) or len(set(map(str, value))) < len(value) or value != sorted(value):
                return f"{value!r} is no sorted list of different labels."
            return next(filter(None, (_label_mistake(field, each) for each in value)), "")
        case "predicate":
            return "" if isinstance(value, bool) else f"{value!r} is neither true nor false."
        case "score":
            whole = isinstance(value, int) and not isinstance(value, bool)
            return _label_mistake(field, str(value)) if whole else f"{value!r} is no whole number."
        case "number":
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            return "" if number else f"{value!r} is no number."
        case "spans":
            return _spans_mistake(field, value, inputs)
        case "text":
            return "" if isinstance(value, str) and value.strip() else f"{value!r} is no text."


def _label_mistake(field: Field, value: object) -> str:
    if not isinstance(value, str) or not value:
        return f"{value!r} is no label."
    known = field.labels is None or value in [label.name for label in field.labels]
    return "" if known else f"{value!r} is none of its labels."


def _spans_mistake(field: Field, value: object, inputs: Mapping[str, str]) -> str:
    if not isinstance(value, list):
        return f"{value!r} is no list of spans."
    for span in value:
        if mistake := _label_mistake(field, span["label"]):
            return mistake
        start, end = int(span["start"]), int(span["end"])
        homes = [name for name, text in inputs.items() if 0 <= start < end and text[start:end] == span["text"]]
        if len(homes) != 1:
            return "a span is not in the text where it says, or in two inputs."
    return ""


def resolve_labels(fields: tuple[Field, ...], rows: list[Example]) -> tuple[Field, ...]:
    """Returns the fields with the labels that rows have where the task leaves them to the data."""
    return tuple(_resolve(field, rows) for field in fields)


def _resolve(field: Field, rows: list[Example]) -> Field:
    if field.labels is not None or field.kind not in ("choice", "choices", "score", "spans"):
        return field
    names = {name for row in rows if field.name in row.outputs for name in _names(row.outputs[field.name])}
    if not names:
        return field
    from dataclasses import replace

    return replace(field, labels=tuple(Label(name) for name in sorted(names)))


def _names(value: Value) -> list[str]:
    if isinstance(value, list):
        return [str(each["label"]) if isinstance(each, dict) else each for each in value]
    return [str(value)]
