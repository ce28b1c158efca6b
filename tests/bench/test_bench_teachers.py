"""The benchmark of a committee: who sees which rows, and what a poisoned text says."""

from __future__ import annotations

from bench.labels.injections import FORMS, poison
from bench.labels.teachers import MISSING, SLICES, slice_rows

ROWS = [(f"text {number}", f"label_{number % 77}") for number in range(7700)]


def test_no_row_is_in_two_parts_and_labels_are_missing_as_planned() -> None:
    parts = slice_rows(ROWS)
    assert parts.keys() == {*SLICES, "known", "pool"}
    texts = [text for part in parts.values() for text, _ in part]
    assert len(texts) == len(set(texts))
    assert len(parts["pool"]) == 1925
    missing = {name: stop - start for name, (start, stop) in MISSING.items()}
    assert {name: 77 - len({label for _, label in parts[name]}) for name in SLICES} == missing
    unseen = {name: {label for _, label in ROWS} - {label for _, label in parts[name]} for name in SLICES}
    assert not unseen["middle"] & unseen["large"]


def test_an_order_names_another_label_than_the_rows_own() -> None:
    labels = ("lost_card", "refund_late")
    for number, form in enumerate(FORMS):
        text = poison(("Where is it?", "lost_card"), number=number, labels=labels)
        assert "Where is it?" in text
        assert "refund_late" in text or "refund late" in text
        assert "lost" not in text
        assert len(text) > len(form.format(text="", label=""))
