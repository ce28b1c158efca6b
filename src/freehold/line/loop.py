"""The loop: every stage in its order, and nothing else.

Owns the order of the stages. Knows neither how they work nor what is cached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold import compress, data, gate, label, train
from freehold.line.enrichment import enrich
from freehold.task import Release, Task, Verdict

if TYPE_CHECKING:
    from freehold.line.runner import Runner
    from freehold.registry import Registry

__all__ = ["STAGES", "turn"]

STAGES = ("data.collect", "label.annotate", "train.fit", "compress.shrink", "gate.judge")
"""The names of the stages of a turn, in order: for displays and plans."""


def turn(task: Task, *, shelf: Registry, run: Runner) -> Release | Verdict:
    """One turn of the line: from what was learned yesterday to what answers today.

    Returns:
        The champion after this turn where the gate let the candidate pass; the verdict where it did not.
    """
    examples = run(data.collect, task, shelf)
    labelled = run(label.annotate, task, examples, shelf)
    enriched = enrich(task, labelled, run=run) if task.synthesis.enabled else None
    labelled = enriched.labelled if enriched else labelled
    trained = run(train.fit, task, labelled)
    artifact = run(compress.shrink, task, trained, labelled)
    rival = shelf.rival(task, artifact)
    if enriched:
        judgement = run(gate.judge, task, artifact, labelled, against=rival, contrast=enriched.contrast)
    else:
        judgement = run(gate.judge, task, artifact, labelled, against=rival)
    release = shelf.admit(task, artifact, judgement, labelled)
    return shelf.promote(release, because=release.verdict) if release.verdict.passed else release.verdict
