"""Long texts in pieces: cut between paragraphs where that is possible, then between sentences, then words.

Owns the choice of the cuts. Knows the text alone: no tokens, no fields.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from freehold.data.cleaning.documents import SENTENCE_END

__all__ = ["Chunk", "cut_chunks"]

_WORD = re.compile("\\S+")
_PARAGRAPH = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_LONGEST = 200
"""Characters without a space that count as one word: scripts without spaces are cut too."""


class Chunk(NamedTuple):
    """A piece: `text` is what the untouched text has between `start` and `end`."""

    text: str
    start: int
    end: int


def cut_chunks(text: str, *, words: int, overlap: int = 0) -> tuple[Chunk, ...]:
    r"""Returns pieces of at most `words` words, in order.

    Without an overlap the pieces laid end to end are the text: no character is lost or doubled.

    Args:
        words: The most words of a piece; what has 200 characters without a space counts as several.
        overlap: How many words of a piece the next one begins with; less than `words`.

    Example:
        >>> [piece.text for piece in cut_chunks("One. Two three.\n\nFour five six.", words=3)]
        ['One. Two three.\n\n', 'Four five six.']
    """
    if not 0 <= overlap < words:
        raise ValueError(f"overlap is {overlap}, words {words}: it must be at least 0 and less than words")
    starts = _word_starts(text)
    if len(starts) <= words:
        return (Chunk(text, 0, len(text)),) if text else ()
    ranks = _rank_borders(text, starts)
    return tuple(_cut(text, starts, ranks, words=words, overlap=overlap))


def _word_starts(text: str) -> list[int]:
    """Returns where words begin; the first at 0, whatever stands there."""
    starts = [
        place for match in _WORD.finditer(text) for place in range(match.start(), match.end(), _LONGEST)
    ]  # fmt: skip
    return [0, *starts[1:]]


def _rank_borders(text: str, starts: Sequence[int]) -> list[int]:
    """Returns what ends before each word: 2 a paragraph, 1 a sentence, 0 a word."""
    ranks = [0] * (len(starts) + 1)
    for pattern, rank in ((SENTENCE_END, 1), (_PARAGRAPH, 2)):
        for match in pattern.finditer(text):
            ranks[bisect_right(starts, match.end() - 1)] = rank
    ranks[len(starts)] = 3
    return ranks


def _cut(text: str, starts: Sequence[int], ranks: Sequence[int], *, words: int, overlap: int) -> Iterator[Chunk]:
    places = [*starts, len(text)]
    first = 0
    while first < len(starts):
        last = _best(ranks, first=first, most=min(first + words, len(starts)), least=first + overlap + 1)
        yield Chunk(text[places[first] : places[last]], places[first], places[last])
        first = last - overlap if last < len(starts) else last


def _best(ranks: Sequence[int], *, first: int, most: int, least: int) -> int:
    """Returns where a piece ends: at the last border of the highest rank that leaves it at least half full."""
    from_here = max(least, first + (most - first + 1) // 2)
    return max(range(from_here, most + 1), key=lambda place: (ranks[place], place))
