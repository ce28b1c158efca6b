"""What each kind of field minimises while an encoder is tuned.

An objective knows its field's targets: how far an answer is from one, how far two answers are from each other,
and how large the loss of the best constant answer is, by which losses are divided so that fields of all kinds
weigh the same (normalised entropy, He et al. 2014, "Practical lessons from predicting clicks on ads"). Missing
targets cost nothing. Knows nothing of encoders or texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from freehold.train.losses import Aim, LossSettings, Tagged, TagLoss, Target
from freehold.train.rows import MISSING

__all__ = ["Objective", "OneLabel", "Quantity", "SeveralLabels", "Tags", "make_objective"]

_LEAST_CHANCE = 0.05
"""A field that hardly varies is not blown up further than this allows."""


class Objective(Protocol):
    """One field's losses, for tensors of its targets as `tensor` makes them.

    Attributes:
        chance: The loss of the best constant answer.
    """

    chance: float

    def tensor(self, rows: Sequence[int]) -> Tensor:
        """Returns the targets of some rows."""

    def losses(self, scores: Tensor, wanted: Tensor) -> Tensor:
        """Returns one loss a row, 0 where nothing is known."""

    def known(self, wanted: Tensor) -> Tensor:
        """Returns which rows have a target, shape (rows,)."""

    def divergence(self, one: Tensor, other: Tensor) -> Tensor:
        """Returns how far two answers to the same rows are apart, shape (rows,)."""

    def merit(self, scores: Tensor, wanted: Tensor) -> tuple[float, float]:
        """Returns points gained and points possible: sums that add up over batches."""


def make_objective(aim: Aim, target: Target, settings: LossSettings, *, like: Target | None = None) -> Objective:
    """Returns the objective of a field.

    Args:
        target: Of the rows that it will be asked for.
        like: Of the rows that frequencies and scales are taken from; `target` where None.
    """
    source = target if like is None else like
    if aim.kind == "spans":
        assert not isinstance(target, np.ndarray)
        assert not isinstance(source, np.ndarray)
        assert aim.tag_loss is not None
        return Tags(target, source, columns=aim.columns, loss=aim.tag_loss)
    assert isinstance(target, np.ndarray)
    assert isinstance(source, np.ndarray)
    if aim.kind == "number":
        return Quantity(target, source)
    if aim.kind == "choices":
        return SeveralLabels(target, source, asymmetry=settings.asymmetry)
    return OneLabel(target, source, columns=aim.columns, smoothing=settings.smoothing, balance=settings.balance)


class OneLabel:
    """Cross-entropy over labels of which one is right."""

    def __init__(
        self,
        target: NDArray[np.generic],
        source: NDArray[np.generic],
        *,
        columns: int,
        smoothing: float = 0.0,
        balance: float = 0.0,
    ) -> None:
        self._target, self._smoothing = np.asarray(target, np.int64), smoothing
        labels = np.asarray(source, np.int64)
        counts = np.bincount(labels[labels != MISSING], minlength=columns).astype(np.float64)
        shares = counts / max(1.0, counts.sum())
        self.chance = max(_LEAST_CHANCE, _entropy(shares))
        weights = np.where(counts > 0, np.maximum(shares, 1e-12) ** -balance, 1.0)
        mean = float((weights * shares).sum()) or 1.0
        self._weights = torch.tensor(weights / mean, dtype=torch.float32)

    def tensor(self, rows: Sequence[int]) -> Tensor:
        return torch.from_numpy(self._target[list(rows)])

    def known(self, wanted: Tensor) -> Tensor:
        return wanted != MISSING

    def losses(self, scores: Tensor, wanted: Tensor) -> Tensor:
        plain = nn.functional.cross_entropy(
            scores, wanted, ignore_index=MISSING, label_smoothing=self._smoothing, reduction="none"
        )
        return plain * self._weights[wanted.clamp(min=0)]

    def divergence(self, one: Tensor, other: Tensor) -> Tensor:
        first, second = one.log_softmax(1), other.log_softmax(1)
        return ((first.exp() - second.exp()) * (first - second)).sum(1) / 2

    def merit(self, scores: Tensor, wanted: Tensor) -> tuple[float, float]:
        known = self.known(wanted)
        return float((scores.argmax(1) == wanted)[known].sum()), float(known.sum())


class SeveralLabels:
    """A binary cross-entropy for each label, summed; asymmetric where asked for."""

    def __init__(
        self, target: NDArray[np.generic], source: NDArray[np.generic], *, asymmetry: float = 0.0
    ) -> None:
        self._target, self._asymmetry = np.asarray(target, np.float32), asymmetry
        labels = np.asarray(source, np.float32)
        known = labels != MISSING
        shares = (labels * known).sum(0) / np.maximum(known.sum(0), 1)
        self.chance = max(_LEAST_CHANCE, sum(_entropy(np.array([p, 1 - p])) for p in shares))

    def tensor(self, rows: Sequence[int]) -> Tensor:
        return torch.from_numpy(self._target[list(rows)])

    def known(self, wanted: Tensor) -> Tensor:
        return (wanted != MISSING).any(1)

    def losses(self, scores: Tensor, wanted: Tensor) -> Tensor:
        truth = wanted.clamp(min=0)
        plain = nn.functional.binary_cross_entropy_with_logits(scores, truth, reduction="none")
        if self._asymmetry:
            plain = plain * torch.where(truth > 0, 1.0, scores.sigmoid() ** self._asymmetry)
        return (plain * (wanted != MISSING)).sum(1)

    def divergence(self, one: Tensor, other: Tensor) -> Tensor:
        # Between two coins: the difference of the probabilities times the difference of the log odds.
        return ((one.sigmoid() - other.sigmoid()) * (one - other)).sum(1) / 2

    def merit(self, scores: Tensor, wanted: Tensor) -> tuple[float, float]:
        """Returns the parts of micro-F1: twice the hits, and said plus wanted."""
        known = wanted != MISSING
        said, truth = (scores > 0) & known, (wanted > 0) & known
        return 2.0 * float((said & truth).sum()), float(said.sum() + truth.sum())


class Quantity:
    """Huber's loss of standardised values (Huber 1964)."""

    def __init__(self, target: NDArray[np.generic], source: NDArray[np.generic]) -> None:
        values = np.asarray(source, np.float64)
        values = values[~np.isnan(values)]
        self.mean = float(values.mean()) if len(values) else 0.0
        self.spread = float(values.std()) or 1.0 if len(values) else 1.0
        self._target = ((np.asarray(target, np.float64) - self.mean) / self.spread).astype(np.float32)
        standard = torch.from_numpy((values - self.mean) / self.spread)
        plain = nn.functional.huber_loss(torch.zeros_like(standard), standard) if len(values) else torch.ones(())
        self.chance = max(_LEAST_CHANCE, float(plain))

    def tensor(self, rows: Sequence[int]) -> Tensor:
        return torch.from_numpy(self._target[list(rows)])

    def known(self, wanted: Tensor) -> Tensor:
        return ~wanted.isnan()

    def losses(self, scores: Tensor, wanted: Tensor) -> Tensor:
        known = self.known(wanted)
        plain = nn.functional.huber_loss(scores[:, 0], wanted.nan_to_num(), reduction="none")
        return plain * known

    def divergence(self, one: Tensor, other: Tensor) -> Tensor:
        return (one[:, 0] - other[:, 0]) ** 2 / 4

    def merit(self, scores: Tensor, wanted: Tensor) -> tuple[float, float]:
        """Returns the parts of a share of explained variance, in training's units, each row at least 0."""
        known = self.known(wanted)
        gained = 1 - ((scores[:, 0] - wanted)[known] ** 2).clamp(max=1)
        return float(gained.sum()), float(known.sum())


class Tags:
    """A loss over the tags of a text's words, given as a function."""

    def __init__(
        self,
        target: Sequence[Tagged | None],
        source: Sequence[Tagged | None],
        *,
        columns: int,
        loss: TagLoss,
    ) -> None:
        self._target, self._loss = target, loss
        every = [each.tags for each in source if each is not None and len(each.tags)]
        counts = np.bincount(np.concatenate(every), minlength=columns) if every else np.ones(columns)
        words = float(np.mean([len(tags) for tags in every])) if every else 1.0
        self.chance = max(_LEAST_CHANCE, words * _entropy(counts / counts.sum()))

    def tensor(self, rows: Sequence[int]) -> Tensor:
        """Returns tags, shape (rows, most words), `MISSING` where there is no word or no target."""
        found = [self._target[row] for row in rows]
        width = max([1, *(len(each.tags) for each in found if each is not None)])
        tags = np.full((len(rows), width), MISSING, np.int64)
        for place, each in enumerate(found):
            if each is not None:
                tags[place, : len(each.tags)] = each.tags
        return torch.from_numpy(tags)

    def known(self, wanted: Tensor) -> Tensor:
        return (wanted != MISSING).any(1)

    def losses(self, scores: Tensor, wanted: Tensor) -> Tensor:
        known = self.known(wanted)
        out = scores.new_zeros(len(wanted))
        if bool(known.any()):
            tags = wanted[known]
            out[known] = self._loss(scores[known], tags.clamp(min=0), tags != MISSING)
        return out

    def divergence(self, one: Tensor, other: Tensor) -> Tensor:
        first, second = one.log_softmax(2), other.log_softmax(2)
        return ((first.exp() - second.exp()) * (first - second)).sum((1, 2)) / 2

    def merit(self, scores: Tensor, wanted: Tensor) -> tuple[float, float]:
        """Returns how far each row's loss lies under that of a constant answer, at least 0."""
        known = self.known(wanted)
        gained = (1 - self.losses(scores, wanted)[known] / self.chance).clamp(min=0)
        return float(gained.sum()), float(known.sum())


def _entropy(shares: NDArray[np.float64]) -> float:
    present = shares[shares > 0]
    return float(-(present * np.log(present)).sum())
