"""What a generator is, what it is given, and what it gives: rows that nobody has said before.

Owns the protocol and the registry of generators. Knows none of them, and does not judge what they make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from freehold.label.synthesis.writers import Writers
from freehold.plugins import Plugins
from freehold.task import Example, Field, Json, Value

__all__ = ["GENERATORS", "Confusion", "Draft", "Generator", "Ground"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A row as a generator made it, before anybody looked at it.

    Attributes:
        inputs: Normalised as the inputs of examples are.
        outputs: The labels that were wanted; a field that is missing has none.
        maker: `rule:GENERATOR`, or `model:WRITER` where a model wrote it.
        origin: What it was made of: a line of a file, a label, a row.
        licence: SPDX identifier; empty where unknown.
        parent: Id of the real row that it was made of; empty where there is none.
        making: How a model came to write it: prompt, model, parameters, tokens, cost.
    """

    inputs: Mapping[str, str]
    outputs: Mapping[str, Value]
    maker: str
    origin: str
    licence: str = ""
    parent: str = ""
    making: Mapping[str, Json] = field(default_factory=dict)


class Confusion(NamedTuple):
    """Two labels of a field that a model of the training rows takes for one another on validation rows."""

    field: str
    truth: str
    answer: str
    times: int


@dataclass(frozen=True, slots=True)
class Ground:
    """What rows are made of. Nothing of it comes from a test row.

    Attributes:
        task: The task's name; `about` what it is about.
        inputs: Names of the inputs.
        fields: Labels resolved, as far as they are known.
        rows: Real training rows with labels.
        confusions: The most frequent first.
        templates: The file of the templates; None where the task has none.
        licence: Of what is made of no real row.
        writers: The models that may be asked.
        seed: Another seed, other rows.
    """

    task: str
    about: str
    inputs: tuple[str, ...]
    fields: tuple[Field, ...]
    rows: tuple[Example, ...]
    confusions: tuple[Confusion, ...] = ()
    templates: Path | None = None
    licence: str = ""
    writers: Writers = field(default_factory=Writers)
    seed: int = 0

    def field(self, name: str) -> Field:
        """Returns the field called `name`. Raises KeyError where there is none."""
        return {each.name: each for each in self.fields}[name]


class Generator(Protocol):
    """Whoever can make rows.

    The same ground gives the same drafts, in the same order. A generator yields `count` drafts at most, fewer
    where it knows no more, and nothing where it lacks what it needs. It reads what it is given and nothing else.
    """

    def __call__(self, ground: Ground, /, *, count: int) -> Iterable[Draft]:
        """Yields drafts."""
        ...


GENERATORS: Plugins[Generator] = Plugins("freehold.generators")
