"""Which drafts are good enough: one test after the other, each counted, with samples of what it refused.

Owns the order of the tests and their bars. What is near, or in what language, is told by whoever lends the
measure; what the labels are, by a model of the real rows. A draft that gives a test row away is counted and
never shown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from freehold.label.synthesis.drafts import Draft
from freehold.label.synthesis.values import find_mistake
from freehold.task import Example, Field, Json, example_id, normalise

__all__ = ["LEAK", "MOST_ALIKE", "Likeness", "Refusals", "Sieve", "check_shape"]

LEAK = "gives a test row away"
"""How the reason begins for which a draft near a test row is refused."""

MOST_ALIKE = 3
"""So many drafts of one cluster of near duplicates are taken: the rest say the same once more."""

_SAMPLES = 3
_CUT = 120
_FEW = 20
_RARE = 0.05


class Likeness(Protocol):
    """How like each other rows are; `freehold.data.Likeness` is one."""

    def find_near(
        self, new: Sequence[Mapping[str, str]], known: Sequence[Mapping[str, str]], /
    ) -> Mapping[int, int]:
        """Returns positions of new rows that are near a known one, and that one's."""
        ...

    def find_leaks(
        self, new: Sequence[Mapping[str, str]], tests: Sequence[Mapping[str, str]], /
    ) -> Mapping[int, str]:
        """Returns positions of new rows that give a test row away, and how."""
        ...

    def find_clusters(self, rows: Sequence[Mapping[str, str]], /) -> Sequence[int]:
        """Returns for each row the first position of its cluster of near duplicates."""
        ...

    def tell_languages(self, rows: Sequence[Mapping[str, str]], /) -> Sequence[str]:
        """Returns each row's language, empty where nobody can tell."""
        ...


@dataclass(slots=True)
class Refusals:
    """How many drafts were refused for what, with a few of them. Those near test rows have no samples."""

    counts: Counter[str] = field(default_factory=Counter)
    samples: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def note(self, reason: str, draft: Draft, *, shown: bool = True) -> None:
        """Counts one."""
        self.counts[reason] += 1
        if shown and len(self.samples[reason]) < _SAMPLES:
            self.samples[reason].append(f"{draft.origin}: {' / '.join(draft.inputs.values())[:_CUT]!r}")

    def to_json(self) -> dict[str, Json]:
        """Returns reason to count and samples, the most frequent first."""
        return {
            reason: {"count": count, "samples": list(self.samples.get(reason, ()))}
            for reason, count in self.counts.most_common()
        }


@dataclass(slots=True)
class Sieve:
    """The tests that need no model.

    Attributes:
        fields: Labels resolved.
        train: Real training rows.
        validation: Real validation rows.
        tests: The inputs of test rows: compared with, never shown.
        likeness: Who compares.
        refusals: What was refused so far.
    """

    fields: tuple[Field, ...]
    train: Sequence[Example]
    validation: Sequence[Example]
    tests: Sequence[Mapping[str, str]]
    likeness: Likeness
    refusals: Refusals = field(default_factory=Refusals)

    def sift(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Returns the drafts that pass, in their order."""
        kept = list(drafts)
        steps: tuple[Callable[[Sequence[Draft]], Mapping[int, str]], ...] = (
            self._shapes, self._tests, self._lengths, self._languages, self._validation, self._train,
            self._repeated,
        )  # fmt: skip
        for step in steps:
            refused = step(kept)
            for place, reason in refused.items():
                self.refusals.note(reason, kept[place], shown=step != self._tests)
            kept = [draft for place, draft in enumerate(kept) if place not in refused]
        return kept

    def _shapes(self, drafts: Sequence[Draft]) -> Mapping[int, str]:
        found = {place: check_shape(draft, self.fields) for place, draft in enumerate(drafts)}
        return {place: reason for place, reason in found.items() if reason}

    def _tests(self, drafts: Sequence[Draft]) -> Mapping[int, str]:
        leaks = self.likeness.find_leaks([draft.inputs for draft in drafts], self.tests)
        return {place: f"{LEAK} ({kind})" for place, kind in leaks.items()}

    def _lengths(self, drafts: Sequence[Draft]) -> Mapping[int, str]:
        """Refuses what is much shorter than the shortest real rows, or much longer than the longest."""
        if len(self.train) < _FEW:
            return {}
        sizes = sorted(map(_size, (row.inputs for row in self.train)))
        low, high = sizes[len(sizes) // 100] / 2, sizes[-1 - len(sizes) // 100] * 2
        return {
            place: "too short" if _size(draft.inputs) < low else "too long"
            for place, draft in enumerate(drafts)
            if not low <= _size(draft.inputs) <= high
        }

    def _languages(self, drafts: Sequence[Draft]) -> Mapping[int, str]:
        """Refuses languages that fewer than one in twenty real rows are in; where nobody can tell, nothing."""
        real = list(filter(None, self.likeness.tell_languages([row.inputs for row in self.train])))
        if len(real) < _FEW:
            return {}
        usual = {name for name, count in Counter(real).items() if count >= _RARE * len(real)}
        told = self.likeness.tell_languages([draft.inputs for draft in drafts])
        return {place: "in another language" for place, name in enumerate(told) if name and name not in usual}

    def _validation(self, drafts: Sequence[Draft]) -> Mapping[int, str]:
        near = self.likeness.find_near([d.inputs for d in drafts], [row.inputs for row in self.validation])
        return dict.fromkeys(near, "near a validation row")

    def _train(self, drafts: Sequence[Draft]) -> Mapping[int, str]:
        """Refuses what is near a training row; a rewritten row may be near its own, but not say the same."""
        near = self.likeness.find_near([d.inputs for d in drafts], [row.inputs for row in self.train])
        plain = {row.id: _bare(row.inputs) for row in self.train}
        found = {}
        for place, other in near.items():
            draft, row = drafts[place], self.train[other]
            if draft.parent != row.id or _bare(draft.inputs) == plain[row.id]:
                found[place] = "near a training row"
        return found

    def _repeated(self, drafts: Sequence[Draft]) -> Mapping[int, str]:
        found: dict[int, str] = {}
        seen: set[str] = {row.id for row in self.train} | {row.id for row in self.validation}
        alike: Counter[int] = Counter()
        clusters = self.likeness.find_clusters([draft.inputs for draft in drafts])
        for place, draft in enumerate(drafts):
            name = example_id(draft.inputs)
            if name in seen:
                found[place] = "made twice"
            elif alike[clusters[place]] >= MOST_ALIKE:
                found[place] = "near others that were made"
            else:
                alike[clusters[place]] += 1
            seen.add(name)
        return found


def check_shape(draft: Draft, fields: Iterable[Field]) -> str:
    """Returns why a draft is no row of the task, or an empty string."""
    if any(not text.strip() for text in draft.inputs.values()):
        return "an input is empty"
    if any(normalise(text) != text for text in draft.inputs.values()):
        return "a text has letters that rows do not have"
    if not draft.outputs:
        return "no label"
    known = {each.name: each for each in fields}
    for name, value in draft.outputs.items():
        if name not in known or find_mistake(known[name], value, draft.inputs):
            return f"`{name}` does not fit"
    return ""


def _size(inputs: Mapping[str, str]) -> int:
    return sum(map(len, inputs.values()))


def _bare(inputs: Mapping[str, str]) -> str:
    return " ".join("".join(c for c in " ".join(inputs.values()).casefold() if c.isalnum() or c == " ").split())
