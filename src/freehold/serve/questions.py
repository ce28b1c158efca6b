"""What a prediction says to the questions of the Decisions API.

Owns the shape of its answers, as pure functions; what is likely stands in `shares`. Knows nothing of HTTP or of
how a prediction is made.
"""

from __future__ import annotations

from collections.abc import Sequence

from freehold.serve.decisions import Choice, Predicate, Question, Score
from freehold.serve.shares import choice_labels, level_labels, share, share_truth
from freehold.task import Answer, Field, Json, Prediction

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
    shares = share_truth(field=field, answer=answer)
    return None if shares.abstained else {"probability": shares.probabilities[1]}


def _choice(question: Choice, field: Field, answer: Answer) -> dict[str, Json] | None:
    offered = [choice.value for choice in question.choices]
    labels = choice_labels(field, offered)
    if labels is None:
        return None
    shares = share(labels, field=field, answer=answer)
    if shares.abstained:
        return None
    pairs: list[Json] = [
        {"value": value, "probability": probability}
        for value, probability in zip(labels, shares.probabilities, strict=True)
    ]
    return {"choice": labels[shares.best], "confidence": shares.confidence, "probabilities": pairs}


def _score(question: Score, field: Field, answer: Answer) -> dict[str, Json] | None:
    """Levels count from 0 in the order of the question; the score is the mean level under the model."""
    levels = [level.label for level in question.levels]
    labels = level_labels(field, levels)
    if labels is None:
        return None
    shares = share(labels, field=field, answer=answer)
    if shares.abstained:
        return None
    rows: list[Json] = [
        {"label": label, "value": place, "probability": probability}
        for place, (label, probability) in enumerate(zip(levels, shares.probabilities, strict=True))
    ]
    return {"score": shares.mean, "confidence": shares.confidence, "probabilities": rows}
