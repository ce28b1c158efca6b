"""One answer to each item of a field, from what several experts said of it.

Owns how the values of each kind are put together. What the rules are is in `majority` and `dawid_skene`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from freehold.errors import UserError
from freehold.label.crowd.consensus import TIE_RULES, Settled, TieRule
from freehold.label.crowd.dawid_skene import ROUNDS, Smoothing, dawid_skene
from freehold.label.crowd.decisions import Annotation, Marks, Place, label_of, read_marks, read_votes, value_of
from freehold.label.crowd.majority import majority
from freehold.label.crowd.votes import Votes
from freehold.task import Field, Value

__all__ = ["METHODS", "Means", "Method", "Outcome", "settle"]

Method: TypeAlias = Literal["majority", "dawid_skene"]
METHODS: tuple[Method, ...] = get_args(Method)


class Means(NamedTuple):
    """How answers are put together.

    Attributes:
        method: Of `METHODS`; numbers have their median and spans their majority, whatever it is.
        ties: Of `TIE_RULES`; "none" gives no answer where values are tied.
        smoothing: Of Dawid-Skene.
        seed: Of lots.
        rounds: The most rounds of Dawid-Skene.
    """

    method: Method = "dawid_skene"
    ties: TieRule = "none"
    smoothing: Smoothing = "perks"
    seed: int = 0
    rounds: int = ROUNDS


class Outcome(NamedTuple):
    """What the experts say of one item.

    Attributes:
        value: None where there is no answer.
        confidence: The chance of the value; of several labels, that of the least sure one. Of spans, the least
            share of experts who agree on one; of a number, the share of experts who gave it.
        tied: The values that are equally likely; of several labels and spans, those on which experts are divided.
    """

    item: str
    value: Value | None
    confidence: float
    tied: tuple[Value | Mapping[str, str | int], ...] = ()


def settle(
    field: Field,
    rows: Iterable[Annotation],
    *,
    gold: Mapping[str, Value] | None = None,
    means: Means | None = None,
) -> list[Outcome]:
    """Returns one answer to each item that anybody judged, in the order of items.

    A choice, predicate or score is the label that experts agree on. Several labels are one decision each. A span
    is taken where more than half of the item's experts marked it, label and place; so no two of them overlap
    unless an expert's own do. A number is the median of those given.

    Args:
        rows: Judgements; those of other fields are passed over.
        gold: Items whose value is known: it is the answer, and tells Dawid-Skene who can be believed.
        means: How answers are put together.

    Raises:
        DataError: A value that is none of the field's, or two judgements of one expert on an item.
        UserError: A method or rule that there is not, or a field of kind `text`.

    Example:
        >>> rows = [Annotation("1", who, "spam", who != "cy") for who in ("ann", "bob", "cy")]
        >>> settle(Field("spam", "predicate"), rows, means=Means("majority"))
        [Outcome(item='1', value=True, confidence=0.6666666666666666, tied=())]
    """
    means, gold = means or Means(), gold or {}
    _check(field, means)
    rows = [row for row in rows if row.field == field.name]
    found = _settle(field, rows, gold=gold, means=means)
    return [Outcome(each.item, gold[each.item], 1.0) if each.item in gold else each for each in found]


def _check(field: Field, means: Means) -> None:
    if means.method not in METHODS or means.ties not in TIE_RULES:
        raise UserError(
            f"`method` is {means.method!r} and `ties` is {means.ties!r}; allowed: {METHODS} and {TIE_RULES}.",
            hint="Leave them out for Dawid-Skene, and for no answer where values are tied.",
        )
    if field.kind == "text":
        raise UserError(
            f"`{field.name}` is of kind `text`: free texts of several experts cannot be put together.",
            hint="Let an expert choose one of them.",
        )


def _settle(field: Field, rows: Sequence[Annotation], *, gold: Mapping[str, Value], means: Means) -> list[Outcome]:
    if field.kind == "number":
        return _settle_numbers(read_votes(field, rows))
    if field.kind == "spans":
        return _settle_spans(read_marks(field, rows), means)
    if field.kind == "choices":
        return _settle_choices(field, read_marks(field, rows), gold=gold, means=means)
    return _settle_labels(field, read_votes(field, rows), gold=gold, means=means)


def _agree(votes: Votes, gold: Mapping[str, str], means: Means) -> list[Settled]:
    if means.method == "majority":
        return majority(votes).settle(means.ties, seed=means.seed)
    fitted = dawid_skene(votes, gold=gold, smoothing=means.smoothing, rounds=means.rounds)
    return fitted.consensus.settle(means.ties, seed=means.seed)


def _settle_labels(field: Field, votes: Votes, *, gold: Mapping[str, Value], means: Means) -> list[Outcome]:
    known = {item: label_of(field, value) for item, value in gold.items()}
    return [
        Outcome(
            each.item,
            None if each.value is None else value_of(field, each.value),
            each.confidence,
            tuple(value_of(field, label) for label in each.tied),
        )
        for each in _agree(votes, known, means)
    ]


def _settle_choices(field: Field, marks: Marks, *, gold: Mapping[str, Value], means: Means) -> list[Outcome]:
    sure = dict.fromkeys(marks.votes.items, 1.0)
    given: dict[str, list[str]] = {item: [] for item in marks.votes.items}
    divided: dict[str, list[str]] = {item: [] for item in marks.votes.items}
    for number, place in enumerate(marks.places[1:], 1):
        known = {item: str(place.label in _listed(field, value)).lower() for item, value in gold.items()}
        for each in _agree(marks.decide(number), known, means):
            sure[each.item] = min(sure[each.item], each.confidence)
            if each.tied:
                divided[each.item].append(place.label)
            if each.value == "true":
                given[each.item].append(place.label)
    return [
        Outcome(
            item,
            None if divided[item] and means.ties == "none" else list(labels),
            sure[item],
            tuple(divided[item]),
        )
        for item, labels in given.items()
    ]


def _listed(field: Field, value: Value) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise UserError(f"The gold value of `{field.name}` is {value!r}; it must be a list of labels.")
    return value


def _settle_spans(marks: Marks, means: Means) -> list[Outcome]:
    if means.ties == "random":
        raise UserError(
            "`ties` is 'random', and spans that were drawn might overlap.",
            hint="Leave them without an answer ('none'), or unmarked ('first').",
        )
    found: dict[str, list[tuple[Place, float]]] = {item: [] for item in marks.votes.items}
    votes = marks.votes
    cells, counts = np.unique(votes.item * len(votes.labels) + votes.label, return_counts=True)
    for cell, count in zip(cells.tolist(), counts.tolist(), strict=True):
        item, number = divmod(cell, len(votes.labels))
        if number:
            found[votes.items[item]].append((marks.places[number], count / int(marks.judged[item])))
    return [_settle_marks(item, shares, means) for item, shares in found.items()]


def _settle_marks(item: str, shares: Sequence[tuple[Place, float]], means: Means) -> Outcome:
    taken = sorted((place.start, place.end, place.label) for place, share in shares if share > 0.5)
    tied = tuple(_span(place) for place, share in shares if share == 0.5)
    sure = min((max(share, 1 - share) for _, share in shares), default=1.0)
    value = [_span(Place(label, start, end)) for start, end, label in taken]
    return Outcome(item, None if tied and means.ties == "none" else value, sure, tied)


def _span(place: Place) -> dict[str, str | int]:
    return {"label": place.label, "start": place.start, "end": place.end}


def _settle_numbers(votes: Votes) -> list[Outcome]:
    numbers = np.array([float(label) for label in votes.labels])
    ends = np.cumsum(np.bincount(votes.item, minlength=len(votes.items)))[:-1]
    given = np.split(numbers[votes.label], ends) if votes.items else []
    middles = [float(np.median(each)) for each in given]
    return [
        Outcome(item, middle, float((each == middle).mean()))
        for item, middle, each in zip(votes.items, middles, given, strict=True)
    ]
