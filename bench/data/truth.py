"""What is truly near, by sets of words in plain Python: the judge of all contenders.

Owns the exact list of pairs whose Jaccard similarity reaches a bar, without comparing all, and a uniform sample of
the pairs that somebody's bands let meet. Shares no code with what it judges.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from bench.data.contenders import words_of

__all__ = ["Judge", "Truth", "count_met", "sample_met"]

WORDS = 5
SLACK = 1e-9


class Truth(NamedTuple):
    """Pairs with their similarities."""

    ones: Any
    others: Any
    values: Any


class Judge:
    """Texts as sets of hashed shingles."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._sets = [_shingles(text) for text in texts]

    def similarity(self, one: int, other: int) -> float:
        """Returns the true Jaccard similarity of two texts."""
        first, second = self._sets[one], self._sets[other]
        shared = len(first & second)
        return shared / (len(first) + len(second) - shared)

    def find_all(self, bar: float) -> Truth:
        """Returns all pairs that reach the bar.

        Such a pair has one of the rarest shingles of each text in common, so many that the others are too few to
        reach the bar (prefix filtering: Bayardo, Ma, Srikant, "Scaling up all pairs similarity search", 2007).
        """
        groups: dict[int, list[int]] = {}
        frequency = self._frequencies()
        for position, shingles in enumerate(self._sets):
            rare = sorted(shingles, key=lambda each: (frequency[each], each))
            for shingle in rare[: len(rare) - ceil(bar * len(rare) - SLACK) + 1]:
                groups.setdefault(shingle, []).append(position)
        pairs = sorted(set(_pairs(groups.values())))
        kept = [(i, j, value) for i, j in pairs if (value := self.similarity(i, j)) >= bar]
        ones, others, values = zip(*kept, strict=True)
        return Truth(np.array(ones), np.array(others), np.array(values))

    def _frequencies(self) -> dict[int, int]:
        counts: dict[int, int] = {}
        for shingles in self._sets:
            for shingle in shingles:
                counts[shingle] = counts.get(shingle, 0) + 1
        return counts


def _shingles(text: str) -> frozenset[int]:
    words = words_of(text)
    return frozenset(hash(" ".join(words[i : i + WORDS])) for i in range(max(1, len(words) - WORDS + 1)))


def _pairs(groups: Any) -> Iterator[tuple[int, int]]:
    for group in groups:
        for number, other in enumerate(group):
            yield from ((one, other) for one in group[:number])


def count_met(keys: Any, truth: Truth) -> int:
    """Returns how many of the pairs share a key in any band."""
    return int((keys[:, truth.ones] == keys[:, truth.others]).any(axis=0).sum())


def sample_met(keys: Any, *, size: int, seed: int) -> list[tuple[int, int]]:
    """Returns pairs that share a key in any band, each as likely as any other.

    A pair is drawn from a band and taken once in as many times as it has bands in common.
    """
    draw = random.Random(seed)
    groups = [group for band in keys for group in _groups(band)]
    weights = [len(group) * (len(group) - 1) / 2 for group in groups]
    found: list[tuple[int, int]] = []
    while len(found) < size:
        for group in draw.choices(groups, weights, k=size):
            one, other = sorted(draw.sample(range(len(group)), 2))
            pair = (int(group[one]), int(group[other]))
            if draw.random() * int((keys[:, pair[0]] == keys[:, pair[1]]).sum()) < 1:
                found.append(pair)
    return found[:size]


def _groups(band: Any) -> list[Any]:
    order = np.argsort(band, kind="stable")
    cuts = np.flatnonzero(np.diff(band[order])) + 1
    return [group for group in np.split(order, cuts) if len(group) > 1]
