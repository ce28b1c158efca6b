from __future__ import annotations

import pytest

from freehold.data.duplicates import Merged, Reading, merge
from freehold.task import Example, Passport, Split, Told, Value, example_id


def example(text: str, at: str = "", /, **outputs: Value) -> Example:
    inputs = {"text": text}
    maker = "data" if outputs else ""
    name = example_id(inputs)
    return Example(name, inputs, outputs, Passport("a", at, maker=maker), "train", name)


def read(*rows: Example | tuple[Example, Told], said: tuple[Example, ...] = (), test: str = "") -> Merged:
    readings = [Reading(*row) if isinstance(row, tuple) else Reading(row, "auto") for row in rows]
    recorded: dict[str, Split] = {example_id({"text": test}): "test"} if test else {}
    return merge(readings, said, recorded=recorded)


def only(merged: Merged) -> Example:
    (entry,) = merged.entries.values()
    return entry.example


def test_labels_of_the_same_inputs_are_united() -> None:
    merged = read(example("a", "1", x="p"), example("a", "2", y=3), example("a", "3"))
    assert only(merged).outputs == {"x": "p", "y": 3}
    assert only(merged).passport.locator == "1"
    assert (merged.duplicates, merged.conflicts) == (2, ())


def test_a_row_without_labels_gets_its_copys() -> None:
    merged = read(example("a", "1"), example("a", "2", x="p"))
    assert only(merged).outputs == {"x": "p"}
    assert only(merged).passport.maker == "data"


def test_the_more_frequent_label_counts_and_the_first_of_equals() -> None:
    merged = read(example("a", "1", x="p"), example("a", "2", x="q"), example("a", "3", x="q"))
    assert only(merged).outputs == {"x": "q"}
    assert [(each.kept_at, each.other_at, each.other) for each in merged.conflicts] == [("2", "1", "p")]
    merged = read(example("a", "1", x="p"), example("a", "2", x="q"))
    assert only(merged).outputs == {"x": "p"}
    assert [(each.field, each.kept_at, each.other_at) for each in merged.conflicts] == [("x", "1", "2")]


def test_true_and_one_are_different_labels() -> None:
    assert len(read(example("a", "1", x=True), example("a", "2", x=1)).conflicts) == 1


def test_test_rows_stay_as_they_are_published() -> None:
    merged = read(
        (example("a", "train:1", x="p"), "train"),
        (example("a", "train:2", x="p"), "train"),
        (example("a", "test:1", x="q"), "test"),
        (example("a", "test:2", x="r"), "test"),
    )
    (entry,) = merged.entries.values()
    assert (entry.told, entry.example.outputs) == ("test", {"x": "q"})
    assert entry.example.passport.locator == "test:1"
    assert merged.duplicates == 1
    assert [(row.passport.locator, row.reason) for row in merged.apart] == [
        ("train:1", "the same as a test row"),
        ("train:2", "the same as a test row"),
    ]
    assert {(each.kept_at, each.other_at) for each in merged.conflicts} == {
        ("test:1", "test:2"),
        ("test:1", "train:1"),
        ("test:1", "train:2"),
    }


def test_the_latest_correction_outranks_data_and_settles_conflicts() -> None:
    said = (example("a", "request:1", x="s"), example("a", "request:2", x="t"))
    merged = read(example("a", "1", x="p", y=1), example("a", "2", x="q"), said=said)
    (entry,) = merged.entries.values()
    assert entry.corrected
    assert entry.example.outputs == {"x": "t", "y": 1}
    assert entry.example.passport.locator == "request:2"
    assert merged.conflicts == ()


def test_corrections_of_different_fields_add_up() -> None:
    merged = read(said=(example("a", "request:1", x="s"), example("a", "request:2", y=2)))
    assert only(merged).outputs == {"x": "s", "y": 2}


def test_nobody_corrects_a_test_row() -> None:
    said = (example("a", "request:1", x="s"),)
    for merged in (
        read((example("a", "1", x="p"), "test"), said=said),
        read(example("a", "1", x="p"), said=said, test="a"),
    ):
        assert only(merged).outputs == {"x": "p"}
        assert [(row.passport.locator, row.reason) for row in merged.apart] == [
            ("request:1", "a correction of a test row")
        ]
    gone = read(said=said, test="a")
    assert not gone.entries
    assert len(gone.apart) == 1


@pytest.mark.parametrize(
    ("told", "split", "has", "asked", "kept"),
    [
        ("auto", "test", {}, False, True),
        ("auto", "validation", {}, False, True),
        ("test", "test", {}, False, True),
        ("validation", "validation", {}, False, True),
        ("auto", "train", {}, False, False),
        ("auto", "validation", {}, True, False),
        ("auto", "validation", {"x": "p"}, False, False),
        ("auto", "validation", {"y": 1}, False, True),
    ],
    ids=str,
)
def test_an_answer_labels_a_row_that_is_held_apart_where_it_lies(
    told: Told, split: Split, has: dict[str, Value], asked: bool, kept: bool
) -> None:
    row, said = example("a", "1", **has), example("a", "request:1", x="s")
    known = {row.id: split}
    merged = merge([Reading(row, told)], [said], recorded=known, asked={"request:1"} if asked else ())
    (entry,) = merged.entries.values()
    assert entry.example.outputs == {**has, "x": "s"}
    assert entry.corrected is not kept, "what is corrected goes to train"
    assert entry.example.passport.locator == "request:1"


def test_who_speaks_of_a_request_labels_no_test_row() -> None:
    row, said = example("a", "1"), example("a", "request:1", x="s")
    merged = merge([Reading(row, "auto")], [said], recorded={row.id: "test"}, asked={"request:1"})
    assert only(merged).outputs == {}
    assert [each.reason for each in merged.apart] == ["a correction of a test row"]


def test_of_several_answers_about_a_test_row_the_latest_counts() -> None:
    row, said = example("a", "1"), (example("a", "request:1", x="s"), example("a", "request:2", x="t"))
    merged = merge([Reading(row, "auto")], said, recorded={row.id: "test"})
    assert only(merged).outputs == {"x": "t"}
    assert merged.apart == ()
