"""A task's teachers from outside: how good they are and what asking them would take, with nobody asked.

Owns that the rows are there, which may collect them. Knows nothing of faces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.line.places import thread_count
from freehold.line.runner import Tell
from freehold.line.turns import collect_data, ignore
from freehold.task import Desk, Example, Task, read_examples

if TYPE_CHECKING:
    from freehold.label.teach import Estimate, Survey
    from freehold.registry import Registry

__all__ = ["estimate_teachers", "survey_teachers"]


def survey_teachers(task: Task, *, shelf: Registry, tell: Tell = ignore) -> Survey:
    """Returns how good each teacher is against rows whose label is known, and what it has cost.

    Raises:
        OperatorError: A run holds this state.
    """
    from freehold.label.teach import survey

    rows, desk = _prepare(task, shelf=shelf, tell=tell)
    return survey(desk, task, rows, shelf=shelf)


def estimate_teachers(task: Task, *, shelf: Registry, tell: Tell = ignore) -> list[Estimate]:
    """Returns what asking each teacher would take in the next run.

    Raises:
        OperatorError: A run holds this state.
    """
    from freehold.label.teach import estimate

    rows, desk = _prepare(task, shelf=shelf, tell=tell)
    return estimate(desk, task, rows, shelf=shelf)


def _prepare(task: Task, *, shelf: Registry, tell: Tell) -> tuple[list[Example], Desk]:
    collected = collect_data(task, shelf=shelf, tell=tell)
    rows = [row for row in read_examples(collected.examples.folder / "examples.jsonl") if row.split != "test"]
    place = shelf.state / "work" / "teachers"
    cache = shelf.state / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    return rows, Desk(place, place, cache, thread_count(), tell)
