"""What a prediction says to the questions of the Decisions API.

Owns the mapping from a task's fields to predicates, choices and scores, as pure functions. Knows nothing of
HTTP or of how a prediction is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from freehold.serve.decisions import Choice, Predicate, Question, Score
from freehold.task import Answer, Field, Json, Label, Prediction

__all__ = ["reply"]


def reply(questions: Sequence[Question], *, fields: Sequence[Field], prediction: Prediction) -> list[Json]:
    """Returns one answer a question, in order.

    A question that the task has no field for, whose field is of another kind, whose choices are not labels of
    the field, or that the model abstains from, is answered by a refusal.
    """
    by_name = {field.name: field for field in fields}
    return [_reply(each, by_name.get(each.name or ""), prediction) for each in questions]


def _reply(question: Question, field: Field | None, prediction: Prediction) -> Json:
    said = None
    if field is not None and field.kind == question.type:
        answer = prediction.answers[field.name]
        if isinstance(question, Predicate):
            said = _predicate(field, answer)
        elif isinstance(question, Choice):
            said = _choice(question, field, answer)
        else:
            said = _score(question, field, answer)
    return {"type": question.type if said else "refusal", "name": question.name, **(said or {})}


def _predicate(field: Field, answer: Answer) -> dict[str, Json] | None:
    if answer.confidence < field.abstain_below:
        return None
    return {"probability": answer.probabilities["true"]}


def _choice(question: Choice, field: Field, answer: Answer) -> dict[str, Json] | None:
    offered = [choice.value for choice in question.choices]
    if not all(isinstance(value, str) and value in answer.probabilities for value in offered):
        return None
    names = cast(list[str], offered)
    shares = _restrict(answer.probabilities, names)
    best = max(range(len(names)), key=shares.__getitem__)
    if shares[best] < field.abstain_below:
        return None
    pairs: list[Json] = [{"value": n, "probability": p} for n, p in zip(names, shares, strict=True)]
    return {"choice": names[best], "confidence": shares[best], "probabilities": pairs}


def _score(question: Score, field: Field, answer: Answer) -> dict[str, Json] | None:
    """Levels count from 0 in the order of the question; the score is the mean level under the model."""
    levels = [level.label for level in question.levels]
    names = _score_labels(levels, field.labels or ())
    if names is None or not set(names) <= set(answer.probabilities):
        return None
    shares = _restrict(answer.probabilities, names)
    if max(shares) < field.abstain_below:
        return None
    rows: list[Json] = [
        {"label": label, "value": place, "probability": share}
        for place, (label, share) in enumerate(zip(levels, shares, strict=True))
    ]
    mean = sum(place * share for place, share in enumerate(shares))
    return {"score": mean, "confidence": max(shares), "probabilities": rows}


def _score_labels(levels: Sequence[str], labels: Sequence[Label]) -> list[str] | None:
    """Returns the field's labels that levels stand for, named by their number or by their description."""
    known = {label.description: label.name for label in labels if label.description}
    known |= {label.name: label.name for label in labels}
    found = [known.get(level) for level in levels]
    if None in found or len(set(found)) < len(found):
        return None
    return cast(list[str], found)


def _restrict(probabilities: Mapping[str, float], names: Sequence[str]) -> list[float]:
    """Returns the probabilities of `names`, given that it is one of them."""
    shares = [probabilities[name] for name in names]
    total = sum(shares)
    if total <= 0.0:
        return [1.0 / len(names)] * len(names)
    return shares if len(names) == len(probabilities) else [share / total for share in shares]
