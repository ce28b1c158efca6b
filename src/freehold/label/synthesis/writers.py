"""Whoever writes texts when asked: the small protocol, and what one call was.

Owns the words alone. Who answers over a network stands in `remote_writer`; what is asked, in the generators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from freehold.task import Json

__all__ = ["Prompt", "Spending", "Writer", "Writers", "Written"]


class Prompt(NamedTuple):
    """What a writer is asked.

    Attributes:
        instructions: Ours, word by word; nothing of the data stands in them.
        data: What it is about: rows, labels, attributes. It is sent as data.
        wanted: Names of the texts that are to be written.
        seed: Another one is another call, with another answer.
    """

    instructions: str
    data: Mapping[str, Json]
    wanted: tuple[str, ...]
    seed: int = 0


class Written(NamedTuple):
    """What was written.

    Attributes:
        texts: Name to text, for each that was wanted.
        making: Prompt, model, parameters, tokens and cost: for the passport of what becomes of it.
    """

    texts: Mapping[str, str]
    making: Mapping[str, Json]


class Spending(NamedTuple):
    """What a writer did so far. `cost` is in billionths of the currency; what was kept costs nothing again."""

    calls: int = 0
    kept: int = 0
    failed: int = 0
    refused: int = 0
    cost: int = 0
    tokens: int = 0


class Writer(Protocol):
    """A model that writes."""

    @property
    def name(self) -> str:
        """What the task file calls it."""
        ...

    def write(self, prompts: Sequence[Prompt], /) -> list[Written | None]:
        """Returns what was written for each prompt; None where nothing was: it failed, or the budget is spent."""
        ...

    def spending(self) -> Spending:
        """Returns what was spent so far."""
        ...


@dataclass(frozen=True, slots=True)
class Writers:
    """The writers of a task, in the order of its file; each has the same share of the budget."""

    each: tuple[Writer, ...] = ()

    def named(self, name: str) -> Writer:
        """Returns the writer called `name`. Raises KeyError where there is none."""
        return {writer.name: writer for writer in self.each}[name]
