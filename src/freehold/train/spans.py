"""Trains the head of a spans field on word vectors, and finds out on held-out rows how sure it may be.

A network of one hidden layer under a linear chain, trained by AdamW on padded batches of whole inputs: memory
grows with the batch. Knows nothing of encoders, files or stages.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from freehold.engine import (
    REACH,
    Gathered,
    Grain,
    Span,
    TagHead,
    Word,
    WordGrams,
    count_tags,
    encode_spans,
    find_chains,
    surroundings,
)
from freehold.train.crf import ChainLoss

__all__ = ["TagSettings", "fit_tags"]

_LONGEST = 64
_CHUNK = 50
_SAMPLE = 2_000
_EVEN = 0.4


@dataclass(frozen=True, slots=True)
class TagSettings:
    """How much work goes into a head.

    Attributes:
        epochs: How often each row is seen, within `least` and `most` steps.
        batch: Rows in a batch.
        rate: Learning rate at its top; it rises for a twentieth of the steps and then falls to 0.
        hidden: Width of the hidden layer.
        width: Of a gram's row in the table.
        grams: Size of the vocabulary, at most.
        drop_vectors: Share of the vectors' numbers left out in training.
        drop_grams: Share of the grams left out in training, so that words never seen are no surprise.
        drop_hidden: Share of the hidden layer left out in training.
    """

    epochs: float = 12
    least: int = 150
    most: int = 3_000
    batch: int = 32
    rate: float = 2e-3
    decay: float = 0.01
    hidden: int = 128
    width: int = 64
    grams: int = 40_000
    drop_vectors: float = 0.1
    drop_grams: float = 0.3
    drop_hidden: float = 0.2


class _Piece(NamedTuple):
    """Words `first` to `behind` of a row, of one input, with their tags."""

    row: int
    first: int
    behind: int
    tags: NDArray[np.int64]


class _Batch(NamedTuple):
    """Pieces side by side; words without padding where not said otherwise.

    Attributes:
        vectors: Shape (words, dimension).
        around: What surrounds each word, shape (words, dimension).
        starts: Whether each word is the first of its piece, shape (words,).
        grams: Rows of the table of all words, and where each word's begin.
        tags: Shape (pieces, longest).
        mask: Shape (pieces, longest).
    """

    vectors: Tensor
    around: Tensor
    starts: Tensor
    grams: tuple[Tensor, Tensor]
    tags: Tensor
    mask: Tensor


class _Rows(NamedTuple):
    """What there is to learn from."""

    vectors: Sequence[NDArray[np.floating]]
    grams: Sequence[Gathered]
    pieces: Sequence[_Piece]


def fit_tags(
    vectors: Sequence[NDArray[np.floating]],
    words: Sequence[Sequence[Word]],
    *,
    gold: Sequence[Sequence[Span] | None],
    labels: Sequence[str],
    grain: Grain = "word",
    settings: TagSettings = TagSettings(),
    seed: int = 0,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> TagHead:
    """Returns a head for these rows; the same rows and seed give the same head.

    Rows without labels, and those whose spans cannot be told by tags (`encode_spans`), are passed over.

    Args:
        vectors: One array a row, of shape (words, dimension).
        words: One list a row, split with the same `grain`.
        gold: The right spans of each row, in the joined text; None where the row has no label.
        labels: Names of all labels; those without a row are never answered.
        tell: Called with steps done and steps to do.
    """
    numbers = {label: number for number, label in enumerate(labels)}
    pieces = list(_cut(words, gold, numbers=numbers))
    present = {int(tag - 1) // 2 for piece in pieces for tag in piece.tags.tolist() if tag}
    vocabulary = WordGrams.fit((words[row] for row in sorted({each.row for each in pieces})), limit=settings.grams)
    learned = {piece.row for piece in pieces}
    gathered = [vocabulary.gather(each) if row in learned else _NOTHING for row, each in enumerate(words)]
    rows = _Rows(vectors, gathered, pieces)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = _Network(rows, labels=len(labels), present=present, vocabulary=len(vocabulary), settings=settings)
        _train(net, rows, settings=settings, seed=seed, tell=tell)
    return net.head(vocabulary, labels=tuple(labels), grain=grain)


_NOTHING = Gathered(np.zeros(0, np.int64), np.zeros(1, np.int64))


def _cut(
    words: Sequence[Sequence[Word]], gold: Sequence[Sequence[Span] | None], *, numbers: dict[str, int]
) -> Iterator[_Piece]:
    """Yields the labelled rows in pieces of one input and at most so many words that steps stay short."""
    for row, (each, spans) in enumerate(zip(words, gold, strict=True)):
        encoded = encode_spans(spans, each, labels=numbers) if spans is not None else None
        if encoded is None:
            continue
        for first, behind in find_chains(each):
            for start in range(first, behind, _LONGEST):
                stop = min(start + _LONGEST, behind)
                yield _Piece(row, start, stop, _mend(encoded.tags[start:stop]))


def _mend(tags: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the tags of a piece, a span that began before it begun anew."""
    before = np.concatenate([[0], tags[:-1]])
    inside = (tags > 0) & (tags % 2 == 0)
    orphans = inside & (before != tags) & (before != tags - 1)
    return np.where(orphans, tags - 1, tags)


class _Network(nn.Module):
    """`TagHead` while it is trained, on vectors made even: mean 0 and the same deviation in every number."""

    def __init__(
        self, rows: _Rows, *, labels: int, present: set[int], vocabulary: int, settings: TagSettings
    ) -> None:
        super().__init__()
        self.settings = settings
        self.mean, self.deviation = _moments(rows)
        self.table = nn.EmbeddingBag(max(vocabulary, 1), settings.width, mode="sum")
        nn.init.normal_(self.table.weight, std=0.1)
        self.lift = nn.Linear(settings.width, settings.hidden, bias=False)
        self.dense = nn.Linear(4 * self.mean.shape[1], settings.hidden)
        self.out = nn.Linear(settings.hidden, count_tags(labels))
        self.chain = ChainLoss(labels, present=present)

    def forward(self, batch: _Batch) -> Tensor:
        """Returns the loss of a batch."""
        drop = nn.functional.dropout
        rows, starts = batch.grams
        weights = drop(torch.ones(len(rows)), self.settings.drop_grams, self.training)
        hidden = self._see(batch) + self.lift(self.table(rows, starts, per_sample_weights=weights))
        hidden = drop(torch.relu(hidden), self.settings.drop_hidden, self.training)
        logits = hidden.new_zeros(*batch.mask.shape, self.out.out_features)
        logits[batch.mask] = self.out(hidden)
        loss: Tensor = self.chain(logits, batch.tags, batch.mask).mean()
        return loss

    def _see(self, batch: _Batch) -> Tensor:
        """Returns what the vectors add to the hidden layer, shape (words, hidden)."""
        vectors = (batch.vectors - self.mean[0]) / self.deviation[0]
        around = (batch.around - self.mean[1]) / self.deviation[1]
        shares = torch.ones(len(vectors), 4)
        shares = nn.functional.dropout(shares, self.settings.drop_vectors, self.training)
        before, own, behind, mean = self.dense.weight.chunk(4, dim=1)
        first = batch.starts[:, None]
        from_before = (vectors @ before.T).roll(1, 0).masked_fill(first, 0)
        from_behind = (vectors @ behind.T).roll(-1, 0).masked_fill(first.roll(-1, 0), 0)
        each = (from_before, vectors @ own.T, from_behind, around @ mean.T)
        seen = sum(part * shares[:, i, None] for i, part in enumerate(each))
        return torch.as_tensor(seen + self.dense.bias)

    def head(self, vocabulary: WordGrams, *, labels: tuple[str, ...], grain: Grain) -> TagHead:
        """Returns the weights for vectors as they are, the table in 8 bits."""
        with torch.no_grad():
            own, around = self.deviation
            blocks = self.dense.weight.T.reshape(4, -1, self.dense.out_features)
            dense = blocks / torch.stack([own, own, own, around])[:, :, None]
            table = self.table.weight[: len(vocabulary)].numpy()
            scales = np.maximum(np.abs(table).max(1, keepdims=True), 1e-9) / np.float32(127)
            start, end, moves = (part.numpy() for part in self.chain.transitions())
            return TagHead(
                labels=labels,
                grain=grain,
                grams=vocabulary,
                table=np.round(table / scales).astype(np.int8),
                scales=scales.astype(np.float32),
                lift=self.lift.weight.T.contiguous().numpy(),
                centre=self.mean.numpy(),
                dense=dense.contiguous().numpy(),
                dense_bias=self.dense.bias.numpy().copy(),
                out=self.out.weight.T.contiguous().numpy(),
                out_bias=self.out.bias.numpy().copy(),
                start=start,
                end=end,
                moves=moves,
            )


def _moments(rows: _Rows) -> tuple[Tensor, Tensor]:
    """Returns mean and deviation of words and of surroundings in a sample, shape (2, dimension) each."""
    step = max(1, len(rows.pieces) // _SAMPLE)
    nothing = np.zeros((1, rows.vectors[0].shape[1]), np.float32)
    found = [_look(rows, piece) for piece in rows.pieces[::step]] or [(nothing, nothing)]
    words, around = (np.concatenate(part) for part in zip(*found, strict=True))
    mean = np.stack([words.mean(0), around.mean(0)])
    deviation = np.stack([words.std(0), around.std(0)]) / np.float32(_EVEN)
    return torch.from_numpy(mean), torch.from_numpy(np.maximum(deviation, 1e-3))


def _look(rows: _Rows, piece: _Piece) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the vectors of a piece's words and of their surroundings, its row read no further than needed."""
    low = max(piece.first - REACH, 0)
    seen = np.asarray(rows.vectors[piece.row][low : piece.behind + REACH], np.float32)
    kept = slice(piece.first - low, piece.behind - low)
    return seen[kept], surroundings(seen)[kept]


def _train(
    net: _Network, rows: _Rows, *, settings: TagSettings, seed: int, tell: Callable[[int, int], None]
) -> None:
    epoch = -(-len(rows.pieces) // settings.batch)
    steps = min(max(round(settings.epochs * epoch), settings.least), settings.most) if rows.pieces else 0
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=settings.decay, fused=True)
    warm = max(1, steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, (steps - step) / max(1, steps - warm))
    )
    net.train()
    batches = _batches(rows.pieces, size=settings.batch, seed=seed)
    for step in range(steps):
        loss = net(_collate(rows, next(batches)))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        tell(step + 1, steps)
    net.eval()


def _batches(pieces: Sequence[_Piece], *, size: int, seed: int) -> Iterator[list[_Piece]]:
    """Yields batches for ever, in an order that the seed decides, of pieces of about the same length."""
    shuffled = random.Random(seed)  # noqa: S311
    while True:
        order = list(pieces)
        shuffled.shuffle(order)
        for start in range(0, len(order), _CHUNK * size):
            chunk = sorted(order[start : start + _CHUNK * size], key=lambda piece: len(piece.tags))
            batches = [chunk[i : i + size] for i in range(0, len(chunk), size)]
            shuffled.shuffle(batches)
            yield from batches


def _collate(rows: _Rows, pieces: Sequence[_Piece]) -> _Batch:
    counts = np.array([len(piece.tags) for piece in pieces])
    mask = np.arange(counts.max()) < counts[:, None]
    tags = np.zeros(mask.shape, np.int64)
    tags[mask] = np.concatenate([piece.tags for piece in pieces])
    found, starts = [], []
    reached = 0
    for piece in pieces:
        grams = rows.grams[piece.row]
        borders = grams.starts[piece.first : piece.behind + 1]
        found.append(grams.rows[borders[0] : borders[-1]])
        starts.append(borders[:-1] - borders[0] + reached)
        reached += int(borders[-1] - borders[0])
    vectors, around = (np.concatenate(part) for part in zip(*(_look(rows, each) for each in pieces), strict=True))
    firsts = np.zeros(mask.shape, np.bool_)
    firsts[:, 0] = True
    grams_of = (torch.from_numpy(np.concatenate(found)), torch.from_numpy(np.concatenate(starts)))
    seen, mean, starts_of = (torch.from_numpy(each) for each in (vectors, around, firsts[mask]))
    return _Batch(seen, mean, starts_of, grams_of, torch.from_numpy(tags), torch.from_numpy(mask))
