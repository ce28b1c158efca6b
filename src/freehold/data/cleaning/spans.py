"""Labelled spans of a text, moved to what the text became.

Owns the way from `{label, start, end, text}` to the same on the cleaned text, with what became of each. Knows maps
of positions, not why a text was changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from freehold.data.cleaning.offsets import Fate, Offsets
from freehold.errors import DataError

__all__ = ["MovedSpan", "move_spans"]


class MovedSpan(NamedTuple):
    """A span after cleaning.

    Attributes:
        fate: `kept`, `changed` (its letters are others), `widened` (a border fell into a mask, and moved to the
            mask's border) or `lost`.
        span: `{label, start, end, text}` on the cleaned text; the untouched span where it is lost.
    """

    fate: Fate
    span: dict[str, object]


def move_spans(
    spans: Iterable[Mapping[str, object]], *, text: str, cleaned: str, offsets: Offsets
) -> tuple[MovedSpan, ...]:
    """Returns where spans are now, in their order.

    Args:
        text: The untouched text that the spans are on.
        cleaned: What it became.

    Raises:
        DataError: A span is not on the untouched text: its places are outside, or its text is another.

    Example:
        >>> from freehold.data.cleaning.offsets import Edit, replace
        >>> cleaned, offsets = replace("mail  ada", [Edit(4, 6, " ")])
        >>> spans = [{"label": "name", "start": 6, "end": 9, "text": "ada"}]
        >>> move_spans(spans, text="mail  ada", cleaned=cleaned, offsets=offsets)[0].span
        {'label': 'name', 'start': 5, 'end': 8, 'text': 'ada'}
    """
    return tuple(_move(span, text=text, cleaned=cleaned, offsets=offsets) for span in spans)


def _move(span: Mapping[str, object], *, text: str, cleaned: str, offsets: Offsets) -> MovedSpan:
    start, end = span.get("start"), span.get("end")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end <= len(text):
        raise DataError(f"span {dict(span)!r} is not inside of its text of {len(text)} characters.")
    if span.get("text", text[start:end]) != text[start:end]:
        raise DataError(f"span {dict(span)!r} does not have the text {text[start:end]!r} of its place.")
    moved = offsets.span(start, end)
    if moved.fate == "lost":
        return MovedSpan("lost", dict(span))
    places = {"start": moved.start, "end": moved.end, "text": cleaned[moved.start : moved.end]}
    return MovedSpan(moved.fate, {**span, **places})
