"""One pass over the rows of two collections: what changed between them, and whom the later one has to name.

Reads row by row: of the earlier rows only their names and a digest of their labels stay in memory. Knows nothing
of files, and nothing of releases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from freehold.task import Example, Field, Json, Value, canonical

__all__ = ["Credit", "Read", "compare", "count_credits"]

_LARGEST = 5
_SHOWN = 12
"""Labels of a field whose shares are told: those that moved most, then the most frequent."""
_UNLABELLED = frozenset({"number", "text"})


class Credit(NamedTuple):
    """Whose rows there are, under one licence."""

    licence: str
    source: str
    author: str


class Read(NamedTuple):
    """What one pass found.

    Attributes:
        drift: What changed since the earlier rows; None where there were none to compare with.
        credits: How many rows each maker has, under each licence.
    """

    drift: Mapping[str, Any] | None
    credits: Mapping[Credit, int]


def count_credits(rows: Iterable[Example]) -> Read:
    """Returns whose rows these are."""
    return Read(None, Counter(_credit(row) for row in rows))


def compare(old: Iterable[Example], new: Iterable[Example], *, fields: Sequence[Field]) -> Read:
    """Returns what changed between two collections (rows, labels, lengths), and whose rows the new ones are.

    The distance of a field is the total variation between the shares of its labels, 0 to 1. Fields without labels
    are not compared.
    """
    labelled = [field.name for field in fields if field.kind not in _UNLABELLED]
    before, now = _Tally(labelled), _Tally(labelled)
    known = {row.id: _said(row) for row in before.through(old)}
    credits: Counter[Credit] = Counter()
    both = relabelled = 0
    for row in now.through(new):
        credits[_credit(row)] += 1
        said = known.get(row.id)
        both += said is not None
        relabelled += said is not None and said != _said(row)
    drift = {
        "added": now.rows - both,
        "removed": before.rows - both,
        "relabelled": relabelled,
        "words": {"before": before.median_words(), "now": now.median_words()},
        "fields": {name: _shift(before.labels[name], now.labels[name]) for name in labelled},
    }
    return Read(drift, credits)


class _Tally:
    """Counts of rows that go through: how many, how long, with which labels."""

    def __init__(self, fields: Sequence[str]) -> None:
        self.rows = 0
        self.labels: dict[str, Counter[str]] = {name: Counter() for name in fields}
        self._words: Counter[int] = Counter()

    def through(self, rows: Iterable[Example]) -> Iterable[Example]:
        """Yields the rows, counted."""
        for row in rows:
            self.rows += 1
            self._words[sum(len(text.split()) for text in row.inputs.values())] += 1
            for name, counts in self.labels.items():
                counts.update(_named(row.outputs.get(name)))
            yield row

    def median_words(self) -> float:
        """Returns the median number of words of a row; 0 where there is none."""
        middle = {(self.rows - 1) // 2, self.rows // 2}
        passed, found = 0, []
        for words, count in sorted(self._words.items()):
            found += [words for place in middle if passed <= place < passed + count]
            passed += count
        return sum(found) / len(found) if found else 0.0


def _credit(row: Example) -> Credit:
    return Credit(row.passport.licence, row.passport.source, row.passport.author)


def _said(row: Example) -> bytes:
    outputs: dict[str, Json] = dict(row.outputs)  # type: ignore[arg-type]
    return blake2b(canonical(outputs), digest_size=16).digest()


def _named(value: Value | None) -> list[str]:
    """Returns the labels in a value."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    return [str(each["label"]) if isinstance(each, dict) else _spelt(each) for each in values]


def _spelt(label: str | float) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


def _shift(before: Counter[str], now: Counter[str]) -> dict[str, Any]:
    """Returns how far the shares of labels moved: the largest moves, and beside them the most frequent labels."""
    old, new = before.total() or 1, now.total() or 1
    shares = {label: (before[label] / old, now[label] / new) for label in sorted({*before, *now})}
    moves = {label: then - first for label, (first, then) in shares.items()}
    largest = sorted((label for label in moves if moves[label]), key=lambda label: -abs(moves[label]))[:_LARGEST]
    most = sorted(shares, key=lambda label: -max(shares[label]))
    chosen = {*list(dict.fromkeys([*largest, *most]))[:_SHOWN]}

    def show(labels: Iterable[str]) -> list[dict[str, Any]]:
        return [{"label": name, "before": shares[name][0], "now": shares[name][1]} for name in labels]

    return {
        "distance": sum(map(abs, moves.values())) / 2,
        "largest": show(largest),
        "labels": len(shares),
        "shares": show(label for label in most if label in chosen),
    }
