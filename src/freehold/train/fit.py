"""Stage 3: from labelled examples to a trained reader, up a ladder of two rungs.

Rung one: frozen vectors joined with n-grams, linear heads. Rung two: the same on an encoder fine-tuned with
LoRA. Owns what a trained model's folder holds; knows nothing of export, test rows or releases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.errors import DataError
from freehold.task import Desk, LabelledExamples, Task, TrainedModel, digest, read_examples, stage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from freehold.task import Field, Json
    from freehold.train.climb import Outcome

__all__ = ["fit"]


def _state(task: Task, labelled: LabelledExamples) -> Mapping[str, Json]:
    """Returns what the result depends on besides its arguments: the base, by content."""
    from freehold.engine import name_base

    return {"base": name_base(task.base, relative_to=task.folder)}


@stage(
    "train.fit",
    version=2,
    result=TrainedModel,
    reads=("name", "description", "inputs", "fields", "base", "seed"),
    state=_state,
)
def fit(desk: Desk, task: Task, labelled: LabelledExamples) -> TrainedModel:
    """Returns the best reader that the ladder finds, in the layout of `freehold.engine`.

    The folder holds heads, vocabulary and perhaps an `adapter/`; the encoder is the task's base. `held/`
    holds the same made without the validation rows, for whoever measures on them.

    Raises:
        UserError: A field of a kind that cannot be learned yet.
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
    if not len(train):
        raise DataError("There are no training rows.", hint='Add a source, or set its `split` to "auto".')
    outcome = climb(desk, task, fields, train=train, validation=validation)
    content = digest([[e.inputs, e.outputs, e.split] for e in examples])
    _write(desk.folder, task, fields, outcome=outcome, content=content)
    rows = {"train": len(train), "validation": len(validation)}
    return TrainedModel(desk.folder, {"rungs": list(outcome.rungs), "rows": dict(rows)})


def _write(folder: Path, task: Task, fields: tuple[Field, ...], *, outcome: Outcome, content: str) -> None:
    import shutil

    from freehold.engine import HELD, NGRAMS, Description, Head, field_labels, save_heads, write_description

    held = folder / HELD
    held.mkdir()
    for place, weights in ((folder, outcome.final), (held, outcome.held)):
        save_heads(place, weights.heads)
        weights.ngrams.save(place / NGRAMS)
    if outcome.adapter:
        shutil.copytree(outcome.adapter, folder / "adapter")
    heads, start = {}, 0
    for field in fields:
        stop = start + len(field_labels(field))
        heads[field.name] = Head(start, stop, outcome.temperatures[field.name])
        start = stop
    description = Description(
        task=task.name,
        about=task.description,
        inputs=tuple(task.inputs),
        fields=fields,
        heads=heads,
        base=task.base,
        max_tokens=outcome.max_tokens,
        made={"rung": outcome.rung, "dense_weight": outcome.dense_weight, "rows": content},
    )
    write_description(folder, description)
