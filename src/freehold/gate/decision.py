"""From answers to a verdict: pure, without files or models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from freehold.gate import reasons
from freehold.gate.comparison import compare
from freehold.gate.reasons import Finding
from freehold.gate.scores import Pair, measure, pair_up, units_of
from freehold.task import Comparison, Field, Json, Metrics, Prediction, Task, Value, Verdict

__all__ = ["Champion", "decide"]


class Champion(NamedTuple):
    """What the champion answered to the same rows.

    Attributes:
        name: `task@version`.
        fields: The fields it answers.
        predictions: Its answers; empty where it cannot read the task's inputs.
        missing: Inputs that it reads and the task no longer has.
    """

    name: str
    fields: Sequence[Field]
    predictions: Sequence[Prediction]
    missing: Sequence[str] = ()


def decide(
    task: Task,
    truths: Sequence[Mapping[str, Value]],
    predictions: Sequence[Prediction],
    *,
    fields: Sequence[Field],
    units: Sequence[str] = (),
    champion: Champion | None = None,
    facts: Mapping[str, Json],
    artifact: str = "",
) -> Verdict:
    """Returns whether a candidate may be released, with every reason.

    It is refused where a field of the task has no labelled test row, where a goal is missed, or where a field
    is significantly worse than the champion's on the same rows. A first release is held to its goals.

    Args:
        truths: The right outputs of each test row.
        predictions: The candidate's answers to the same rows.
        fields: The fields that the candidate answers.
        units: What each row was drawn together with, of `name_unit`; every row was drawn alone where not given.
        facts: What is known of the artifact: `p50_ms`, `size_mb`.
        artifact: The artifact's digest, for the verdict.
    """
    answered = {field.name for field in fields}
    judged = [field for field in task.fields if field.name in answered]
    metrics = measure(judged, truths, predictions, units=units, seed=task.seed)
    findings = [reasons.unanswered(field) for field in task.fields if field.name not in answered]
    findings += [reasons.unmeasured(field) for field in judged if field.name not in metrics]
    findings += _hold_goals(task, metrics, facts)
    measured_fields, rows = [f for f in judged if f.name in metrics], _Rows(truths, predictions, units)
    findings += [note for field in measured_fields for note in rows.notes(field)]
    comparisons, notes = _compare(task, measured_fields, rows, champion)
    against = champion.name if champion else ""
    findings += [*(reasons.compared(each, against=against) for each in comparisons), *notes]
    if passed := not any(finding.refuses for finding in findings):
        findings.append(reasons.nothing_refused(task, against=against, compared=len(comparisons)))
    findings.sort(key=lambda finding: not finding.refuses)
    said = tuple(finding.sentence for finding in findings)
    return Verdict(passed, said, metrics, tuple(comparisons), against, artifact)


def _hold_goals(task: Task, metrics: Metrics, facts: Mapping[str, Json]) -> list[Finding]:
    findings = [reasons.goal_of_field(goal, metrics) for goal in task.goals if goal.field in metrics]
    findings += [reasons.goal_of_artifact(goal, facts) for goal in task.goals if not goal.field]
    asked = {name: share for name, share in task.errors_given_answer.items() if name in metrics}
    findings += [reasons.certified(name, share, metrics[name]) for name, share in asked.items()]
    bound = {goal.field for goal in task.goals} | asked.keys()
    free = [field for field in task.fields if field.name in metrics and field.name not in bound]
    return findings + [reasons.headline(field, metrics) for field in free]


class _Rows(NamedTuple):
    """The test rows, and what the candidate answered."""

    truths: Sequence[Mapping[str, Value]]
    predictions: Sequence[Prediction]
    units: Sequence[str]

    def pairs(self, field: Field, predictions: Sequence[Prediction]) -> list[Pair]:
        return pair_up(field.name, self.truths, predictions, units=self.units)

    def notes(self, field: Field) -> list[Finding]:
        return reasons.drawn_together(field, [pair.unit for pair in self.pairs(field, self.predictions)])


def _compare(
    task: Task, fields: Sequence[Field], rows: _Rows, champion: Champion | None
) -> tuple[list[Comparison], list[Finding]]:
    if champion is None:
        return [], []
    if champion.missing:
        return [], [reasons.different_inputs(champion.missing, against=champion.name)]
    known = {field.name: field for field in champion.fields}
    comparisons, notes = [], []
    for field in fields:
        if field.name not in known:
            notes.append(reasons.new_field(field, against=champion.name))
        elif known[field.name].kind != field.kind:
            before = known[field.name].kind
            notes.append(reasons.different_kind(field, before=before, against=champion.name))
        else:
            ours, theirs = (rows.pairs(field, each) for each in (rows.predictions, champion.predictions))
            comparisons.append(compare(field, ours, champion=theirs, seed=task.seed))
            units = len(set(units_of(ours).tolist()))
            is_few = units < min(reasons.LEAST_UNITS, len(ours))
            if is_few and comparisons[-1].difference.value < 0 and not comparisons[-1].worse:
                notes.append(reasons.cannot_tell(comparisons[-1], units=units, against=champion.name))
    return comparisons, notes
