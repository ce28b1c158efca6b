"""What the experts say together: a chance for each label of each item, and the label that follows.

Owns when there is no answer. Knows nothing of how the chances came about.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from freehold.errors import UserError
from freehold.label.crowd.votes import Floats, Whole

__all__ = ["TIE_RULES", "Consensus", "Settled", "TieRule"]

TieRule: TypeAlias = Literal["none", "first", "random"]
TIE_RULES: tuple[TieRule, ...] = get_args(TieRule)
"""What becomes of a tie: no answer, the first of the tied labels in their order, one drawn by lot."""

_EVEN = 1e-9


class Settled(NamedTuple):
    """What the experts say of one item.

    Attributes:
        value: None where labels are tied and no rule breaks ties.
        confidence: The chance of the value, or of each of the tied labels.
        tied: The labels that are equally likely, in order; empty where one leads.
    """

    item: str
    value: str | None
    confidence: float
    tied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Consensus:
    """The chances of labels, item by item.

    Attributes:
        chances: Shape (items, labels); each row adds up to 1.
    """

    items: tuple[str, ...]
    labels: tuple[str, ...]
    chances: Floats

    def choose(self, rule: TieRule = "none", *, seed: int = 0) -> Whole:
        """Returns the number of each item's label, shape (items,), -1 where there is no answer.

        Args:
            rule: Of `TIE_RULES`. A lot depends on the item and the seed alone: what comes later changes none.
        """
        if rule not in TIE_RULES:
            raise UserError(f"`rule` is {rule!r}; it must be one of {', '.join(map(repr, TIE_RULES))}.")
        if not self.items:
            return np.empty(0, np.int64)
        leading = self._leading()
        chosen: Whole = leading.argmax(1).astype(np.int64)
        for item in np.flatnonzero(leading.sum(1) > 1).tolist():
            if rule == "none":
                chosen[item] = -1
            elif rule == "random":
                tied = np.flatnonzero(leading[item])
                chosen[item] = tied[_draw(self.items[item], seed) % len(tied)]
        return chosen

    def settle(self, rule: TieRule = "none", *, seed: int = 0) -> list[Settled]:
        """Returns each item's label with its confidence, and the ties."""
        leading, best = self._leading(), self.chances.max(1, initial=0.0).tolist()
        many = leading.sum(1) > 1
        settled = []
        for item, label in enumerate(self.choose(rule, seed=seed).tolist()):
            tied = tuple(self.labels[place] for place in np.flatnonzero(leading[item])) if many[item] else ()
            value = self.labels[label] if label >= 0 else None
            settled.append(Settled(self.items[item], value, best[item], tied))
        return settled

    def _leading(self) -> NDArray[np.bool_]:
        """Returns which labels are as likely as the likeliest; rounding breaks no tie."""
        return np.asarray(self.chances >= self.chances.max(1, keepdims=True, initial=0.0) - _EVEN)


def _draw(item: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\n{item}".encode()).digest()[:8], "big")
