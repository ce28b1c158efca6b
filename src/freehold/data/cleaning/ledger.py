"""What cleaning did to a data set: per rule a count and samples, the same whatever the order of the texts.

Owns the tally and how samples are chosen: those whose hashes are the smallest, so that parts of a data set can be
tallied apart and added up. Knows nothing of what rules mean.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from freehold.data.cleaning.cleaning import Cleaned
from freehold.data.cleaning.findings import Finding
from freehold.data.cleaning.rules import RULES, Dropped
from freehold.task import Json

__all__ = ["SAMPLES", "Ledger", "Passage", "Sample", "Tally"]

SAMPLES = 20
_CUT = 200
_DIGITS = re.compile(r"\d")
_LETTERS = re.compile(r"[^\W\d_]")


class Sample(NamedTuple):
    """One text that a rule dropped or changed.

    Attributes:
        rank: What orders samples: a hash of the rule and the text.
        text: The untouched text, or what stood at the first place that was found, cut to 200 characters. Of
            secrets and what tells of a person, the shape alone: `xxx@xxxxxxx.xxx`.
        why: The sentence of a drop; empty for a change.
    """

    rank: int
    text: str
    why: str


class Passage(NamedTuple):
    """How many texts came to a step, and how many went on from it."""

    step: str
    came: int
    left: int


@dataclass
class Tally:
    """What one rule did.

    Attributes:
        texts: How many texts it dropped, or changed, or found something in.
        times: How many changes or finds these were; 0 for drops.
        samples: Some of them, at most 20, chosen by their hashes.
    """

    texts: int = 0
    times: int = 0
    samples: tuple[Sample, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Returns the tally as plain data."""
        samples: list[Json] = [{"text": each.text, "why": each.why} for each in self.samples]
        return {"texts": self.texts, "times": self.times, "samples": samples}

    def __add__(self, other: Tally) -> Tally:
        samples = heapq.nsmallest(SAMPLES, {*self.samples, *other.samples})
        return Tally(self.texts + other.texts, self.times + other.times, tuple(samples))


@dataclass
class Ledger:
    """What all rules did to the texts that were noted.

    Ledgers of parts add up with `+`, in any order, to the ledger of the whole.

    Attributes:
        texts: How many texts there were.
        kept: How many passed.
        changed: How many of those are not as they were.
        dropped: Rule to its drops, each text under the one rule that dropped it.
        found: Step to its changes or finds.
    """

    texts: int = 0
    kept: int = 0
    changed: int = 0
    dropped: dict[str, Tally] = field(default_factory=dict)
    found: dict[str, Tally] = field(default_factory=dict)

    def note(self, text: str, outcome: Cleaned | Dropped) -> None:
        """Notes what became of one text.

        Args:
            text: The untouched text.
        """
        self.texts += 1
        if isinstance(outcome, Dropped):
            tally = self.dropped.get(outcome.rule, Tally())
            self.dropped[outcome.rule] = tally + Tally(1, 0, (_sample(outcome.rule, text, why=outcome.why),))
            return
        self.kept += 1
        self.changed += not outcome.offsets.identity
        shown = {flag.rule: _show(flag, text) for flag in reversed(outcome.flags)}
        for name, times in outcome.counts.items():
            sample = _sample(name, shown.get(name, text), why="")
            self.found[name] = self.found.get(name, Tally()) + Tally(1, times, (sample,))

    def funnel(self, steps: Sequence[str]) -> tuple[Passage, ...]:
        """Returns how many texts came to each step that drops and how many went on.

        Args:
            steps: In their order, from `Settings.ordered`.
        """
        passages, came = [], self.texts
        for step in steps:
            dropped = self.dropped.get(step, Tally()).texts
            if dropped or step in RULES or step in ("language", "profanity"):
                passages.append(Passage(step, came, came - dropped))
                came -= dropped
        return tuple(passages)

    def to_json(self) -> dict[str, Json]:
        """Returns the ledger as plain data, for a report."""
        return {
            "texts": self.texts,
            "kept": self.kept,
            "changed": self.changed,
            "dropped": {name: tally.to_json() for name, tally in sorted(self.dropped.items())},
            "found": {name: tally.to_json() for name, tally in sorted(self.found.items())},
        }

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(
            self.texts + other.texts,
            self.kept + other.kept,
            self.changed + other.changed,
            _add(self.dropped, other.dropped),
            _add(self.found, other.found),
        )


def _show(flag: Finding, text: str) -> str:
    found = text[flag.start : flag.end]
    return found if flag.rule.startswith("flags.") else _LETTERS.sub("x", _DIGITS.sub("9", found))


def _add(ones: Mapping[str, Tally], others: Mapping[str, Tally]) -> dict[str, Tally]:
    return {name: ones.get(name, Tally()) + others.get(name, Tally()) for name in sorted({*ones, *others})}


def _sample(rule: str, text: str, *, why: str) -> Sample:
    name = blake2b(f"{rule}\0{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return Sample(int.from_bytes(name, "big"), text if len(text) <= _CUT else f"{text[: _CUT - 3]}...", why)
