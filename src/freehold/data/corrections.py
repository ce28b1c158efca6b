"""What people corrected, as examples.

Owns the way from recorded feedback to examples of the task as it is now. Knows nothing of how feedback came
in, nor of what a correction outranks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from freehold.data.rows import Refused, make_example
from freehold.data.sources import TEXT_LIMIT
from freehold.data.values import BadValueError
from freehold.task import Example, Passport, Task

if TYPE_CHECKING:
    from freehold.registry import Feedback

__all__ = ["SOURCE", "Corrections", "read_corrections"]

SOURCE = "feedback"


class Corrections(NamedTuple):
    """What feedback came to.

    Attributes:
        examples: In order of creation.
        refused: Rows whose values do not fit the task's fields.
        ignored: How many rows are about fields or inputs that the task does not have.
        asked: Locators of those that are about a request: somebody chose to speak of it.
    """

    examples: tuple[Example, ...]
    refused: tuple[Refused, ...]
    ignored: int
    asked: frozenset[str] = frozenset()


def read_corrections(rows: Iterable[Feedback], *, task: Task) -> Corrections:
    """Returns the corrections that still mean something to a task.

    One whose fields or inputs the task no longer has is ignored.
    """
    fields = {field.name: field for field in task.fields}
    examples, refused, ignored, asked = [], [], 0, set[str]()
    for row in rows:
        values = {name: value for name, value in row.value.items() if name in fields and value is not None}
        if not values or set(row.inputs) != set(task.inputs):
            ignored += 1
            continue
        locator = f"request:{row.request or row.id}"
        if row.request:
            asked.add(locator)
        passport = Passport(SOURCE, locator, maker=row.maker, time=row.created)
        try:
            examples.append(make_example(row.inputs, values, fields=fields, passport=passport))
        except BadValueError as reason:
            said = {"inputs": dict(row.inputs), "correct": dict(row.value)}
            text = json.dumps(said, ensure_ascii=False).encode(errors="replace").decode()
            refused.append(Refused(SOURCE, 0, f"{locator}: {reason}", text[:TEXT_LIMIT]))
    return Corrections(tuple(examples), tuple(refused), ignored, frozenset(asked))
