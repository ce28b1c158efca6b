"""What experts do, as values: what they are given, what they say, what becomes of it.

Knows nothing of transactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

from freehold.registry.assignments import Assignment, new_id
from freehold.registry.candidates import Asking, Candidate
from freehold.registry.judgements import LedgerRow
from freehold.task import Json

__all__ = ["MOST_SECONDS", "Answered", "Said", "Taken", "Undone", "assign", "judge", "until"]

MOST_SECONDS = 600
"""The longest that one item counts as work: whoever leaves a page open does not work on it."""

Result: TypeAlias = Literal["kept", "repeated", "unknown", "closed", "lapsed", "unfit"]


class Said(NamedTuple):
    """What an expert says of an assignment: values, or nothing and why.

    Attributes:
        answers: Field to value, in the one form that equal values have; fields left out are passed over.
            None where the item is skipped.
        milliseconds: How long it took.
    """

    assignment: str
    answers: Mapping[str, Json] | None
    reason: str = ""
    flag: bool = False
    comment: str = ""
    milliseconds: int = 0


class Answered(NamedTuple):
    """What became of what was said.

    Attributes:
        result: `kept` now, or before in the same words (`repeated`); or why not: there is no such assignment of
            this expert (`unknown`), it has another answer or was taken back (`closed`), its time is over and
            others have it (`lapsed`), it has no such field (`unfit`).
        milliseconds: What counts as working time.
    """

    assignment: str
    result: Result
    milliseconds: int = 0


class Taken(NamedTuple):
    """What an expert holds.

    Attributes:
        waiting: How many items wait for this expert, those that are held included.
        done: How many this expert has answered.
    """

    assignments: tuple[Assignment, ...]
    waiting: int
    done: int


class Undone(NamedTuple):
    """An act that was taken back, and the assignment to do it anew; None where others have the item by now."""

    judgement: LedgerRow
    again: Assignment | None


def until(asking: Asking) -> str:
    """Returns until when what is handed out now is held."""
    return (asking.now + timedelta(minutes=asking.rules.lease_minutes)).isoformat(timespec="microseconds")


def assign(each: Candidate, asking: Asking) -> Assignment:
    """Returns an item as it is handed out."""
    return Assignment(
        id=new_id(),
        task=asking.task,
        example=each.example,
        expert=asking.expert,
        kind=each.kind,
        state="open",
        inputs=each.inputs,
        fields=each.fields,
        known=each.known,
        taken=asking.moment,
        until=until(asking),
    )


def judge(held: Assignment, said: Said, asking: Asking) -> LedgerRow:
    """Returns the row of the ledger for what was said."""
    shown = asking.rules.suggestions == "shown"
    return LedgerRow(
        task=held.task,
        example=held.example,
        expert=held.expert,
        kind=held.kind,
        act="skip" if said.answers is None else "answer",
        assignment=held.id,
        answers=said.answers or {},
        suggestions={name: each.suggestion for name, each in held.fields.items()} if shown else {},
        known=held.known,
        reason=said.reason,
        flag=said.flag,
        comment=said.comment,
        milliseconds=min(said.milliseconds, MOST_SECONDS * 1000),
        rate=format(Decimal(repr(asking.rules.rate)), "f"),
        rate_per=asking.rules.rate_per,
        currency=asking.rules.currency,
        created=asking.moment,
    )
