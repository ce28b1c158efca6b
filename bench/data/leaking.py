"""Test rows planted into training data, and which of them are caught; and what else is called a leak.

Banking77: the training rows with 1 % of the test rows planted in each way, against all test rows.
"""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.data.contenders import words_of
from bench.data.planting import WAYS, Planted, plant
from bench.harness import Cell, Table
from bench.intervals import wilson
from freehold.data.scale import KINDS, Leaks, find_leaks

__all__ = ["measure"]


class Rows(NamedTuple):
    """Texts and their labels."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]


def measure(folder: Path, *, share: float, rounds: int, shown: int) -> list[Table]:
    """Returns the tables.

    Args:
        folder: With `train.csv` and `test.csv`.
        share: Of the test rows that is planted in each way.
        rounds: How many times, other rows each time.
        shown: How many false alarms of each kind are shown, to be looked at.
    """
    train, test = (_read(folder / f"{name}.csv") for name in ("train", "test"))
    started = time.process_time()
    before = find_leaks(train.texts, test.texts)
    seconds = time.process_time() - started
    caught = dict.fromkeys(WAYS, 0)
    planted_in_all = dict.fromkeys(WAYS, 0)
    for number in range(rounds):
        planted = plant(test.texts, share=share, draw=random.Random(number))
        leaks = find_leaks([*train.texts, *(each.text for each in planted)], test.texts)
        for each in _caught(planted, leaks, len(train.texts), test.texts):
            caught[each.way] += 1
        for each in planted:
            planted_in_all[each.way] += 1
    ways: list[Mapping[str, Cell]] = [
        {"planted": way, "rows": planted_in_all[way], "caught": wilson(caught[way], planted_in_all[way])}
        for way in WAYS
    ]
    return [
        Table(f"Planted test rows that are caught, {rounds} rounds of {share:.0%} each", tuple(ways)),
        _alarms(before, train, test, seconds),
        _samples(before, train, test, shown),
    ]


def _read(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return Rows(tuple(row["text"] for row in rows), tuple(row["category"] for row in rows))


def _caught(planted: Sequence[Planted], leaks: Leaks, first: int, test: Sequence[str]) -> list[Planted]:
    """Returns the planted rows that were found together with the row that they are from, or one like it."""
    hits = {
        leak.train - first
        for leak in leaks.pairs
        if leak.train >= first and _same(test[planted[leak.train - first].source], test[leak.benchmark])
    }
    return [planted[number] for number in sorted(hits)]


def _same(one: str, other: str) -> bool:
    return words_of(one) == words_of(other)


def _alarms(leaks: Leaks, train: Rows, test: Rows, seconds: float) -> Table:
    """Returns what was found where nothing was planted, by kind; other labels hint at another meaning."""
    rows: list[Mapping[str, Cell]] = []
    for row in leaks.table:
        pairs = [leak for leak in leaks.pairs if leak.kind == row.kind]
        apart = sum(train.labels[leak.train] != test.labels[leak.benchmark] for leak in pairs)
        rows.append(
            {
                "kind": row.kind,
                "test rows": wilson(row.benchmark, leaks.benchmark),
                "training rows": wilson(row.train, leaks.train),
                "pairs": len(pairs),
                "of them with other labels": wilson(apart, len(pairs)) if pairs else None,
            }
        )
    return Table(f"Found where nothing is planted, in {seconds:.1f} CPU-s", tuple(rows))


def _samples(leaks: Leaks, train: Rows, test: Rows, shown: int) -> Table:
    draw = random.Random(0)
    rows: list[Mapping[str, Cell]] = []
    for kind in KINDS:
        pairs = [leak for leak in leaks.pairs if leak.kind == kind]
        for leak in draw.sample(pairs, min(shown, len(pairs))):
            texts = train.texts[leak.train], test.texts[leak.benchmark]
            one, other = (" ".join(text.split()).replace("|", "/") for text in texts)
            rows.append({"kind": kind, "amount": leak.amount, "training row": one, "test row": other})
    return Table("Some of them", tuple(rows))
