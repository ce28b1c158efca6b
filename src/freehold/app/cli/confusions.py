"""What a model takes for what: the most frequent mistakes on the test rows, counted from the gate's answers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freehold.task import Field

__all__ = ["Confusion", "find_confusions", "named"]

_MOST = 20


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often one label was answered where another is true.

    A label of a `choices` or `spans` field that was missed has no `answer`; one that was answered too much has
    no `truth`. Spans with the same place and different labels are one mistake.
    """

    truth: str | None
    answer: str | None
    count: int


def find_confusions(path: Path, fields: Sequence[Field]) -> dict[str, list[Confusion]]:
    """Returns the 20 most frequent mistakes of each field that has labels; empty where there are none.

    Args:
        path: The `answers.jsonl` of a judgement.
    """
    closed = [field for field in fields if field.kind not in ("number", "text")]
    counts: dict[str, Counter[tuple[str, str]]] = {field.name: Counter() for field in closed}
    with path.open("rb") as file:
        for line in file:
            row = json.loads(line)
            for name, counter in counts.items():
                if name in row["truth"] and name in row["candidate"]:
                    counter.update(_mistakes(row["truth"][name], row["candidate"][name]))
    return {
        name: [_confusion(pair, counter[pair]) for pair in _ranked(counter)] for name, counter in counts.items()
    }


def named(label: str | None) -> str:
    """Returns a label as a table shows it."""
    return "(none)" if label is None else label


def _ranked(counter: Counter[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(counter, key=lambda pair: (-counter[pair], pair))[:_MOST]


def _confusion(pair: tuple[str, str], count: int) -> Confusion:
    return Confusion(pair[0] or None, pair[1] or None, count)


def _mistakes(truth: Any, answer: Any) -> Iterator[tuple[str, str]]:
    """Yields pairs of a true label and an answered one; an empty name stands for none."""
    if not isinstance(truth, list):
        if truth != answer:
            yield _name(truth), _name(answer)
        return
    missed, added = _places(truth, answer), _places(answer, truth)
    for place, label in missed.items():
        yield label, added.pop(place, "")
    for label in added.values():
        yield "", label


def _places(labels: list[Any], others: list[Any]) -> dict[object, str]:
    """Returns what is in one list and not in the other: place to label. A bare label is its own place."""
    return {
        (each["start"], each["end"]) if isinstance(each, dict) else each: each["label"]
        if isinstance(each, dict)
        else each
        for each in labels
        if each not in others
    }


def _name(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
