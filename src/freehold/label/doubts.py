"""Which labels of a task's rows look wrong, and why a person should look at them.

Owns the way from examples to suspected labels: which rows are judged, which depend on each other, what is said of
each. Whoever calls it leaves test rows out. What a person has given or confirmed is learned from, and not judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.engine import join_inputs
from freehold.label.crossing import Features, assign_folds, cross_scores, to_chances, to_several_chances
from freehold.label.suspects import LEAST, Findings, Share, Suspect, find_flipped, find_suspects
from freehold.label.vectors import encode
from freehold.task import Desk, Event, Example, Field, Json, Task, canonical, name_unit

__all__ = ["Doubt", "Doubts", "Settled", "find_doubts"]

_MOST_CELLS = 50_000_000
_SINGLE = ("choice", "predicate", "score")

Settled = Collection[tuple[str, str]]
"""Example and field of each label that a person has given or confirmed."""


class Doubt(NamedTuple):
    """A label that looks wrong.

    Attributes:
        given: What the row says.
        likely: What it looks like.
        chance: How likely that is, 0 to 1.
        trust: How likely it is that the row is right: the least goes first.
        reason: A sentence for people.
    """

    example: str
    field: str
    given: Json
    likely: Json
    chance: float
    trust: float
    reason: str


class Doubts(NamedTuple):
    """The labels that look wrong, the most suspect of each field first, and field to the estimated share."""

    found: tuple[Doubt, ...]
    shares: Mapping[str, Share]


class _Asked(NamedTuple):
    """A field over the rows that have a label for it.

    Attributes:
        labels: What its columns mean.
        given: Column of each row's label, or for several labels ones and zeros, shape (rows,) or (rows, labels).
    """

    field: Field
    labels: tuple[Json, ...]
    given: NDArray[np.int64]

    @property
    def wanted(self) -> NDArray[np.float32]:
        """What scores should be, -1 or 1, shape (rows, labels)."""
        ones = self.given if self.given.ndim == 2 else np.arange(len(self.labels)) == self.given[:, None]
        return np.asarray(2.0 * ones - 1, np.float32)


def find_doubts(desk: Desk, task: Task, rows: Sequence[Example], *, settled: Settled = ()) -> Doubts:
    """Returns the labels that look wrong to heads that have learned from the other rows.

    Args:
        rows: Labelled training and validation rows.
        settled: Labels that are not judged.
    """
    found: list[Doubt] = []
    shares: dict[str, Share] = {}
    ordered = sorted(rows, key=lambda row: row.id)
    for names in _group_fields(task, ordered):
        mine = [row for row in ordered if names[0] in row.outputs]
        asked = [each for each in (_ask(task.field(name), mine) for name in names) if each is not None]
        cells = len(mine) * sum(len(each.labels) for each in asked)
        if cells > _MOST_CELLS:
            shown = ", ".join(f"`{name}`" for name in names)
            note = f"{shown}: wrong labels are not looked for, {len(mine):,} rows of so many labels take too long"
            desk.tell(Event("label.annotate", "note", note=note))
        elif asked:
            for each, findings in _judge(desk, task, mine, asked=asked, settled=settled):
                found += _explain(each, mine, findings.suspects)
                if findings.share:
                    shares[each.field.name] = findings.share
    return Doubts(tuple(found), shares)


def _group_fields(task: Task, rows: Sequence[Example]) -> list[list[str]]:
    """Returns the fields that can be judged; those with labels on the same rows share their sums."""
    groups: defaultdict[bytes, list[str]] = defaultdict(list)
    for field in task.fields:
        if field.kind in (*_SINGLE, "choices"):
            has = np.array([field.name in row.outputs for row in rows], bool)
            if has.any():
                groups[has.tobytes()].append(field.name)
    return list(groups.values())


def _ask(field: Field, rows: Sequence[Example]) -> _Asked | None:
    """Returns a field's labels as numbers; None where there are too few to compare."""
    values = [row.outputs[field.name] for row in rows]
    if field.kind == "choices":
        lists = [value if isinstance(value, list) else [] for value in values]
        names = sorted({str(label) for value in lists for label in value})
        given = np.array([[name in value for name in names] for value in lists], np.int64)
        return _Asked(field, tuple(names), given) if names and given.sum(0).max() >= LEAST else None
    labels: list[tuple[bytes, Any]] = sorted({canonical(value): value for value in values}.items())
    numbers = {key: number for number, (key, _) in enumerate(labels)}
    given = np.array([numbers[canonical(value)] for value in values], np.int64)
    if (np.bincount(given) >= LEAST).sum() < 2:
        return None
    return _Asked(field, tuple(value for _, value in labels), given)


def _judge(
    desk: Desk, task: Task, rows: Sequence[Example], *, asked: Sequence[_Asked], settled: Settled
) -> list[tuple[_Asked, Findings]]:
    groups = _group_rows(rows, by_author=task.rules.by_author)
    strata = [canonical([row.outputs[each.field.name] for each in asked]) for row in rows]
    folds = assign_folds([row.id for row in rows], strata, groups)
    if folds.min() == folds.max():
        return []
    targets = np.hstack([each.wanted for each in asked])
    texts = [join_inputs(row.inputs, tuple(task.inputs)) for row in rows]
    scores = cross_scores(Features(texts, encode(desk, task, texts)), targets, folds=folds)
    out, start = [], 0
    for each in asked:
        mine = scores[:, start : start + len(each.labels)]
        start += len(each.labels)
        open = np.array([(row.id, each.field.name) not in settled for row in rows], bool)
        several = each.field.kind == "choices"
        chances = to_several_chances(mine, each.given) if several else to_chances(mine, each.given)
        if chances is not None:
            find = find_flipped if several else find_suspects
            out.append((each, find(chances, each.given, groups=groups, open=open)))
    return out


def _group_rows(rows: Sequence[Example], *, by_author: bool) -> NDArray[np.int64]:
    """Returns a number a row, the same for near duplicates and for rows that were drawn together."""
    leads = list(range(len(rows)))

    def lead(place: int) -> int:
        while leads[place] != place:
            leads[place] = place = leads[leads[place]]
        return place

    firsts: dict[str, int] = {}
    for place, row in enumerate(rows):
        for name in (f"near {row.cluster}" if row.cluster else "", name_unit(row.passport, by_author=by_author)):
            if name:
                leads[lead(place)] = lead(firsts.setdefault(name, place))
    return np.array([lead(place) for place in range(len(rows))], np.int64)


def _explain(asked: _Asked, rows: Sequence[Example], suspects: Sequence[Suspect]) -> list[Doubt]:
    if asked.field.kind == "choices":
        return _explain_several(asked, rows, suspects)
    found = []
    for each in suspects:
        given, likely = asked.labels[each.column], asked.labels[each.likely]
        reason = f"suspected error: given `{_word(given)}`, looks like `{_word(likely)}` ({_percent(each.chance)})"
        row = rows[each.row].id
        found.append(Doubt(row, asked.field.name, given, likely, each.chance, each.trust, reason))
    return found


def _explain_several(asked: _Asked, rows: Sequence[Example], suspects: Sequence[Suspect]) -> list[Doubt]:
    """Returns one doubt a row, of all its labels that look wrong."""
    by_row: dict[int, list[Suspect]] = {}
    for each in suspects:  # the most suspect come first, and so does the row of the most suspect
        by_row.setdefault(each.row, []).append(each)
    found = []
    for row, mine in by_row.items():
        given = [name for name, has in zip(asked.labels, asked.given[row], strict=True) if has]
        turned = {asked.labels[each.column] for each in mine}
        likely = [name for name in asked.labels if (name in given) != (name in turned)]
        looks = ("wrong", "missing")
        words = ", ".join(
            f"`{asked.labels[each.column]}` looks {looks[each.likely]} ({_percent(each.chance)})" for each in mine
        )
        first = mine[0]
        reason = f"suspected error: {words}"
        found.append(Doubt(rows[row].id, asked.field.name, given, likely, first.chance, first.trust, reason))
    return found


def _percent(chance: float) -> str:
    """Returns a probability as people read it: nothing that was learned from rows is sure."""
    return f"{chance:.2f}" if chance < 0.995 else "over 0.99"


def _word(value: Json) -> str:
    return value if isinstance(value, str) else canonical(value).decode()
