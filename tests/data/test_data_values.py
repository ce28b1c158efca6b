from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.values import BadValueError, parse_output
from freehold.task import Field, Label, normalise

TEXT = {"text": "Pay 20 euros on Monday"}


def field(kind: Any, *labels: str) -> Field:
    return Field("f", kind, labels=tuple(Label(name) for name in labels) or None)


@pytest.mark.parametrize(
    ("given_field", "raw", "value"),
    [
        (field("choice"), " card ", "card"),
        (field("choice"), "e\u0301", "\u00e9"),
        (field("choice", "e\u0301"), "\u00e9", "e\u0301"),
        (field("choice", "0", "1"), 1, "1"),
        (field("choices"), ["b", "a", "b"], ["a", "b"]),
        (field("choices"), "b; a;;b", ["a", "b"]),
        (field("choices"), [], []),
        (field("predicate"), True, True),
        (field("predicate"), "YES", True),
        (field("predicate"), " no ", False),
        (field("predicate"), "1", True),
        (field("predicate"), 0, False),
        (field("score"), "3", 3),
        (field("score"), -2.0, -2),
        (field("score", "1", "2"), "2", 2),
        (field("number"), "1.5", 1.5),
        (field("number"), 3, 3.0),
        (field("number"), "-1e3", -1000.0),
        (field("text"), "  Dear\r\nyou ", "Dear\nyou"),
        (
            field("spans"),
            [{"label": "d", "start": 16, "end": 22}, {"label": "a", "start": 4, "end": 6, "text": "20"}],
            [
                {"label": "a", "start": 4, "end": 6, "text": "20"},
                {"label": "d", "start": 16, "end": 22, "text": "Monday"},
            ],
        ),
        (
            field("spans", "a"),
            '[{"label": "a", "start": 4, "end": 6}]',
            [{"label": "a", "start": 4, "end": 6, "text": "20"}],
        ),
        (field("spans"), [], []),
    ],
)
def test_values_are_read_by_kind(given_field: Field, raw: object, value: object) -> None:
    assert parse_output(given_field, raw, inputs=TEXT) == value


@pytest.mark.parametrize(
    ("given_field", "raw", "reason"),
    [
        (field("choice", "card", "loan"), "crad", "`f` has no label 'crad'; did you mean `card`?"),
        (field("choice", "card", "loan"), "xyz", "`f` has no label 'xyz'; allowed: `card`, `loan`"),
        (field("choice"), 5, "a label of `f` must be text, not 5"),
        (field("choice"), b"\xff", r"a label of `f` must be text, not b'\xff'"),
        (field("choice"), "\x07", "a label of `f` is blank"),
        (field("choice"), "a\ud800", "a label of `f` holds half of a surrogate pair, which is no character"),
        (field("choices"), {"a": 1}, "`f` must be a list of labels, not an object"),
        (field("choices"), ["a", 1], "a label of `f` must be text, not 1"),
        (field("choices", "card"), "card;crad", "`f` has no label 'crad'; did you mean `card`?"),
        (field("predicate"), "maybe", "`f` must be true or false, not 'maybe'"),
        (field("predicate"), 2, "`f` must be true or false, not 2"),
        (field("predicate"), [True], "`f` must be true or false, not a list"),
        (field("score"), "3.5", "`f` must be a whole number, not '3.5'"),
        (field("score"), True, "`f` must be a whole number, not true"),
        (field("score", "1", "2"), 3, "`f` has no label '3'; allowed: `1`, `2`"),
        (field("number"), "nan", "`f` must be a finite number, not 'nan'"),
        (field("number"), float("inf"), "`f` must be a finite number, not inf"),
        (field("number"), "1_000", "`f` must be a finite number, not '1_000'"),
        pytest.param(
            field("number"), 10**5000, "`f` must be a finite number, not a number that is too long", id="long"
        ),
        (field("number"), "x" * 99, f"`f` must be a finite number, not '{'x' * 56}..."),
        (field("text"), 5, "`f` must be text, not 5"),
        (field("spans"), "Monday", "`f` must be a list of spans in JSON, not 'Monday'"),
        (field("spans"), 5, "`f` must be a list of spans, not 5"),
        (field("spans"), ["Monday"], "a span of `f` is an object with `label`, `start`, `end` and `text`"),
        (field("spans"), [{"start": 0, "end": 3}], "a span of `f` is an object with `label`, `start`"),
        (
            field("spans"),
            [{"label": "a", "start": 4, "end": 4}],
            "a span of `f` goes from 4 to 4; it must start at 0 or later and end after its start",
        ),
        (
            field("spans"),
            [{"label": "a", "start": "4", "end": 6}],
            "a span of `f` goes from '4' to 6; it must start",
        ),
        (
            field("spans"),
            [{"label": "a", "start": 4, "end": 99}],
            "a span of `f` ends at 99, behind the end of the text",
        ),
        (
            field("spans"),
            [{"label": "a", "start": 4, "end": 6, "text": "30"}],
            "a span of `f` from 4 to 6 covers '20', not '30'",
        ),
        (
            field("spans", "a"),
            [{"label": "b", "start": 4, "end": 6}],
            "`f` has no label 'b'; allowed: `a`",
        ),
        (
            field("spans"),
            [{"label": "a", "start": 3, "end": 4}],
            "a span of `f` covers nothing but white space or control characters",
        ),
    ],
)
def test_values_that_do_not_fit_are_refused(given_field: Field, raw: object, reason: str) -> None:
    with pytest.raises(BadValueError) as caught:
        parse_output(given_field, raw, inputs=TEXT)
    assert str(caught.value).startswith(reason)


def test_spans_move_with_the_text_when_it_is_normalised() -> None:
    inputs = {"text": " \x07 Cafe\u0301 on\r\nMonday "}
    raw = [{"label": "p", "start": 3, "end": 8, "text": "Cafe\u0301"}, {"label": "d", "start": 13, "end": 19}]
    text = normalise(inputs["text"])
    assert parse_output(field("spans"), raw, inputs=inputs) == [
        {"label": "p", "start": 0, "end": 4, "text": "Caf\u00e9"},
        {"label": "d", "start": 8, "end": 14, "text": text[8:14]},
    ]


def test_a_span_cannot_cut_a_character() -> None:
    with pytest.raises(BadValueError, match="begins or ends inside a composed character"):
        parse_output(field("spans"), [{"label": "p", "start": 0, "end": 4}], inputs={"text": "Cafe\u0301"})


def test_a_span_of_several_inputs_is_where_its_text_is() -> None:
    inputs = {"title": "Tuesday it is", "body": "  Monday"}
    raw = [{"label": "d", "start": 2, "end": 8, "text": "Monday"}]
    value = parse_output(field("spans"), raw, inputs=inputs)
    assert value == [{"label": "d", "start": 0, "end": 6, "text": "Monday"}]


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert once == once.strip()
    assert "\r" not in once
    assert "\0" not in once


@given(st.text(), st.text(), st.text())
def test_a_span_covers_the_same_after_normalising(before: str, inside: str, after: str) -> None:
    inputs = {"text": before + inside + after}
    raw = [{"label": "x", "start": len(before), "end": len(before) + len(inside), "text": inside}]
    try:
        value: Any = parse_output(field("spans"), raw, inputs=inputs)
    except BadValueError:
        return
    (span,) = value
    assert normalise(inputs["text"])[span["start"] : span["end"]] == span["text"]
    assert span["text"].strip() == normalise(inside)
