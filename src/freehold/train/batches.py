"""Texts as batches of token windows, and the order that they are learned in.

Tokens lie in flat arrays, so that a million short texts fit; what a batch needs is padded when it is asked for.
Knows nothing of models or losses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from freehold.engine import Tokenizer, pad, split

__all__ = ["Batch", "Texts", "TokensOfWords", "Words", "balanced_plan", "plan"]

Words = Sequence[NDArray[np.int64] | None]
"""For each text the characters (start, end) of its words in order, shape (words, 2); None where not needed."""

_PART = 8_192


class TokensOfWords(NamedTuple):
    """Which tokens make which words of a batch: a token may belong to two words, a word may have no token.

    Attributes:
        token: Places in the batch's windows laid end to end, shape (pairs,).
        word: Places in the batch's words, `most` a text, laid end to end, shape (pairs,).
        most: Words of the text that has most of them, 1 at least.
    """

    token: Tensor
    word: Tensor
    most: int


class Batch(NamedTuple):
    """Some texts, each one window or more, ready for an encoder.

    Attributes:
        ids: Token ids, shape (windows, tokens).
        mask: 1 for tokens, 0 for padding, shape (windows, tokens).
        counted: Which tokens count towards their text, shape (windows, tokens).
        row: Which of the texts each window belongs to, shape (windows,).
        rows: How many texts.
        words: Field to its words.
        windows: The windows' numbers, for whoever keeps something for each.
    """

    ids: Tensor
    mask: Tensor
    counted: Tensor
    row: Tensor
    rows: int
    words: Mapping[str, TokensOfWords]
    windows: list[int]


class Texts:
    """Tokenised texts.

    Args:
        windows: A text of more windows than this is read in this many, spread over it evenly.
        words: Field to the words whose tokens are to be found.

    Attributes:
        ids: All windows' ids one after the other.
        starts: Where each window starts in `ids`; one more than there are windows.
        lengths: Tokens read for each text.
        thinned: How many texts have more windows than are read.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        texts: Sequence[str],
        *,
        windows: int,
        words: Mapping[str, Words] | None = None,
    ) -> None:
        self._fill, self._words = tokenizer.pad_id, words or {}
        parts = [
            _Part(tokenizer, texts[start : start + _PART], first=start, windows=windows, offsets=bool(words))
            for start in range(0, len(texts), _PART)
        ]
        self.ids = _join([part.ids for part in parts])
        self.starts = np.concatenate([[0], np.cumsum(_join([part.sizes for part in parts]))]).astype(np.int64)
        self._offsets = np.concatenate([np.zeros((0, 2), np.int32), *(part.offsets for part in parts)])
        self._counted = np.concatenate([np.zeros((0, 2), np.int64), *(part.counted for part in parts)])
        rows = _join([part.row for part in parts])
        self._first = np.searchsorted(rows, np.arange(len(texts) + 1))
        self.lengths: list[int] = np.diff(self.starts[self._first]).tolist()
        self.thinned = sum(part.thinned for part in parts)

    def __len__(self) -> int:
        return len(self.lengths)

    def windows_of(self, rows: Sequence[int]) -> list[int]:
        """Returns the numbers of the windows of some texts."""
        return [window for row in rows for window in range(self._first[row], self._first[row + 1])]

    def batch(self, rows: Sequence[int]) -> Batch:
        """Returns some texts side by side."""
        windows = self.windows_of(rows)
        owners = [n for n, row in enumerate(rows) for _ in range(self._first[row], self._first[row + 1])]
        ids, mask = self.padded(windows)
        places = np.arange(ids.shape[1])
        ranges = self._counted[windows]
        counted = torch.from_numpy((places >= ranges[:, :1]) & (places < ranges[:, 1:]))
        words = {
            name: self._pair([found[row] for row in rows], windows, owners, longest=ids.shape[1])
            for name, found in self._words.items()
        }
        return Batch(ids, mask, counted, torch.tensor(owners), len(rows), words, windows)

    def padded(self, windows: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Returns ids and mask of some windows, shape (windows, tokens)."""
        slices = [self.ids[self.starts[window] : self.starts[window + 1]].tolist() for window in windows]
        ids, mask = pad(slices, fill=self._fill)
        return torch.from_numpy(ids), torch.from_numpy(mask)

    def _pair(self, words: Words, windows: Sequence[int], owners: Sequence[int], *, longest: int) -> TokensOfWords:
        most = max([1, *(len(each) for each in words if each is not None)])
        tokens, found = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for place, (window, owner) in enumerate(zip(windows, owners, strict=True)):
            ranges = words[owner]
            if ranges is None or not len(ranges):
                continue
            start, stop = self._counted[window]
            offsets = self._offsets[self.starts[window] :][start:stop]
            for word, token in _overlaps(offsets, ranges):
                tokens.append(place * longest + start + token)
                found.append(owner * most + word)
        return TokensOfWords(
            torch.from_numpy(np.concatenate(tokens)), torch.from_numpy(np.concatenate(found)), most
        )


def _overlaps(
    offsets: NDArray[np.int32], words: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yields pairs of a word and a token that share a character, as two arrays: first tokens, second tokens, ...

    Args:
        offsets: Characters of each token, in order but for those of no width, which belong to no word.
    """
    real = np.flatnonzero(offsets[:, 1] > offsets[:, 0])
    token = np.searchsorted(offsets[real, 1], words[:, 0], side="right")
    behind = np.searchsorted(offsets[real, 0], words[:, 1], side="left")
    word = np.arange(len(words))
    while len(word := word[token[word] < behind[word]]):
        yield word, real[token[word]]
        token[word] += 1


class _Part:
    """A part of the texts, in flat arrays."""

    def __init__(
        self, tokenizer: Tokenizer, texts: Sequence[str], *, first: int, windows: int, offsets: bool
    ) -> None:
        found = split(tokenizer, texts, offsets=offsets)
        kept = _spread(found.row, most=windows)
        self.thinned = int((np.bincount(found.row) > windows).sum()) if found.row else 0
        self.ids = _join([np.asarray(found.ids[w], np.int32) for w in kept])
        self.sizes = np.array([len(found.ids[w]) for w in kept], np.int32)
        self.row = np.array([first + found.row[w] for w in kept], np.int32)
        self.counted = np.array([found.counted[w] for w in kept], np.int64).reshape(-1, 2)
        places = [place for w in kept for place in found.offsets[w]] if found.offsets else []
        self.offsets = np.array(places, np.int32).reshape(-1, 2)


def _join(parts: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    return np.concatenate([np.zeros(0, np.int32), *parts])


def _spread(row: Sequence[int], *, most: int) -> list[int]:
    """Returns the numbers of the windows that are kept."""
    rows = np.asarray(row)
    bounds = [0, *(np.flatnonzero(np.diff(rows)) + 1).tolist(), len(rows)] if len(rows) else [0]
    kept: list[int] = []
    for start, stop in pairwise(bounds):
        count = min(most, stop - start)
        kept += sorted({round(x) for x in np.linspace(start, stop - 1, count)})
    return kept


def plan(lengths: Sequence[int], *, batch: int, epochs: int, tokens: int, seed: int) -> list[list[int]]:
    """Returns batches of rows in the order to learn them: like lengths together, shuffled, within the budget.

    Args:
        lengths: Tokens of each row.
        batch: Rows in one.
        tokens: Budget in tokens, padding not counted; there is one batch at least.
    """
    random = np.random.default_rng(seed)
    epochs_of = (_epoch(lengths, batch=batch, random=random) for _ in range(epochs))
    return _within((each for epoch in epochs_of for each in epoch), lengths, tokens=tokens)


def balanced_plan(
    lengths: Sequence[int],
    targets: NDArray[np.int64],
    *,
    batch: int,
    each: int,
    epochs: int,
    tokens: int,
    seed: int,
) -> list[list[int]]:
    """Returns batches that hold `each` rows, or as many as there are, of each of their labels.

    Labels take turns, as do the rows of a label, so that rare labels are learned as often as frequent ones. An
    epoch is as many batches as one pass over the rows would have. Rows without a label (below 0) are left out.
    """
    random = np.random.default_rng(seed)
    labelled = np.flatnonzero(targets >= 0)
    rows = {
        int(label): _Turns(labelled[targets[labelled] == label], random) for label in np.unique(targets[labelled])
    }
    labels = _Turns(np.array(sorted(rows)), random)
    count = epochs * max(1, -(-len(labelled) // batch))

    def batches() -> Iterator[list[int]]:
        for _ in range(count):
            some = labels.take(max(1, batch // each))
            yield [row for label in some for row in rows[label].take(each)]

    return _within(batches(), lengths, tokens=tokens) if rows else []


class _Turns:
    """Hands out things in shuffled rounds, none twice at once."""

    def __init__(self, things: NDArray[np.int64], random: np.random.Generator) -> None:
        self._things, self._random, self._left = things, random, list[int]()

    def take(self, count: int) -> list[int]:
        taken: list[int] = []
        for _ in range(min(count, len(self._things))):
            if not self._left:
                self._left = [x for x in self._random.permutation(self._things).tolist() if x not in taken]
            taken.append(self._left.pop())
        return taken


def _within(batches: Iterator[list[int]], lengths: Sequence[int], *, tokens: int) -> list[list[int]]:
    kept: list[list[int]] = []
    spent = 0
    for batch in batches:
        spent += sum(lengths[i] for i in batch)
        if kept and spent > tokens:
            break
        kept.append(batch)
    return kept


def _epoch(lengths: Sequence[int], *, batch: int, random: np.random.Generator) -> Iterator[list[int]]:
    order = random.permutation(len(lengths))
    window = 50 * batch
    batches: list[list[int]] = []
    for start in range(0, len(order), window):
        near = sorted(order[start : start + window].tolist(), key=lambda i: lengths[i])
        batches += [near[i : i + batch] for i in range(0, len(near), batch)]
    yield from (batches[i] for i in random.permutation(len(batches)))
