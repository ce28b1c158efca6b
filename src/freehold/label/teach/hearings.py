"""All teachers asked about all rows: endpoints beside each other within the budget, the others in this process.

Owns who is asked about what, and that a teacher who is not there takes nobody else's labels away. Knows nothing of
what becomes of the answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from freehold.errors import FreeholdError
from freehold.label.teach.books import Book
from freehold.label.teach.endpoints import Call, Outcomes, ask_endpoints
from freehold.label.teach.in_process import Asking, answer_here
from freehold.label.teach.purses import Purse
from freehold.label.teach.questions import ask_row
from freehold.label.teach.rules import Troubles
from freehold.label.teach.sayings import Sayings, Values, fit_values
from freehold.task import Event, Example, Json, Teacher

__all__ = ["Heard", "Record", "count_samples", "hear", "open_books", "plan_calls", "recall"]

_NAME = "label.annotate"


@dataclass(slots=True)
class Record:
    """How asking one teacher went.

    Attributes:
        rows: It was asked about; `answered` those of which it said something.
        misfits: Samples that did not fit the schema.
        unasked: Questions that were not put, by reason; `failed` those that failed, by how.
        trouble: What went wrong in this process; empty where nothing did.
    """

    rows: int = 0
    answered: int = 0
    misfits: int = 0
    unasked: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    trouble: str = ""

    def to_json(self) -> dict[str, Json]:
        """Returns it as plain data."""
        return {
            "rows": self.rows,
            "answered": self.answered,
            "misfits": self.misfits,
            "unasked": dict(self.unasked),
            "failed": dict(self.failed),
            "trouble": self.trouble,
        }


class Heard(NamedTuple):
    """What teachers said, and how asking each of them went."""

    sayings: Sayings
    records: Mapping[str, Record]

    @property
    def left(self) -> int:
        """How many questions have no answer yet and may have one in another run."""
        return sum(sum(each.unasked.values()) + sum(each.failed.values()) for each in self.records.values())


def open_books(teachers: Sequence[Teacher], asking: Asking) -> dict[str, Book]:
    """Returns the books of those who are asked over a network, with all that they answered before."""
    return {each.name: Book(asking.desk.cache, each) for each in teachers if each.kind == "url"}


def count_samples(teacher: Teacher, asking: Asking) -> int:
    """Returns how often a teacher is asked about one row."""
    return (teacher.samples or asking.task.teaching.samples) if teacher.kind == "url" else 1


def plan_calls(rows: Sequence[Example], asking: Asking) -> list[Call]:
    """Returns the calls that rows take, in the order of the rows."""
    return [
        call
        for row in rows
        for teacher in asking.task.teachers
        if teacher.kind == "url"
        for call in _calls(teacher, row, asking)
    ]


def _calls(teacher: Teacher, row: Example, asking: Asking) -> list[Call]:
    samples = count_samples(teacher, asking)
    return ask_row(teacher, asking.task, row.inputs, fields=asking.fields, samples=samples)


def hear(rows: Sequence[Example], asking: Asking, *, books: Mapping[str, Book], purse: Purse) -> Heard:
    """Asks everybody about every row, in the order of the rows, and returns what was said."""

    def tell(done: int, total: int) -> None:
        asking.desk.tell(Event(_NAME, "progress", done=done, total=total, note="asking teachers"))

    outcomes = ask_endpoints(plan_calls(rows, asking), books=books, purse=purse, tell=tell)
    return recall(rows, asking, books=books, outcomes=outcomes)


def recall(
    rows: Sequence[Example], asking: Asking, *, books: Mapping[str, Book], outcomes: Outcomes | None = None
) -> Heard:
    """Returns what teachers said: endpoints by their books, nobody is asked over a network."""
    sayings: dict[str, Mapping[str, Sequence[Values]]] = {}
    records: dict[str, Record] = {}
    for teacher in asking.task.teachers:
        record = records[teacher.name] = Record(len(rows))
        book = books.get(teacher.name)
        found = _read_book(teacher, rows, asking, book) if book else _answer(teacher, rows, asking, record)
        sayings[teacher.name] = found
        record.answered = sum(any(samples) for samples in found.values())
        record.misfits = sum(not sample for samples in found.values() for sample in samples)
        if outcomes is not None:
            record.unasked = dict(outcomes.unasked.get(teacher.name, {}))
            record.failed = dict(outcomes.failed.get(teacher.name, {}))
    return Heard(sayings, records)


def _read_book(
    teacher: Teacher, rows: Sequence[Example], asking: Asking, book: Book
) -> dict[str, Sequence[Values]]:
    found: dict[str, Sequence[Values]] = {}
    for row in rows:
        entries = [book.find(call.key) for call in _calls(teacher, row, asking)]
        samples = [fit_values(entry.values, fields=asking.fields, inputs=row.inputs) for entry in entries if entry]
        if samples:
            found[row.id] = samples
    return found


def _answer(
    teacher: Teacher, rows: Sequence[Example], asking: Asking, record: Record
) -> dict[str, Sequence[Values]]:
    """Asks a teacher in this process; one that cannot be opened is told and says nothing."""
    troubles = Troubles()
    asking.desk.tell(Event(_NAME, "progress", note=f"asking {teacher.name}"))
    try:
        said = answer_here(teacher, rows, asking, troubles=troubles)
    except FreeholdError as error:
        record.trouble = error.message
        return {}
    if troubles.count:
        record.trouble = f"{troubles.count:,} rows failed, the first with {troubles.first}"
    wanted = asking.wanted(teacher)
    return {
        row.id: [fit_values(each, fields=wanted, inputs=row.inputs)]
        for row, each in zip(rows, said, strict=True)
        if each is not None
    }
