from __future__ import annotations

from typing import Any

import pytest

from freehold.task import FIELD_KINDS, Field, FieldKind, Json, Label, input_schema, output_schema

AB = (Label("a"), Label("b"))
ENUM: Json = {"type": "string", "enum": ["a", "b"]}
SPAN: Json = {
    "type": "object",
    "properties": {
        "label": ENUM,
        "start": {"type": "integer", "minimum": 0},
        "end": {"type": "integer", "minimum": 0},
        "text": {"type": "string"},
    },
    "required": ["label", "start", "end", "text"],
    "additionalProperties": False,
}
KINDS: list[tuple[FieldKind, tuple[Label, ...] | None, Json]] = [
    ("choice", AB, ENUM),
    ("choice", None, {"type": "string"}),
    ("choices", AB, {"type": "array", "items": ENUM, "uniqueItems": True}),
    ("predicate", None, {"type": "boolean"}),
    ("score", (Label("1"), Label("2")), {"type": "integer", "enum": [1, 2]}),
    ("score", None, {"type": "integer"}),
    ("number", None, {"type": "number"}),
    ("spans", AB, {"type": "array", "items": SPAN}),
    ("text", None, {"type": "string"}),
]


@pytest.mark.parametrize(("kind", "labels", "expected"), KINDS)
def test_each_kind_of_output(kind: FieldKind, labels: tuple[Label, ...] | None, expected: Json) -> None:
    assert output_schema([Field("x", kind, labels=labels)])["properties"] == {"x": expected}


def test_every_kind_has_a_case() -> None:
    assert {kind for kind, _, _ in KINDS} == set(FIELD_KINDS)


def test_descriptions_of_fields_and_labels_are_told() -> None:
    field = Field("x", "choice", "What.", (Label("a", "The first."), Label("b")))
    schema: Any = output_schema([field])
    assert schema["properties"]["x"] == {
        "type": "string",
        "enum": ["a", "b"],
        "description": "What.\n- a: The first.",
    }


def test_objects_are_closed_and_complete() -> None:
    schema = input_schema({"text": "string", "title": "string"})
    assert schema == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"text": {"type": "string"}, "title": {"type": "string"}},
        "required": ["text", "title"],
        "additionalProperties": False,
    }
