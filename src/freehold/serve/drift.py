"""How far the answers of a champion have moved from those that the gate saw on the test rows.

Owns what is expected of a release, and the comparison with the latest answers. Nobody knows yet whether these are
right: they only are as sure, and as often of each label, as they were at the gate, or they are not.
"""

from __future__ import annotations

import json
import logging
import math
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import orjson

from freehold.errors import FreeholdError
from freehold.task import Answer, Field, Release, Value

if TYPE_CHECKING:
    from freehold.registry import Registry

__all__ = ["LATEST", "Drift", "Expected", "Window", "distance", "read_expected"]

T = TypeVar("T")

_log = logging.getLogger("freehold.serve")
LATEST = 1_000
"""How many answers of a field are compared."""
_BINS = 10
_LABELLED = frozenset({"choice", "predicate", "score"})


class Expected(NamedTuple):
    """What the gate saw of one field.

    Attributes:
        confidences: Of all test rows, the least first.
        labels: How often each was answered; empty for kinds of field whose values are no labels.
    """

    confidences: tuple[float, ...]
    labels: Mapping[str, int]


class Drift(NamedTuple):
    """How far what is answered is from what was expected, 0 to 1, and what chance alone would make of it."""

    distance: float
    by_chance: float


class Window:
    """The latest answers of one field of one model."""

    def __init__(self, model: str) -> None:
        self.model = model
        self._answers: deque[tuple[float, str]] = deque(maxlen=LATEST)

    def __len__(self) -> int:
        return len(self._answers)

    def add(self, answer: Answer) -> None:
        """Takes an answer in, in place of the oldest."""
        self._answers.append((answer.confidence, _label(answer.value)))

    @property
    def confidence(self) -> float:
        """The mean confidence."""
        answers = tuple(self._answers)
        return math.fsum(each for each, _ in answers) / len(answers)

    def compare(self, expected: Expected) -> dict[str, Drift]:
        """Returns how far `confidence` has moved, in tenths of what the gate saw, and `value` if it is a label."""
        answers = tuple(self._answers)
        parts = _Parts(expected.confidences)
        before, now = Counter(map(parts.find, expected.confidences)), Counter(parts.find(c) for c, _ in answers)
        found = {"confidence": distance(before, now)}
        if expected.labels:
            found["value"] = distance(expected.labels, Counter(label for _, label in answers))
        return found


def distance(one: Mapping[T, int], other: Mapping[T, int]) -> Drift:
    r"""Returns the Jensen-Shannon distance of two counts, in bits: 0 the same shares, 1 nothing in common.

    $\sqrt{\frac12 \mathrm{KL}(p \| m) + \frac12 \mathrm{KL}(q \| m)}$ with $m = \frac12 (p + q)$. Two samples of n
    and m from one distribution over k things are about $\sqrt{\frac{k-1}{8 \ln 2} (\frac1n + \frac1m)}$ apart.

    References:
        Endres, D. M., Schindelin, J. E. (2003). A new metric for probability distributions. IEEE Transactions on
        Information Theory 49(7). Grosse, I. et al. (2002). Analysis of symbolic sequences using the Jensen-Shannon
        divergence. Physical Review E 65.

    Example:
        >>> distance({"a": 5, "b": 5}, {"a": 50, "b": 50}).distance, distance({"a": 5}, {"b": 9}).distance
        (0.0, 1.0)
    """
    totals = sum(one.values()), sum(other.values())
    things = {thing for counts in (one, other) for thing, count in counts.items() if count}
    divergence = 0.0
    for thing in things:
        shares = one.get(thing, 0) / totals[0], other.get(thing, 0) / totals[1]
        mean = sum(shares) / 2
        divergence += sum(share / 2 * math.log2(share / mean) for share in shares if share)
    chance = (len(things) - 1) / (8 * math.log(2)) * (1 / totals[0] + 1 / totals[1])
    return Drift(math.sqrt(min(max(divergence, 0.0), 1.0)), math.sqrt(min(chance, 1.0)))


def read_expected(shelf: Registry, release: Release, fields: Sequence[Field]) -> dict[str, Expected]:
    """Returns what the gate saw of each field of a release; nothing where that is not recorded here any more."""
    try:
        stages = shelf.lineage(release.task, release.version)["stages"]
        assert isinstance(stages, list)
        # A lineage goes on with the stages of the champion that it was compared with: the first one counts.
        judged = (each for each in stages if isinstance(each, dict) and each["stage"] == "gate.judge")
        key = next((str(each["key"]) for each in judged), "")
        recorded = shelf.recall(key) if key else None
        return _read(shelf.lay_out(recorded) / "answers.jsonl", fields) if recorded else {}
    except (FreeholdError, OSError, ValueError, KeyError) as error:
        _log.warning("model=%s what the gate saw cannot be read: %s", release.name, type(error).__name__)
        return {}


def _read(path: Path, fields: Sequence[Field]) -> dict[str, Expected]:
    confidences: dict[str, list[float]] = {field.name: [] for field in fields}
    labels: dict[str, Counter[str]] = {field.name: Counter() for field in fields if field.kind in _LABELLED}
    with path.open("rb") as lines:
        for row in map(orjson.loads, lines):
            for name, confidence in row["confidence"].items():
                if name in confidences:
                    confidences[name].append(float(confidence))
                if name in labels:
                    labels[name][_label(row["candidate"][name])] += 1
    return {
        name: Expected(tuple(sorted(found)), dict(labels.get(name, {})))
        for name, found in confidences.items()
        if found
    }


class _Parts:
    """Tenths of sorted numbers; a number that is a twentieth of them or more is a part of its own."""

    def __init__(self, numbers: Sequence[float]) -> None:
        self._edges = sorted({numbers[len(numbers) * each // _BINS] for each in range(1, _BINS)})
        self._frequent = {edge for edge in self._edges if numbers.count(edge) * 2 * _BINS >= len(numbers) > 20}

    def find(self, number: float) -> tuple[int, bool]:
        """Returns which part a number is in."""
        return bisect_left(self._edges, number), number in self._frequent


def _label(value: Value) -> str:
    return json.dumps(value) if isinstance(value, bool | int) else str(value)
