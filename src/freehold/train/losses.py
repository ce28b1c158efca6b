"""The words of tuning: what a field asks for, what is added to its loss, and losses on the vectors themselves.

Pure functions of tensors. What each kind of field minimises lies in `objectives`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from freehold.train.rows import MISSING

__all__ = [
    "Aim",
    "LossSettings",
    "PrototypeScores",
    "TagLoss",
    "Tagged",
    "Target",
    "contrast",
    "prototype_scores",
]

TagLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Scores of tags, shape (rows, words, tags); tags, shape (rows, words), 0 where masked; a boolean mask of the
words there are, shape (rows, words). Returns one loss a row, shape (rows,). Where it is a module, it learns."""


class Tagged(NamedTuple):
    """A text's words with a tag each.

    Attributes:
        words: Characters (start, end) of each word, in order and apart, shape (words, 2).
        tags: Shape (words,).
    """

    words: NDArray[np.int64]
    tags: NDArray[np.int64]


Target = NDArray[np.int64] | NDArray[np.float32] | Sequence[Tagged | None]
"""One field's wanted answers.

For choice, score and predicate: label numbers, shape (rows,), `MISSING` where a row has none. For choices: 1, 0,
or `MISSING`, shape (rows, labels). For number: values, shape (rows,), NaN where missing. For spans: tags, None
where missing.
"""


@dataclass(frozen=True, slots=True)
class Aim:
    """What one field asks of the encoder.

    Attributes:
        columns: Width of its head: its labels or tags, 1 for a number, 2 for a predicate.
        weight: How much it counts beside other fields.
        tag_loss: For spans.
    """

    kind: Literal["choice", "score", "predicate", "choices", "number", "spans"]
    columns: int
    weight: float = 1.0
    tag_loss: TagLoss | None = None


@dataclass(frozen=True, slots=True)
class LossSettings:
    """What is added to the plain losses. Everything is off by default.

    Attributes:
        smoothing: Share of the truth that is spread over all labels (Szegedy et al. 2016).
        balance: Rows weigh as the frequency of their label to the power of minus this: 0 for as they come, 1 for
            all labels alike.
        dropout: Probability, in the encoder's layers and on its vectors.
        consistency: Weight of the divergence between two passes with different dropout (R-Drop, Liang et al.
            2021).
        mixup: Parameter of the beta distribution by which pairs of vectors are mixed (Zhang et al. 2018; on
            vectors as Guo et al. 2019).
        asymmetry: Focusing on hard absent labels in fields of several (Ridnik et al. 2021).
        contrast: Weight of the supervised contrastive loss (Khosla et al. 2020).
        temperature: Of the contrastive loss.
        prototypes: Whether fields of one label are learned from cosines with the batch's own class means, rather
            than by a head (Snell et al. 2017; each without itself, as in Wan et al. 2018): for few examples.
    """

    smoothing: float = 0.0
    balance: float = 0.0
    dropout: float = 0.0
    consistency: float = 0.0
    mixup: float = 0.0
    asymmetry: float = 0.0
    contrast: float = 0.0
    temperature: float = 0.1
    prototypes: bool = False


def contrast(vectors: Tensor, wanted: Tensor, *, temperature: float) -> Tensor:
    """Returns the supervised contrastive loss of each row (Khosla et al. 2020, equation 2), shape (rows,).

    `-mean over p of log(exp(v.p / t) / sum over a of exp(v.a / t))`, p being the other rows of the same label and
    a all other rows. 0 for a row without such another, or without a label.

    Args:
        vectors: Of unit length, shape (rows, dimension).
        wanted: Label numbers, shape (rows,).
    """
    others = ~torch.eye(len(vectors), dtype=torch.bool)
    known = wanted != MISSING
    same = (wanted[:, None] == wanted) & others & known[:, None]
    similar = (vectors @ vectors.T / temperature).masked_fill(~others, -math.inf)
    logs = similar - similar.logsumexp(1, keepdim=True)
    found = logs.masked_fill(~same, 0.0).sum(1) / same.sum(1).clamp(min=1)
    return -found


class PrototypeScores(NamedTuple):
    """Scores of the labels in a batch, and each row's own.

    Attributes:
        scores: Shape (rows, labels in the batch).
        own: The column of each row's label; `MISSING` where no other row has it.
    """

    scores: Tensor
    own: Tensor


def prototype_scores(vectors: Tensor, wanted: Tensor, *, scale: float) -> PrototypeScores:
    """Returns the cosines of each row with the class means of its batch, each row's own mean without itself.

    The work grows with rows times labels, never with pairs of rows (Snell et al. 2017; Wan et al. 2018).

    Args:
        vectors: Of unit length, shape (rows, dimension).
        wanted: Label numbers, shape (rows,).
        scale: What cosines are multiplied by.
    """
    known = wanted != MISSING
    labels = torch.unique(wanted[known])
    member = (wanted[:, None] == labels).to(vectors.dtype)
    sums, counts = member.T @ vectors, member.sum(0)
    means = nn.functional.normalize(sums, dim=1)
    scores = vectors @ means.T
    without = nn.functional.normalize(member @ sums - vectors, dim=1)
    scores = torch.where(member > 0, (vectors * without).sum(1, keepdim=True), scores)
    alone = (member @ counts) < 2
    own = torch.where(known & ~alone, member.argmax(1), MISSING)
    return PrototypeScores(scores * scale, own)
