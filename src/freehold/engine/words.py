"""Texts to words, and token vectors to word vectors: what spans are made of.

Owns where a word begins and ends. Words are fine: runs of letters, runs of digits, and every other character
alone, so that the borders of nearly all spans lie between words; letters of scripts that are written without
spaces stand alone as well. Knows nothing of labels.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from freehold.task import normalise

__all__ = ["Grain", "Part", "Word", "find_parts", "pool_words", "split_words", "token_ranges"]

Grain = Literal["word", "character"]
"""What a span is made of. `character` is for tasks whose spans begin or end inside words."""

# Thai, Lao, Myanmar, Khmer, Hiragana and Katakana, Han: no spaces between words.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[^\W\d_{_UNSPACED}]+|\d+|\S")
_CHARACTER = re.compile(r"\S")


class Part(NamedTuple):
    """One input in the joined text: characters `start` to `end`."""

    name: str
    start: int
    end: int


class Word(NamedTuple):
    """A word, where it lies in the joined text, and the number of the input that it belongs to."""

    text: str
    start: int
    end: int
    part: int = 0


def find_parts(inputs: Mapping[str, str], names: Sequence[str]) -> list[Part]:
    r"""Returns where each input lies in the text that `join_inputs` makes.

    Example:
        >>> find_parts({"title": "Late", "body": "Where is it?"}, ["title", "body"])
        [Part(name='title', start=7, end=11), Part(name='body', start=18, end=30)]
    """
    if len(names) == 1:
        return [Part(names[0], 0, len(normalise(inputs[names[0]])))]
    parts, place = [], 0
    for name in names:
        start = place + len(name) + 2
        parts.append(Part(name, start, start + len(normalise(inputs[name]))))
        place = parts[-1].end + 1
    return parts


def split_words(text: str, parts: Sequence[Part] = (), *, grain: Grain = "word") -> list[Word]:
    """Returns the words of a text, in order.

    Args:
        text: The joined text.
        parts: Where the inputs lie in it; words are found inside them only, never in the inputs' names. The
            whole text is one part where there are none.
        grain: `character` makes every character that is no white space a word.

    Example:
        >>> [word.text for word in split_words("Call me at 5pm, o'clock")]
        ['Call', 'me', 'at', '5', 'pm', ',', 'o', "'", 'clock']
    """
    words: list[Word] = []
    pattern = _WORD if grain == "word" else _CHARACTER
    for number, part in enumerate(parts or [Part("", 0, len(text))]):
        places = (match.span() for match in pattern.finditer(text, part.start, part.end))
        if not text.isascii():
            places = _join_marks(text, places, grain=grain)
        words.extend(Word(text[start:end], start, end, number) for start, end in places)
    return words


def _join_marks(text: str, places: Iterable[tuple[int, int]], *, grain: Grain) -> Generator[tuple[int, int]]:
    """Yields the places with combining marks (vowel signs, accents) joined to the letters they belong to."""
    start = end = -1
    marked = False
    for first, last in places:
        mark = category(text[first])[0] == "M"
        goes_on = marked and grain == "word" and text[first].isalpha() and not _stands_alone(text[first])
        if first == end and (mark or goes_on):
            end, marked = last, mark and (marked or text[start].isalpha()) and not _stands_alone(text[start])
            continue
        if end > start:
            yield start, end
        start, end, marked = first, last, False
    if end > start:
        yield start, end


_ALONE = re.compile(f"[{_UNSPACED}]")


def _stands_alone(character: str) -> bool:
    return _ALONE.match(character) is not None


def token_ranges(offsets: NDArray[np.int64], words: Sequence[Word]) -> NDArray[np.int64]:
    """Returns each word's tokens as (first, behind the last), shape (words, 2); equal where it has none.

    Args:
        offsets: Characters (start, end) of each token in the text, in order, shape (tokens, 2). Tokens of no
            width (special ones) belong to no word.
    """
    real = np.flatnonzero(offsets[:, 1] > offsets[:, 0])
    if not len(real) or not words:
        return np.zeros((len(words), 2), np.int64)
    starts = np.array([word.start for word in words])
    ends = np.array([word.end for word in words])
    first = np.searchsorted(offsets[real, 1], starts, side="right")
    behind = np.searchsorted(offsets[real, 0], ends, side="left")
    found = behind > first
    real = np.append(real, real[-1] + 1)
    ranges = np.stack([real[np.minimum(first, len(real) - 1)], real[np.maximum(behind, 1) - 1] + 1], axis=1)
    return np.where(found[:, None], ranges, 0)


def pool_words(
    vectors: NDArray[np.float32], *, offsets: NDArray[np.int64], words: Sequence[Word]
) -> NDArray[np.float32]:
    """Returns the mean of each word's token vectors, shape (words, dimension); zeros where it has no token.

    Args:
        vectors: Token vectors, shape (tokens, dimension).
        offsets: Characters (start, end) of each token, in order, shape (tokens, 2).
    """
    ranges = token_ranges(offsets, words)
    found = np.flatnonzero(ranges[:, 1] > ranges[:, 0])
    out = np.zeros((len(words), vectors.shape[1]), np.float32)
    if len(found):
        # reduceat sums from each border to the next: every second sum is a word's.
        padded = np.vstack([vectors, np.zeros((1, vectors.shape[1]), np.float32)])
        sums = np.add.reduceat(padded, ranges[found].ravel(), axis=0)[::2]
        out[found] = sums / np.diff(ranges[found])
    return out
