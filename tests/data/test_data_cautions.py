"""What is odd about data is said in one sentence each, with a count; good data is not complained about."""

from __future__ import annotations

import json

import pytest
from tests.data.workplace import Work

from freehold.data.cautions import find_cautions
from freehold.task import Example, Field, FieldKind, Label, Passport, Split, Value, example_id


def examples(*values: Value | None, split: Split = "train", words: int = 3) -> list[Example]:
    made = []
    for number, value in enumerate(values):
        inputs = {"text": f"{split} {number} " + "word " * words}
        outputs = {} if value is None else {"x": value}
        made.append(Example(example_id(inputs), inputs, outputs, Passport("a.csv", f"a.csv:{number}"), split))
    return made


def said(field: Field, rows: list[Example]) -> dict[str, tuple[int, str]]:
    found = find_cautions([field], rows, conflicts=(), refused={})
    return {each.kind: (each.count, each.message) for each in found}


SPAN: dict[str, str | int] = {"label": "day", "start": 0, "end": 1, "text": "t"}
ODD: list[tuple[FieldKind, list[Value | None], str, int, str]] = [
    ("choice", ["a", "a", "b"], "one_example", 1, "`x`: label 'b' has one training example."),
    ("choice", ["a", "b"], "one_example", 2, "`x`: 2 labels have one training example each: 'a', 'b'."),
    ("predicate", [True, True, False], "one_example", 1, "`x`: label 'false' has one training example."),
    ("score", [1, 1, 2], "one_example", 1, "`x`: label '2' has one training example."),
    ("choices", [["a"], ["a", "b"]], "one_example", 1, "`x`: label 'b' has one training example."),
    ("spans", [[SPAN], []], "one_example", 1, "`x`: label 'day' has one training example."),
    (
        "choice",
        ["a", "a"],
        "one_value",
        2,
        "`x`: all 2 labelled rows have the same value, 'a': there is nothing to tell apart.",
    ),
    (
        "number",
        [2.5, 2.5, None],
        "one_value",
        2,
        "`x`: all 2 labelled rows have the same value, 2.5: there is nothing to tell apart.",
    ),
    (
        "choice",
        ["top up", "Top up", "topup", "b", "b"],
        "alike",
        1,
        "`x`: labels that differ only by case or spaces count as different: "
        "'Top up' (1 row) and 'top up' (1 row) and 'topup' (1 row).",
    ),
    ("choice", [None, None], "unlabelled", 0, "`x`: no training row has a label."),
]


@pytest.mark.parametrize(("kind", "values", "caution", "count", "sentence"), ODD)
def test_odd_labels_are_named(
    kind: FieldKind, values: list[Value | None], caution: str, count: int, sentence: str
) -> None:
    assert said(Field("x", kind), examples(*values))[caution] == (count, sentence)


def test_labels_that_training_lacks_are_named() -> None:
    field = Field("x", "choice", labels=(Label("a"), Label("b"), Label("c")))
    rows = [*examples("a", "a"), *examples("b", "b", split="test")]
    assert said(field, rows) == {"no_example": (2, "`x`: 2 labels have no training example each: 'b', 'c'.")}


def test_many_labels_are_not_all_listed() -> None:
    found = said(Field("x", "choice"), examples(*map(str, range(100, 112))))["one_example"][1]
    assert found.endswith("'103', '104' and 7 more.")


def test_long_texts_are_counted() -> None:
    rows = [*examples("a", "a"), *examples("a", "b", "b", words=600)]
    count, sentence = said(Field("x", "choice"), rows)["long"]
    assert (count, sentence) == (3, "3 texts are longer than 512 words, up to 602: read in windows, never cut.")


@pytest.mark.parametrize("kind", ["choice", "choices", "predicate", "score", "number", "spans", "text"])
def test_good_data_is_not_complained_about(kind: FieldKind) -> None:
    pair: dict[FieldKind, list[Value | None]] = {
        "choice": ["a", "b"],
        "choices": [["a"], ["a", "b"]],
        "predicate": [True, False],
        "score": [1, 2],
        "number": [1.0, 2.0],
        "spans": [[SPAN], []],
        "text": ["a", "b"],
    }
    assert said(Field("x", kind), examples(*pair[kind] * 3)) == {}


def test_empty_rows_are_counted_apart_from_other_refused_ones(work: Work) -> None:
    lines = [
        json.dumps({"text": text, "intent": "ab"[n % 2]})
        for n, text in enumerate(("one", "two", " ", "\u200b\n", ""))
    ]
    work.put("a.jsonl", "\n".join([*lines, "{", "[]"]) + "\n")
    warnings = {each["kind"]: each for each in work.collect("a.jsonl").report["warnings"]}
    assert warnings["empty"]["message"] == "2 rows refused, for their text is empty."
    assert warnings["refused"]["count"] == 2
    assert len(warnings["refused"]["examples"]) == 2


def test_conflicts_are_counted_with_samples(work: Work) -> None:
    work.put_rows("a.jsonl", [("same", "a"), ("same", "b"), ("other", "a"), ("same", "b")])
    warning = next(each for each in work.collect("a.jsonl").report["warnings"] if each["kind"] == "conflict")
    assert warning["count"] == 1
    assert warning["examples"] == ["`intent` is 'b' at a.jsonl:2 and 'a' at a.jsonl:1"]
    assert warning["message"].startswith("Once the same inputs have different labels (conflicts.jsonl)")


NESTED = [
    ([("date", 0, 9), ("day", 4, 6)], "the span of 'day' from 4 to 6 overlaps that of 'date' from 0 to 9"),
    ([("date", 0, 5), ("day", 4, 6)], "the span of 'day' from 4 to 6 overlaps that of 'date' from 0 to 5"),
    ([("day", 4, 6), ("date", 4, 6)], "the span of 'day' from 4 to 6 overlaps that of 'date' from 4 to 6"),
    ([("date", 0, 4), ("day", 4, 6), ("date", 0, 4)], ""),
]


@pytest.mark.parametrize(("spans", "reason"), NESTED)
def test_nested_spans_are_refused(spans: list[tuple[str, int, int]], reason: str, work: Work) -> None:
    value = [{"label": label, "start": start, "end": end} for label, start, end in spans]
    good = json.dumps({"text": "good", "x": []})
    work.put("a.jsonl", json.dumps({"text": "from a to b", "x": value}) + f"\n{good}\n")
    row, _ = work.read("a.jsonl", fields=(Field("x", "spans"),))
    assert isinstance(row, Example) == (not reason)
    assert reason in getattr(row, "reason", "")


def test_spans_of_different_inputs_may_have_the_same_place(work: Work) -> None:
    value = [
        {"label": "a", "start": 0, "end": 3, "text": "one"},
        {"label": "b", "start": 0, "end": 3, "text": "two"},
    ]
    work.put("a.jsonl", json.dumps({"head": "one", "body": "two", "x": value}) + "\n")
    (row,) = work.read("a.jsonl", fields=(Field("x", "spans"),), inputs={"head": "string", "body": "string"})
    assert isinstance(row, Example)
    assert len(row.outputs["x"]) == 2  # type: ignore[arg-type]
