"""Text to token ids, with the base's own tokenizer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from freehold.errors import DataError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["Tokens", "load_tokenizer", "pad", "tokenize", "by_length"]

Tokens = list[list[int]]


def load_tokenizer(folder: Path, *, max_tokens: int) -> Tokenizer:
    """Returns the tokenizer of a folder in Hugging Face layout, cutting at `max_tokens`.

    Raises:
        DataError: `tokenizer.json` is no tokenizer.
    """
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more precise
        raise DataError(f"`{path}` is not a tokenizer: {error}.", hint="Copy it anew from its maker.") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def tokenize(tokenizer: Tokenizer, texts: Sequence[str]) -> Tokens:
    """Returns the ids of each text, special tokens included."""
    return [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]


def pad(rows: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns ids and attention mask, both of shape (rows, longest row)."""
    counts = np.array([len(row) for row in rows])
    mask = np.arange(int(counts.max())) < counts[:, None]
    ids = np.zeros(mask.shape, np.int64)
    ids[mask] = np.concatenate([np.asarray(row, np.int64) for row in rows])
    return ids, mask.astype(np.int64)


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
