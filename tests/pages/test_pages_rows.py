"""What changed between two collections, and whom the later one has to name."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.pages.rows import Credit, compare, count_credits
from freehold.task import Example, Field, Passport, Value

PASSPORT = Passport("s", "l")
FIELDS = (Field("f", "choice"),)


def example(name: str, value: Value, *, words: int = 3, passport: Passport = PASSPORT) -> Example:
    return Example(name, {"text": "w " * words}, {"f": value}, passport, "train")


def test_drift_counts_rows_labels_and_lengths() -> None:
    old = [example(name, "x") for name in "abcd"]
    new = [example("b", "y"), example("c", "x"), example("e", "y", words=9), example("d", "y")]
    drift = compare(old, new, fields=FIELDS).drift
    assert drift is not None
    assert (drift["added"], drift["removed"], drift["relabelled"]) == (1, 1, 2)
    moved = drift["fields"]["f"]
    assert (moved["distance"], moved["labels"]) == (pytest.approx(0.75), 2)
    assert moved["largest"][0] == moved["shares"][0] == {"label": "x", "before": 1.0, "now": 0.25}
    assert drift["words"] == {"before": 3.0, "now": 3.0}
    span: dict[str, str | int] = {"label": "city", "start": 0, "end": 1, "text": "w"}
    spans = [example("a", [span])]
    same = compare(spans, spans, fields=(Field("f", "spans"),)).drift
    assert same is not None
    assert same["fields"]["f"]["shares"] == [{"label": "city", "before": 1.0, "now": 1.0}]
    empty = compare([], [], fields=FIELDS).drift
    assert empty is not None
    assert (empty["words"]["now"], empty["fields"]["f"]["shares"]) == (0.0, [])


@pytest.mark.parametrize(("kind", "value"), [("text", "a whole text"), ("number", 0.5)])
def test_what_has_no_labels_is_not_compared(kind: str, value: Value) -> None:
    rows = [example("a", value)]
    drift = compare(rows, rows, fields=(Field("f", kind),)).drift  # type: ignore[arg-type]
    assert drift is not None
    assert drift["fields"] == {}


@given(st.lists(st.integers(0, 5), min_size=1), st.dictionaries(st.integers(0, 9), st.booleans()))
def test_the_words_and_the_counts_are_those_of_all_rows(lengths: list[int], labels: dict[int, bool]) -> None:
    old = [example(str(place), "x", words=words) for place, words in enumerate(lengths)]
    new = [example(str(place), "x" if same else "y") for place, same in labels.items()]
    drift = compare(old, new, fields=FIELDS).drift
    assert drift is not None
    assert drift["words"]["before"] == median(lengths)
    assert len(old) + drift["added"] - drift["removed"] == len(new)
    assert drift["relabelled"] == sum(not same for place, same in labels.items() if place < len(old))


def test_makers_are_counted_by_licence() -> None:
    def rows() -> Iterable[Example]:
        yield example("a", "x", passport=Passport("s", "1", licence="MIT", author="Ada"))
        yield example("b", "x", passport=Passport("s", "2", licence="MIT", author="Ada"))
        yield example("c", "x", passport=Passport("s", "3"))

    wanted = {Credit("MIT", "s", "Ada"): 2, Credit("", "s", ""): 1}
    assert count_credits(rows()).credits == wanted
    assert compare([], rows(), fields=FIELDS).credits == wanted
