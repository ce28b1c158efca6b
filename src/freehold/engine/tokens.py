"""Text to token ids, with the base's own tokenizer; a long text becomes several overlapping windows.

Nothing is cut off silently: every token of a text counts in exactly one window, the one that shows most of its
neighbourhood. Knows nothing of vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.engine.settings import read_settings
from freehold.errors import DataError

__all__ = ["Packed", "Tokenizer", "Windows", "by_length", "load_tokenizer", "pack", "pad", "split"]

_OVERLAP = 8
"""Neighbouring windows share one part in this many."""
_ROW = 64
"""Tokens in a row of several windows, at least: products of longer rows are no faster, attention is slower."""


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """A base's tokenizer, and how long its windows may be.

    Attributes:
        library: The tokenizer of the library `tokenizers`, which neither cuts nor pads.
        max_tokens: Longest window, special tokens included.
        pad_id: What shorter windows are filled up with.
        before, after: Ids of the special tokens around a text.
    """

    library: Any
    max_tokens: int
    pad_id: int
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Windows:
    """Texts as windows of tokens, in order.

    Attributes:
        ids: One list a window, special tokens included.
        row: The text that each window belongs to.
        counted: The tokens of each window, from `start` to before `stop`, that count. Every token of a text
            counts in one window; special tokens count in a text's first and last window.
        offsets: For each window, each token's characters (start, end) in its text, (0, 0) for special tokens;
            None where not asked for.
    """

    ids: list[list[int]]
    row: list[int]
    counted: list[tuple[int, int]]
    offsets: list[list[tuple[int, int]]] | None = None


def load_tokenizer(folder: Path, *, max_tokens: int = 0) -> Tokenizer:
    """Returns the tokenizer of a folder in Hugging Face layout.

    Args:
        max_tokens: Longest window; the base's own number where 0.

    Raises:
        DataError: `tokenizer.json` is no tokenizer, or leaves no room for text in a window.
    """
    from tokenizers import Tokenizer as Library

    path = folder / "tokenizer.json"
    settings = read_settings(folder)
    try:
        library = Library.from_file(str(path))
    except Exception as error:  # the library raises nothing more precise
        raise DataError(f"`{path}` is not a tokenizer: {error}.", hint="Copy it anew from its maker.") from error
    pad_id = _pad_id(settings.pad, library)
    library.no_padding()
    library.no_truncation()
    if settings.lower_case:
        _lower(library)
    before, after = _special(library)
    limit = max_tokens or settings.max_tokens
    if limit <= len(before) + len(after):
        raise DataError(f"`{folder}`: a window of {limit} tokens leaves no room between its special tokens.")
    return Tokenizer(library, limit, pad_id, before, after)


def _pad_id(pad: int | str | None, library: Any) -> int:
    if isinstance(pad, str):
        pad = library.token_to_id(pad)
    if pad is None:
        pad = (library.padding or {}).get("pad_id", 0)
    return int(pad)


def _lower(library: Any) -> None:
    from tokenizers.normalizers import Lowercase, Sequence

    library.normalizer = Sequence([Lowercase(), library.normalizer] if library.normalizer else [Lowercase()])


def _special(library: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the ids put before and after a text, as seen around a few short ones."""
    for text in ("a", "the", "1", "."):
        encoding = library.encode(text)
        marks = encoding.special_tokens_mask
        if 0 in marks:
            start, stop = marks.index(0), len(marks) - marks[::-1].index(0)
            return tuple(encoding.ids[:start]), tuple(encoding.ids[stop:])
    ids = library.encode("").ids
    return tuple(ids[:1]), tuple(ids[1:])


def _encode(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[list[int]]:
    for encoding in tokenizer.library.encode_batch_fast(list(texts)):
        yield encoding.ids or [tokenizer.pad_id]


def split(tokenizer: Tokenizer, texts: Sequence[str], *, offsets: bool = False) -> Windows:
    """Returns the texts as windows; one that fits is one window.

    Args:
        offsets: Whether to say where each token lies in its text.
    """
    if offsets:
        return _split_with_offsets(tokenizer, texts)
    found = Windows([], [], [])
    for row, ids in enumerate(_encode(tokenizer, texts)):
        if len(ids) <= tokenizer.max_tokens:
            found.ids.append(ids)
            found.row.append(row)
            found.counted.append((0, len(ids)))
        else:
            for cut in _cuts(len(ids), tokenizer):
                found.ids.append([*tokenizer.before, *ids[cut.start : cut.stop], *tokenizer.after])
                found.row.append(row)
                found.counted.append(cut.counted)
    return found


def _split_with_offsets(tokenizer: Tokenizer, texts: Sequence[str]) -> Windows:
    places: list[list[tuple[int, int]]] = []
    found = Windows([], [], [], places)
    before, after = [(0, 0)] * len(tokenizer.before), [(0, 0)] * len(tokenizer.after)
    for row, encoding in enumerate(tokenizer.library.encode_batch(list(texts))):
        ids, where = encoding.ids or [tokenizer.pad_id], encoding.offsets or [(0, 0)]
        if len(ids) <= tokenizer.max_tokens:
            found.ids.append(ids)
            found.row.append(row)
            found.counted.append((0, len(ids)))
            places.append(where)
            continue
        for cut in _cuts(len(ids), tokenizer):
            found.ids.append([*tokenizer.before, *ids[cut.start : cut.stop], *tokenizer.after])
            found.row.append(row)
            found.counted.append(cut.counted)
            places.append([*before, *where[cut.start : cut.stop], *after])
    return found


class _Cut(NamedTuple):
    """One window of a long text: its share of the text's ids, and the tokens of the window that count."""

    start: int
    stop: int
    counted: tuple[int, int]


def _cuts(total: int, tokenizer: Tokenizer) -> Iterator[_Cut]:
    """Yields the windows of a text of `total` ids, special ones included, that is longer than one window.

    The last window ends with the text, so that none is short. Two windows share the tokens of their overlap in
    halves: the first half counts in the former, the second in the latter.
    """
    head, tail = len(tokenizer.before), len(tokenizer.after)
    first, end, room = head, total - tail, tokenizer.max_tokens - head - tail
    step = max(1, room - tokenizer.max_tokens // _OVERLAP)
    starts = [*range(first, end - room, step), end - room]
    for number, start in enumerate(starts):
        stop = start + room
        counts_from = first - head if number == 0 else (start + starts[number - 1] + room + 1) // 2
        counts_to = end + tail if stop == end else (starts[number + 1] + stop + 1) // 2
        shift = head - start
        yield _Cut(start, stop, (counts_from + shift, counts_to + shift))


def pad(rows: Sequence[Sequence[int]], *, fill: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns ids and attention mask, both of shape (rows, longest row).

    Args:
        fill: Id of the padding token.
    """
    counts = np.array([len(row) for row in rows])
    mask = np.arange(int(counts.max())) < counts[:, None]
    ids = np.full(mask.shape, fill, np.int64)
    ids[mask] = np.concatenate([np.asarray(row, np.int64) for row in rows])
    return ids, mask.astype(np.int64)


class Packed(NamedTuple):
    """Windows that share rows.

    Attributes:
        ids: Shape (rows, tokens).
        segments: The number of each token's window, from 1; 0 for padding.
        mask: Of the padded windows, shape (windows, longest window).
        places: Where each of their tokens lies in `ids`, counted row by row.
    """

    ids: NDArray[np.int64]
    segments: NDArray[np.int64]
    mask: NDArray[np.bool_]
    places: NDArray[np.int64]

    def unpack(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns vectors of shape (rows, tokens, dimension) window by window, with zeros for padding."""
        found = np.zeros((*self.mask.shape, vectors.shape[2]), np.float32)
        found[self.mask] = vectors.reshape(-1, vectors.shape[2])[self.places]
        return found


def pack(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Packed:
    """Returns padded windows in fewer rows: the longest first, each in the first row that has room.

    Source: D. S. Johnson, "Near-optimal bin packing algorithms", 1973 (first fit decreasing).

    Args:
        ids: Shape (windows, tokens), padded behind.
        mask: 1 for tokens, 0 for padding.
    """
    real, lengths = mask.astype(bool), mask.sum(1)
    room = max(_ROW, int(lengths.max()))
    filled: list[int] = []
    row, start = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
    for window in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[window])
        found = next((n for n, used in enumerate(filled) if used + length <= room), len(filled))
        if found == len(filled):
            filled.append(0)
        row[window], start[window] = found, filled[found]
        filled[found] += length
    width = max(filled)
    places = ((row * width + start)[:, None] + np.arange(mask.shape[1]))[real]
    packed, segments = np.zeros((2, len(filled) * width), np.int64)
    packed[places], segments[places] = ids[real], np.repeat(np.arange(1, len(ids) + 1), lengths)
    return Packed(packed.reshape(-1, width), segments.reshape(-1, width), real, places)


def by_length(lengths: Sequence[int], *, budget: int, most: int = 256) -> Iterator[list[int]]:
    """Yields batches of row numbers, shortest rows first, each within `budget` padded tokens."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if batch and ((len(batch) + 1) * lengths[row] > budget or len(batch) == most):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
