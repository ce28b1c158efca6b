"""Test rows planted into training data, changed in known ways.

Owns the changes: none, another case, random edits of letters, and rules that say the same otherwise. Pure.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

__all__ = ["WAYS", "Planted", "plant"]


class Planted(NamedTuple):
    """A row that was planted: its text, the position of the test row that it is from, and how it was changed."""

    text: str
    source: int
    way: str


def plant(test: Sequence[str], *, share: float, draw: random.Random) -> list[Planted]:
    """Returns a share of the test rows in each way; no row is planted twice."""
    count = max(1, round(share * len(test)))
    chosen = draw.sample(range(len(test)), count * len(WAYS))
    return [
        Planted(change(test[source], draw), source, way)
        for number, (way, change) in enumerate(WAYS.items())
        for source in chosen[number * count : (number + 1) * count]
    ]


def slip(text: str, draw: random.Random) -> str:
    """Returns a text with a letter dropped, doubled by another, replaced, or exchanged with its neighbour."""
    letters = list(text)
    place = draw.choice([i for i, letter in enumerate(letters) if letter.isalpha()] or [0])
    letter = draw.choice(string.ascii_lowercase)
    kind = draw.choice(("drop", "add", "replace", "exchange"))
    if kind == "drop":
        del letters[place]
    elif kind == "add":
        letters.insert(place, letter)
    elif kind == "replace":
        letters[place] = letter
    else:
        letters[place : place + 2] = reversed(letters[place : place + 2])
    return "".join(letters)


def _recase(text: str, draw: random.Random) -> str:
    return draw.choice((str.upper, str.lower, str.title, str.swapcase))(text)


_RULES = (
    ("I am ", "I'm "),
    ("I'm ", "I am "),
    ("can't", "cannot"),
    ("do not", "don't"),
    ("don't", "do not"),
    ("What is", "What's"),
    ("How do I", "How can I"),
    ("How can I", "How do I"),
    ("Can I", "Am I able to"),
    ("Why is", "What is the reason that"),
    ("my card", "the card I have"),
)


def _rephrase(text: str, draw: random.Random) -> str:
    """Returns a text with one phrase in other words, or with words of courtesy where no rule fits."""
    fitting = [(old, new) for old, new in _RULES if old in text]
    if fitting:
        return text.replace(*draw.choice(fitting), 1)
    return draw.choice(("Hi, {}", "{} Please help.", "Quick question: {}", "{} Thanks!")).format(text)


WAYS: Mapping[str, Callable[[str, random.Random], str]] = {
    "exact": lambda text, draw: text,
    "recased": _recase,
    "one typo": slip,
    "two typos": lambda text, draw: slip(slip(text, draw), draw),
    "rephrased": _rephrase,
}
