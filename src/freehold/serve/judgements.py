"""What a prediction says to the questions of the System One API.

Owns the shape of its answers, as pure functions; what is likely stands in `shares`. Knows nothing of HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping

from freehold.serve.shares import Shares, share, share_truth
from freehold.serve.systemone import Matched, NoulQuestion, ScoreQuestion
from freehold.task import Json, Prediction

__all__ = ["judge"]


def judge(matched: Mapping[str, Matched], prediction: Prediction) -> dict[str, Json]:
    """Returns one answer a question, by name.

    The shape has no way to abstain: callers decide by what is likely. An answer that is below the field's
    `abstain_below` is given, as on the typed route, and has `abstained` beside it.
    """
    return {name: _judge(each, prediction) for name, each in matched.items()}


def _judge(matched: Matched, prediction: Prediction) -> Json:
    answer, field = prediction.answers[matched.field.name], matched.field
    if isinstance(matched.question, NoulQuestion):
        shares = share_truth(field=field, answer=answer)
        said: dict[str, Json] = {"noul": shares.probabilities[1]}
    else:
        shares = share(matched.labels, field=field, answer=answer)
        said = _rate(matched, shares) if isinstance(matched.question, ScoreQuestion) else _choose(matched, shares)
    shown: dict[str, Json] = {"type": matched.question.type, **said}
    return {**shown, "abstained": True} if shares.abstained else shown


def _choose(matched: Matched, shares: Shares) -> dict[str, Json]:
    return {
        "choice": matched.labels[shares.best],
        "confidence": shares.confidence,
        "probabilities": dict(zip(matched.labels, shares.probabilities, strict=True)),
    }


def _rate(matched: Matched, shares: Shares) -> dict[str, Json]:
    """Levels count from 0 in the order of the question, and are named by their numbers."""
    assert isinstance(matched.question, ScoreQuestion)
    levels: list[Json] = list(matched.question.criteria)
    return {
        "score": shares.mean,
        "confidence": shares.confidence,
        "legend": {str(place): level for place, level in enumerate(levels)},
        "probabilities": {str(place): each for place, each in enumerate(shares.probabilities)},
    }
