"""What waits for a person, item by item, as one expert sees it: for a table of many items at once.

Owns the order and the pages of the list. Hands out nothing; what others said is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import sqlalchemy as sa

from freehold.registry import tables
from freehold.registry.assignments import Shown
from freehold.registry.candidates import Asking, narrowed, read_shown
from freehold.registry.database import unpack

__all__ = ["Listed", "Mine", "list_queue"]

Mine: TypeAlias = Literal["open", "answered", "skipped", ""]


@dataclass(frozen=True, slots=True)
class Listed:
    """One item of the queue.

    Attributes:
        looks: How many blind looks are given or held.
        disputed: Those who looked disagree.
        mine: What this expert did with it; empty for nothing.
    """

    example: str
    inputs: Mapping[str, str]
    fields: Mapping[str, Shown]
    looks: int
    disputed: bool
    mine: Mine


def list_queue(connection: sa.Connection, asking: Asking, *, limit: int, offset: int) -> tuple[int, list[Listed]]:
    """Returns how many items there are, and a page of them: those worth most first."""
    reviews = tables.reviews.c
    order = (sa.func.max(reviews.worth).desc(), sa.func.min(reviews.confidence), reviews.example)
    query = sa.select(reviews.example, sa.func.min(reviews.inputs).label("inputs"))
    query = narrowed(query.where(reviews.task == asking.task), asking)
    rows = connection.execute(query.group_by(reviews.example).order_by(*order)).all()
    if asking.search:
        rows = [row for row in rows if asking.fits(unpack(row.inputs, what=f"review of {row.example!r}"))]
    page = rows[offset : offset + limit]
    return len(rows), _describe(connection, asking, {row.example: row.inputs for row in page})


def _describe(connection: sa.Connection, asking: Asking, inputs: Mapping[str, str]) -> list[Listed]:
    reviews, settlements, rows = tables.reviews.c, tables.settlements.c, tables.assignments.c
    wanted = list(inputs)
    fields: dict[str, dict[str, Shown]] = {example: {} for example in wanted}
    query = sa.select(tables.reviews).where(reviews.task == asking.task, reviews.example.in_(wanted))
    for row in connection.execute(query.order_by(reviews.field)):
        fields[row.example][row.field] = read_shown(row)
    disputes = sa.select(settlements.example).where(
        settlements.task == asking.task, settlements.state == "disputed", settlements.example.in_(wanted)
    )
    disputed = set(connection.execute(disputes).scalars())
    looks: dict[str, set[str]] = {}
    mine: dict[str, Mine] = {}
    held = sa.select(rows.id, rows.example, rows.expert, rows.kind, rows.state, rows.until).where(
        rows.task == asking.task, rows.example.in_(wanted), rows.kind != "gold",
        rows.state.in_(["open", "answered", "skipped"]),
    )  # fmt: skip
    for row in connection.execute(held.order_by(rows.taken)):
        if row.kind == "first" and (
            row.state == "answered" or (row.state == "open" and row.until > asking.moment)
        ):
            looks.setdefault(row.example, set()).add(row.id)
        if row.expert == asking.expert:
            mine[row.example] = row.state
    return [
        Listed(
            example,
            unpack(inputs[example], what=f"review of {example!r}"),
            fields[example],
            len(looks.get(example, ())),
            example in disputed,
            mine.get(example, ""),
        )
        for example in wanted
    ]
