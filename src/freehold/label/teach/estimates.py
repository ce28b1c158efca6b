"""What asking the teachers would take: rows, calls, tokens, money and time, before anybody is asked.

Owns the arithmetic. At most: every call at its worst. About: by what earlier calls of the same endpoint took.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from freehold.label.teach.checks import choose_checks
from freehold.label.teach.endpoints import worst_case
from freehold.label.teach.hearings import open_books, plan_calls
from freehold.label.teach.in_process import Asking
from freehold.label.teach.purses import BILLION
from freehold.label.teach.sayings import resolve_fields
from freehold.task import Example, Task, Teacher

if TYPE_CHECKING:
    from freehold.label.teach.books import Book
    from freehold.label.teach.endpoints import Call
    from freehold.registry import Registry
    from freehold.task import Desk

__all__ = ["Estimate", "estimate"]


class Estimate(NamedTuple):
    """What asking one teacher would take.

    Attributes:
        rows: To be asked about, those whose label is known included.
        calls: That have no answer yet; in this process there are none.
        most_tokens: What the calls can take; `most_cost` in the currency.
        tokens: What they would take by earlier calls; None where there were none, `cost` and `seconds` too.
    """

    teacher: str
    rows: int
    calls: int
    most_tokens: int
    most_cost: float
    tokens: int | None
    cost: float | None
    seconds: float | None


def estimate(desk: Desk, task: Task, rows: Sequence[Example], *, shelf: Registry) -> list[Estimate]:
    """Returns what asking each teacher would take; verifiers that ask an endpoint come on top of it."""
    seen = [row for row in rows if row.split != "test"]
    fields = resolve_fields(task.fields, seen)
    asking = Asking(desk, task, shelf, fields=fields, known=[])
    checks = choose_checks(seen, fields, settled=shelf.settled(task.name), most=task.teaching.checks)
    wanted = [row for row in seen if row.split == "train" and any(f.name not in row.outputs for f in fields)]
    asked = list({row.id: row for row in (*checks, *wanted)}.values()) if wanted else []
    books = open_books(task.teachers, asking)
    calls: dict[str, dict[str, Call]] = {}
    for call in plan_calls(asked, asking):
        if books[call.teacher.name].find(call.key) is None:
            calls.setdefault(call.teacher.name, {})[call.key] = call
    return [
        _estimate(each, list(calls.get(each.name, {}).values()), rows=len(asked), book=books.get(each.name))
        for each in task.teachers
    ]


def _estimate(teacher: Teacher, calls: Sequence[Call], *, rows: int, book: Book | None) -> Estimate:
    worst = [worst_case(call) for call in calls]
    tokens, cost = sum(each.tokens for each in worst), sum(each.cost for each in worst) / BILLION
    ratio, seconds = (book.ratio(), book.seconds) if book else ((0.0, 0.0), 0.0)
    if ratio is None or seconds is None:
        return Estimate(teacher.name, rows, len(calls), tokens, cost, None, None, None)
    read, written = round(ratio[0] * len(calls)), round(ratio[1] * len(calls))
    likely = teacher.price.cost(read, written) / BILLION if teacher.price else 0.0
    time = seconds * len(calls) / teacher.parallel
    if teacher.per_minute:
        time = max(time, 60 * len(calls) / teacher.per_minute)
    return Estimate(teacher.name, rows, len(calls), tokens, cost, read + written, likely, round(time, 1))
