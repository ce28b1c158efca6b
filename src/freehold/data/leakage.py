"""Training rows that give test rows away: found before anything is trained, and kept apart.

Owns what is done about each kind of leak. Rows with the same inputs and near duplicates are kept apart by
`duplicates` and `splits`; here come those an edit or two away. Rows that share a long run of words are counted and
stay: most of them are phrases that everybody says. Two texts whose numbers differ are no leak: that is what tells
them apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from freehold.data.duplicates import Apart
from freehold.data.splits import Assignment, KeptApart
from freehold.task import Example, Json

__all__ = ["Leakage", "find_leakage", "is_leak"]

_KINDS: Mapping[str, str] = {
    "the same as a test row": "exact",
    "a correction of a test row": "exact",
    "near a test row": "near",
    "an edit or two from a test row": "typo",
}
_TYPO = "an edit or two from a test row"
_DIGITS = re.compile(r"\d+")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Leakage:
    """What was found.

    Attributes:
        assignment: The splits without the rows that leak, and all rows that are kept apart.
        overlaps: Pairs of a training and a test row, by id, that share a long run of words.
        tests: How many test rows there are.
    """

    assignment: Assignment
    overlaps: tuple[tuple[str, str], ...]
    tests: int

    def to_json(self, apart: Sequence[Apart], places: Mapping[str, str]) -> dict[str, Json]:
        """Returns the table of leaks: kind to training rows, test rows, their share, and samples.

        Args:
            apart: Every row that is kept apart, for whatever reason.
            places: Example id to locator.
        """
        pairs: dict[str, list[tuple[str, str]]] = {kind: [] for kind in ("exact", "near", "typo", "overlap")}
        for row in apart:
            if row.reason in _KINDS:
                pairs[_KINDS[row.reason]].append((row.passport.locator, row.near))
        pairs["overlap"] = [(places[train], test) for train, test in self.overlaps]
        return {
            "test_rows": self.tests,
            "kept_apart": sum(len(found) for kind, found in pairs.items() if kind != "overlap"),
            "kinds": {kind: self._tell(found, places) for kind, found in pairs.items()},
        }

    def _tell(self, pairs: Sequence[tuple[str, str]], places: Mapping[str, str]) -> dict[str, Json]:
        tests = len({test for _, test in pairs})
        samples: list[Json] = [{"train": train, "test": places.get(test, "")} for train, test in pairs[:_SHOWN]]
        share = round(tests / self.tests, 6) if self.tests else 0.0
        return {"train": len({train for train, _ in pairs}), "test": tests, "share": share, "samples": samples}


def find_leakage(examples: Mapping[str, Example], assignment: Assignment) -> Leakage:
    """Compares the rows that would be learned from with the test rows."""
    from freehold.data.scale import find_leaks

    tests = sorted(name for name, split in assignment.splits.items() if split == "test")
    learned = sorted(name for name, split in assignment.splits.items() if split != "test")
    texts = {name: "\n".join(examples[name].inputs.values()) for name in (*tests, *learned)}
    # Clusters have taken near duplicates apart: signing every row once more would find them nowhere.
    leaks = find_leaks([texts[name] for name in learned], [texts[name] for name in tests], near=False)
    typos: dict[str, KeptApart] = {}
    overlaps: dict[tuple[str, str], None] = {}
    for leak in leaks.pairs:
        train, test = learned[leak.train], tests[leak.benchmark]
        if leak.kind == "typo" and is_leak(leak.kind, texts[train], texts[test]):
            typos.setdefault(train, KeptApart(_TYPO, test))
        elif leak.kind == "overlap":
            overlaps[train, test] = None
    kept = {name: split for name, split in assignment.splits.items() if name not in typos}
    if "train" not in kept.values():  # tiny sets of one template: a model needs something to learn from
        kept, typos = assignment.splits, {}
    pairs = tuple(pair for pair in overlaps if pair[0] not in typos)
    return Leakage(Assignment(kept, {**assignment.apart, **typos}), pairs, len(tests))


def is_leak(kind: str, one: str, other: str) -> bool:
    """Returns whether two texts that look alike give one another away: an edit to a number makes another text."""
    return kind != "typo" or _DIGITS.findall(one) == _DIGITS.findall(other)
