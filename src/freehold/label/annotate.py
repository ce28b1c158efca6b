"""Stage 2: labels from the data pass through; rows without get a suggestion and go to the review list.

A suggestion is the label whose name and description lie nearest to the text in the base model's vectors. Its
confidence is a softmax over the similarities, with the temperature that fits the labelled rows best.
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
    canonical,
    read_examples,
    stage,
    write_examples,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from freehold.label.suggest import Suggestion
    from freehold.registry import Registry

__all__ = ["annotate"]

_NAME = "label.annotate"


def _state(task: Task, examples: Examples, shelf: Registry) -> Mapping[str, Json]:
    """Returns what the result depends on besides its arguments: the base, by content."""
    from freehold.engine import name_base

    return {"base": name_base(task.base, relative_to=task.folder)}


@stage(
    _NAME,
    version=2,
    result=LabelledExamples,
    reads=("name", "inputs", "fields", "base", "seed"),
    state=_state,
)
def annotate(desk: Desk, task: Task, examples: Examples, shelf: Registry) -> LabelledExamples:
    """Returns the rows with at least one label; queues a review for every label that is missing.

    Test rows get no suggestion: what is locked must not be shown to whoever labels.
    """
    from freehold.registry import Review

    source, target = (folder / "examples.jsonl" for folder in (examples.folder, desk.folder))
    rows = list(read_examples(source))
    labelled = [row for row in rows if row.outputs]
    unlabelled = [row for row in rows if _missing(row, task) and row.split != "test"]
    if len(labelled) == len(rows):
        shutil.copyfile(source, target)
    else:
        write_examples(target, labelled)
    if (examples.folder / "leaks.json").exists():
        shutil.copyfile(examples.folder / "leaks.json", desk.folder / "leaks.json")
    suggestions = _suggest(desk, task, labelled, unlabelled)
    with (desk.folder / "suggestions.jsonl").open("wb") as file:
        file.writelines(canonical(each._asdict()) + b"\n" for each in suggestions)
    inputs = {row.id: row.inputs for row in unlabelled}
    shelf.queue_reviews(
        task.name,
        [
            Review(
                example=each.example,
                task=task.name,
                field=each.field,
                inputs=inputs[each.example],
                suggestion=each.value,
                confidence=each.confidence,
            )
            for each in suggestions
        ],
    )
    if suggestions:
        note = f"{len(suggestions):,} missing labels were suggested and wait for review"
        desk.tell(Event(_NAME, "note", note=note))
    return LabelledExamples(desk.folder, {"labelled": len(labelled), "suggested": len(suggestions)})


def _missing(row: Example, task: Task) -> list[str]:
    return [field.name for field in task.fields if field.name not in row.outputs]


def _suggest(desk: Desk, task: Task, labelled: list[Example], unlabelled: list[Example]) -> list[Suggestion]:
    if not unlabelled:
        return []
    from freehold.label.suggest import suggest

    fields = [field for field in task.fields if field.kind in ("choice", "predicate", "score")]
    known = [row for row in labelled if row.split != "test"]
    return [each for field in fields for each in suggest(desk, task, field, known=known, rows=unlabelled)]
