"""Stage 2: labels from the data pass through; what has none, or looks wrong, goes to the review list.

What a row without a label may be is guessed from labels' names, labelled rows and each other. Where labels that
were left out say that it pays, training learns from the surest guesses, whose passports say so. Labels that look
wrong stay as they are; neither that they are doubted nor the order of the list is part of the result.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

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
    from freehold.registry import Registry

__all__ = ["annotate"]

_NAME = "label.annotate"
_REQUESTS = 500
"""How many of the latest requests are compared with the data."""


def _state(task: Task, examples: Examples, shelf: Registry) -> Mapping[str, Json]:
    """Returns what the result depends on besides its arguments: the base, by content, and what people settled."""
    from freehold.engine import name_base

    settled = sorted(shelf.settled(task.name))
    rules: list[Json] = [task.review.random, task.review.strategy, task.review.self_training]
    return {"base": name_base(task.base, relative_to=task.folder), "settled": digest(settled), "review": rules}


@stage(
    _NAME,
    version=4,
    result=LabelledExamples,
    reads=("name", "inputs", "fields", "base", "seed", "rules"),
    state=_state,
)
def annotate(desk: Desk, task: Task, examples: Examples, shelf: Registry) -> LabelledExamples:
    """Returns the rows with at least one label; queues a review for every label that is missing or looks wrong.

    Test and validation rows get neither suggestion nor doubt: what is held apart must not be shown to whoever
    labels, except for those without a label that are picked at random to be labelled blind.
    """
    source, target = (folder / "examples.jsonl" for folder in (examples.folder, desk.folder))
    rows = list(read_examples(source))
    asked = _asked(task, rows, shelf)
    outlooks = _look(desk, task, rows, asked=asked)
    taught = _write(target, source, rows, outlooks)
    if (examples.folder / "leaks.json").exists():
        shutil.copyfile(examples.folder / "leaks.json", desk.folder / "leaks.json")
    names = {row.id for row in rows}
    suggestions = [s for each in outlooks.values() for s in each.suggestions if s.example in names]
    with (desk.folder / "suggestions.jsonl").open("wb") as file:
        file.writelines(canonical(each._asdict()) + b"\n" for each in suggestions)
    doubts = _doubt(desk, task, rows, shelf)
    _queue(task, rows, shelf, asked=asked, outlooks=outlooks, doubts=doubts)
    for note in [*_notes(len(suggestions), doubts), *_lesson_notes(outlooks, taught)]:
        desk.tell(Event(_NAME, "note", note=note))
    labelled = sum(bool(row.outputs) for row in rows)
    facts: dict[str, Json] = {"labelled": labelled, "suggested": len(suggestions), "self_trained": taught}
    return LabelledExamples(desk.folder, {**facts, "suspected": _describe(doubts)})


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


def _write(target: Path, source: Path, rows: Sequence[Example], outlooks: Mapping[str, Outlook]) -> int:
    """Writes the rows that have labels, and returns how many of them have those of self-training."""
    from freehold.label.self_training import add_lessons

    lessons: dict[str, dict[str, Value]] = {}
    for field, outlook in outlooks.items():
        for name, value in outlook.lessons.items():
            lessons.setdefault(name, {})[field] = value
    written = add_lessons(rows, lessons)
    if all(row.outputs for row in rows):
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
