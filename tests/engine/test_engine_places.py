from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from freehold.engine import MisplacedSpanError, Span, join_inputs, place_spans, restore_spans
from freehold.task import normalise, shift

RAW = st.lists(
    st.sampled_from((*"ab .\n\r\t\x07\x1f\u00a0\u0301漢", "\r\n", "e\u0301", "\u1112\u1161\u11ab", "か\u3099")),
    max_size=14,
).map("".join)


@settings(deadline=None)
@given(RAW, st.integers(0, 30), st.integers(0, 30))
@example("\x07\u00a0b\x1f\ne\u0301", 2, 0)
@example("a e\u0301\u0301 \r\nか\u3099.", 4, 3)
def test_spans_come_back_to_the_untouched_text(raw: str, first: int, length: int) -> None:
    text = normalise(raw)
    filled = [place for place, character in enumerate(text) if not character.isspace()] or [0]
    start = filled[first % len(filled)]
    end = filled[(first + length) % len(filled)] + 1
    start, end = min(start, end - 1), max(start + 1, end)
    assume(text)
    span = restore_spans([Span(start, end, "x")], inputs={"t": raw}, names=["t"])[0]
    begin, last = int(span["start"]), int(span["end"])
    assert span["text"] == raw[begin:last]
    assert normalise(raw[begin:last]) == text[start:end]
    assert (shift(raw, begin), shift(raw, last)) == (start, end)


def test_a_text_that_is_normal_already_is_left_alone() -> None:
    found = restore_spans([Span(8, 12, "when")], inputs={"text": "call me noon?"}, names=["text"])
    assert found == [{"label": "when", "start": 8, "end": 12, "text": "noon"}]


def test_several_inputs() -> None:
    inputs, names = {"title": "Late", "body": "It is late"}, ["title", "body"]
    value: list[dict[str, str | int]] = [{"label": "why", "start": 6, "end": 10, "text": "late"}]
    placed = place_spans(value, inputs=inputs, names=names)
    assert [join_inputs(inputs, names)[span.start : span.end] for span in placed] == ["late"]
    assert restore_spans(placed, inputs=inputs, names=names) == value
    raw = {"title": " Late", "body": "It\x07 is late\r\n"}
    assert restore_spans(placed, inputs=raw, names=names) == [
        {"label": "why", "start": 7, "end": 11, "text": "late"}
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("late", r"`title` and `body` has 'late' from 0 to 4: .*"),
        ("soon", r"no input has 'soon' from 0 to 4"),
    ],
)
def test_a_span_whose_input_nobody_can_tell(text: str, reason: str) -> None:
    span: dict[str, str | int] = {"label": "why", "start": 0, "end": 4, "text": text}
    with pytest.raises(MisplacedSpanError, match=reason):
        place_spans([span], inputs={"title": "late", "body": "late again"}, names=["title", "body"])
