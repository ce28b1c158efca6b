"""Stage 2: labels from the data pass through; what has none, or looks wrong, goes to the review list.

Where a task names teachers, what they are sure of together becomes a training row, and what they are not sure of
waits for people with their best guess. What else a row without a label may be is guessed from labels' names,
labelled rows and each other; where labels that were left out say that it pays, training learns from the surest
guesses, whose passports say so. Labels that look wrong stay as they are; neither that they are doubted nor the
order of the list is part of the result.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, cast

from freehold.task import (
    Desk,
    Event,
    Example,
    Examples,
    Json,
    LabelledExamples,
    Task,
    Value,
    canonical,
    digest,
    read_examples,
    stage,
    write_examples,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from freehold.label.doubts import Doubts
    from freehold.label.outlook import Outlook
    from freehold.label.suspects import Share
    from freehold.label.teach import Taught
    from freehold.registry import Registry

__all__ = ["annotate"]

_NAME = "label.annotate"
_REQUESTS = 500
"""How many of the latest requests are compared with the data."""


def _state(task: Task, examples: Examples, shelf: Registry) -> Mapping[str, Json]:
    """Returns what the result depends on besides its arguments: base, teachers, and what people settled."""
    from freehold.engine import name_base

    settled = sorted(shelf.settled(task.name))
    rules: list[Json] = [task.review.random, task.review.strategy, task.review.self_training]
    base = name_base(task.base, relative_to=task.folder)
    known: dict[str, Json] = {"base": base, "settled": digest(settled), "review": rules}
    if task.teachers:
        from freehold.label.teach import teachers_state

        known |= teachers_state(task, shelf)
    return known


def _holds(result: LabelledExamples, task: Task, examples: Examples, shelf: Registry) -> bool:
    """Tells whether there is nothing left to ask teachers: the next run has a budget of its own."""
    if not task.teachers:
        return True
    from freehold.label.teach import is_taught

    return is_taught(result.facts)


@stage(
    _NAME,
    version=4,
    result=LabelledExamples,
    reads=("name", "inputs", "fields", "base", "seed", "rules"),
    state=_state,
    holds=_holds,
)
def annotate(desk: Desk, task: Task, examples: Examples, shelf: Registry) -> LabelledExamples:
    """Returns the rows with at least one label; queues a review for every label that is missing or looks wrong.

    Test and validation rows get neither suggestion nor doubt: what is held apart must not be shown to whoever
    labels, except for those without a label that are picked at random to be labelled blind.
    """
    source, target = (folder / "examples.jsonl" for folder in (examples.folder, desk.folder))
    rows = list(read_examples(source))
    taught = _teach(desk, task, rows, shelf)
    known = [taught.rows.get(row.id, row) for row in rows] if taught else rows
    asked = _asked(task, rows, shelf)
    outlooks = _prefer(_look(desk, task, known, asked=asked), taught)
    lessons = _write(target, known, outlooks, source=None if taught and taught.rows else source)
    if (examples.folder / "leaks.json").exists():
        shutil.copyfile(examples.folder / "leaks.json", desk.folder / "leaks.json")
    names = {row.id for row in rows}
    suggestions = [s for each in outlooks.values() for s in each.suggestions if s.example in names]
    with (desk.folder / "suggestions.jsonl").open("wb") as file:
        file.writelines(canonical(each._asdict()) + b"\n" for each in suggestions)
    doubts = _doubt(desk, task, rows, shelf)
    _queue(task, rows, shelf, asked=asked, outlooks=outlooks, doubts=doubts)
    notes = [*([taught.note] if taught else []), *_notes(len(suggestions), doubts)]
    for note in [*notes, *_lesson_notes(outlooks, lessons)]:
        desk.tell(Event(_NAME, "note", note=note))
    labelled = sum(bool(row.outputs) for row in known)
    facts: dict[str, Json] = {"labelled": labelled, "suggested": len(suggestions), "self_trained": lessons}
    told: dict[str, Json] = {"teachers": dict(taught.facts)} if taught else {}
    return LabelledExamples(desk.folder, {**facts, "suspected": _describe(doubts), **told})


def _teach(desk: Desk, task: Task, rows: Sequence[Example], shelf: Registry) -> Taught | None:
    """Returns what teachers say; None where there are none."""
    if not task.teachers:
        return None
    from freehold.label.teach import teach

    return teach(desk, task, rows, shelf=shelf)


def _prefer(outlooks: Mapping[str, Outlook], taught: Taught | None) -> dict[str, Outlook]:
    """Returns the outlooks with a committee's guesses in place of similarity's.

    What the committee was not sure of is not learned from as similarity would have it.
    """
    if taught is None:
        return dict(outlooks)
    from freehold.label.suggest import Suggestion

    found = {}
    for field, outlook in outlooks.items():
        mine = {each.example: each for each in taught.guesses if each.field == field}
        guesses = (Suggestion(e.example, field, cast("Json", e.value), e.confidence) for e in mine.values())
        others = (each for each in outlook.suggestions if each.example not in mine)
        found[field] = outlook._replace(
            suggestions=(*others, *guesses),
            lessons={name: value for name, value in outlook.lessons.items() if name not in mine},
            told={name: each.reason for name, each in mine.items()},
        )
    return found


def _asked(task: Task, rows: Sequence[Example], shelf: Registry) -> list[Example]:
    """Returns what the task's model was asked lately and no row of the data says."""
    from freehold.registry import row_name
    from freehold.task import Passport

    known, found = {row.id for row in rows}, dict[str, Example]()
    for request in shelf.requests(task.name, limit=_REQUESTS):
        name = row_name(request.inputs)
        if request.inputs.keys() == task.inputs.keys() and name not in known:
            passport = Passport("requests", f"request:{request.id}", maker="")
            found[name] = Example(name, request.inputs, {}, passport, "train")
    return [found[name] for name in sorted(found)]


def _look(desk: Desk, task: Task, rows: Sequence[Example], *, asked: Sequence[Example]) -> dict[str, Outlook]:
    """Returns what is known of each field that some row for training, or a request, lacks."""
    train = [row for row in rows if row.split == "train"]
    found: dict[str, Outlook] = {}
    for field in task.fields:
        known = [row for row in train if field.name in row.outputs]
        missing = [row for row in train if field.name not in row.outputs]
        if missing or (asked and known):
            from freehold.label.outlook import look

            found[field.name] = look(desk, task, field, known=known, rows=missing, asked=asked)
    return found


def _write(target: Path, rows: Sequence[Example], outlooks: Mapping[str, Outlook], *, source: Path | None) -> int:
    """Writes the rows that have labels, and returns how many of them have those of self-training.

    Args:
        source: Has these very rows; None where some have got labels since.
    """
    from freehold.label.self_training import add_lessons

    lessons: dict[str, dict[str, Value]] = {}
    for field, outlook in outlooks.items():
        for name, value in outlook.lessons.items():
            lessons.setdefault(name, {})[field] = value
    written = add_lessons(rows, lessons)
    if source and all(row.outputs for row in rows):
        shutil.copyfile(source, target)
    else:
        write_examples(target, written)
    return len(written) - sum(bool(row.outputs) for row in rows)


def _doubt(desk: Desk, task: Task, rows: Sequence[Example], shelf: Registry) -> Doubts:
    from freehold.label.doubts import find_doubts

    labelled = [row for row in rows if row.outputs and row.split != "test"]
    return find_doubts(desk, task, labelled, settled=shelf.settled(task.name))


def _queue(
    task: Task,
    rows: Sequence[Example],
    shelf: Registry,
    *,
    asked: Sequence[Example],
    outlooks: Mapping[str, Outlook],
    doubts: Doubts,
) -> None:
    from freehold.label.asking import make_reviews

    settled = shelf.settled(task.name)
    reviews = make_reviews(task, rows, asked=asked, outlooks=outlooks, doubts=doubts.found, settled=settled)
    shelf.queue_reviews(task.name, reviews)


def _notes(suggested: int, doubts: Doubts) -> list[str]:
    notes = [f"{suggested:,} missing labels were suggested and wait for review"] if suggested else []
    for field, share in doubts.shares.items():
        waiting = sum(each.field == field for each in doubts.found)
        if not waiting:
            continue
        bounds = f"{share.low:.1%} to {share.high:.1%}"
        shown = f"`{field}`: about {share.value:.1%} of {share.n:,} labels look wrong ({bounds})"
        notes.append(f"{shown}; {waiting:,} rows wait for review, the most suspect first")
    return notes


def _lesson_notes(outlooks: Mapping[str, Outlook], taught: int) -> list[str]:
    notes = [f"{taught:,} rows without a label are learned from as what they are likely to be"] if taught else []
    for field, outlook in outlooks.items():
        if outlook.trial and outlook.trial.n:
            tried = outlook.trial
            end = f"self-training is off: {outlook.against}" if outlook.against else "self-training is on"
            right = f"{tried.together:.3f} were guessed right, {tried.alone:.3f} from labelled rows alone"
            notes.append(f"`{field}`: of {tried.n:,} labels left out {right}; {end}")
    return notes


def _describe(doubts: Doubts) -> dict[str, Json]:
    """Returns field to the share of labels that look wrong, with its interval, and how many rows wait."""

    def describe(field: str, share: Share) -> dict[str, Json]:
        value, low, high = (round(each, 4) for each in share[:3])
        waiting = sum(each.field == field for each in doubts.found)
        return {"value": value, "low": low, "high": high, "n": share.n, "rows": waiting}

    return {field: describe(field, share) for field, share in doubts.shares.items()}
