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
        in_scope: Whether some label fits at all; None where the model cannot tell.
        interval: `number`: the lowest and highest value that the confidence speaks of.
        tier: Who answered, where a model has several tiers: `static` or `champion`; empty where it has one.
    """

    value: Value
    confidence: float
    probabilities: Mapping[str, float]
    abstained: bool = False
    in_scope: bool | None = None
    interval: tuple[float, float] | None = None
    tier: str = ""

    def to_json(self) -> dict[str, Json]:
        """Returns the answer in the shape of the contract; of the last three attributes those that it has.

        The probabilities are not copied: an answer of a hundred labels is shown thousands of times a second.
        """
        shown: dict[str, Json] = {
            "value": self.value,  # type: ignore[dict-item]
            "confidence": self.confidence,
            "probabilities": self.probabilities,  # type: ignore[dict-item]
            "abstained": self.abstained,
        }
        if self.in_scope is not None:
            shown["in_scope"] = self.in_scope
        if self.interval is not None:
            shown["interval"] = list(self.interval)
        if self.tier:
            shown["tier"] = self.tier
        return shown


@dataclass(frozen=True, slots=True)
class Prediction:
    """All answers to one request. `model` is `task@version`, or the artifact's digest before release."""

    task: str
    model: str
    request: str
    answers: Mapping[str, Answer]

    def to_json(self) -> dict[str, Json]:
        """Returns the prediction in the shape of the contract."""
        answers: dict[str, Json] = {name: answer.to_json() for name, answer in self.answers.items()}
        return {"task": self.task, "model": self.model, "request": self.request, "answers": answers}
