"""Rewritten and swapped rows: labels stay, spans lie where they say, and something did change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.test_generators import FIELDS, ROWS

from freehold.label.synthesis import GENERATORS, Ground
from freehold.label.synthesis.marking import Marked
from freehold.label.synthesis.rewriting import Edit, apply, spans_of

GROUND = Ground("t", "", ("text",), FIELDS, ROWS)


def test_rewritten_rows_keep_labels_and_spans() -> None:
    drafts = list(GENERATORS.get("rewrite.v1")(GROUND, count=200))
    assert len(drafts) == 200
    real = {row.id: row for row in ROWS}
    for draft in drafts:
        parent = real[draft.parent]
        assert draft.outputs["intent"] == parent.outputs["intent"]
        assert draft.inputs["text"] != parent.inputs["text"]
        (span,) = spans_of(draft.outputs["slots"])
        assert draft.inputs["text"][int(span["start"]) : int(span["end"])] == span["text"]
    intents = [draft.outputs["intent"] for draft in drafts]
    assert abs(intents.count("weather") - intents.count("music")) <= 1, "labels take turns"
    texts = [draft.inputs["text"] for draft in drafts]
    assert any("I'm in" in text for text in texts)
    assert any(text.lower().startswith("what is the") for text in texts), "sentences change places"
    assert any(text == text.lower() for text in texts)


def test_swapped_rows_have_the_parts_of_others() -> None:
    drafts = list(GENERATORS.get("swap.v1")(GROUND, count=30))
    assert drafts
    texts = {draft.inputs["text"] for draft in drafts}
    assert "Will it rain in Paris tomorrow morning?" in texts
    for draft in drafts:
        (span,) = spans_of(draft.outputs["slots"])
        assert draft.inputs["text"][int(span["start"]) : int(span["end"])] == span["text"]


@given(st.text("ab c", min_size=1, max_size=12), st.data())
def test_edits_move_spans_and_never_tear_one(text: str, data: st.DataObject) -> None:
    places = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(sorted)
    start, end = data.draw(places)
    spans: list[dict[str, str | int]] = [{"label": "x", "start": start, "end": end, "text": text[start:end]}]
    first, last = data.draw(places)
    edit = Edit(first, last, data.draw(st.text("XY", max_size=3)))
    after = apply(Marked(text, spans if end > start else []), [edit])
    for span in after.spans:
        low, high = int(span["start"]), int(span["end"])
        assert 0 <= low <= high <= len(after.text)
        assert after.text[low:high] == span["text"]
        outside = last <= start or first >= end
        if outside and first < last:
            assert span["text"] == text[start:end]
