"""Stage 3, on the side: do made rows help? Two heads of the same kind are asked about the same validation rows.

The first rung alone is climbed twice, on the base as it is, so that it costs little: once with the rows that were
made, once without. Owns the rule by which they are taken. Knows nothing of how they were made, nor of test rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from freehold.task import Desk, Event, Json, LabelledExamples, Task, Weighed, canonical, read_examples, stage

if TYPE_CHECKING:
    from freehold.task import Example
    from freehold.train.ladder import Merit

__all__ = ["weigh"]

_NAME = "train.weigh"


def _state(task: Task, plain: LabelledExamples, more: LabelledExamples) -> Mapping[str, Json]:
    """Returns what the result depends on besides its arguments: the base, by content."""
    from freehold.engine import name_base

    return {"base": name_base(task.base, relative_to=task.folder)}


@stage(_NAME, version=1, result=Weighed, reads=("name", "inputs", "fields", "base", "seed"), state=_state)
def weigh(desk: Desk, task: Task, plain: LabelledExamples, more: LabelledExamples) -> Weighed:
    """Returns whether rows that were made are learned from, and what validation rows say with and without them.

    They are taken where validation rows are answered better in both ways: more right answers on average, and a
    smaller log loss (fields of spans have none). Where there is no real row to learn from they are taken; where
    there is no validation row, nothing shows that they help, and they are left out.

    Args:
        plain: The real rows.
        more: The same, and those that were made.
    """
    real, both = (list(read_examples(each.folder / "examples.jsonl")) for each in (plain, more))
    count = len(both) - len(real)
    told: dict[str, Json] = {"rows": count}
    if not count:
        told |= {"taken": False, "why": "no row was made"}
    elif not any(row.split == "train" for row in real):
        told |= {"taken": True, "why": "there is no real row to learn from"}
    elif not any(row.split == "validation" for row in real):
        told |= {"taken": False, "why": "there is no validation row to tell whether they help"}
    else:
        told |= _compare(desk, task, real, both)
    (desk.folder / "weighed.json").write_bytes(canonical(told) + b"\n")
    desk.tell(Event(_NAME, "note", note=_sentence(told)))
    return Weighed(desk.folder, told)


def _compare(desk: Desk, task: Task, real: Sequence[Example], both: Sequence[Example]) -> dict[str, Json]:
    from freehold.train.ladder import chance_of_gain

    desk.tell(Event(_NAME, "progress", done=0, total=2, note="without made rows"))
    without = _measure(desk, task, real, like=both)
    desk.tell(Event(_NAME, "progress", done=1, total=2, note="with made rows"))
    with_made = _measure(desk, task, both, like=both)
    gain, loss = _mean_gain(with_made, without), _mean_gain_of_losses(with_made, without)
    taken = gain > 0 and (loss > 0 or not with_made.losses)
    return {
        "taken": taken,
        "why": "validation rows are answered better with them"
        if taken
        else "validation rows are not answered better",
        "gain": round(gain, 6),
        "p": round(chance_of_gain(with_made, without), 4),
        "log_loss_gain": round(loss, 6),
        "without": _describe(without),
        "with": _describe(with_made),
    }


def _measure(desk: Desk, task: Task, rows: Sequence[Example], *, like: Sequence[Example]) -> Merit:
    """Returns how well the first rung answers validation rows.

    Args:
        like: The rows that say which labels there are, the same for both sides.
    """
    from freehold.train.climb import climb_first
    from freehold.train.rows import resolve_fields, to_rows

    fields = resolve_fields(task, [row for row in like if row.split != "test"])
    train, validation = (
        to_rows([row for row in rows if row.split == split], fields, inputs=tuple(task.inputs))
        for split in ("train", "validation")
    )
    return climb_first(desk, task, fields, train=train, validation=validation).merit


def _mean_gain(upper: Merit, lower: Merit) -> float:
    shared = [name for name in lower.gains if name in upper.gains]
    count = sum(len(lower.gains[name]) for name in shared)
    total = sum(float((upper.gains[name] - lower.gains[name]).sum()) for name in shared)
    return total / count if count else 0.0


def _mean_gain_of_losses(upper: Merit, lower: Merit) -> float:
    shared = [name for name in lower.losses if name in upper.losses]
    count = sum(len(lower.losses[name]) for name in shared)
    total = sum(float((lower.losses[name] - upper.losses[name]).sum()) for name in shared)
    return total / count if count else 0.0


def _describe(merit: Merit) -> dict[str, Json]:
    """Returns field to the headline on validation rows, with an interval of the mean gain around it."""
    return {name: _bounds(merit, name) for name in merit.headline}


def _bounds(merit: Merit, name: str) -> dict[str, Json]:
    from freehold.task import wilson_bounds

    gains, value = merit.gains[name], merit.headline[name]
    if set(gains.tolist()) <= {0.0, 1.0}:
        low, high = wilson_bounds(value, len(gains))
    else:
        error = 1.96 * float(gains.std()) / len(gains) ** 0.5
        low, high = value - error, value + error
    return {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4), "n": len(gains)}


def _sentence(told: Mapping[str, Json]) -> str:
    what = "taken" if told["taken"] else "left out"
    return f"{told['rows']} made rows are {what}: {told['why']}"
