"""What a field's values are as labels: a choice is one, several choices are one decision each, spans their places.

Owns the way from values to votes and back. Knows nothing of what is counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from freehold.errors import DataError
from freehold.label.crowd.votes import Vote, Votes, Whole, tabulate
from freehold.task import Field, Value

__all__ = ["NOT_MARKED", "Annotation", "Marks", "Place", "label_of", "read_marks", "read_votes", "value_of"]

NOT_MARKED = "(not marked)"


class Annotation(NamedTuple):
    """What one expert said of one field of one item; None where the expert passed."""

    item: str
    expert: str
    field: str
    value: Value | None


class Place(NamedTuple):
    """A span, or a label of several (with no place): what an expert marks, or does not."""

    label: str
    start: int = 0
    end: int = 0


class Marks(NamedTuple):
    """Values that are sets, as votes: one for each mark, and one with an empty label for each judgement.

    Attributes:
        votes: Labels are the numbers of `places`, as text; the first label, "", says that an expert judged.
        places: What may be marked; that of the first label is empty.
        judged: How many experts judged each item, shape (items,).
        of_label: The numbers of each label's places.
    """

    votes: Votes
    places: tuple[Place, ...]
    judged: Whole
    of_label: Mapping[str, Whole]

    def decide(self, number: int) -> Votes:
        """Returns who made one mark and who did not, as votes for "true" and "false"."""
        votes, many = self.votes, max(1, len(self.votes.experts))
        judgements, own = votes.label == 0, votes.label == number
        made = np.isin(
            votes.item[judgements] * many + votes.expert[judgements], votes.item[own] * many + votes.expert[own]
        )
        return Votes(
            items=votes.items,
            experts=votes.experts,
            labels=("false", "true"),
            closed=True,
            item=votes.item[judgements],
            expert=votes.expert[judgements],
            label=made.astype(np.int64),
        )


def label_of(field: Field, value: Value) -> str:
    """Returns a value of a field with one label as that label.

    Raises:
        DataError: It is no value of the field's kind.
    """
    plain = value
    if field.kind == "choice" and isinstance(plain, str):
        return plain
    if field.kind == "predicate" and isinstance(plain, bool):
        return str(plain).lower()
    if field.kind == "score" and isinstance(plain, int) and not isinstance(plain, bool):
        return str(plain)
    number = field.kind == "number" and isinstance(plain, int | float) and not isinstance(plain, bool)
    if number and math.isfinite(cast(float, plain)):
        return repr(float(cast(float, plain)))
    raise _unfit(field, value)


def value_of(field: Field, label: str) -> Value:
    """Returns the value that a label stands for."""
    if field.kind == "predicate":
        return label == "true"
    if field.kind == "score":
        return int(label)
    return float(label) if field.kind == "number" else label


def read_votes(field: Field, rows: Iterable[Annotation]) -> Votes:
    """Returns what experts said of a field with one label, as votes; scores and numbers from the least on.

    Raises:
        DataError: A value that is none of the field's, or two judgements of one expert on an item.
    """
    own = [row for row in rows if row.field == field.name and row.value is not None]
    votes = [Vote(row.item, row.expert, label_of(field, cast(Value, row.value))) for row in own]
    if field.kind == "predicate":
        return tabulate(votes, labels=("false", "true"))
    if field.kind != "number" and field.labels is not None:
        return tabulate(votes, labels=[label.name for label in field.labels])
    if field.kind == "choice":
        return tabulate(votes)
    return tabulate(votes, labels=sorted({str(vote.label) for vote in votes}, key=float))


def read_marks(field: Field, rows: Iterable[Annotation]) -> Marks:
    """Returns what experts said of a field of several labels, or of spans.

    Raises:
        DataError: A value that is none of the field's, or two judgements of one expert on an item.
    """
    own = [row for row in rows if row.field == field.name and row.value is not None]
    marked = [sorted({*_places(field, row)}) for row in own]
    tabulate([Vote(row.item, row.expert, "") for row in own])
    known = () if field.labels is None or field.kind == "spans" else field.labels
    places = sorted({place for each in marked for place in each} | {Place(label.name) for label in known})
    numbers = {place: str(number) for number, place in enumerate(places, 1)}
    votes = [Vote(row.item, row.expert, "") for row in own]
    votes += [
        Vote(row.item, row.expert, numbers[place]) for row, each in zip(own, marked, strict=True) for place in each
    ]
    table = tabulate(votes, labels=["", *numbers.values()], repeats="count")
    judged = np.bincount(table.item[table.label == 0], minlength=len(table.items))
    return Marks(table, (Place(""), *places), judged, _by_label(places))


def _by_label(places: Sequence[Place]) -> dict[str, Whole]:
    found: dict[str, list[int]] = {}
    for number, place in enumerate(places, 1):
        found.setdefault(place.label, []).append(number)
    return {label: np.array(numbers) for label, numbers in found.items()}


def _places(field: Field, row: Annotation) -> list[Place]:
    value: Any = row.value
    allowed = None if field.labels is None else {label.name for label in field.labels}
    try:
        if not isinstance(value, list | tuple):
            raise TypeError
        if field.kind == "choices":
            found = [Place(each) for each in value]
        else:
            found = [Place(each["label"], int(each["start"]), int(each["end"])) for each in value]
        if not all(isinstance(place.label, str) for place in found):
            raise TypeError
    except (KeyError, TypeError, ValueError):
        raise _unfit(field, value) from None
    for place in found:
        if allowed is not None and place.label not in allowed:
            raise DataError(
                f"Expert {row.expert!r} gave item {row.item!r} the label {place.label!r}, and `{field.name}` has "
                f"only {', '.join(f'`{name}`' for name in sorted(allowed)[:20])}.",
                hint="Add the label to the task file, or correct the judgement.",
            )
    return found


def _unfit(field: Field, value: object) -> DataError:
    return DataError(
        f"`{field.name}` is of kind `{field.kind}`, and {value!r} is no value of it.",
        hint="Judgements are checked where they come in; correct this one there.",
    )
