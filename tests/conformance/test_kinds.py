"""One table over every kind of field that a reader learns: trained, shrunk, opened and asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.small import AREAS, make_desk, make_examples, make_labelled, make_task

from freehold import compress, train
from freehold.engine import Reader, open_reader
from freehold.task import Answer, Example, Field, Label, Value

FIELDS = (
    Field("area", "choice", labels=(Label("account"), Label("billing"), Label("delivery"))),
    Field("topics", "choices", labels=(Label("angry"), Label("billing"), Label("urgent"))),
    Field("urgent", "predicate"),
    Field("stars", "score", labels=(Label("1"), Label("2"), Label("3"))),
    Field("length", "number"),
    Field("things", "spans", labels=(Label("thing"),)),
)

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
def reader(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    home = tmp_path_factory.mktemp("kinds")
    examples = [replace(e, outputs=outputs(e, n)) for n, e in enumerate(make_examples(240))]
    labelled = make_labelled(home / "labelled", examples)
    task = replace(make_task(home, base=str(tiny_base), fields=FIELDS), effort="quick")
    trained = train.fit.function(make_desk(home / "fit"), task, labelled)
    artifact = compress.shrink.function(make_desk(home / "shrink"), task, trained, labelled)
    return open_reader(artifact.folder)


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
    for text in ("", "   ", "card " * 2_000, "\u202e e\u0301 \U0001f4b3"):
        [prediction] = reader.predict([{"text": text}])
        assert set(prediction.answers) == {field.name for field in FIELDS}
