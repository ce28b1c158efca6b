"""How rows are made for a task: by what, how many, what they may cost, and when one is good enough.

Owns the frozen description alone; how it is read from a file stands in `synthesisreading`, and who makes rows in
`freehold.label`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from freehold.task.upstreams import Upstream

__all__ = ["TEMPLATES", "Share", "SynthesisRules"]

TEMPLATES = "templates.v1"
"""The generator that needs a file."""


class Share(NamedTuple):
    """A generator by its plugin's name, and the most drafts that it may make."""

    generator: str
    rows: int


@dataclass(frozen=True, slots=True)
class SynthesisRules:
    """The rules that made rows are held to.

    Attributes:
        enabled: Whether rows are made at all: there is a table, and it is not switched off.
        generators: Who makes them.
        templates: The file of the templates; relative paths start at the task's folder. Empty where there is none.
        rows: The most rows that are added to the real ones.
        seed: Another seed, other rows.
        licence: An SPDX identifier of what is made of no real row.
        agreement: The least chance that a model of the real rows gives to the wanted labels; 0: it is not asked.
        checker: The writer that is asked for each row's labels, which must be the wanted ones; empty: none is.
        cost: The most that asking writers may cost; None for any amount.
        tokens: The most tokens that writers may read and write; None for any number.
        writers: Models behind OpenAI-compatible URLs.
    """

    enabled: bool = False
    generators: tuple[Share, ...] = ()
    templates: str = ""
    rows: int = 1000
    seed: int = 0
    licence: str = ""
    agreement: float = 0.01
    checker: str = ""
    cost: float | None = None
    tokens: int | None = None
    writers: tuple[Upstream, ...] = ()
