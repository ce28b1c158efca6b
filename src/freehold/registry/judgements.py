"""The ledger of what experts said: rows that are added, and never changed or deleted.

Owns the shape of a row. An undo is a row of its own that names the one it takes back; the database itself refuses
all but additions. What work is owed is reckoned in `dues`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa

from freehold.registry import tables
from freehold.registry.assignments import AssignmentKind
from freehold.registry.database import pack, unpack
from freehold.task import Json

__all__ = ["Act", "LedgerRow", "append", "read", "standing"]

Act: TypeAlias = Literal["answer", "skip", "undo"]


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One act of one expert on one item.

    Attributes:
        id: Its place in the ledger; 0 before it is there.
        answers: Field to value; empty unless it is an answer.
        reason: Why the item was skipped.
        flag: Whether the expert says that something is wrong with the item.
        milliseconds: What counts as working time.
        suggestions: Field to what a model thought, as far as the expert was shown it.
        known: Of a gold item: field to the right value.
        rate: What was owed for an item or an hour when this was said, in decimal digits.
        undoes: The row that an undo takes back; 0 where it is none.
    """

    task: str
    example: str
    expert: str
    kind: AssignmentKind
    act: Act
    assignment: str
    answers: Mapping[str, Json]
    suggestions: Mapping[str, Json]
    known: Mapping[str, Json]
    reason: str
    flag: bool
    comment: str
    milliseconds: int
    rate: str
    rate_per: Literal["item", "hour"]
    currency: str
    created: str
    undoes: int = 0
    id: int = 0


_PLAIN = ("task", "example", "expert", "kind", "act", "assignment", "reason", "flag", "comment")
_MORE = ("milliseconds", "rate", "rate_per", "currency", "created", "undoes")
_PACKED = ("answers", "suggestions", "known")


def append(connection: sa.Connection, judgement: LedgerRow) -> None:
    """Adds a row. A second act on an assignment, or a second undo of an act, is refused by the database."""
    values = {name: getattr(judgement, name) for name in (*_PLAIN, *_MORE)}
    packed = {name: pack(dict(getattr(judgement, name))) for name in _PACKED}
    connection.execute(sa.insert(tables.judgements), {**values, **packed})


def read(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[LedgerRow]:
    """Returns the rows that meet conditions, in the order in which they were added."""
    query = sa.select(tables.judgements).where(*conditions).order_by(tables.judgements.c.id)
    return [_judgement(row) for row in connection.execute(query)]


def _judgement(row: sa.Row[Any]) -> LedgerRow:
    what = f"judgement {row.id}"
    packed = {name: unpack(getattr(row, name), what=what) for name in _PACKED}
    plain: dict[str, Any] = {name: getattr(row, name) for name in (*_PLAIN, *_MORE, "id")}
    return LedgerRow(**plain, **packed)


def standing(rows: Iterable[LedgerRow]) -> list[LedgerRow]:
    """Returns the answers and skips that nobody took back."""
    kept: Sequence[LedgerRow] = list(rows)
    undone = {row.undoes for row in kept}
    return [row for row in kept if row.act != "undo" and row.id not in undone]
