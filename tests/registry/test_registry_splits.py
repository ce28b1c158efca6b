"""What is fixed about rows and sources."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.registry import Registry
from freehold.task import SPLITS, Split


def test_splits_are_kept_per_task(shelf: Registry) -> None:
    shelf.fix_splits("banking", {"b": "test", "a": "train"})
    shelf.fix_splits("mail", {"a": "validation"})
    assert shelf.splits("banking") == {"a": "train", "b": "test"}
    assert shelf.splits("mail") == {"a": "validation"}
    assert shelf.splits("nobody") == {}


def test_a_test_row_stays_one(shelf: Registry) -> None:
    shelf.fix_splits("banking", {"a": "test", "b": "train", "c": "validation"})
    shelf.fix_splits("banking", {"a": "train", "b": "test", "c": "train", "d": "validation"})
    assert shelf.splits("banking") == {"a": "test", "b": "test", "c": "train", "d": "validation"}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from("abcde"), st.sampled_from(SPLITS)), max_size=4))
def test_the_last_word_counts_unless_it_was_test(shelf: Registry, turns: list[dict[str, Split]]) -> None:
    task = f"t{len(shelf.splits('names'))}"
    shelf.fix_splits("names", {task: "train"})
    expected: dict[str, Split] = {}
    for turn in turns:
        shelf.fix_splits(task, turn)
        expected |= {name: split for name, split in turn.items() if expected.get(name) != "test"}
        assert shelf.splits(task) == expected


def test_many_rows_at_once(shelf: Registry) -> None:
    rows: dict[str, Split] = {f"{number:032x}": "train" for number in range(5000)}
    shelf.fix_splits("banking", rows)
    shelf.fix_splits("banking", rows)
    assert shelf.splits("banking") == rows


def test_sources_are_noted(shelf: Registry) -> None:
    shelf.note_source("banking", "a.csv", digest="d1", licence="", rows=3)
    shelf.note_source("banking", "a.csv", digest="d1", licence="CC-BY-4.0", rows=3)
    shelf.note_source("banking", "a.csv", digest="d2", licence="CC-BY-4.0", rows=4)
    shelf.note_source("mail", "a.csv", digest="d1", licence="MIT", rows=3)
    noted = shelf.sources("banking")
    assert [(row["digest"], row["licence"], row["rows"]) for row in noted] == [
        ("d1", "CC-BY-4.0", 3),
        ("d2", "CC-BY-4.0", 4),
    ]
    assert all(row["noted"] for row in noted)
