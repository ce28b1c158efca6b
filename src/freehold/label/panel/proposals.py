"""What all blind answers together say of each item, so that whoever adjudicates sees more than two opinions.

Owns the shape of a proposal. It is Dawid and Skene's: an expert who is mostly right counts for more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from freehold.label.panel.looks import Look, annotate_looks, read_looks
from freehold.task import Field, Json

if TYPE_CHECKING:
    from freehold.registry import LedgerRow

__all__ = ["propose"]


def propose(ledger: Sequence[LedgerRow], fields: Sequence[Field]) -> dict[tuple[str, str], Mapping[str, Json]]:
    """Returns example and field to `value` (None where values are tied), `confidence` and `tied`.

    Gold items tell how far each expert can be believed. Fields of kind `text` have no proposals.
    """
    looks = read_looks(ledger, fields, kind="first")
    gold = read_looks(ledger, fields, kind="gold")
    proposals: dict[tuple[str, str], Mapping[str, Json]] = {}
    for field in fields:
        if field.kind != "text":
            proposals |= _propose(field, looks, gold)
    return proposals


def _propose(
    field: Field, looks: Sequence[Look], gold: Sequence[Look]
) -> dict[tuple[str, str], Mapping[str, Json]]:
    from freehold.label.crowd import settle

    mine = [look for look in looks if look.field == field.name]
    asked = {(look.item, look.expert) for look in mine}
    more = [look for look in gold if look.field == field.name and (look.item, look.expert) not in asked]
    items = {look.item for look in mine}
    known = {look.item: look.right for look in more if look.right is not None}
    # An item that is gold for one expert was settled by others, whose looks at it count as they are.
    outcomes = settle(field, annotate_looks([*mine, *more]), gold=known) if mine else []
    return {
        (each.item, field.name): {
            "value": cast(Json, each.value),
            "confidence": round(each.confidence, 6),
            "tied": [cast(Json, value) for value in each.tied],
        }
        for each in outcomes
        if each.item in items
    }
