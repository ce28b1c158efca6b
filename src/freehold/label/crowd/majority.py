"""The label that most experts gave. Knows nothing of how good they are."""

from __future__ import annotations

import numpy as np

from freehold.label.crowd.consensus import Consensus
from freehold.label.crowd.votes import Floats, Votes

__all__ = ["count_votes", "majority"]


def majority(votes: Votes) -> Consensus:
    """Returns the share of the experts of each item who gave it each label.

    A tie stays one: see `Consensus.settle`.

    Example:
        >>> from freehold.label.crowd import Vote, tabulate
        >>> rows = [("1", "ann", "ham"), ("1", "bob", "ham"), ("1", "cy", "spam")]
        >>> majority(tabulate(Vote(*row) for row in rows)).settle()[0].value
        'ham'
    """
    counts = count_votes(votes)
    return Consensus(votes.items, votes.labels, counts / counts.sum(1, keepdims=True))


def count_votes(votes: Votes) -> Floats:
    """Returns how often each item got each label, shape (items, labels)."""
    shape = len(votes.items), len(votes.labels)
    cells = votes.item * shape[1] + votes.label
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
