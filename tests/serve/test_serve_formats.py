"""Whether what a task answers fits a caller's JSON schema: the first difference is named."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict
from tests.serve.bank import FIELDS

from freehold.serve.chat import ResponseFormat, read_chat
from freehold.serve.faults import Fault
from freehold.serve.formats import check_format, may_be_null
from freehold.task import Field, Json, Label, output_schema

AT = "response_format.json_schema.schema"
MANY = (
    *FIELDS,
    Field("topics", "choices", labels=(Label("a"), Label("b"))),
    Field("amount", "number"),
    Field("names", "spans", labels=(Label("person"),)),
)
INTENT: dict[str, Any] = {"enum": ["lost_card", "top_up", "transfer"]}


class Person(BaseModel):
    """A span, as a caller declares it."""

    label: Literal["person"]
    start: int
    end: int
    text: str


class Everything(BaseModel):
    """Every kind of field, as a caller declares it."""

    model_config = ConfigDict(extra="forbid")
    intent: Literal["lost_card", "top_up", "transfer", "other"]
    urgent: bool
    mood: float
    topics: list[Literal["a", "b"]]
    amount: float | None
    names: list[Person]


def wanted(schema: Any) -> ResponseFormat:
    form: Json = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    user: Json = {"role": "user", "content": "a"}
    found = read_chat({"model": "m", "messages": [user], "response_format": form}).response_format
    assert found is not None
    return found


def with_intent(schema: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"intent": schema}, **more}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        output_schema(MANY),
        Everything.model_json_schema(),
        with_intent(True),
        with_intent({"type": ["string", "null"]}),
        with_intent({"anyOf": [{"type": "null"}, INTENT]}),
        with_intent({"oneOf": [{"const": "lost_card"}, INTENT]}),
        with_intent({"allOf": [{"type": "string"}, INTENT]}),
        with_intent({"$ref": "#/$defs/a~1b", "description": "It."}, **{"$defs": {"a/b": INTENT}}),
        {"$ref": "#/$defs/All", "$defs": {"All": {"type": "object", "required": ["intent", "urgent"]}}},
        {"type": "object", "additionalProperties": {"title": "Whatever"}},
    ],
)
def test_a_schema_that_everything_fits_is_taken(schema: Any) -> None:
    check_format(wanted(schema), MANY)


@pytest.mark.parametrize(
    ("schema", "place", "message"),
    [
        ({"type": "array"}, "type", "The task answers `object` here, not 'array'."),
        (with_intent({"type": "integer"}), "properties.intent.type", "answers `string`"),
        (with_intent({"enum": ["lost_card", "top_up"]}), "properties.intent.enum", "may answer 'transfer'"),
        (with_intent({"const": "lost_card"}), "properties.intent.const", "may answer 'top_up'"),
        (with_intent({"pattern": "^l"}), "properties.intent.pattern", "not held to this"),
        (with_intent(False), "properties.intent", "Nothing is valid"),
        (with_intent({"anyOf": []}), "properties.intent.anyOf", "Nothing is valid"),
        (with_intent({"anyOf": [{"type": "null"}]}), "properties.intent.anyOf[0].type", "answers `string`"),
        (with_intent({"$ref": "#/$defs/no"}), "properties.intent.$ref", "has no '#/$defs/no'"),
        (with_intent({"$ref": "http://a/b"}), "properties.intent.$ref", "has no 'http://a/b'"),
        (with_intent({"$ref": 3}), "properties.intent.$ref", "3 is no value of `$ref`"),
        (with_intent({"enum": "lost_card"}), "properties.intent.enum", "is no value of `enum`"),
        (with_intent({**INTENT, "const": "top_up"}), "properties.intent.const", "may answer 'lost_card'"),
        ({"additionalProperties": False, "properties": 5}, "properties", "5 is no value of `properties`"),
        (with_intent(5), "properties.intent", "5 is no JSON schema"),
        ({"properties": {"intend": {}}}, "properties.intend", "did you mean `intent`?"),
        ({"required": ["colour"]}, "required", "does not answer 'colour'"),
        ({"properties": {"intent": {}}, "additionalProperties": False}, "properties", "answers `urgent` too"),
        ({"additionalProperties": {"type": "string"}}, "additionalProperties.type", "answers `boolean`"),
        ({"minProperties": 9}, "minProperties", "not held to this"),
        ({"properties": {"urgent": {"enum": [1, 0]}}}, "properties.urgent.enum", "may answer False"),
        ({"properties": {"urgent": {"enum": [True]}}}, "properties.urgent.enum", "may answer False"),
        ({"properties": {"mood": {"enum": [1, 2]}}}, "properties.mood.enum", "may answer 3"),
        ({"properties": {"mood": {"maximum": 3}}}, "properties.mood.maximum", "not held to this"),
        ({"properties": {"amount": {"type": "integer"}}}, "properties.amount.type", "answers `number`"),
        ({"properties": {"amount": {"enum": [1.5]}}}, "properties.amount.enum", "any `number`"),
        (
            {"properties": {"topics": {"items": {"enum": ["a"]}}}},
            "properties.topics.items.enum",
            "may answer 'b'",
        ),
        (
            {"properties": {"names": {"items": {"required": ["label", "score"]}}}},
            "properties.names.items.required",
            "does not answer 'score'",
        ),
    ],
)
def test_the_first_difference_is_named(schema: Any, place: str, message: str) -> None:
    with pytest.raises(Fault) as caught:
        check_format(wanted(schema), MANY)
    assert (caught.value.status, caught.value.param) == (400, f"{AT}.{place}")
    assert message in caught.value.message


ROUND = {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}}


@pytest.mark.parametrize(
    "schema",
    [{"$ref": "#"}, {"$ref": "#/$defs/a", "$defs": ROUND}, with_intent({"$ref": "#/$defs/a"}, **{"$defs": ROUND})],
)
def test_a_schema_without_end_is_refused(schema: Any) -> None:
    with pytest.raises(Fault, match="refers to itself without end"):
        check_format(wanted(schema), MANY)


@pytest.mark.parametrize(
    ("schema", "nullable"),
    [
        (None, True),
        ({}, True),
        (with_intent({"type": "string"}), False),
        (with_intent({"type": ["string", "null"]}), True),
        (with_intent({"enum": [*INTENT["enum"], None]}), True),
        (with_intent({"anyOf": [INTENT, {"type": "null"}]}), True),
        ({"allOf": [with_intent(INTENT)]}, False),
        (with_intent({"$ref": "#/$defs/a"}, **{"$defs": {"a": INTENT}}), False),
    ],
)
def test_null_fits_where_the_schema_says_so(schema: Any, nullable: bool) -> None:
    assert may_be_null(wanted(schema), MANY, "intent") is nullable
    assert may_be_null(None, MANY, "intent")
