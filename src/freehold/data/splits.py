"""Which examples are learned from, which are chosen by, and which are only ever tested on.

Owns the rules by which clusters of near duplicates are split, and that what was fixed once stays. Knows
nothing of texts. Pure: the same entries, clusters and recorded splits give the same assignment, and
recording an assignment and assigning again changes nothing.

1. A row recorded as test, or from a source declared as test, is a test row for ever. Whatever else is in its
   cluster is kept apart: not used at all.
2. A correction is for training, and its cluster with it; near rows of a declared validation source are kept
   apart.
3. A row of a declared source goes where it is told. A cluster with a declared validation row is for
   validation; rows in it that are told to be for training are kept apart.
4. All other clusters stay where they were recorded. A new one goes by the hash of seed and cluster: 15 % to
   test and 15 % to validation, as far as no source is declared as such, the rest to train.
5. A split that would stay empty gets new clusters, chosen by that hash: for validation as many as rule 4
   would have given it, otherwise one.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from freehold.task import Split, Told

__all__ = ["Assignment", "KeptApart", "Standing", "assign"]

SHARE = 0.15
"""How much goes to test, and how much to validation."""


class Standing(NamedTuple):
    """What is known of a row: where its source says it belongs, and whether a person corrected it."""

    told: Told
    corrected: bool = False


class KeptApart(NamedTuple):
    """Why a row is not used, and which row stands in its way."""

    reason: str
    near: str


class Assignment(NamedTuple):
    """Every row is in one of the two."""

    splits: dict[str, Split]
    apart: dict[str, KeptApart]


def assign(
    rows: Mapping[str, Standing],
    clusters: Mapping[str, str],
    *,
    recorded: Mapping[str, Split],
    declared: Collection[Told],
    seed: int,
    places: Mapping[str, float] | None = None,
) -> Assignment:
    """Splits rows so that no cluster is in two splits.

    Args:
        rows: Example id to what is known of it.
        clusters: Example id to the name of its cluster.
        recorded: The splits that were fixed before.
        declared: The splits that sources are declared to be.
        seed: Of the task.
        places: Cluster to a number from 0 to 1 in place of that of the hash; the lowest go to test.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for name in sorted(rows):
        members[clusters[name]].append(name)
    board = _Board(rows, recorded, frozenset(declared), seed, members, places or {}, {}, {})
    for cluster in sorted(members):
        board.place(cluster)
    board.fill_train()
    board.fill_test()
    board.fill_validation()
    splits = {
        name: split
        for cluster, split in board.placed.items()
        for name in members[cluster]
        if name not in board.apart
    }
    return Assignment(splits, board.apart)


@dataclass(frozen=True, slots=True)
class _Board:
    """Clusters (of near duplicates, or of what else stays together) on their way to splits."""

    rows: Mapping[str, Standing]
    recorded: Mapping[str, Split]
    declared: frozenset[Told]
    seed: int
    members: Mapping[str, Sequence[str]]
    places: Mapping[str, float]
    placed: dict[str, Split]
    apart: dict[str, KeptApart]

    def place(self, cluster: str) -> None:
        """Puts a cluster into a split, and those of its members that may not be there apart."""
        names = self.members[cluster]
        tests = [name for name in names if self.rows[name].told == "test" or self.recorded.get(name) == "test"]
        if tests:
            self._hold(cluster, "test", tests, "near a test row")
            return
        corrected = [name for name in names if self.rows[name].corrected]
        if corrected:
            kept = [name for name in names if name in corrected or self.rows[name].told != "validation"]
            self._hold(cluster, "train", [*corrected, *kept], "near a correction")
            return
        told = {self.rows[name].told for name in names}
        if "validation" in told:
            first = [name for name in names if self.rows[name].told == "validation"]
            kept = [name for name in names if self.rows[name].told == "auto"]
            self._hold(cluster, "validation", [*first, *kept], "near a validation row")
        else:
            self.placed[cluster] = "train" if "train" in told else self._choose(cluster)

    def fill_train(self) -> None:
        """Gives the train split the last new cluster by hash where it has none."""
        if "train" in self.placed.values():
            return
        free = [cluster for cluster in self.placed if self._is_free(cluster)]
        spare = [cluster for cluster in free if self.placed[cluster] == "validation"]
        spare = spare or [cluster for cluster in free if not self._recorded(cluster)]
        if spare:
            self.placed[max(spare, key=self._draw)] = "train"

    def fill_test(self) -> None:
        """Gives the test split the first new cluster by hash, where it has none and three are there."""
        if "test" in self.declared or "test" in self.placed.values():
            return
        free = [cluster for cluster in self.placed if self._is_free(cluster)]
        if len(free) < 3:
            return
        train = self._all("train")
        new = [cluster for cluster in free if not self._recorded(cluster) and train != [cluster]]
        if new:
            self.placed[min(new, key=self._draw)] = "test"

    def fill_validation(self) -> None:
        """Carves the validation split out of train where it has no rows; out of declared rows first."""
        if "validation" in self.placed.values():
            return
        train = self._all("train")
        quiet = [cluster for cluster in train if not any(self.rows[n].corrected for n in self.members[cluster])]
        source = [cluster for cluster in quiet if not self._is_free(cluster)] or quiet
        if not source:
            return
        spare = [cluster for cluster in self._all("test") if self._is_free(cluster)]
        spare = [cluster for cluster in spare if not self._recorded(cluster)]
        if len(train) == 1 and len(spare) > 1:
            self.placed[max(spare, key=self._draw)] = "validation"
            return
        kept = [cluster for cluster in source if self._recorded(cluster) == {"validation"}]
        kept += [cluster for cluster in source if not self._recorded(cluster) and self._is_drawn(cluster)]
        kept = kept or [cluster for cluster in source if self._is_drawn(cluster)]
        chosen = sorted(kept or [min(source, key=self._draw)], key=self._draw)
        for cluster in chosen if len(chosen) < len(train) else chosen[:-1]:
            self.placed[cluster] = "validation"

    def _all(self, split: Split) -> list[str]:
        return [cluster for cluster, placed in self.placed.items() if placed == split]

    def _hold(self, cluster: str, split: Split, kept: Sequence[str], reason: str) -> None:
        """Puts a cluster into a split, and its members that are not `kept` apart from the first of those."""
        self.placed[cluster] = split
        stay = set(kept)
        self.apart.update({name: KeptApart(reason, kept[0]) for name in self.members[cluster] if name not in stay})

    def _choose(self, cluster: str) -> Split:
        """Returns the split of a cluster that no source and no correction decides."""
        recorded = self._recorded(cluster)
        if recorded:
            return "train" if "train" in recorded else "validation"
        draw = self._draw(cluster)
        if draw < SHARE and "test" not in self.declared:
            return "test"
        if SHARE <= draw < 2 * SHARE and "validation" not in self.declared:
            return "validation"
        return "train"

    def _recorded(self, cluster: str) -> set[Split]:
        return {self.recorded[name] for name in self.members[cluster] if name in self.recorded}

    def _is_free(self, cluster: str) -> bool:
        return all(self.rows[n].told == "auto" and not self.rows[n].corrected for n in self.members[cluster])

    def _is_drawn(self, cluster: str) -> bool:
        return SHARE <= self._draw(cluster) < 2 * SHARE

    def _draw(self, cluster: str) -> float:
        """Returns a number from 0 to 1 that depends on the seed and the cluster's name alone, or its place."""
        if cluster in self.places:
            return self.places[cluster]
        name = hashlib.sha256(f"{self.seed}:{cluster}".encode()).digest()
        return int.from_bytes(name[:8], "big") / 2**64
