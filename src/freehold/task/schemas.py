"""JSON Schemas (draft 2020-12) of what goes into a task and what comes out.

Owns the shape of values alone; no answer's probabilities, no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable

from freehold.task.canonical import Json
from freehold.task.fields import Field, Label

__all__ = ["input_schema", "output_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def input_schema(inputs: Iterable[str]) -> dict[str, Json]:
    """Returns the schema of one input object.

    Args:
        inputs: The names of the inputs, all of them strings and all required: `task.inputs`.

    Example:
        >>> input_schema(["text"])["properties"]
        {'text': {'type': 'string'}}
    """
    return {"$schema": _DIALECT, **_closed({name: {"type": "string"} for name in inputs})}


def output_schema(fields: Iterable[Field]) -> dict[str, Json]:
    """Returns the schema of the values of all output fields.

    Args:
        fields: `task.fields`, or the fields of a reader, whose labels are resolved. Where labels are still to
            be found in the data, any label is allowed.

    Example:
        >>> from freehold.task import Field, Label
        >>> output_schema([Field("spam", "choice", labels=(Label("yes"), Label("no")))])["properties"]
        {'spam': {'type': 'string', 'enum': ['yes', 'no']}}
    """
    return {"$schema": _DIALECT, **_closed({field.name: _described(field) for field in fields})}


def _closed(properties: dict[str, Json]) -> dict[str, Json]:
    required: list[Json] = list(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _described(field: Field) -> dict[str, Json]:
    lines = [f"- {label.name}: {label.description}" for label in field.labels or () if label.description]
    description = "\n".join(filter(None, [field.description, *lines]))
    return {**_value(field), **({"description": description} if description else {})}


def _value(field: Field) -> dict[str, Json]:
    label: dict[str, Json] = {"type": "string", **_enumerated(field.labels)}
    match field.kind:
        case "choice":
            return label
        case "choices":
            return {"type": "array", "items": label, "uniqueItems": True}
        case "predicate":
            return {"type": "boolean"}
        case "score":
            whole: list[Json] = [int(each.name) for each in field.labels or ()]
            return {"type": "integer", **({"enum": whole} if whole else {})}
        case "number":
            return {"type": "number"}
        case "spans":
            return {"type": "array", "items": _span(label)}
        case "text":
            return {"type": "string"}


def _enumerated(labels: tuple[Label, ...] | None) -> dict[str, Json]:
    return {"enum": [label.name for label in labels]} if labels else {}


def _span(label: dict[str, Json]) -> dict[str, Json]:
    offset: dict[str, Json] = {"type": "integer", "minimum": 0}
    return _closed({"label": label, "start": offset, "end": offset, "text": {"type": "string"}})
