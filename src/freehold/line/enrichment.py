"""Made rows in a turn: they are made, weighed on validation rows, and shown beside the model without them.

Owns the order of these stages. The two models that are compared are of the first rung, whatever effort the task
asks for, so that comparing costs little; at `effort = "quick"` one of them is the one that may be released.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from freehold import compress, data, gate, label, train
from freehold.task import Contrast, LabelledExamples, Task

if TYPE_CHECKING:
    from freehold.line.runner import Runner

__all__ = ["Enriched", "enrich"]


class Enriched(NamedTuple):
    """The rows that are learned from, and what made rows were worth."""

    labelled: LabelledExamples
    contrast: Contrast


def enrich(task: Task, labelled: LabelledExamples, *, run: Runner) -> Enriched:
    """Returns the labelled rows with made ones among them where these help on validation rows, else without."""
    more = run(label.synthesise, task, labelled, data.Likeness())
    weighed = run(train.weigh, task, labelled, more)
    quick, models = replace(task, effort="quick"), []
    if "gain" in weighed.facts:
        for rows in (more, labelled):
            models.append(run(compress.shrink, quick, run(train.fit, quick, rows), rows))
    made, plain = models or (None, None)
    contrast = run(gate.contrast, task, weighed, labelled, made=made, plain=plain)
    return Enriched(more if weighed.taken else labelled, contrast)
