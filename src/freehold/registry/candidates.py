"""Which items an expert may be given now, in which order.

Owns the rules: no field has more than `overlap` blind looks that are held or given, no expert looks twice, whoever
disagreed does not adjudicate while somebody else could, gold is what others settled and is never a test or
validation row. Works within a transaction of its caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from freehold.registry import tables
from freehold.registry.assignments import Assignment, AssignmentKind, Shown, in_parts, restore
from freehold.registry.database import pack, unpack
from freehold.task import Json, ReviewRules

__all__ = [
    "Asking",
    "Candidate",
    "adjudications",
    "count_first_looks",
    "first_looks",
    "free_fields",
    "gold_items",
    "narrowed",
    "read_shown",
    "waiting_fields",
]

_PRESENT = timedelta(days=7)
"""Whoever took an item within this time counts as somebody who could adjudicate."""
_GOLD_LOOKED_AT = 64


class Asking(NamedTuple):
    """Who asks for what.

    Attributes:
        field: Only items that wait for this field, and only it; empty for all.
        search: Only items with this text in their inputs, whatever its case.
        label: Only fields for which this is suggested: a label, or another value as JSON.
        examples: Only these; None for all.
    """

    task: str
    expert: str
    rules: ReviewRules
    now: datetime
    field: str = ""
    search: str = ""
    label: str = ""
    examples: Sequence[str] | None = None

    def fits(self, inputs: Mapping[str, str]) -> bool:
        """Returns whether an item has the text that is searched for."""
        wanted = self.search.casefold()
        return not wanted or any(wanted in text.casefold() for text in inputs.values())

    @property
    def moment(self) -> str:
        """The time as rows have it."""
        return self.now.isoformat(timespec="microseconds")


class Candidate(NamedTuple):
    """An item that may be handed out."""

    kind: AssignmentKind
    example: str
    inputs: Mapping[str, str]
    fields: Mapping[str, Shown]
    known: Mapping[str, Json] = {}


def first_looks(connection: sa.Connection, asking: Asking, *, limit: int) -> list[Candidate]:
    """Returns up to `limit` items that wait for a blind look of this expert: those worth most first."""
    reviews = tables.reviews.c
    free = _free(asking)
    order = (sa.func.max(reviews.worth).desc(), sa.func.min(reviews.confidence), reviews.example)
    query = free.with_only_columns(reviews.example, sa.func.min(reviews.inputs).label("inputs"))
    query = query.group_by(reviews.example).order_by(*order)
    if not asking.search:
        query = query.limit(limit)
    wanted: dict[str, Mapping[str, str]] = {}
    for row in connection.execute(query):
        inputs = unpack(row.inputs, what=f"review of {row.example!r}")
        if len(wanted) < limit and asking.fits(inputs):
            wanted[row.example] = inputs
    fields: dict[str, dict[str, Shown]] = {example: {} for example in wanted}
    for part in in_parts(wanted):
        for row in connection.execute(free.where(reviews.example.in_(part)).order_by(reviews.field)):
            fields[row.example][row.field] = read_shown(row)
    return [Candidate("first", example, inputs, fields[example]) for example, inputs in wanted.items()]


def count_first_looks(connection: sa.Connection, asking: Asking) -> int:
    """Returns how many items wait for a blind look of this expert."""
    free = _free(asking).with_only_columns(sa.func.count(tables.reviews.c.example.distinct()))
    return int(connection.execute(free).scalar_one())


def _free(asking: Asking) -> sa.Select[Any]:
    """Returns the query for the fields in the queue that this expert may look at."""
    reviews, settlements, busy = tables.reviews.c, tables.settlements, _busy(asking)
    query = (
        sa.select(tables.reviews)
        .outerjoin(busy, (busy.c.example == reviews.example) & (busy.c.field == reviews.field))
        .outerjoin(settlements, _same_place(settlements.c))
        .where(
            reviews.task == asking.task,
            settlements.c.field.is_(None),
            sa.func.coalesce(busy.c.held, 0) < asking.rules.overlap,
            sa.func.coalesce(busy.c.mine, 0) == 0,
        )
    )
    return narrowed(query, asking)


def narrowed(query: sa.Select[Any], asking: Asking) -> sa.Select[Any]:
    """Returns a query over the queue for the field and the examples that are asked for."""
    reviews = tables.reviews.c
    if asking.field:
        query = query.where(reviews.field == asking.field)
    if asking.label:
        query = query.where(reviews.suggestion.in_([pack(asking.label), asking.label]))
    return query if asking.examples is None else query.where(reviews.example.in_(list(asking.examples)))


def _same_place(columns: Any) -> sa.ColumnElement[bool]:
    reviews = tables.reviews.c
    return sa.and_(*(columns[name] == reviews[name] for name in ("task", "example", "field")))


def _busy(asking: Asking) -> sa.Subquery:
    """Returns the fields that were given to anybody: how many looks are held, and whether one is this expert's."""
    rows = tables.assignments.c
    held = (rows.state == "answered") | ((rows.state == "open") & (rows.until > asking.moment))
    counted = sa.select(
        rows.example,
        rows.field,
        sa.func.sum(sa.case((held, 1), else_=0)).label("held"),
        sa.func.max(sa.case((rows.expert == asking.expert, 1), else_=0)).label("mine"),
    )
    states = rows.state.in_(["open", "answered", "skipped"])
    counted = counted.where(rows.task == asking.task, rows.kind == "first", states)
    return counted.group_by(rows.example, rows.field).subquery()


def read_shown(row: Any) -> Shown:
    """Returns a field of the queue as it is handed out."""
    what = f"review of {row.example!r}"
    suggestion, given = (unpack(value, what=what) for value in (row.suggestion, row.given))
    return Shown(suggestion, row.confidence, given, row.reason, row.origin, row.worth)


def adjudications(connection: sa.Connection, asking: Asking) -> list[Candidate]:
    """Returns the items on which others disagree, and that this expert may decide."""
    reviews, settlements = tables.reviews.c, tables.settlements
    query = sa.select(tables.reviews).join(settlements, _same_place(settlements.c))
    query = query.where(reviews.task == asking.task, settlements.c.state == "disputed")
    disputed = connection.execute(
        narrowed(query, asking).order_by(reviews.worth.desc(), reviews.example, reviews.field)
    ).all()
    looks = _looks_at(connection, asking, {row.example for row in disputed})
    present = _present(connection, asking) if disputed else set()
    items: dict[str, dict[str, Shown]] = {}
    inputs: dict[str, Mapping[str, str]] = {}
    for row in disputed:
        if _may_adjudicate(asking, looks.get((row.example, row.field), ()), present):
            inputs.setdefault(row.example, unpack(row.inputs, what=f"review of {row.example!r}"))
            items.setdefault(row.example, {})[row.field] = read_shown(row)
    found = [Candidate("adjudication", example, inputs[example], fields) for example, fields in items.items()]
    return [each for each in found if asking.fits(each.inputs)]


def _looks_at(
    connection: sa.Connection, asking: Asking, examples: Iterable[str]
) -> dict[tuple[str, str], list[sa.Row[Any]]]:
    rows = tables.assignments.c
    found: dict[tuple[str, str], list[sa.Row[Any]]] = {}
    for part in in_parts(sorted(examples)):
        query = sa.select(tables.assignments).where(
            rows.task == asking.task,
            rows.example.in_(part),
            rows.kind != "gold",
            rows.state.in_(["open", "answered", "skipped"]),
        )
        for row in connection.execute(query):
            found.setdefault((row.example, row.field), []).append(row)
    return found


def _present(connection: sa.Connection, asking: Asking) -> set[str]:
    rows = tables.assignments.c
    since = (asking.now - _PRESENT).isoformat(timespec="microseconds")
    query = sa.select(rows.expert).distinct().where(rows.task == asking.task, rows.taken > since)
    return set(connection.execute(query).scalars())


def _may_adjudicate(asking: Asking, looks: Sequence[sa.Row[Any]], present: set[str]) -> bool:
    second = [row for row in looks if row.kind == "adjudication"]
    if any(row.state == "open" and (row.until > asking.moment or row.expert == asking.expert) for row in second):
        return False
    passed = {row.expert for row in second if row.state == "skipped"}
    if asking.expert in passed:
        return False
    disagreeing = {row.expert for row in looks if row.kind == "first" and row.state == "answered"}
    return asking.expert not in disagreeing or not present - disagreeing - passed


def gold_items(connection: sa.Connection, asking: Asking, *, limit: int, offset: float) -> list[Candidate]:
    """Returns items that others settled and this expert never saw, as they were shown then.

    Args:
        limit: The most.
        offset: From 0 to 1: where among the settled ones is begun.
    """
    settled = sa.select(sa.func.count(tables.settlements.c.example.distinct()))
    mine = (tables.settlements.c.task == asking.task) & (tables.settlements.c.state == "settled")
    many = int(connection.execute(settled.where(mine)).scalar_one())
    if not many or asking.search or asking.label or asking.examples is not None:
        return []
    query = sa.select(tables.settlements.c.example).distinct().where(mine).order_by(tables.settlements.c.example)
    looked = connection.execute(query.limit(_GOLD_LOOKED_AT + limit).offset(int(offset * many))).scalars().all()
    found = [_gold(connection, asking, example) for example in looked]
    return [each for each in found if each is not None][:limit]


def _gold(connection: sa.Connection, asking: Asking, example: str) -> Candidate | None:
    rows, settlements, splits = tables.assignments.c, tables.settlements, tables.splits.c
    locked = sa.select(splits.split).where(splits.task == asking.task, splits.example == example)
    if connection.execute(locked).scalar() in ("test", "validation"):
        return None
    item = (rows.task == asking.task, rows.example == example)
    if connection.execute(sa.select(rows.id).where(*item, rows.expert == asking.expert).limit(1)).first():
        return None
    joined = (settlements.c.task == rows.task) & (settlements.c.example == rows.example)
    query = sa.select(tables.assignments, settlements.c.value.label("right")).join(
        settlements, joined & (settlements.c.field == rows.field) & (settlements.c.state == "settled")
    )
    found = connection.execute(query.where(*item, rows.kind == "first", rows.state == "settled")).all()
    kept = {row.field: row for row in found if asking.field in ("", row.field)}
    if not kept:
        return None
    what = f"assignment {found[0].id!r}"
    return Candidate(
        "gold",
        example,
        unpack(found[0].inputs, what=what),
        {field: restore(unpack(row.shown, what=what)) for field, row in kept.items()},
        {field: unpack(row.right, what=what) for field, row in kept.items()},
    )


def free_fields(connection: sa.Connection, held: Assignment, asking: Asking) -> set[str]:
    """Returns the fields of an assignment whose time is over that nobody else was given meanwhile."""
    if held.kind == "gold":
        return set(held.fields)
    rows, settlements = tables.assignments.c, tables.settlements.c
    others = sa.select(rows.field, sa.func.count().label("held")).where(
        rows.task == held.task,
        rows.example == held.example,
        rows.kind == held.kind,
        rows.id != held.id,
        (rows.state == "answered") | ((rows.state == "open") & (rows.until > asking.moment)),
    )
    taken = {row.field: row.held for row in connection.execute(others.group_by(rows.field))}
    where = (settlements.task == held.task, settlements.example == held.example)
    state = {
        row.field: row.state
        for row in connection.execute(sa.select(settlements.field, settlements.state).where(*where))
    }
    if held.kind == "adjudication":
        return {field for field in held.fields if state.get(field) == "disputed" and not taken.get(field)}
    most = asking.rules.overlap
    return {field for field in held.fields if field not in state and taken.get(field, 0) < most}


def waiting_fields(connection: sa.Connection, task: str, examples: Iterable[str]) -> set[tuple[str, str]]:
    """Returns example and field of what is in the queue."""
    reviews = tables.reviews.c
    found: set[tuple[str, str]] = set()
    for part in in_parts(examples):
        query = sa.select(reviews.example, reviews.field).where(reviews.task == task, reviews.example.in_(part))
        found |= {(row.example, row.field) for row in connection.execute(query)}
    return found
