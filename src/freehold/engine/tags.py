"""Spans as tags of words, and back: outside, begins a label, goes on with a label (Ramshaw and Marcus 1995).

Owns what may follow what. Tag 0 is outside, `1 + 2 k` begins label `k`, `2 + 2 k` goes on with it. Knows
nothing of vectors or scores. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.engine.words import Grain, Word

__all__ = [
    "NEVER",
    "Encoded",
    "Limits",
    "Nested",
    "Span",
    "choose_grain",
    "count_tags",
    "decode_spans",
    "encode_spans",
    "find_chains",
    "find_limits",
    "find_nested",
]

NEVER = -1e4
"""The score of what cannot be: it is so low that it never wins and its probability is 0."""

_CUT_SHARE = 0.02


class Span(NamedTuple):
    """A labelled piece of the joined text, characters `start` to `end` (exclusive), and how sure it is."""

    start: int
    end: int
    label: str
    chance: float = 1.0


class Nested(NamedTuple):
    """Two spans that share a character, the first to begin first. `str` says so."""

    first: Span
    second: Span

    def __str__(self) -> str:
        one, other = self.first, self.second
        return (
            f"the span of `{other.label}` from {other.start} to {other.end} overlaps the span of "
            f"`{one.label}` from {one.start} to {one.end}; spans of one field must not share characters"
        )


class Encoded(NamedTuple):
    """A row's tags, shape (words,), and how many of its spans begin or end inside a word."""

    tags: NDArray[np.int64]
    cut: int


class Limits(NamedTuple):
    """0 where a tag may stand and `NEVER` elsewhere.

    Attributes:
        start: At the first word, shape (tags,).
        end: At the last word, shape (tags,).
        moves: From the tag of the row to that of the column, at the next word, shape (tags, tags).
    """

    start: NDArray[np.float32]
    end: NDArray[np.float32]
    moves: NDArray[np.float32]


def find_nested(spans: Sequence[Span]) -> Nested | None:
    """Returns the first two spans that share a character, or None.

    Example:
        >>> str(find_nested([Span(0, 9, "date"), Span(4, 6, "day")]))[:55]
        'the span of `day` from 4 to 6 overlaps the span of `dat'
    """
    before: Span | None = None
    for span in sorted(spans, key=lambda each: (each.start, -each.end, each.label)):
        if before is not None and span.start < before.end:
            return Nested(before, span)
        before = span
    return None


def count_tags(labels: int) -> int:
    """Returns how many tags so many labels make."""
    return 1 + 2 * labels


def find_limits(labels: int, *, present: Collection[int]) -> Limits:
    """Returns what may follow what; labels outside `present` never stand anywhere."""
    tags = count_tags(labels)
    begins, goes_on = np.arange(1, tags, 2), np.arange(2, tags, 2)
    absent = [k for k in range(labels) if k not in present]
    start, end = np.zeros(tags, np.float32), np.zeros(tags, np.float32)
    moves = np.zeros((tags, tags), np.float32)
    start[goes_on] = NEVER
    moves[:, goes_on] = NEVER
    moves[begins, goes_on] = moves[goes_on, goes_on] = 0
    for k in absent:
        start[1 + 2 * k : 3 + 2 * k] = end[1 + 2 * k : 3 + 2 * k] = NEVER
        moves[:, 1 + 2 * k : 3 + 2 * k] = NEVER
    return Limits(start, end, moves)


def encode_spans(spans: Sequence[Span], words: Sequence[Word], *, labels: Mapping[str, int]) -> Encoded | None:
    """Returns the tags of a row's words, or None where its spans cannot be told by tags.

    A span that begins or ends inside a word takes the whole word. Spans cannot be told where two take the same
    word, where one reaches over two inputs, or has a label that is not in `labels`.
    """
    tags, cut = np.zeros(len(words), np.int64), 0
    starts, ends = np.array([word.start for word in words]), np.array([word.end for word in words])
    for span in spans:
        first = int(np.searchsorted(ends, span.start, side="right"))
        behind = int(np.searchsorted(starts, span.end, side="left"))
        if first >= behind:  # nothing but white space
            continue
        taken = tags[first:behind].any() or words[first].part != words[behind - 1].part
        if taken or span.label not in labels:
            return None
        begin = 1 + 2 * labels[span.label]
        tags[first:behind] = begin + 1
        tags[first] = begin
        cut += bool(starts[first] < span.start or ends[behind - 1] > span.end)
    return Encoded(tags, cut)


def decode_spans(tags: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Returns the spans that tags tell: first word, word behind the last, number of the label."""
    found = []
    begins = np.flatnonzero(tags % 2 == 1)
    for first in begins.tolist():
        behind = first + 1
        while behind < len(tags) and tags[behind] == tags[first] + 1:
            behind += 1
        found.append((first, behind, int(tags[first]) // 2))
    return found


def find_chains(words: Sequence[Word]) -> list[tuple[int, int]]:
    """Returns the words of each input, as (first, behind the last); no span reaches over two."""
    borders = [i for i in range(1, len(words)) if words[i].part != words[i - 1].part]
    return list(zip([0, *borders], [*borders, len(words)], strict=True)) if words else []


def choose_grain(rows: Sequence[Sequence[Word]], gold: Sequence[Sequence[Span] | None]) -> Grain:
    """Returns what spans are made of: characters where more than 2 % of the spans cut a word, else words."""
    total = cut = 0
    for words, spans in zip(rows, gold, strict=True):
        starts, ends = {word.start for word in words}, {word.end for word in words}
        for span in spans or ():
            total += 1
            cut += span.start not in starts or span.end not in ends
    return "character" if cut > _CUT_SHARE * total else "word"
