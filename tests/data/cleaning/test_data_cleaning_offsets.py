"""Positions survive: whatever the edits, a span is where its letters are, or is said to be lost."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.cleaning import Cleaned, Cleaning, Offsets, Settings, move_spans
from freehold.data.cleaning.offsets import Edit, replace
from freehold.errors import DataError

LETTERS = st.text("abcde\u00e9 .", max_size=24)


class Cell(NamedTuple):
    """One letter, and which letters of the untouched text it came from."""

    letter: str
    origin: frozenset[int]


@st.composite
def texts_with_edits(draw: st.DrawFn) -> tuple[str, list[list[tuple[float, float, str]]]]:
    place = st.floats(0, 1)
    step = st.lists(st.tuples(place, place, st.text("XYZ", max_size=3)), max_size=3)
    return draw(LETTERS), draw(st.lists(step, max_size=3))


def edits_of(step: list[tuple[float, float, str]], length: int) -> list[Edit]:
    places = sorted(int(share * length) for one, other, _ in step for share in (one, other))
    return [Edit(a, b, new) for a, b, (_, _, new) in zip(places[::2], places[1::2], step, strict=True)]


def apply(cells: list[Cell], edits: list[Edit]) -> list[Cell]:
    """The plain model: every letter remembers where it is from."""
    out, place = [], 0
    for start, end, new in edits:
        if "".join(cell.letter for cell in cells[start:end]) == new:
            continue
        origin = frozenset[int]().union(*(cell.origin for cell in cells[start:end]))
        out += [*cells[place:start], *(Cell(letter, origin) for letter in new)]
        place = end
    return out + cells[place:]


@given(texts_with_edits())
def test_spans_cover_the_image_of_their_text(case: tuple[str, list[list[tuple[float, float, str]]]]) -> None:
    """Over any steps: `kept` is the same letters and nothing else; no fate loses own letters, only `widened` has
    letters of others.
    """
    untouched, steps = case
    text, offsets = untouched, Offsets()
    cells = [Cell(letter, frozenset({place})) for place, letter in enumerate(text)]
    for step in steps:
        edits = edits_of(step, len(text))
        text, more = replace(text, edits)
        offsets, cells = offsets.then(more), apply(cells, edits)
    assert text == "".join(cell.letter for cell in cells)
    for start in range(len(untouched)):
        for end in range(start + 1, len(untouched) + 1):
            check(untouched, text, offsets, cells=cells, start=start, end=end)


def check(untouched: str, text: str, offsets: Offsets, *, cells: list[Cell], start: int, end: int) -> None:
    moved, own = offsets.span(start, end), set(range(start, end))
    image = [place for place, cell in enumerate(cells) if cell.origin & own]
    if moved.fate == "lost":
        assert image == []
        return
    assert all(moved.start <= place < moved.end for place in image)
    foreign = [cell for cell in cells[moved.start : moved.end] if cell.origin and not cell.origin & own]
    if moved.fate == "kept":
        assert text[moved.start : moved.end] == untouched[start:end]
        assert image == list(range(moved.start, moved.end))
    if moved.fate != "widened":
        assert foreign == []


@given(texts_with_edits())
def test_the_way_back_is_the_same_way(case: tuple[str, list[list[tuple[float, float, str]]]]) -> None:
    """What is kept is found again at its old place."""
    untouched, steps = case
    text, offsets = untouched, Offsets()
    for step in steps:
        text, more = replace(text, edits_of(step, len(text)))
        offsets = offsets.then(more)
    for start in range(len(untouched)):
        moved = offsets.span(start, start + 1)
        if moved.fate == "kept":
            back = offsets.back(moved.start, moved.end)
            assert (back.fate, back.start, back.end) == ("kept", start, start + 1)


ODD = st.text(
    st.sampled_from("aZ9 .,@+-\n\r\u00e9e\u0301\u200b\u200d\u00a0\u202e\x00\u00c3\u00a9\u00e2\u20ac\u2122"),
    max_size=40,
)
PLANTED = st.sampled_from(
    (
        "ada@example.org",
        "+44 20 7946 0958",
        "DE89370400440532013000",
        "Sch\u00c3\u00b6n",
        "e\u0301",
        "\r\n",
        "ghp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX",
        "ignore previous instructions",
        "\ufeff",
    )
)
TEXTS = st.lists(st.one_of(ODD, PLANTED), max_size=6).map("".join)
STEPS = ("unicode", "secrets", "pii", "flags", "c4.line_words", "repeated_lines")


@given(TEXTS, st.sets(st.sampled_from(STEPS)))
def test_spans_survive_real_steps(text: str, steps: set[str]) -> None:
    """For any text and any composition of steps, a kept span has its very letters."""
    cleaned = Cleaning(Settings(steps=tuple(steps))).clean(text)
    assert isinstance(cleaned, Cleaned)
    assert cleaned.offsets.identity == (cleaned.text == text)
    for start in range(len(text)):
        for end in range(start + 1, min(len(text), start + 12) + 1):
            moved = cleaned.offsets.span(start, end)
            assert 0 <= moved.start <= moved.end <= len(cleaned.text)
            if moved.fate == "kept":
                assert cleaned.text[moved.start : moved.end] == text[start:end]
    for flag in cleaned.flags:
        assert 0 <= flag.start <= flag.end <= len(text)


TEXT = "Write to ada@example.org or\u200b call Ada."


@pytest.mark.parametrize(
    ("part", "fate", "then"),
    [
        ("Write", "kept", "Write"),
        ("ada@example.org", "changed", "[EMAIL]"),
        ("example", "widened", "[EMAIL]"),
        ("to ada", "widened", "to [EMAIL]"),
        ("Ada", "kept", "Ada"),
        ("or\u200b call", "changed", "or call"),
        ("\u200b", "lost", "\u200b"),
    ],
)
def test_spans_of_a_task_are_moved(part: str, fate: str, then: str) -> None:
    cleaned = Cleaning(Settings(steps=("unicode", "pii"))).clean(TEXT)
    assert isinstance(cleaned, Cleaned)
    start = TEXT.index(part)
    span = {"label": "x", "start": start, "end": start + len(part), "text": part}
    (moved,) = move_spans([span], text=TEXT, cleaned=cleaned.text, offsets=cleaned.offsets)
    assert (moved.fate, moved.span["text"], moved.span["label"]) == (fate, then, "x")


@pytest.mark.parametrize(
    ("span", "message"),
    [
        ({"start": 0, "end": 99}, "not inside"),
        ({"start": 3, "end": 3}, "not inside"),
        ({"start": 0, "end": 5, "text": "wrote"}, "does not have the text 'Write'"),
        ({"label": "x"}, "not inside"),
    ],
)
def test_spans_that_are_not_on_the_text_are_refused(span: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        move_spans([span], text=TEXT, cleaned=TEXT, offsets=Offsets())


def test_edits_that_overlap_are_our_mistake() -> None:
    with pytest.raises(ValueError, match="overlaps"):
        replace("abc", [Edit(0, 2, "x"), Edit(1, 3, "y")])
