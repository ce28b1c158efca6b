"""How people label for a task: what they are told, how many see one item, in what order, and what they are owed.

Owns the `[review]` table of a task file. Knows nothing of who they are, nor of what they said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, get_args

from freehold.task.tables import Table, shown

__all__ = ["RatePer", "ReviewRules", "Suggestions", "read_review_rules"]

Suggestions: TypeAlias = Literal["shown", "hidden"]
RatePer: TypeAlias = Literal["item", "hour"]

_MOST_EXPERTS = 15
_LONGEST_LEASE = 24 * 60
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class ReviewRules:
    """The rules of the review list.

    Attributes:
        guidelines: A Markdown file that experts read. Relative paths start at the task's folder.
        overlap: How many experts label each item, none of them knowing what another said.
        suggestions: Whether experts see what a model thinks.
        gold: The share of the items shown whose label is known already: they measure the expert.
        random: The share of new items picked at random: they alone may become test or validation rows.
        strategy: The plugin that says what an answer to each of the others is worth.
        self_training: Whether rows without a label may be learned from as what they are likely to be.
        lease_minutes: How long an item is held for whoever it was shown to.
        rate: What one item, or an hour of work, is owed.
        rate_per: Which of the two.
        currency: ISO 4217.
    """

    guidelines: str = ""
    overlap: int = 1
    suggestions: Suggestions = "shown"
    gold: float = 0.0
    random: float = 0.1
    strategy: str = "worth.v1"
    self_training: bool = True
    lease_minutes: int = 30
    rate: float = 0.0
    rate_per: RatePer = "item"
    currency: str = "EUR"


def read_review_rules(top: Table) -> ReviewRules:
    """Returns the rules; what is wrong with them is noted."""
    table = top.table("review")
    table.only(tuple(ReviewRules.__dataclass_fields__))
    default = ReviewRules()
    return ReviewRules(
        guidelines=table.string("guidelines"),
        overlap=_read_whole(table, "overlap", 1, _MOST_EXPERTS, default.overlap),
        suggestions=cast("Suggestions", table.word("suggestions", get_args(Suggestions), default="shown")),
        gold=table.number("gold", 0, 0.5),
        random=table.number("random", 0, 1, default.random),
        strategy=table.string("strategy", default.strategy),
        self_training=table.flag("self_training", default=True),
        lease_minutes=_read_whole(table, "lease_minutes", 1, _LONGEST_LEASE, default.lease_minutes),
        rate=table.number("rate", 0, 1_000_000),
        rate_per=cast("RatePer", table.word("rate_per", get_args(RatePer), default="item")),
        currency=_read_currency(table, default.currency),
    )


def _read_whole(table: Table, key: str, low: int, high: int, default: int) -> int:
    value = table.values.get(key, default)
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    table.wrong(key, f"`{key}` is {shown(value)}; it must be a whole number from {low} to {high}.")
    return default


def _read_currency(table: Table, default: str) -> str:
    value = table.string("currency", default)
    if not _CURRENCY.fullmatch(value):
        table.wrong("currency", f"`currency` is {value!r}; it must have three capital letters, such as EUR.")
    return value
