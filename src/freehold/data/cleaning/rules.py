"""What a rule about a whole text is: a measure, a bar from a paper, and a sentence for who wonders.

Owns the registry of such rules, and how one is applied. The rules stand in `gopher`, `repetition`, `c4` and
`fineweb`. They were made for documents from the web: nothing here is applied to a task's rows unless asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from freehold.data.cleaning.documents import Document

__all__ = ["ENGLISH", "RULES", "Bar", "Dropped", "Measure", "Rule", "Words", "judge", "rule"]


class Bar(NamedTuple):
    """What a measure may be, both ends included."""

    low: float = -math.inf
    high: float = math.inf

    def holds(self, value: float) -> bool:
        """Tells whether a value is between the ends."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        if self.low == -math.inf:
            return f"at most {self.high:g}"
        if self.high == math.inf:
            return f"at least {self.low:g}"
        return f"{self.low:g} to {self.high:g}"


class Words(NamedTuple):
    """The words of a language that rules know; English where nothing else is set.

    Attributes:
        stop: Words that no text is without.
        policy: Phrases of lines about cookies and terms.
        language: The ISO 639 code. A text that is known to be in another language is not measured by its words.
    """

    stop: frozenset[str]
    policy: tuple[str, ...]
    language: str


ENGLISH = Words(
    stop=frozenset({"the", "be", "to", "of", "and", "that", "have", "with"}),
    policy=("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"),
    language="en",
)
"""Stop words: Rae et al. 2021, A1.1. Policy phrases: the code of C4 (tensorflow/datasets, `c4_utils.py`)."""

Measure = Callable[[Document, Words], "float | None"]
"""What a rule measures; None where it does not apply: an empty text, words that do not stand apart."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule about a whole text.

    Attributes:
        name: `gopher.words`.
        bar: What the source allows.
        said: What is measured, for people: `share of lines that begin with a bullet`.
        measure: The function.
        source: Where the bar is from.
    """

    name: str
    bar: Bar
    said: str
    measure: Measure
    source: str


class Dropped(NamedTuple):
    """A text that a rule did not let pass.

    Attributes:
        rule: The rule's name.
        why: One plain sentence.
        value: What was measured.
        bar: What is allowed.
    """

    rule: str
    why: str
    value: float
    bar: Bar


RULES: dict[str, Rule] = {}
"""Name to rule, in the order in which they are applied."""


def rule(name: str, *, bar: Bar, said: str, source: str) -> Callable[[Measure], Measure]:
    """Returns a decorator that puts a measure under a name and a bar."""

    def add(measure: Measure) -> Measure:
        RULES[name] = Rule(name, bar, said, measure, source)
        return measure

    return add


def judge(
    document: Document, *, name: str, words: Words = ENGLISH, bars: Mapping[str, Bar] | None = None
) -> Dropped | None:
    """Returns why a rule drops a text, or None where it passes or the rule does not apply.

    Args:
        bars: Rule name to bar, in place of the published one.
    """
    each = RULES[name]
    value = each.measure(document, words)
    bar = (bars or {}).get(name, each.bar)
    if value is None or bar.holds(value):
        return None
    return Dropped(name, f"{each.said}: {value:.4g}, allowed {bar}.", value, bar)
