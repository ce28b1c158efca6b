from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.train.plain_rows import FIELDS, make_examples, make_rows

from freehold.engine import Span
from freehold.errors import DataError, UserError
from freehold.task import Example, Field, FieldKind, Label, Passport, Task, Value
from freehold.train.rows import MISSING, is_labelled, resolve_fields, to_rows

NAN = float("nan")
AB = (Label("a"), Label("b"))


def examples(*values: Value | None, text: str = "one two") -> list[Example]:
    return [
        Example(f"e{n}", {"text": text}, {} if value is None else {"f": value}, Passport("s", f"s:{n}"), "train")
        for n, value in enumerate(values)
    ]


def task_of(*fields: Field) -> Task:
    return Task("t", Path(), {"text": "string"}, fields)


def names(field: Field) -> list[str]:
    return [label.name for label in field.labels or ()]


TARGETS: list[tuple[FieldKind, tuple[Label, ...] | None, list[Any], list[Any]]] = [
    ("choice", AB, ["b", None, "a"], [1, MISSING, 0]),
    ("predicate", None, [True, False, None], [1, 0, MISSING]),
    ("score", (Label("-1"), Label("2"), Label("10")), [10, None, -1], [2, MISSING, 0]),
    ("number", None, [1, 2.5, None], [1.0, 2.5, NAN]),
    ("choices", AB, [["b", "a"], [], None, ["b"]], [[1, 1], [0, 0], [MISSING, MISSING], [0, 1]]),
    ("choices", (), [[], None], [[], []]),
]


@pytest.mark.parametrize(("kind", "labels", "values", "expected"), TARGETS)
def test_targets_of_each_kind(
    kind: FieldKind, labels: tuple[Label, ...] | None, values: list[Any], expected: list[Any]
) -> None:
    target = to_rows(examples(*values), [Field("f", kind, labels=labels)], inputs=["text"]).targets["f"]
    np.testing.assert_array_equal(target, expected)
    if labels != ():
        assert is_labelled(target).tolist() == [value is not None for value in values]


def test_spans_are_placed_in_the_joined_text() -> None:
    value: Any = [{"label": "a", "start": 4, "end": 7, "text": "two"}]
    rows = to_rows(examples(value, None, []), [Field("f", "spans", labels=AB)], inputs=["text"])
    assert rows.spans["f"] == ([Span(4, 7, "a")], None, [])
    assert rows.targets == {}


def test_spans_that_cannot_be_placed_are_as_if_not_labelled() -> None:
    value: Any = [{"label": "a", "start": 4, "end": 7, "text": "one"}]
    rows = to_rows(examples(value), [Field("f", "spans", labels=AB)], inputs=["text"])
    assert rows.spans["f"] == (None,)


def test_rows_are_taken_and_put_together() -> None:
    first, second = make_rows(6), make_rows(4, seed=1)
    both = first + second
    assert len(both) == 10
    back = both.take([*range(6, 10)])
    assert (back.ids, back.texts, back.inputs) == (second.ids, second.texts, second.inputs)
    for name in both.targets:
        np.testing.assert_array_equal(back.targets[name], second.targets[name])
    nothing = both.take([])
    assert len(nothing) == 0
    assert {name: len(target) for name, target in nothing.targets.items()} == {f.name: 0 for f in FIELDS}


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("choice", ["b", "a", "b", None], ["a", "b"]),
        ("choice", ["only"], ["only"]),
        ("score", [10, 9, -1], ["-1", "9", "10"]),
        ("choices", [["c"], [], ["a", "c"]], ["a", "c"]),
        ("choices", [[]], []),
        ("spans", [[{"label": "x", "start": 0, "end": 3}], []], ["x"]),
        ("predicate", [True], []),
        ("number", [1.0], []),
    ],
)
def test_labels_come_from_the_data(kind: FieldKind, values: Sequence[Any], expected: list[str]) -> None:
    [field] = resolve_fields(task_of(Field("f", kind)), examples(*values))
    assert names(field) == expected


def test_listed_labels_stay_as_they_are_listed() -> None:
    listed = (Label("b"), Label("unseen", "Never yet."), Label("a"))
    [field] = resolve_fields(task_of(Field("f", "choice", labels=listed)), examples("a"))
    assert field.labels == listed


def test_a_field_that_nobody_labelled_is_named() -> None:
    with pytest.raises(DataError, match="has a label for `f`"):
        resolve_fields(task_of(Field("f", "number")), make_examples(3))


def test_a_field_that_only_a_writer_can_learn_is_named() -> None:
    with pytest.raises(UserError, match=r"`f`.*needs a writer"):
        resolve_fields(task_of(Field("f", "text"), FIELDS[0]), examples("a"))


@pytest.mark.parametrize("labels", [None, AB])
def test_an_other_that_is_no_label_is_named(labels: tuple[Label, ...] | None) -> None:
    field = Field("f", "choice", labels=labels, other="none")
    with pytest.raises(UserError, match="`other = 'none'` of `f` is none of its labels"):
        resolve_fields(task_of(field), examples("a", "b"))
    [found] = resolve_fields(task_of(Field("f", "choice", other="b")), examples("a", "b"))
    assert found.other == "b"
