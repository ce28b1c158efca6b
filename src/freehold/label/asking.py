"""The review list of a task: what to ask people, in which order, and why.

Owns which rows may be asked about: of those that are held apart only some, by chance, and without a word on what a
model thinks. Knows neither how a row is worth asking about nor what becomes of an answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from freehold.label.queue import HELD_REASON, STRATEGIES, Pick, interleave, put_in_order
from freehold.registry import Review
from freehold.task import Example, Json, Task

if TYPE_CHECKING:
    from freehold.label.doubts import Doubt, Settled
    from freehold.label.outlook import Outlook
    from freehold.label.suggest import Suggestion

__all__ = ["make_reviews"]

_ORDERED = 1_000
"""Rows of a field that a strategy puts in order; the next turn does so with those that are left."""
_MOST_HELD = 1_000

Listed = list[tuple[Review, float]]


def make_reviews(
    task: Task,
    rows: Sequence[Example],
    *,
    asked: Sequence[Example],
    outlooks: Mapping[str, Outlook],
    doubts: Sequence[Doubt],
    settled: Settled,
) -> list[Review]:
    """Returns the list, what is worth most in front.

    Args:
        rows: All rows of the data.
        asked: What was asked over HTTP and is no row of the data.
        outlooks: Field to what is known of the rows that lack it.
        doubts: Labels that look wrong.
        settled: What people answered.
    """
    inputs = {row.id: row.inputs for row in (*rows, *asked)}
    splits = {row.id: row.split for row in rows}
    lists: list[Listed] = [_doubted(task, doubts, inputs=inputs)]
    rest: list[Review] = []
    for field, outlook in outlooks.items():
        listed, others = _picked(task, field, outlook, inputs=inputs, strangers={row.id for row in asked})
        lists.append(listed)
        rest += others
    answered = [splits[name] for name, _ in settled if name in splits]
    ordered = interleave(
        lists,
        list(_held(task, rows)) if task.review.random else (),
        share=task.review.random,
        answered=len(answered),
        answered_held=sum(split != "train" for split in answered),
    )
    return [*(replace(each.item, worth=each.worth) for each in ordered), *rest]


def _doubted(task: Task, doubts: Sequence[Doubt], *, inputs: Mapping[str, Mapping[str, str]]) -> Listed:
    out = []
    for each in sorted(doubts, key=lambda doubt: doubt.trust):
        review = Review(each.example, task.name, each.field, inputs[each.example], each.likely, each.chance)
        out.append((replace(review, given=each.given, reason=each.reason), 1 - each.trust))
    return out


def _picked(
    task: Task, field: str, outlook: Outlook, *, inputs: Mapping[str, Mapping[str, str]], strangers: set[str]
) -> tuple[Listed, list[Review]]:
    """Returns the rows that the task's strategy picked, and those that wait behind them."""
    pool, known = outlook.pool, {each.example: each for each in outlook.suggestions}
    open = [row for row, name in enumerate(pool.names) if name not in strangers or pool.strange[row] > 0]
    strategy = STRATEGIES.get(task.review.strategy)
    part = pool.take(open)
    picks = put_in_order(strategy, part, count=_ORDERED, name=task.review.strategy) if open else []
    picked = {pick.row for pick in picks}

    def review(row: int, reason: str) -> Review:
        name = part.names[row]
        reason = "; ".join(each for each in (outlook.told.get(name, ""), reason) if each)
        said: Suggestion | None = known.get(name)
        value: Json = said.value if said else None
        return Review(name, task.name, field, inputs[name], value, said.confidence if said else 0.0, reason=reason)

    listed = [(review(pick.row, _told(pick, part.names[pick.row] in strangers)), pick.worth) for pick in picks]
    return listed, [review(row, "") for row in range(len(part)) if row not in picked]


def _told(pick: Pick, is_stranger: bool) -> str:
    return f"asked of the model, and {pick.reason}" if is_stranger else pick.reason


def _held(task: Task, rows: Sequence[Example]) -> Iterator[Review]:
    """Yields rows that nobody learns from, in an order by chance: test rows and validation rows in turn."""
    drawn: dict[str, list[Review]] = {"test": [], "validation": []}
    for row in sorted(rows, key=lambda row: _draw(task, row)):
        for field in task.fields:
            if row.split in drawn and field.name not in row.outputs and len(drawn[row.split]) < _MOST_HELD:
                review = Review(row.id, task.name, field.name, row.inputs, None, 0.0, reason=HELD_REASON)
                drawn[row.split].append(review)
    pairs = zip_longest(drawn["test"], drawn["validation"])
    yield from (each for each in chain.from_iterable(pairs) if each is not None)


def _draw(task: Task, row: Example) -> bytes:
    return hashlib.sha256(f"held:{task.seed}:{row.id}".encode()).digest()
