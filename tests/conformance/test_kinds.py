"""One table over every kind of field that a reader learns: trained, shrunk, opened and asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
from tests.small import AREAS, make_desk, make_examples, make_labelled, make_task

from freehold import compress, train
from freehold.engine import GRAPH, MIDDLE, Reader, explain, open_folder, open_reader
from freehold.task import FIELD_KINDS, Answer, Artifact, Example, Field, Label, Value, output_schema

FIELDS = (
    Field("area", "choice", labels=(Label("account"), Label("billing"), Label("delivery"))),
    Field("topics", "choices", labels=(Label("angry"), Label("billing"), Label("urgent"))),
    Field("urgent", "predicate"),
    Field("stars", "score", labels=(Label("1"), Label("2"), Label("3"))),
    Field("length", "number"),
    Field("things", "spans", labels=(Label("thing"),)),
)

ODD = ("", "   ", "card " * 2_000, "\u202e e\u0301 \U0001f4b3")

CHECKS: dict[str, Callable[[Answer], bool]] = {
    "choice": lambda answer: answer.value in {"account", "billing", "delivery"},
    "choices": lambda answer: isinstance(answer.value, list) and set(answer.probabilities) >= set(answer.value),
    "predicate": lambda answer: isinstance(answer.value, bool),
    "score": lambda answer: answer.value in {1, 2, 3},
    "number": lambda answer: answer.interval is not None and answer.interval[0] <= float(str(answer.value)),
    "spans": lambda answer: isinstance(answer.value, list),
}


def outputs(example: Example, number: int) -> dict[str, Value]:
    text = example.inputs["text"]
    thing = next(word for word in text.split() if word in AREAS)
    urgent = "now" in text or "today" in text
    topics = [
        t
        for t, there in (("angry", "angry" in text), ("billing", AREAS[thing] == "billing"), ("urgent", urgent))
        if there
    ]
    start = text.index(thing)
    spans: list[dict[str, str | int]] = [
        {"label": "thing", "start": start, "end": start + len(thing), "text": thing}
    ]
    found: dict[str, Value] = {
        "area": AREAS[thing],
        "topics": list(topics),
        "urgent": urgent,
        "stars": 1 if "angry" in text else 2 if urgent else 3,
        "length": float(len(text)),
        "things": spans,
    }
    missing = list(found)[number % 12 : number % 12 + 1]  # every other row lacks one of its labels
    return {name: value for name, value in found.items() if name not in missing}


@pytest.fixture(scope="module")
def artifact(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    home = tmp_path_factory.mktemp("kinds")
    examples = [replace(e, outputs=outputs(e, n)) for n, e in enumerate(make_examples(240))]
    labelled = make_labelled(home / "labelled", examples)
    task = replace(make_task(home, base=str(tiny_base), fields=FIELDS), effort="quick")
    trained = train.fit.function(make_desk(home / "fit"), task, labelled)
    return compress.shrink.function(make_desk(home / "shrink"), task, trained, labelled)


@pytest.fixture(scope="module")
def reader(artifact: Artifact) -> Reader:
    return open_reader(artifact.folder)


def test_spans_are_read_and_explained_from_the_middle_of_the_encoder(artifact: Artifact, reader: Reader) -> None:
    assert open_folder(artifact.folder).description.spans_layer == "middle"
    graph = onnx.load(artifact.folder / GRAPH)
    assert [output.name for output in graph.graph.output] == ["tokens", MIDDLE]
    inputs = next(e.inputs for e in make_examples(240) if e.outputs)
    [prediction] = reader.predict([inputs])
    answer = prediction.answers["things"]
    assert answer.value
    [first, *_] = explain(reader, inputs, answers=prediction.answers).fields["things"]
    assert first.whole == pytest.approx(answer.probabilities["thing"], abs=1e-3)
    assert first.moved


def test_every_kind_has_a_row() -> None:
    assert {field.kind for field in FIELDS} == {*FIELD_KINDS} - {"text"}


def fits(value: Any, schema: Any) -> bool:
    """Returns whether a value keeps to a schema, as far as `task.schemas` writes them."""
    types: Any = {"string": str, "boolean": bool, "integer": int, "number": float, "array": list, "object": dict}
    if not isinstance(value, types[schema["type"]]) or value not in schema.get("enum", [value]):
        return False
    if schema["type"] == "array":
        alone = not schema.get("uniqueItems") or len({*value}) == len(value)
        return alone and all(fits(item, schema["items"]) for item in value)
    if schema["type"] == "object":
        parts = schema["properties"]
        return {*value} == {*schema["required"]} and all(fits(value[name], parts[name]) for name in parts)
    return bool(value >= schema["minimum"]) if "minimum" in schema else True


@pytest.mark.parametrize("text", [*ODD, *(e.inputs["text"] for e in make_examples(6))])
def test_answers_keep_to_the_schema_and_to_json(reader: Reader, text: str) -> None:
    [prediction] = reader.predict([{"text": text}])
    values = {name: answer.value for name, answer in prediction.answers.items()}
    assert fits(values, output_schema(reader.fields))
    assert json.loads(json.dumps(prediction.to_json(), allow_nan=False)) == prediction.to_json()
    assert all(0 <= answer.confidence <= 1 for answer in prediction.answers.values())


def test_the_check_of_schemas_can_fail() -> None:
    schema = output_schema(FIELDS)
    right: dict[str, Any] = dict(outputs(make_examples(1)[0], 11))
    assert fits(right, schema)
    wrong = {"area": "x", "topics": ["angry", "angry"], "urgent": 1, "stars": 4, "length": "1", "things": [{}]}
    for name, value in wrong.items():
        assert not fits({**right, name: value}, schema)
    assert not fits({name: value for name, value in right.items() if name != "area"}, schema)


def test_every_field_counts_for_parity(artifact: Artifact) -> None:
    parity: Any = artifact.facts["parity"]
    assert parity["n"] == len(FIELDS) * 48
    assert parity["value"] >= compress.PARITY


def test_a_row_is_answered_as_it_is_among_others(reader: Reader) -> None:
    rows = [example.inputs for example in make_examples(80)]
    together = reader.predict(rows)
    for row, expected in zip(rows[:12], together[:12], strict=True):
        [alone] = reader.predict([row])
        for name, answer in alone.answers.items():
            if name == "length":
                assert float(str(answer.value)) == pytest.approx(float(str(expected.answers[name].value)), abs=1)
            else:
                assert answer.value == expected.answers[name].value
            assert answer.confidence == pytest.approx(expected.answers[name].confidence, abs=0.05)


@pytest.mark.parametrize("field", FIELDS, ids=[field.kind for field in FIELDS])
def test_an_answer_is_of_its_kind(reader: Reader, field: Field) -> None:
    rows = [e for e in make_examples(240) if e.split == "test"]
    answers = [p.answers[field.name] for p in reader.predict([row.inputs for row in rows])]
    assert all(0 <= answer.confidence <= 1 for answer in answers)
    assert all(0 <= share <= 1 for answer in answers for share in answer.probabilities.values())
    assert all(CHECKS[field.kind](answer) for answer in answers)
    truths: list[Any] = [outputs(row, 11)[field.name] for row in rows]
    if field.kind == "number":
        errors = [abs(float(str(a.value)) - t) for a, t in zip(answers, truths, strict=True)]
        assert sum(errors) / len(errors) < 10
    else:
        assert sum(a.value == t for a, t in zip(answers, truths, strict=True)) >= 0.7 * len(rows)


def test_odd_inputs_are_answered(reader: Reader) -> None:
    for text in ODD:
        [prediction] = reader.predict([{"text": text}])
        assert set(prediction.answers) == {field.name for field in FIELDS}
