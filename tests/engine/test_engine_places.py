from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from freehold.engine import MisplacedSpanError, Span, join_inputs, place_spans, restore_spans
from freehold.task import normalise, shift

RAW = st.lists(
    st.sampled_from((*"ab .\n\r\t\x07\x1f\u00a0\u0301漢", "\r\n", "e\u0301", "\u1112\u1161\u11ab", "か\u3099")),
    max_size=14,
).map("".join)


@given(RAW, st.data())
def test_spans_come_back_to_the_untouched_text(raw: str, data: st.DataObject) -> None:
    text = normalise(raw)
    assume(text)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assume(not text[start].isspace() and not text[end - 1].isspace())
    span = restore_spans([Span(start, end, "x")], inputs={"t": raw}, names=["t"])[0]
    first, last = int(span["start"]), int(span["end"])
    assert span["text"] == raw[first:last]
    assert normalise(raw[first:last]) == text[start:end]
    assert (shift(raw, first), shift(raw, last)) == (start, end)


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
