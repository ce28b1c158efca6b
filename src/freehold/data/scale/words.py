"""From texts to hashes of their words and word shingles, a whole batch at a time.

Owns what a word is: a run of ASCII letters, digits, underscores and of all characters outside ASCII but for the
punctuation marks of Latin-1, of Unicode's general block and of Chinese and Japanese. A Chinese or Japanese
character is a word of its own, since no spaces stand between them. Knows nothing of files, and nothing of what
the hashes are for. All texts of a batch lie in one array of bytes, so that each step is one operation of numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from freehold.data.scale.scheme import Scheme

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Hashes = NDArray[np.uint64]
    Short = NDArray[np.uint32]
    Positions = NDArray[np.int64]

__all__ = ["Packed", "Shingled", "Words", "find_grams", "hash_words", "mix", "shingle"]

PAD = 16
"""Bytes after the last text, so that eight can be read from any place."""

_FOLD, _LENGTH, _LONG, _LACK = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0xA0761D6478BD642F, 0x94D049BB133111EB
_HUGE = 128
_STIR = 0xD6E8FEB86659FD93
_MARKS = ((0xC2, 0x80, 0xBF, 2), (0xE2, 0x80, 0x81, 3), (0xE3, 0x80, 0x80, 3))
"""First byte, range of the second, length: characters outside ASCII that are not in words."""

_CLASSES = bytes(
    0 if byte < 128 and not (chr(byte).isalnum() or chr(byte) == "_") else 2 if 0xE3 <= byte <= 0xE9 else 1
    for byte in range(256)
)
"""0: between words; 1: in a word; 2: begins a word of its own."""


class Packed(NamedTuple):
    """Texts in lower case, one after the other.

    Attributes:
        data: UTF-8, with `PAD` bytes after the last text.
        starts: Where each text begins, and where the last one ends: one number more than texts.
    """

    data: Bytes
    starts: Positions


class Shingled(NamedTuple):
    """What is known of each text.

    Attributes:
        names: One hash of all words in order, for each text: the same for texts with the same words.
        hashes: The shingles' hashes, text after text, each text with one at least.
        starts: Where those of each text begin, and where the last ones end.
    """

    names: Hashes
    hashes: Short
    starts: Positions


class Words(NamedTuple):
    """Hashes of words.

    Attributes:
        hashes: Of all words, text after text.
        first: The number of each text's first word, and that of all words at the end.
    """

    hashes: Hashes
    first: Positions


def find_grams(words: Words, size: int) -> tuple[Hashes, Positions]:
    """Returns the hashes of all runs of so many words inside a text, and the position of the text of each."""
    import numpy as np

    counts = np.maximum(np.diff(words.first) - size + 1, 0)
    texts = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(len(texts)) + np.repeat(words.first[:-1] - (np.cumsum(counts) - counts), counts)
    return mix(_run(words.hashes, Scheme.derive(words=size))[places]), texts


def shingle(texts: Packed, scheme: Scheme) -> Shingled:
    """Returns the word shingles of texts as hashes of 32 bits.

    A text with fewer words than a shingle has one shingle: all of it. A text without words is its bytes.
    """
    import numpy as np

    words, first = hash_words(texts)
    counts = np.diff(first)
    wanted = np.maximum(counts - scheme.words + 1, 1)
    starts = np.concatenate([[0], np.cumsum(wanted)])
    places = np.arange(starts[-1]) + np.repeat(first[:-1] - starts[:-1], wanted)
    grams = _run(words, scheme)[places]
    short = np.flatnonzero(counts < scheme.words)
    names = _name(words, first)
    bare = np.flatnonzero(counts == 0)
    names[bare] = _hash_bytes(texts.data, texts.starts[bare], np.diff(texts.starts)[bare])
    grams[starts[short]] = names[short]
    return Shingled(names, (mix(grams) >> np.uint64(32)).astype(np.uint32), starts)


def mix(hashes: Hashes) -> Hashes:
    """Spreads what differs in a few bits over all of them, in place; it can be undone, so none fall together."""
    import numpy as np

    half, stir = np.uint64(32), np.uint64(_STIR)
    for _ in range(2):
        hashes ^= hashes >> half
        hashes *= stir
    hashes ^= hashes >> half
    return hashes


def hash_words(texts: Packed) -> Words:
    """Returns a hash for each word.

    Eight bytes of a word are read at a time, of all words at once; long words take more rounds, and those that are
    no words but data are read by themselves.
    """
    import numpy as np

    starts, lengths = _find_words(texts)
    view = np.lib.stride_tricks.as_strided(
        texts.data[:8].view("<u8"), shape=(len(texts.data) - 8,), strides=(1,), writeable=False
    )
    masks = np.array([(1 << (8 * size)) - 1 for size in range(9)], np.uint64)
    hashes = (view[starts] & masks[np.minimum(lengths, 8)]).astype(np.uint64, copy=False)
    hashes = mix(hashes + lengths.astype(np.uint64) * np.uint64(_LENGTH))
    huge = np.flatnonzero(lengths > _HUGE)
    hashes[huge] = _hash_bytes(texts.data, starts[huge], lengths[huge])
    left, done = np.flatnonzero((lengths > 8) & (lengths <= _HUGE)), 8
    while len(left):
        part = view[starts[left] + done] & masks[np.minimum(lengths[left] - done, 8)]
        hashes[left] = mix(hashes[left] * np.uint64(_LONG) + part)
        done += 8
        left = left[lengths[left] > done]
    return Words(hashes, np.searchsorted(starts, texts.starts))


def _find_words(texts: Packed) -> tuple[Positions, Positions]:
    """Returns where each word begins, and how many bytes it has."""
    import numpy as np

    end = int(texts.starts[-1])
    classes = np.take(np.frombuffer(_CLASSES, np.uint8), texts.data[:end])
    for lead, low, high, size in _MARKS:
        found = np.flatnonzero(texts.data[:end] == lead)
        found = found[(texts.data[found + 1] >= low) & (texts.data[found + 1] <= high)]
        for step in range(size):
            classes[np.minimum(found + step, end - 1)] = 0
    inside = classes > 0
    border = classes == 2
    border[1:] |= inside[1:] != inside[:-1]
    border[:1] = inside[:1]
    firsts = texts.starts[:-1]
    border[firsts[firsts < end]] = True
    places = np.flatnonzero(border)
    begins = np.flatnonzero(inside[places])
    starts = places[begins]
    return starts, np.append(places, end)[begins + 1] - starts


def _run(words: Hashes, scheme: Scheme) -> Hashes:
    """Returns for each word the sum that stands for it and those after it."""
    import numpy as np

    odd = [np.uint64(number | 1) for number in scheme.numbers(scheme.words, lane=1)]
    padded = np.concatenate([words, np.zeros(scheme.words, np.uint64)])
    sums = padded * odd[0]
    for step in range(1, scheme.words):
        sums[:-step] += padded[step:] * odd[step]
    return sums


def _name(words: Hashes, first: Positions) -> Hashes:
    """Returns one hash for all words of a text, each with its place in it."""
    import numpy as np

    counts = np.diff(first)
    places = np.arange(len(words)) - np.repeat(first[:-1], counts)
    spread = mix(words + (places.astype(np.uint64) + np.uint64(1)) * np.uint64(_FOLD))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(spread, dtype=np.uint64)])
    return mix(sums[first[1:]] - sums[first[:-1]] + counts.astype(np.uint64) * np.uint64(_LACK))


def _hash_bytes(data: Bytes, starts: Positions, lengths: Positions) -> Hashes:
    """Returns hashes for the few pieces that are not what words look like."""
    import hashlib

    import numpy as np

    pieces = [data[start : start + size].tobytes() for start, size in zip(starts, lengths, strict=True)]
    digests = [hashlib.blake2b(piece, digest_size=8).digest() for piece in pieces]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
