"""Gopher's rules of repetition: does this page say the same again and again?

Owns the measures of Rae et al. 2021 (arXiv 2112.11446), table A1, with its bars. Shares are shares of characters
that are no spaces. Lines that are blank do not count. Of duplicates, the first counts as the original. Texts of
fewer than 50 words, which Gopher drops beforehand, are not measured by their n-grams: two terms that return are
much of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from freehold.data.cleaning.documents import Document
from freehold.data.cleaning.rules import Bar, Words, rule

__all__ = ["SOURCE", "repeated_letters"]

SOURCE = "Rae et al. 2021, arXiv 2112.11446, table A1"

_TOP = {2: 0.20, 3: 0.18, 4: 0.16}
_DUPLICATE = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}


@rule("gopher.duplicate_lines", bar=Bar(high=0.30), said="share of lines that were there before", source=SOURCE)
def duplicate_lines(document: Document, words: Words) -> float | None:
    """Measures the share of lines that were there before: at most 0.30."""
    return _repeats(document.lines)


@rule("gopher.duplicate_paragraphs", bar=Bar(high=0.30), said="share of paragraphs seen before", source=SOURCE)
def duplicate_paragraphs(document: Document, words: Words) -> float | None:
    """Measures the share of paragraphs that were there before: at most 0.30."""
    return _repeats(document.paragraphs)


@rule("gopher.duplicate_line_chars", bar=Bar(high=0.20), said="share of letters in repeated lines", source=SOURCE)
def duplicate_line_chars(document: Document, words: Words) -> float | None:
    """Measures the share of characters in lines that were there before: at most 0.20."""
    return repeated_letters(document.lines)


@rule(
    "gopher.duplicate_paragraph_chars",
    bar=Bar(high=0.20),
    said="share of letters in repeated paragraphs",
    source=SOURCE,
)
def duplicate_paragraph_chars(document: Document, words: Words) -> float | None:
    """Measures the share of characters in paragraphs that were there before: at most 0.20."""
    return repeated_letters(document.paragraphs)


def repeated_letters(parts: Sequence[str]) -> float | None:
    """Returns the share of characters that are in parts that were there before; None where there are none."""
    total = sum(map(len, parts))
    return 1 - sum(map(len, set(parts))) / total if total else None


def _repeats(parts: Sequence[str]) -> float | None:
    return 1 - len(set(parts)) / len(parts) if parts else None


def _top(document: Document, words: Words, *, size: int) -> float | None:
    """Measures the share of characters in the most frequent n-gram of words that occurs twice or more."""
    tokens = document.tokens
    grams = Counter(zip(*(tokens[skip:] for skip in range(size)), strict=False))
    if not grams or not document.spaced or not document.enough:
        return None
    most = max(grams.values())
    if most < 2:
        return 0.0
    longest = max(sum(map(len, gram)) for gram, times in grams.items() if times == most)
    return min(1.0, longest * most / document.letters)


def _duplicate(document: Document, words: Words, *, size: int) -> float | None:
    """Measures the share of characters in n-grams of words that were there before, overlaps counted once."""
    tokens = document.tokens
    if len(tokens) < size or not document.spaced or not document.enough:
        return None
    seen: set[tuple[str, ...]] = set()
    letters = covered = 0
    for place, gram in enumerate(zip(*(tokens[skip:] for skip in range(size)), strict=False)):
        if gram in seen:
            letters += sum(map(len, tokens[max(covered, place) : place + size]))
            covered = place + size
        else:
            seen.add(gram)
    return letters / document.letters


for _size, _high in _TOP.items():
    _said = f"share of letters in the most frequent {_size} words"
    rule(f"gopher.top_ngram.{_size}", bar=Bar(high=_high), said=_said, source=SOURCE)(partial(_top, size=_size))
for _size, _high in _DUPLICATE.items():
    _said = f"share of letters in {_size} words that were there before"
    _measure = partial(_duplicate, size=_size)
    rule(f"gopher.duplicate_ngram.{_size}", bar=Bar(high=_high), said=_said, source=SOURCE)(_measure)
