"""Stage 3: from labelled examples to a trained reader, by climbing a ladder of ways to train.

Owns what a trained model's folder holds; knows nothing of export, test rows or releases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.errors import DataError
from freehold.task import Desk, LabelledExamples, Task, TrainedModel, digest, read_examples, stage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from freehold.engine import TagHead
    from freehold.task import Field, Json
    from freehold.train.climb import Outcome
    from freehold.train.heads import Trained

__all__ = ["fit"]


def _state(task: Task, labelled: LabelledExamples) -> Mapping[str, Json]:
    """Returns what the result depends on besides its arguments: the base, by content."""
    from freehold.engine import name_base

    return {"base": name_base(task.base, relative_to=task.folder)}


@stage(
    "train.fit",
    version=8,
    result=TrainedModel,
    reads=("name", "description", "inputs", "fields", "base", "seed", "effort"),
    state=_state,
)
def fit(desk: Desk, task: Task, labelled: LabelledExamples) -> TrainedModel:
    """Returns the best reader that the ladder finds, in the layout of `freehold.engine`.

    The folder holds heads, vocabulary and perhaps `tuned/`, what the encoder learned; else the encoder is the
    task's base. `held/` holds the heads made without the validation rows, for whoever measures on them.
    `static/` holds the static tier, which may answer nothing yet, and what it did with validation rows.

    Raises:
        UserError: A field of a kind that a reader cannot learn.
        DataError: No training rows, or a field without labels.
    """
    from freehold.train.climb import climb
    from freehold.train.rows import resolve_fields, to_rows

    examples = [e for e in read_examples(labelled.folder / "examples.jsonl") if e.split != "test"]
    fields = resolve_fields(task, examples)
    train, validation = (
        to_rows([e for e in examples if e.split == split], fields, inputs=tuple(task.inputs))
        for split in ("train", "validation")
    )
    if not len(train) and not any(field.labels for field in task.fields):
        raise DataError("There are no training rows.", hint='Add a source, or set its `split` to "auto".')
    outcome = climb(desk, task, fields, train=train, validation=validation)
    content = digest([[e.inputs, e.outputs, e.split] for e in examples])
    _write(desk.folder, task, fields, outcome=outcome, content=content)
    rows = {"train": len(train), "validation": len(validation)}
    return TrainedModel(desk.folder, {"rungs": list(outcome.rungs), "rows": dict(rows)})


def _write(folder: Path, task: Task, fields: tuple[Field, ...], *, outcome: Outcome, content: str) -> None:
    import shutil

    from freehold.engine import HELD, STATIC, Description, save_held_out, save_static, write_description

    chosen = outcome.chosen
    _write_heads(folder, chosen.final, chosen.tags)
    _write_heads(folder / HELD, chosen.held, chosen.held_tags)
    if chosen.tuned:
        shutil.copytree(chosen.tuned, folder / "tuned")
    if outcome.student:
        save_static(folder / STATIC, outcome.student.tier)
        save_held_out(folder / STATIC, outcome.student.held_out)
    description = Description(
        task=task.name,
        about=task.description,
        inputs=tuple(task.inputs),
        fields=fields,
        heads=chosen.heads,
        base=task.base,
        max_tokens=outcome.max_tokens,
        made={"rung": chosen.name.removesuffix(" (kept)"), "rows": content},
        spans_layer=chosen.spans_layer,
    )
    write_description(folder, description)


def _write_heads(folder: Path, trained: Trained, tags: Mapping[str, TagHead]) -> None:
    from freehold.engine import NGRAMS, TAGS, save_heads, save_tags

    folder.mkdir(exist_ok=True)
    save_heads(folder, trained.heads(dense=len(trained.features.phases) if trained.features else 0))
    trained.grams.save(folder / NGRAMS)
    for name, head in tags.items():
        (folder / TAGS).mkdir(exist_ok=True)
        save_tags(folder / TAGS / f"{name}.safetensors", head)
