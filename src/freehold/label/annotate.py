"""Stage 2: labels from the data pass through; teachers give some of those that are missing; people get the rest.

A suggestion is the label whose name and description lie nearest to the text in the base model's vectors. Its
confidence is a softmax over the similarities, with the temperature that fits the labelled rows best. Labels that
look wrong stay as they are and go to the head of the list; that they are doubted is no part of the result. Where a
task names teachers, what they are sure of together becomes a training row, and their best guess the suggestion of
a row that waits.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, cast

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
    from freehold.label.teach import Taught
    from freehold.registry import Registry

__all__ = ["annotate"]

_NAME = "label.annotate"


def _state(task: Task, examples: Examples, shelf: Registry) -> Mapping[str, Json]:
    """Returns what the result depends on besides its arguments: base, teachers, and what people settled."""
    from freehold.engine import name_base

    settled = sorted(shelf.settled(task.name))
    known: dict[str, Json] = {"base": name_base(task.base, relative_to=task.folder), "settled": digest(settled)}
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
    version=3,
    result=LabelledExamples,
    reads=("name", "inputs", "fields", "base", "seed", "rules"),
    state=_state,
    holds=_holds,
)
def annotate(desk: Desk, task: Task, examples: Examples, shelf: Registry) -> LabelledExamples:
    """Returns the rows with at least one label; queues a review for every label that is missing or looks wrong.

    Test rows get neither suggestion nor doubt: what is locked must not be shown to whoever labels.
    """
    source, target = (folder / "examples.jsonl" for folder in (examples.folder, desk.folder))
    rows = list(read_examples(source))
    taught = _teach(desk, task, rows, shelf)
    given = taught.rows if taught else {}
    labelled = [given.get(row.id, row) for row in rows if row.outputs or row.id in given]
    if not given and len(labelled) == len(rows):
        shutil.copyfile(source, target)
    else:
        write_examples(target, labelled)
    if (examples.folder / "leaks.json").exists():
        shutil.copyfile(examples.folder / "leaks.json", desk.folder / "leaks.json")
    seen = [row for row in rows if row.split != "test"]
    suggestions, reasons = _prefer(_suggest(desk, task, [given.get(row.id, row) for row in seen]), taught)
    with (desk.folder / "suggestions.jsonl").open("wb") as file:
        file.writelines(canonical(each._asdict()) + b"\n" for each in suggestions)
    doubts = _doubt(desk, task, seen, shelf)
    _queue(task, seen, shelf, suggestions=suggestions, doubts=doubts.found, reasons=reasons)
    for note in [*([taught.note] if taught else []), *_notes(suggestions, doubts)]:
        desk.tell(Event(_NAME, "note", note=note))
    facts: dict[str, Json] = {"labelled": len(labelled), "suggested": len(suggestions)}
    told: dict[str, Json] = {"teachers": dict(taught.facts)} if taught else {}
    return LabelledExamples(desk.folder, {**facts, "suspected": _describe(doubts), **told})


def _teach(desk: Desk, task: Task, rows: list[Example], shelf: Registry) -> Taught | None:
    """Returns what teachers say; None where there are none."""
    if not task.teachers:
        return None
    from freehold.label.teach import teach

    return teach(desk, task, rows, shelf=shelf)


def _prefer(
    suggestions: list[Suggestion], taught: Taught | None
) -> tuple[list[Suggestion], Mapping[tuple[str, str], str]]:
    """Returns the suggestions, a committee's in place of similarity's, and why it was not sure enough."""
    if taught is None or not taught.guesses:
        return suggestions, {}
    from freehold.label.suggest import Suggestion

    guesses = {(each.example, each.field): each for each in taught.guesses}
    rest = [each for each in suggestions if (each.example, each.field) not in guesses]
    mine = [Suggestion(e.example, e.field, cast(Json, e.value), e.confidence) for e in guesses.values()]
    return [*rest, *mine], {name: each.reason for name, each in guesses.items()}


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
    task: Task,
    seen: list[Example],
    shelf: Registry,
    *,
    suggestions: list[Suggestion],
    doubts: tuple[Doubt, ...],
    reasons: Mapping[tuple[str, str], str],
) -> None:
    from freehold.registry import Review

    inputs = {row.id: row.inputs for row in seen}

    def review(each: Suggestion | Doubt, value: Json, confidence: float) -> Review:
        return Review(each.example, task.name, each.field, inputs[each.example], value, confidence)

    doubtful = [
        replace(review(each, each.likely, each.chance), given=each.given, reason=each.reason, worth=1 - each.trust)
        for each in doubts
    ]
    missing = [
        replace(review(each, each.value, each.confidence), reason=reasons.get((each.example, each.field), ""))
        for each in suggestions
    ]
    shelf.queue_reviews(task.name, doubtful + missing)


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
