"""A text without one of its parts, for every part: what an explanation compares.

Owns what the parts are, so that the cost is bounded however long the text: words; of longer texts passages of
several words; of texts of many windows the windows themselves, which need no second pass. Knows nothing of
answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from freehold.engine.pooling import Pooled
from freehold.engine.tokens import Windows, by_length, pad, split
from freehold.engine.vectors import TokenVectors, Vectoriser, Which
from freehold.engine.words import Part, Word, split_words

__all__ = ["Erased", "Piece", "Pieces", "erase"]

Pieces: TypeAlias = Literal["words", "passages", "windows"]

_BUDGET = 32_768
"""Tokens of all the texts that lack a part, at most; of passages a few more."""
_MOST_WORDS, _MOST_PASSAGES, _MOST_WINDOWS = 256, 64, 32
_BATCH = 4_096
_NEAR = 24
"""Characters beside a cut that show whether its neighbours would become one word."""
_ENDS = (".", "!", "?", ";", "\n", "\u3002", "\uff01", "\uff1f")


class Piece(NamedTuple):
    """A part of the joined text, and what is cut out where it is left out.

    Attributes:
        start, end: Its characters.
        cut: Characters (start, end) that go: the piece and white space beside it.
        filler: What comes in their place, so that neighbours do not become one word.
    """

    start: int
    end: int
    cut: tuple[int, int]
    filler: str = ""

    def without(self, text: str) -> str:
        """Returns the text that is left."""
        return text[: self.cut[0]] + self.filler + text[self.cut[1] :]

    def shift(self, place: int) -> int:
        """Returns where a place of the text lies in what is left."""
        begin, end = self.cut
        return place if place <= begin else max(begin, place - (end - begin) + len(self.filler))


class Erased(NamedTuple):
    """A text as a whole, and without each of its pieces in turn.

    Attributes:
        texts: The whole text, then the text without each piece.
        vectors: One a text, shape (1 + pieces, dimension).
        tokens: One a text, where they were asked for; none for windows.
    """

    kind: Pieces
    pieces: list[Piece]
    texts: list[str]
    vectors: NDArray[np.float32]
    tokens: list[TokenVectors]


def erase(text: str, *, parts: Sequence[Part], encoder: Vectoriser, tokens: Which | None = None) -> Erased:
    """Returns what the encoder makes of a text and of the text without each of its parts.

    At most 256 words are left out one at a time, in about 32,000 tokens. A longer text is cut into at most 64
    passages of equal size, which end with sentences where they can. A text of many windows is encoded once, and
    its windows, in at most 32 groups, are left out of the pooling.

    Args:
        text: The joined text.
        parts: Where the inputs lie in it; nothing outside them is left out.
        tokens: Which layer's token vectors are needed.
    """
    words = split_words(text, parts)
    count = encoder.count_tokens(text)
    if len(words) <= _MOST_WORDS and count * len(words) <= _BUDGET:
        return _read("words", [_cut(text, [word], parts) for word in words], text, encoder=encoder, tokens=tokens)
    most = min(_MOST_PASSAGES, max(2, _BUDGET // count))
    if count >= most * encoder.tokenizer.max_tokens:
        return _erase_windows(text, encoder=encoder)
    passages = [_cut(text, passage, parts) for passage in _passages(text, words, most=most)]
    return _read("passages", passages, text, encoder=encoder, tokens=tokens)


def _read(kind: Pieces, pieces: list[Piece], text: str, *, encoder: Vectoriser, tokens: Which | None) -> Erased:
    texts = [text, *(piece.without(text) for piece in pieces)]
    reading = encoder.read(texts, tokens=tokens)
    return Erased(kind, pieces, texts, reading.vectors, reading.tokens)


def _cut(text: str, words: Sequence[Word], parts: Sequence[Part]) -> Piece:
    """Returns neighbouring words of one input as a piece, with the white space that they leave behind."""
    part, start, end = parts[words[0].part], words[0].start, words[-1].end
    begin, behind = start, end
    if start == part.start or text[start - 1].isspace():
        while behind < part.end and text[behind].isspace():
            behind += 1
    if behind == part.end:
        while begin > part.start and text[begin - 1].isspace():
            begin -= 1
    before, after = text[max(part.start, begin - _NEAR) : begin], text[behind : min(part.end, behind + _NEAR)]
    filler = " " if _count(before + after) < _count(before) + _count(after) else ""
    return Piece(start, end, (begin, behind), filler)


def _count(text: str) -> int:
    return len(split_words(text))


def _passages(text: str, words: Sequence[Word], *, most: int) -> list[list[Word]]:
    """Returns the words in at most `most` passages (more where inputs are many), each of one input."""
    size = -(-len(words) // most)
    passages: list[list[Word]] = []
    for word in words:
        last = passages[-1] if passages else []
        ended = len(last) >= size and text[last[-1].start : word.start].rstrip(" \t").endswith(_ENDS)
        if not last or last[-1].part != word.part or ended or len(last) >= 2 * size:
            passages.append([])
        passages[-1].append(word)
    return passages


def _erase_windows(text: str, *, encoder: Vectoriser) -> Erased:
    windows = split(encoder.tokenizer, [text], offsets=True)
    count = len(windows.ids)
    groups = np.arange(count) * min(count, _MOST_WINDOWS) // count
    pieces = _window_pieces(windows, groups)
    pooled = Pooled(1 + len(pieces), pooling=encoder.pooling)
    for batch in by_length([len(ids) for ids in windows.ids], budget=_BATCH, most=64):
        found = encoder.run(*pad([windows.ids[i] for i in batch], fill=encoder.tokenizer.pad_id))
        for row in range(1 + len(pieces)):
            kept = [place for place, number in enumerate(batch) if groups[number] != row - 1]
            if kept:
                counted = [windows.counted[batch[place]] for place in kept]
                pooled.add(found.take(kept), counted=counted, row=[row] * len(kept))
    texts = [text, *(piece.without(text) for piece in pieces)]
    return Erased("windows", pieces, texts, pooled.vectors(), [])


def _window_pieces(windows: Windows, groups: NDArray[np.int64]) -> list[Piece]:
    """Returns what each group of windows counts of the text, as characters."""
    assert windows.offsets is not None
    pieces = []
    for group in range(int(groups[-1]) + 1):
        places = [
            place
            for number in np.flatnonzero(groups == group)
            for place in windows.offsets[number][slice(*windows.counted[number])]
            if place[1] > place[0]
        ]
        start = min((place[0] for place in places), default=0)
        end = max((place[1] for place in places), default=0)
        pieces.append(Piece(start, end, (start, end)))
    return pieces
