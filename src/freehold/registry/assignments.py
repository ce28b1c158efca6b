"""Which expert holds which item, and who may be given one: the rows of the table `assignments`.

Owns what an assignment is, and the queries over those there are. What answers come to is known to `settlements`,
in which order things happen to `experts`. Every function works within a transaction of its caller.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypeAlias

import sqlalchemy as sa

from freehold.registry import tables
from freehold.registry.database import pack, unpack
from freehold.task import Json

__all__ = [
    "Assignment",
    "AssignmentKind",
    "Blind",
    "Shown",
    "State",
    "change",
    "in_parts",
    "insert",
    "new_id",
    "read",
    "restore",
]

AssignmentKind: TypeAlias = Literal["first", "adjudication", "gold"]
State: TypeAlias = Literal["open", "answered", "settled", "skipped", "undone", "lapsed", "over"]
"""`answered` waits to be settled; `lapsed` ended without an answer; `over`: what it came to was withdrawn."""

_MOST_VARIABLES = 400


class Blind(NamedTuple):
    """A value that was given without knowing of others, and by how many experts."""

    value: Json
    experts: int


@dataclass(frozen=True, slots=True)
class Shown:
    """One field of an assignment, as the queue had it when it was handed out.

    Attributes:
        answers: Of an adjudication: what the blind answers were, the most frequent first.
    """

    suggestion: Json = None
    confidence: float = 0.0
    given: Json = None
    reason: str = ""
    origin: Literal["line", "request"] = "line"
    worth: float = 0.0
    answers: tuple[Blind, ...] = ()


@dataclass(frozen=True, slots=True)
class Assignment:
    """One item that one expert holds, or held: an example with the fields that wait for a value.

    Attributes:
        kind: `gold` is one whose label is known; whoever holds it must not be told.
        state: Of the whole; that of a single field may be ahead of it.
        known: The values of a gold item; empty otherwise.
        taken: ISO 8601, UTC, as `until`: when nobody answers until then, others may have it.
        draft: What was typed so far; None where nothing was.
    """

    id: str
    task: str
    example: str
    expert: str
    kind: AssignmentKind
    state: State
    inputs: Mapping[str, str]
    fields: Mapping[str, Shown]
    known: Mapping[str, Json]
    taken: str
    until: str
    draft: Json = None


def new_id() -> str:
    """Returns an id that rises with time and tells nothing of the assignment."""
    return f"{time.time_ns() // 1000:013x}{secrets.token_hex(6)}"


def insert(connection: sa.Connection, assignments: Iterable[Assignment]) -> None:
    """Hands out assignments that were not there."""
    rows = [row for each in assignments for row in _values(each)]
    if rows:
        connection.execute(sa.insert(tables.assignments), rows)


def _values(each: Assignment) -> list[dict[str, Any]]:
    common = {
        "id": each.id,
        "task": each.task,
        "example": each.example,
        "expert": each.expert,
        "kind": each.kind,
        "state": each.state,
        "inputs": pack(dict(each.inputs)),
        "value": "null",
        "taken": each.taken,
        "until": each.until,
    }
    return [
        {"field": name, "shown": _pack_shown(shown), "known": pack(each.known.get(name)), **common}
        for name, shown in each.fields.items()
    ]


def _pack_shown(shown: Shown) -> str:
    names = ("suggestion", "confidence", "given", "reason", "origin", "worth")
    return pack({name: getattr(shown, name) for name in names})


def change(connection: sa.Connection, id: str, *, fields: Iterable[str] | None = None, **values: str) -> None:
    """Changes columns of an assignment, of some of its fields or of all."""
    rows = tables.assignments.c
    statement = sa.update(tables.assignments).where(rows.id == id).values(**values)
    if fields is not None:
        statement = statement.where(rows.field.in_(list(fields)))
    connection.execute(statement)


def read(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Assignment]:
    """Returns the assignments with rows that meet conditions, oldest first, with drafts and blind answers."""
    rows, drafts = tables.assignments.c, tables.drafts
    query = (
        sa.select(tables.assignments, drafts.c.content)
        .outerjoin(drafts, drafts.c.assignment == rows.id)
        .where(*conditions)
        .order_by(rows.taken, rows.id, rows.field)
    )
    found: dict[str, list[sa.Row[Any]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.id, []).append(row)
    read = [_assignment(each) for each in found.values()]
    return [_with_answers(connection, each) if each.kind == "adjudication" else each for each in read]


def _assignment(rows: Sequence[sa.Row[Any]]) -> Assignment:
    first = rows[0]
    what = f"assignment {first.id!r}"
    known = {row.field: unpack(row.known, what=what) for row in rows} if first.kind == "gold" else {}
    states = [row.state for row in rows]
    return Assignment(
        id=first.id,
        task=first.task,
        example=first.example,
        expert=first.expert,
        kind=first.kind,
        state="open" if "open" in states else states[0],
        inputs=unpack(first.inputs, what=what),
        fields={row.field: restore(unpack(row.shown, what=what)) for row in rows},
        known=known,
        taken=first.taken,
        until=first.until,
        draft=None if first.content is None else unpack(first.content, what=what),
    )


def restore(shown: Mapping[str, Any]) -> Shown:
    """Returns a field as its row keeps it."""
    return Shown(**shown)


def _with_answers(connection: sa.Connection, each: Assignment) -> Assignment:
    rows = tables.assignments.c
    query = sa.select(rows.field, rows.value, sa.func.count().label("experts")).where(
        rows.task == each.task,
        rows.example == each.example,
        rows.kind == "first",
        rows.state.in_(["answered", "settled"]),
    )
    blind: dict[str, list[Blind]] = {}
    for row in connection.execute(query.group_by(rows.field, rows.value)):
        blind.setdefault(row.field, []).append(Blind(unpack(row.value, what="blind answer"), row.experts))
    ordered = {name: sorted(said, key=lambda b: (-b.experts, pack(b.value))) for name, said in blind.items()}
    fields = {name: replace(shown, answers=tuple(ordered.get(name, ()))) for name, shown in each.fields.items()}
    return replace(each, fields=fields)


def in_parts(names: Iterable[str]) -> list[list[str]]:
    """Returns names in lists that are short enough for one statement."""
    whole = list(dict.fromkeys(names))
    return [whole[start : start + _MOST_VARIABLES] for start in range(0, len(whole), _MOST_VARIABLES)]
