"""FineWeb's rules: lists and menus that Gopher's and C4's rules let pass.

Owns the measures of Penedo et al., "The FineWeb Datasets" (2024, arXiv 2406.17557), section 3.5, with the paper's
bars. Its code (datatrove, `FineWebQualityFilter`) has 0.01 where the paper says 0.1 for repeated lines.
"""

from __future__ import annotations

import math

from freehold.data.cleaning.documents import Document
from freehold.data.cleaning.repetition import repeated_letters
from freehold.data.cleaning.rules import Bar, Words, rule

__all__ = ["SOURCE"]

SOURCE = "Penedo et al. 2024, arXiv 2406.17557, 3.5"

_SHORT = 30
_ENDS = (".", "?", "!", '"', "'", "\u201d", "\u2019", "\u2026", "\u3002", "\uff1f", "\uff01", "\u0964", "\u061f")
_BELOW = math.nextafter(0.67, 0)
_TENTH = math.nextafter(0.1, 0)


@rule(
    "fineweb.line_punctuation",
    bar=Bar(low=math.nextafter(0.12, 1)),
    said="share of lines that end with a mark",
    source=SOURCE,
)
def line_punctuation(document: Document, words: Words) -> float | None:
    """Measures the share of lines that end with a mark: more than 0.12."""
    lines = document.lines
    return sum(line.endswith(_ENDS) for line in lines) / len(lines) if lines else None


@rule(
    "fineweb.duplicate_line_chars", bar=Bar(high=_TENTH), said="share of letters in repeated lines", source=SOURCE
)
def duplicate_line_chars(document: Document, words: Words) -> float | None:
    """Measures the share of characters in lines that were there before: less than 0.1."""
    return repeated_letters(document.lines)


@rule("fineweb.short_lines", bar=Bar(high=_BELOW), said="share of lines under 30 characters", source=SOURCE)
def short_lines(document: Document, words: Words) -> float | None:
    """Measures the share of lines shorter than 30 characters: less than 0.67."""
    lines = document.lines
    return sum(len(line) < _SHORT for line in lines) / len(lines) if lines else None
