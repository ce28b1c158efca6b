"""The loss of tagged words: a linear chain over scores that any network gives (Lafferty et al. 2001).

Owns the loss in torch, as a function and as a module that learns which tag follows which. Knows nothing of
texts, vectors or files.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import torch
from torch import Tensor, nn

from freehold.engine import find_limits

__all__ = ["ChainLoss", "Transitions", "tag_loss"]

_TINY = 1e-30


class Transitions(NamedTuple):
    """What may follow what, and how gladly.

    Attributes:
        start: Score of each tag at the first word, shape (tags,).
        end: Score of each tag at the last word, shape (tags,).
        moves: Score of the column's tag behind the row's, shape (tags, tags).
    """

    start: Tensor
    end: Tensor
    moves: Tensor


class ChainLoss(nn.Module):
    """`tag_loss` with transitions that are learned; what the tags forbid stays forbidden.

    Args:
        labels: Number of labels.
        present: Those that some row has; the others are never answered.
    """

    def __init__(self, labels: int, *, present: Collection[int]) -> None:
        super().__init__()
        limits = find_limits(labels, present=present)
        for name, limit in limits._asdict().items():
            self.register_buffer(f"{name}_limit", torch.from_numpy(limit), persistent=False)
            self.register_parameter(name, nn.Parameter(torch.zeros(limit.shape)))

    def transitions(self) -> Transitions:
        """Returns what was learned, within the limits."""
        return Transitions(*(getattr(self, name) + getattr(self, f"{name}_limit") for name in Transitions._fields))

    def forward(self, scores: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Returns `tag_loss`, shape (rows,)."""
        return tag_loss(scores, tags, mask=mask, transitions=self.transitions())


def tag_loss(scores: Tensor, tags: Tensor, *, mask: Tensor, transitions: Transitions) -> Tensor:
    """Returns the negative log-likelihood of each row's tags, shape (rows,); 0 for rows without words.

    Args:
        scores: Score of each tag for each word, shape (rows, words, tags).
        tags: The right tags, shape (rows, words); any tag where `mask` is false.
        mask: True for words, false for the padding behind them, shape (rows, words).
    """
    scores, start = scores.float(), transitions.start
    weights = transitions.moves.exp()
    here = scores[:, 0] + start
    for i in range(1, scores.shape[1]):
        # Sums of exponentials as a matrix product: far less memory than the sum over all pairs of tags.
        top = here.amax(1, keepdim=True)
        onward = torch.log((here - top).exp() @ weights + _TINY) + top + scores[:, i]
        here = torch.where(mask[:, i, None], onward, here)
    total = torch.logsumexp(here + transitions.end, 1)
    words = (scores.gather(2, tags[..., None])[..., 0] * mask).sum(1)
    steps = (transitions.moves[tags[:, :-1], tags[:, 1:]] * mask[:, 1:]).sum(1)
    last = tags.gather(1, (mask.sum(1, keepdim=True) - 1).clamp(min=0))[:, 0]
    gold = words + steps + start[tags[:, 0]] + transitions.end[last]
    return (total - gold) * mask[:, 0]
