"""Which values fit which field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.feedback.values import MisfitError, fit
from freehold.task import FIELD_KINDS, Field, Label

LABELS = (Label("lost_card"), Label("top_up"))
SCORES = tuple(Label(str(n)) for n in (1, 2, 3))
TEXT = {"text": "pay 5 pounds"}

FITS = [
    (Field("f", "choice", labels=LABELS), "top_up", "top_up"),
    (Field("f", "choice"), "anything", "anything"),
    (Field("f", "choices", labels=LABELS), ["top_up", "lost_card", "top_up"], ["lost_card", "top_up"]),
    (Field("f", "choices", labels=LABELS), [], []),
    (Field("f", "predicate"), False, False),
    (Field("f", "score", labels=SCORES), 2, 2),
    (Field("f", "score"), -7, -7),
    (Field("f", "number"), 3, 3.0),
    (Field("f", "text"), "", ""),
    (
        Field("f", "spans", labels=LABELS),
        [{"label": "top_up", "start": 4, "end": 12}, {"label": "lost_card", "start": 0, "end": 3}],
        [
            {"label": "lost_card", "start": 0, "end": 3, "text": "pay"},
            {"label": "top_up", "start": 4, "end": 12, "text": "5 pounds"},
        ],
    ),
]

MISFITS = [
    (Field("f", "choice", labels=LABELS), "top-up", "`f` has no label 'top-up'; did you mean `top_up`?"),
    (
        Field("f", "choice", labels=LABELS),
        "xyzzy",
        "`f` has no label 'xyzzy'; allowed: `lost_card`, `top_up`.",
    ),
    (Field("f", "choice", labels=LABELS), 3, "`f` takes a label as text, not 3."),
    (Field("f", "choice"), "  ", "`f` takes a label that is not blank."),
    (Field("f", "choices", labels=LABELS), "top_up", "`f` takes a list of labels, not 'top_up'."),
    (Field("f", "choices", labels=LABELS), ["top_up", None], "`f` takes a label as text, not null."),
    (Field("f", "predicate"), "true", "`f` takes true or false, not 'true'."),
    (Field("f", "predicate"), 1, "`f` takes true or false, not 1."),
    (Field("f", "score", labels=SCORES), True, "`f` takes a whole number, not true."),
    (Field("f", "score", labels=SCORES), 4, "`f` has no score 4; allowed: 1, 2, 3."),
    (Field("f", "score", labels=SCORES), 2.0, "`f` takes a whole number, not 2.0."),
    (Field("f", "number"), "3", "`f` takes a number, not '3'."),
    (Field("f", "number"), 10**400, "`f` takes a finite number."),
    (Field("f", "number"), float("nan"), "`f` takes a finite number."),
    (Field("f", "text"), ["a"], "`f` takes a text, not a list."),
    (Field("f", "spans"), {"label": "a"}, "`f` takes a list of spans, not an object."),
    (Field("f", "spans"), [{"label": "a"}], "with `label`, `start`, `end` and `text`"),
    (
        Field("f", "spans"),
        [{"label": "a", "start": 0, "end": 1, "txt": ""}],
        "no 'txt'; did you mean `text`?",
    ),
    (Field("f", "spans"), [{"label": "a", "start": 3, "end": 3}], "ends after it starts"),
    (Field("f", "spans"), [{"label": "a", "start": False, "end": 3}], "ends after it starts"),
    (Field("f", "spans"), [{"label": "a", "start": 0, "end": 99}], "ends at 99, behind the end of the text"),
    (
        Field("f", "spans"),
        [{"label": "a", "start": 0, "end": 3, "text": "cat"}],
        "covers 'pay', not 'cat'",
    ),
]


@pytest.mark.parametrize(("field", "value", "kept"), FITS)
def test_values_that_fit_are_kept_in_the_form_of_examples(field: Field, value: Any, kept: Any) -> None:
    found = fit(field, value, inputs=TEXT)
    assert found == kept
    assert type(found) is type(kept)


@pytest.mark.parametrize(("field", "value", "reason"), MISFITS)
def test_misfits_say_what_is_allowed(field: Field, value: Any, reason: str) -> None:
    with pytest.raises(MisfitError) as caught:
        fit(field, value, inputs=TEXT)
    assert reason in str(caught.value)


def test_spans_over_several_inputs_are_found_by_their_text() -> None:
    field = Field("f", "spans")
    inputs = {"title": "late", "body": "my parcel"}
    span = {"label": "thing", "start": 3, "end": 9, "text": "parcel"}
    assert fit(field, [span], inputs=inputs) == [span]
    with pytest.raises(MisfitError, match="not null"):
        fit(field, [{**span, "text": None}], inputs=inputs)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(kind=st.sampled_from(FIELD_KINDS), value=json_values, labelled=st.booleans())
def test_any_value_either_fits_for_good_or_is_refused(kind: Any, value: Any, labelled: bool) -> None:
    labels = {"score": SCORES}.get(kind, LABELS) if labelled else None
    try:
        kept = fit(Field("f", kind, labels=labels), value, inputs=TEXT)
    except MisfitError:
        return
    assert fit(Field("f", kind, labels=labels), kept, inputs=TEXT) == kept
