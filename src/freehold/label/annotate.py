"""Stage 2: labels from the data pass through; rows without get a suggestion and go to the review list.

A suggestion is the label whose name and description lie nearest to the text in the base model's vectors. Its
confidence is a softmax over the similarities, with the temperature that fits the labelled rows best. Labels that
look wrong stay as they are and go to the head of the list; that they are doubted is no part of the result.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from freehold.task import (
    Desk,
    Event,
    Example,
    Examples,
    Json,
    LabelledExamples,
    Task,
    canonical,
    digest,
    read_examples,
    stage,
    write_examples,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from freehold.label.doubts import Doubt, Doubts
    from freehold.label.suggest import Suggestion
    from freehold.label.suspects import Share
    from freehold.registry import Registry

__all__ = ["annotate"]

_NAME = "label.annotate"


def _state(task: Task, examples: Examples, shelf: Registry) -> Mapping[str, Json]:
    """Returns what the result depends on besides its arguments: the base, by content, and what people settled."""
    from freehold.engine import name_base

    settled = sorted(shelf.settled(task.name))
    return {"base": name_base(task.base, relative_to=task.folder), "settled": digest(settled)}


@stage(
    _NAME,
    version=3,
    result=LabelledExamples,
    reads=("name", "inputs", "fields", "base", "seed", "rules"),
    state=_state,
)
def annotate(desk: Desk, task: Task, examples: Examples, shelf: Registry) -> LabelledExamples:
    """Returns the rows with at least one label; queues a review for every label that is missing or looks wrong.

    Test rows get neither suggestion nor doubt: what is locked must not be shown to whoever labels.
    """
    source, target = (folder / "examples.jsonl" for folder in (examples.folder, desk.folder))
    rows = list(read_examples(source))
    labelled = [row for row in rows if row.outputs]
    if len(labelled) == len(rows):
        shutil.copyfile(source, target)
    else:
        write_examples(target, labelled)
    if (examples.folder / "leaks.json").exists():
        shutil.copyfile(examples.folder / "leaks.json", desk.folder / "leaks.json")
    seen = [row for row in rows if row.split != "test"]
    suggestions = _suggest(desk, task, seen)
    with (desk.folder / "suggestions.jsonl").open("wb") as file:
        file.writelines(canonical(each._asdict()) + b"\n" for each in suggestions)
    doubts = _doubt(desk, task, seen, shelf)
    _queue(task, seen, shelf, suggestions=suggestions, doubts=doubts.found)
    for note in _notes(suggestions, doubts):
        desk.tell(Event(_NAME, "note", note=note))
    facts: dict[str, Json] = {"labelled": len(labelled), "suggested": len(suggestions)}
    return LabelledExamples(desk.folder, {**facts, "suspected": _describe(doubts)})


def _missing(row: Example, task: Task) -> list[str]:
    return [field.name for field in task.fields if field.name not in row.outputs]


def _suggest(desk: Desk, task: Task, seen: list[Example]) -> list[Suggestion]:
    unlabelled = [row for row in seen if _missing(row, task)]
    if not unlabelled:
        return []
    from freehold.label.suggest import suggest

    fields = [field for field in task.fields if field.kind in ("choice", "predicate", "score")]
    known = [row for row in seen if row.outputs]
    return [each for field in fields for each in suggest(desk, task, field, known=known, rows=unlabelled)]


def _doubt(desk: Desk, task: Task, seen: list[Example], shelf: Registry) -> Doubts:
    from freehold.label.doubts import find_doubts

    return find_doubts(desk, task, [row for row in seen if row.outputs], settled=shelf.settled(task.name))


def _queue(
    task: Task, seen: list[Example], shelf: Registry, *, suggestions: list[Suggestion], doubts: tuple[Doubt, ...]
) -> None:
    from freehold.registry import Review

    inputs = {row.id: row.inputs for row in seen}

    def review(each: Suggestion | Doubt, value: Json, confidence: float) -> Review:
        return Review(each.example, task.name, each.field, inputs[each.example], value, confidence)

    doubtful = [
        replace(review(each, each.likely, each.chance), given=each.given, reason=each.reason, worth=1 - each.trust)
        for each in doubts
    ]
    shelf.queue_reviews(task.name, doubtful + [review(each, each.value, each.confidence) for each in suggestions])


def _notes(suggestions: list[Suggestion], doubts: Doubts) -> list[str]:
    notes = [f"{len(suggestions):,} missing labels were suggested and wait for review"] if suggestions else []
    for field, share in doubts.shares.items():
        waiting = sum(each.field == field for each in doubts.found)
        if not waiting:
            continue
        bounds = f"{share.low:.1%} to {share.high:.1%}"
        shown = f"`{field}`: about {share.value:.1%} of {share.n:,} labels look wrong ({bounds})"
        notes.append(f"{shown}; {waiting:,} rows wait for review, the most suspect first")
    return notes


def _describe(doubts: Doubts) -> dict[str, Json]:
    """Returns field to the share of labels that look wrong, with its interval, and how many rows wait."""

    def describe(field: str, share: Share) -> dict[str, Json]:
        value, low, high = (round(each, 4) for each in share[:3])
        waiting = sum(each.field == field for each in doubts.found)
        return {"value": value, "low": low, "high": high, "n": share.n, "rows": waiting}

    return {field: describe(field, share) for field, share in doubts.shares.items()}
