"""Whether experts can be compared at all, and what is said where they cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from freehold.errors import UserError
from freehold.label.crowd.resampling import Coefficient
from freehold.label.crowd.votes import Votes, Whole

__all__ = ["Agreement", "explain_labels", "explain_overlap"]


class Agreement(NamedTuple):
    """A measure of agreement.

    Attributes:
        overall: Over all labels.
        labels: Of each label against all others.
    """

    overall: Coefficient
    labels: Mapping[str, Coefficient]


def explain_overlap(votes: Votes, judged: Whole | None = None) -> str:
    """Returns why no agreement can be measured; empty where it can.

    Args:
        judged: How many experts judged each item, where votes do not tell.

    Raises:
        UserError: An expert judged an item more than once: that is no agreement between experts.
    """
    if judged is None and (twice := votes.repeated()):
        raise UserError(
            f"Expert {twice.expert!r} judged item {twice.item!r} more than once: that is no agreement.",
            hint="Keep the last judgement of each expert on an item.",
        )
    if not votes.experts:
        return "Nobody has judged anything."
    if len(votes.experts) == 1:
        return f"Only `{votes.experts[0]}` has judged: agreement takes two experts."
    sizes = np.bincount(votes.item, minlength=len(votes.items)) if judged is None else judged
    shared = int((sizes >= 2).sum())
    if not shared:
        return "No item was judged by two experts."
    return "Only one item was judged by two experts: agreement takes two items." if shared == 1 else ""


def explain_labels(votes: Votes) -> tuple[str, list[str]]:
    """Returns what is said where nothing can be confused: over all labels, and of each."""
    each = [f"`{label}` was given always or never, so that nothing can be confused." for label in votes.labels]
    return "Every answer is the same, so that nothing can be confused.", each
