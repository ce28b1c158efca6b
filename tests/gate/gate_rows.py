"""Answers made by hand, for the tests of the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from freehold.gate import Pair
from freehold.task import Answer, Prediction, Value

__all__ = ["answer", "pair", "pairs", "prediction"]


def answer(value: Value, *, confidence: float = 1.0, true: float | None = None, abstained: bool = False) -> Answer:
    if isinstance(value, bool):
        chance = true if true is not None else float(value)
        return Answer(value, max(chance, 1 - chance), {"true": chance, "false": 1 - chance}, abstained)
    return Answer(value, confidence, _probabilities(value, confidence), abstained)


def _probabilities(value: Value, confidence: float) -> dict[str, float]:
    """Returns probabilities that go with an answer, where its kind has any."""
    if isinstance(value, str | int):
        return {str(value): confidence, "another": 1 - confidence}
    if isinstance(value, list) and all(isinstance(label, str) for label in value):
        return dict.fromkeys("abcd", 1 - confidence) | {str(label): confidence for label in value}
    return {}


def pair(truth: Value, value: Value, *, confidence: float = 1.0, true: float | None = None) -> Pair:
    return Pair(truth, answer(value, confidence=confidence, true=true))


def prediction(values: Mapping[str, Value], *, request: str = "r") -> Prediction:
    return Prediction("t", "m", request, {name: answer(value) for name, value in values.items()})


def pairs(truths: Sequence[Value], values: Sequence[Value]) -> list[Pair]:
    return [pair(truth, value) for truth, value in zip(truths, values, strict=True)]
