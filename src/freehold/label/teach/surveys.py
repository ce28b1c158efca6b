"""How good each teacher is, against rows whose label is known, and what it has cost so far.

Owns the counting. Endpoints are judged by what they answered in earlier runs: nobody is asked over a network here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from freehold.label.teach.books import Totals
from freehold.label.teach.checks import choose_checks, is_known
from freehold.label.teach.committee import alike
from freehold.label.teach.hearings import open_books, recall
from freehold.label.teach.in_process import Asking
from freehold.label.teach.sayings import Values, agree_with_self, resolve_fields
from freehold.label.teach.teaching import decide_fields
from freehold.task import Example, Field, Measured, Task, Value, canonical, wilson_bounds

if TYPE_CHECKING:
    from freehold.registry import Registry
    from freehold.task import Desk

__all__ = ["COMMITTEE", "Confused", "Survey", "Surveyed", "survey"]

COMMITTEE = "(committee)"
_PAIRS = 10
_CLOSED = ("choice", "predicate", "score")


class Confused(NamedTuple):
    """How often a teacher said one value where another is known to be true."""

    true: str
    said: str
    rows: int


class Surveyed(NamedTuple):
    """One teacher on one field.

    Attributes:
        asked: Rows with a known label that it was asked about; `answered` those of which it said something.
        accuracy: Of what it said, with Wilson's interval; None where it said nothing.
        confused: The values that it takes for one another most often.
    """

    teacher: str
    field: str
    asked: int
    answered: int
    accuracy: Measured | None
    confused: tuple[Confused, ...]


class Survey(NamedTuple):
    """All teachers on all fields, the committee last; what each of them cost, and why one could not be asked.

    Attributes:
        by_people: How many of the rows have a label that a person gave or confirmed; the others came with data.
    """

    rows: tuple[Surveyed, ...]
    totals: dict[str, Totals]
    troubles: dict[str, str]
    checks: int
    by_people: int


def survey(desk: Desk, task: Task, rows: Sequence[Example], *, shelf: Registry) -> Survey:
    """Returns how good each teacher is.

    Args:
        rows: All rows of the task; test rows are passed over.
    """
    seen = [row for row in rows if row.split != "test"]
    fields = resolve_fields(task.fields, seen)
    asking = Asking(desk, task, shelf, fields=fields, known=[row for row in seen if row.outputs])
    settled = shelf.settled(task.name)
    checks = choose_checks(seen, fields, settled=settled, most=task.teaching.checks)
    books = open_books(task.teachers, asking)
    heard = recall(checks, asking, books=books)
    verdicts = decide_fields(fields, heard.sayings, checks=checks)
    found = []
    for field in fields:
        known = {row.id: row.outputs[field.name] for row in checks if is_known(row, field)}
        for teacher in task.teachers:
            if not teacher.fields or field.name in teacher.fields:
                said = _said(teacher.name, heard.sayings[teacher.name], field)
                found.append(_judge(teacher.name, field, said, known))
        together = {name: each.value for name, each in verdicts[field.name].items() if each.value is not None}
        found.append(_judge(COMMITTEE, field, together, known))
    people = sum(any((row.id, field.name) in settled for field in fields) for row in checks)
    totals = {each.name: books[each.name].totals if each.name in books else Totals() for each in task.teachers}
    troubles = {name: record.trouble for name, record in heard.records.items() if record.trouble}
    return Survey(tuple(found), totals, troubles, len(checks), people)


def _said(teacher: str, rows: Mapping[str, Sequence[Values]], field: Field) -> dict[str, Value]:
    found = {}
    for example, samples in rows.items():
        saying = agree_with_self(teacher, samples, field=field.name)
        if saying is not None:
            found[example] = saying.value
    return found


def _judge(teacher: str, field: Field, said: dict[str, Value], known: dict[str, Value]) -> Surveyed:
    answered = [example for example in known if example in said]
    right = sum(alike(field, said[example], known[example]) for example in answered)
    pairs: Counter[tuple[str, str]] = Counter()
    if field.kind in _CLOSED:
        for example in answered:
            if not alike(field, said[example], known[example]):
                pairs[_word(known[example]), _word(said[example])] += 1
    ranked = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:_PAIRS]
    confused = tuple(Confused(true, wrong, rows) for (true, wrong), rows in ranked)
    return Surveyed(teacher, field.name, len(known), len(answered), _share(right, len(answered)), confused)


def _word(value: Value) -> str:
    return value if isinstance(value, str) else canonical(value).decode()


def _share(right: int, n: int) -> Measured | None:
    if not n:
        return None
    low, high = wilson_bounds(right / n, n)
    return Measured(round(right / n, 9), round(low, 9), round(high, 9), n)
