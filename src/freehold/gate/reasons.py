"""The gate's reasons: what was found, in one plain sentence each, and whether it refuses.

Owns the rules of goals and comparisons, and their words. Computes no metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from freehold.task import (
    ERROR_GIVEN_ANSWER,
    METRICS,
    SMALLER_IS_BETTER,
    Comparison,
    Field,
    Goal,
    Json,
    Measured,
    Metrics,
    Task,
    wilson_bounds,
)

__all__ = [
    "LEAST_UNITS",
    "Finding",
    "cannot_tell",
    "certified",
    "compared",
    "different_inputs",
    "different_kind",
    "drawn_together",
    "goal_of_artifact",
    "goal_of_field",
    "new_field",
    "nothing_refused",
    "unanswered",
    "unmeasured",
]

_UNITS = {"p50_ms": " ms", "size_mb": " MB"}
_NEEDS = {
    "auroc": "true rows and false ones",
    "r2": "at least two different values",
    "f1": "at least one row where something is true or answered",
    "micro_f1": "at least one label that is true or answered",
    "macro_f1": "at least one label that is true or answered",
    "brier": "answers with probabilities",
    "ece": "answers with probabilities",
    "coverage": "answers with an interval",
    "out_of_scope": "a model that says what is out of scope",
}


_MOST_MISSING = 100_000
LEAST_UNITS = 6
"""With fewer, all of them worse, a sign-flip test still does not say so: 2 / 2⁵ > 0.05."""


class Finding(NamedTuple):
    """One sentence, and whether it is a reason to refuse."""

    sentence: str
    refuses: bool = False


def goal_of_field(goal: Goal, metrics: Metrics) -> Finding:
    """Holds a field's goal: the bound of the interval on the far side must reach it."""
    name = f"`{goal.field}.{goal.metric}`"
    found = metrics[goal.field].get(goal.metric)
    if found is None:
        n = next(iter(metrics[goal.field].values())).n
        needs = f"it needs {_NEEDS[goal.metric]}" if goal.metric in _NEEDS else "it is not defined on them"
        sentence = f"{name} cannot be measured on these {rows(n)}: {needs}, so its goal of {_bar(goal)} is missed."
        return Finding(sentence, refuses=True)
    smaller = goal.metric in SMALLER_IS_BETTER
    bound = found.high if smaller else found.low
    met = bound <= goal.value if smaller else bound >= goal.value
    which = "upper bound must not exceed it" if smaller else "lower bound must reach it"
    end = "is met." if met else f"is missed: the {which}.{_tell_missing(goal, found)}"
    return Finding(f"{name} is {_measured(found, goal.value)}: the goal of {_bar(goal)} {end}", refuses=not met)


def _tell_missing(goal: Goal, found: Measured) -> str:
    """Returns how many test rows a share would need to meet its goal if it stayed what it is; empty for others."""
    if goal.metric != "accuracy" or found.value <= goal.value:
        return ""
    needed = found.n
    while needed < _MOST_MISSING and wilson_bounds(found.value, needed)[0] < goal.value:
        needed += max(1, needed // 100)
    return f" At this share about {needed - found.n:,} test rows more would do." if needed < _MOST_MISSING else ""


def goal_of_artifact(goal: Goal, facts: Mapping[str, Json]) -> Finding:
    """Holds a goal of the whole artifact against what was found when it was made.

    A speed is told only where it is the reason to refuse: a verdict that passes must not differ from one
    machine to the next.
    """
    found, unit = facts.get(goal.metric), _UNITS[goal.metric]
    name, wanted = f"`{goal.metric}`", f"{goal.value:g}{unit}"
    if not isinstance(found, int | float):
        return Finding(f"{name} was not measured, so its goal of {wanted} is missed.", refuses=True)
    if found > goal.value:
        return Finding(f"{name} is {_digits(found, goal.value)}{unit}: the goal of {wanted} is missed.", True)
    value = "" if goal.metric == "p50_ms" else f" is {_digits(found, goal.value)}{unit}"
    return Finding(f"{name}{value}: the goal of {wanted} is met.")


def certified(field: str, allowed: float, metrics: Mapping[str, Measured]) -> Finding:
    """Holds what was certified of the answers that are given: test rows that speak against it refuse the model.

    They are fewer than would certify it once more, so that they need not do so.
    """
    name = f"`{field}.{ERROR_GIVEN_ANSWER}`"
    if ERROR_GIVEN_ANSWER in metrics:
        found = metrics[ERROR_GIVEN_ANSWER]
    elif metrics["abstained"].value if "abstained" in metrics else False:
        return Finding(f"{name}: the model abstains from every test row; why is in the report.")
    else:
        right = metrics["accuracy"]
        found = Measured(1 - right.value, 1 - right.high, 1 - right.low, right.n)
    broken = found.low > allowed
    end = "these rows speak against it." if broken else "these rows do not speak against it."
    sentence = f"{name} is {_measured(found, allowed)}: {allowed:.2%} was asked for, and {end}"
    return Finding(sentence, refuses=broken)


def compared(comparison: Comparison, *, against: str) -> Finding:
    """Says how the candidate does against the champion; significantly worse is a reason to refuse."""
    if comparison.worse:
        outcome = f"significantly worse than {against}"
    elif comparison.p < 0.05:
        outcome = f"significantly better than {against}"
    else:
        outcome = f"no significant difference from {against}"
    test = {"mcnemar": "McNemar", "sign_flip": "sign-flip test"}.get(comparison.test, "paired bootstrap")
    numbers = f"{_digits(comparison.candidate)} against {_digits(comparison.champion)}"
    same = f"on the same {rows(comparison.difference.n)} ({test} {_p(comparison.p)})"
    sentence = f"`{comparison.field}`: {outcome}: {comparison.metric} {numbers} {same}."
    return Finding(sentence, refuses=comparison.worse)


def drawn_together(field: Field, units: Sequence[str]) -> list[Finding]:
    """Says how many texts or authors the rows of a field come from, where that is fewer than rows."""
    named = {unit for unit in units if unit}
    count = len(named) + units.count("")
    if count == len(units):
        return []
    kinds = sorted({unit.partition(" ")[0] for unit in named})
    told = " and ".join(f"{kind}s" for kind in kinds)
    begin = f"The {rows(len(units))} of `{field.name}` come from"
    if count == 1:
        sentence = f"{begin} one {kinds[0]}: nothing can be said of others. Add test rows of other {told}."
        return [Finding(sentence, refuses=True)]
    return [Finding(f"{begin} {count:,} {told}: rows of one are alike; intervals and tests allow for it.")]


def cannot_tell(comparison: Comparison, *, units: int, against: str) -> Finding:
    """Says that a candidate did worse, and that there are too few texts or authors to call it chance."""
    sentence = (
        f"`{comparison.field}`: the candidate does worse than {against}, and rows of {units} texts or authors "
        f"are too few to tell whether that is chance: add some of {LEAST_UNITS - units} others at least."
    )
    return Finding(sentence, refuses=True)


def unmeasured(field: Field) -> Finding:
    """Says that no test row has the field, and how to get some."""
    how = 'add a source with `split = "test"`, or more labelled rows to one with `split = "auto"`'
    how += ", or answer what `freehold review` says was picked at random"
    return Finding(f"`{field.name}` has no labelled test rows to be judged on: {how}.", refuses=True)


def unanswered(field: Field) -> Finding:
    """Says that the model does not answer a field of the task."""
    return Finding(f"`{field.name}` is a field of the task that this model does not answer.", refuses=True)


def new_field(field: Field, *, against: str) -> Finding:
    """Says that the champion lacks a field."""
    return Finding(f"`{field.name}` is not compared: {against} has no such field.")


def different_kind(field: Field, *, before: str, against: str) -> Finding:
    """Says that a field is of another kind than in the champion."""
    return Finding(
        f"`{field.name}` is not compared: it is a {field.kind} field now and a {before} field in {against}."
    )


def different_inputs(missing: Sequence[str], *, against: str) -> Finding:
    """Says that the champion reads inputs that the task no longer has."""
    names = ", ".join(f"`{name}`" for name in missing)
    return Finding(f"{against} is not compared: it reads {names}, which the task no longer has.")


def nothing_refused(task: Task, *, against: str, compared: int) -> Finding:
    """Sums up a verdict that passes."""
    goals = len(task.goals) + len(task.errors_given_answer)
    parts = [
        f"all {goals} goals are met" if goals > 1 else "the goal is met" if goals else "the task sets no goals"
    ]
    if not against:
        parts.append("there is no champion to beat")
    elif compared:
        parts.append(f"no field is significantly worse than in {against}")
    else:
        parts.append(f"nothing could be compared with {against}")
    sentence = " and ".join(parts)
    return Finding(f"Nothing was refused: {sentence}.")


def rows(n: int) -> str:
    """Returns a number of rows in words: `3,080 rows`."""
    return f"{n:,} row" if n == 1 else f"{n:,} rows"


def headline(field: Field, metrics: Metrics) -> Finding:
    """Says the headline metric of a field that has no goal."""
    metric = next(name for name in METRICS[field.kind] if name in metrics[field.name])
    return Finding(f"`{field.name}.{metric}` is {_measured(metrics[field.name][metric])}; it has no goal.")


def _measured(found: Measured, goal: float | None = None) -> str:
    value, low, high = (_digits(each, goal) for each in found[:3])
    return f"{value} (95 % interval {low} to {high}, n = {found.n:,})"


def _digits(number: float, goal: float | None = None) -> str:
    """Shows three decimals, or as many as it takes to tell the number from the goal."""
    digits = 3
    if 0 < abs(number) < 0.001:
        return f"{number:.3g}"
    while goal is not None and number != goal and digits < 6 and round(number, digits) == round(goal, digits):
        digits += 1
    return f"{number:,.{digits}f}"


def _bar(goal: Goal) -> str:
    """Shows a goal as people write it: shares with two decimals at least."""
    share = goal.metric not in ("mae", "r2") and round(goal.value, 2) == goal.value
    return f"{goal.value:.2f}" if share else f"{goal.value:g}"


def _p(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.3g}"
