"""How likely each option of a question is, for every kind of question that other APIs ask.

Owns the mapping from a field's answer to the options of a question, as pure functions; the doors only put it
into their shapes. Knows nothing of HTTP or of how a prediction is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from freehold.task import Answer, Field

__all__ = ["Shares", "choice_labels", "level_labels", "share", "share_truth"]


class Shares(NamedTuple):
    """The options' probabilities, given that it is one of them.

    Attributes:
        probabilities: In the order of the question's options; false and true for a predicate.
        abstained: The best of them is less sure than an answer has to be to be given.
    """

    probabilities: list[float]
    abstained: bool

    @property
    def best(self) -> int:
        """The place of the likeliest option, the first of equals."""
        return max(range(len(self.probabilities)), key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """The likeliest option's probability."""
        return max(self.probabilities)

    @property
    def mean(self) -> float:
        """The mean place under the model; places count from 0 in the order of the question."""
        return sum(place * share for place, share in enumerate(self.probabilities))


def choice_labels(field: Field, offered: Sequence[object]) -> list[str] | None:
    """Returns the field's labels that are offered to choose from, or None where one is none of them."""
    known = {label.name for label in field.labels or ()}
    if not all(isinstance(value, str) and value in known for value in offered):
        return None
    return cast(list[str], list(offered))


def level_labels(field: Field, levels: Sequence[object]) -> list[str] | None:
    """Returns the field's labels that levels stand for, by their name or by their description.

    None where a level is none of them, or two are the same.
    """
    known = {label.description: label.name for label in field.labels or () if label.description}
    known |= {label.name: label.name for label in field.labels or ()}
    found = [known.get(level) if isinstance(level, str) else None for level in levels]
    if None in found or len(set(found)) < len(found):
        return None
    return cast(list[str], found)


def share(labels: Sequence[str], *, field: Field, answer: Answer) -> Shares:
    """Returns how likely each of some labels is, given that it is one of them."""
    shares = [answer.probabilities[label] for label in labels]
    total = sum(shares)
    if total <= 0.0:
        shares = [1.0 / len(labels)] * len(labels)
    elif len(labels) < len(answer.probabilities):
        shares = [each / total for each in shares]
    return Shares(shares, max(shares) < _bar(field, answer))


def share_truth(*, field: Field, answer: Answer) -> Shares:
    """Returns how likely a predicate is false, and true."""
    shares = [answer.probabilities["false"], answer.probabilities["true"]]
    return Shares(shares, answer.confidence < _bar(field, answer))


def _bar(field: Field, answer: Answer) -> float:
    """Returns how sure it has to be: as the model has it; what an upstream answered was given already."""
    return field.abstain_below if answer.abstained else min(field.abstain_below, answer.confidence)
