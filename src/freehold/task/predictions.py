"""Answers: what a model says about one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from freehold.task.canonical import Json
from freehold.task.examples import Value

__all__ = ["Answer", "Prediction"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One field's value.

    Attributes:
        confidence: Calibrated probability, 0 to 1, that the value is right.
        probabilities: Label to calibrated probability; for a predicate the labels are `true` and `false`.
        abstained: The confidence is below the field's `abstain_below`.
    """

    value: Value
    confidence: float
    probabilities: Mapping[str, float]
    abstained: bool = False


@dataclass(frozen=True, slots=True)
class Prediction:
    """All answers to one request. `model` is `task@version`, or the artifact's digest before release."""

    task: str
    model: str
    request: str
    answers: Mapping[str, Answer]

    def to_json(self) -> dict[str, Json]:
        """Returns the prediction in the shape of the contract."""
        answers: dict[str, Json] = {
            name: {
                "value": answer.value,  # type: ignore[dict-item]
                "confidence": answer.confidence,
                "probabilities": dict(answer.probabilities),
                "abstained": answer.abstained,
            }
            for name, answer in self.answers.items()
        }
        return {"task": self.task, "model": self.model, "request": self.request, "answers": answers}
