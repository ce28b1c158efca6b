"""What is to be measured with, and what a part of the measuring hands back.

Owns the plan of one command: data, work folder, seeds, effort; turns of the same task are made once and
shared by the parts. Knows nothing of any one part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bench.harness import Cell, Table
from bench.intervals import Interval
from bench.learn import corpora, draws, tasks, turns
from bench.learn.corpora import Corpus
from bench.learn.kept import turn_once
from bench.learn.turns import Turn, TurnError

__all__ = ["Goal", "Misses", "Part", "Plan", "goals_table"]

MISSED = "Not measured"
_SAID = 500  # characters of an error that are kept


class Goal(NamedTuple):
    """A figure that is wanted, and what was measured: met where the measured value itself reaches it."""

    what: str
    wanted: float
    measured: Interval | float | None
    way: Literal["at least", "at most"] = "at least"

    @property
    def met(self) -> str:
        """`yes`, `no`, or `not measured`."""
        if self.measured is None:
            return "not measured"
        value = self.measured.value if isinstance(self.measured, Interval) else self.measured
        return "yes" if (value >= self.wanted if self.way == "at least" else value <= self.wanted) else "no"


class Part(NamedTuple):
    """What one part found. `pictures` maps a name to an SVG document; tables without rows are not shown."""

    name: str
    tables: tuple[Table, ...]
    goals: tuple[Goal, ...] = ()
    notes: tuple[str, ...] = ()
    pictures: Mapping[str, str] = {}

    @property
    def whole(self) -> bool:
        """Whether everything could be measured."""
        return all(table.title != MISSED for table in self.tables)


@dataclass(frozen=True, slots=True)
class Plan:
    """One command's settings.

    Attributes:
        seeds: Of the task: another seed is another validation part and another training run.
        draws: How many times few rows, or labels to withhold, are drawn.
        folds: At most so many experiments of each regime of NLU++; 0 for all.
        effort: For every turn; None keeps each part's own.
        keyed: Whether task files name their effort at all.
        quick: A rehearsal on few train rows: no figure means anything, and no test row is read.
    """

    data: Path
    work: Path
    seeds: tuple[int, ...] = (0, 1, 2)
    draws: int = 5
    folds: int = 0
    effort: str | None = None
    keyed: bool = True
    quick: bool = False
    turned: dict[tuple[str, str, int], Turn] = field(default_factory=dict)
    answered: dict[tuple[str, str, int], list[Mapping[str, Any]]] = field(default_factory=dict)

    def banking77(self) -> Corpus:
        """Returns Banking77, or a small part of it in a rehearsal."""
        return self.small(corpora.banking77(self.data), field=corpora.INTENT)

    def hwu64(self) -> Corpus:
        """Returns HWU64, or a small part of it in a rehearsal."""
        return self.small(corpora.hwu64(self.data), field=corpora.INTENT)

    def small(self, corpus: Corpus, *, field: str = "") -> Corpus:
        """Returns the corpus, or a small part of its train rows in a rehearsal."""
        return draws.rehearse(corpus, field=field) if self.quick else corpus

    def chosen(self, effort: str) -> str:
        """Returns the effort to turn with where a part would take `effort`."""
        return self.effort or effort

    def write(self, corpus: Corpus, *, effort: str, seed: int, place: str = "") -> Path:
        """Writes a corpus as a task folder of its own and returns it."""
        folder = self.work / f"{place or corpus.name}-{effort}-{seed}"
        return tasks.write_task(folder, corpus, seed=seed, effort=effort if self.keyed else None)

    def turn(self, corpus: Corpus, *, effort: str, seed: int) -> Turn:
        """Returns the turn of a corpus, made once however many parts, or commands with `--keep`, ask for it.

        Raises:
            TurnError: It failed, or the gate released nothing.
        """
        key = (corpus.name, effort, seed)
        if key not in self.turned:
            made = turn_once(self.write(corpus, effort=effort, seed=seed))
            if made.document.get("release") is None:
                raise TurnError(f"`{corpus.name}` was not released: {made.verdict['reasons']}")
            self.turned[key] = made
        return self.turned[key]

    def answers(self, corpus: Corpus, *, effort: str, seed: int) -> list[Mapping[str, Any]]:
        """Returns the answers of a turn's release to the corpus's test rows, asked once for all parts."""
        key = (corpus.name, effort, seed)
        if key not in self.answered:
            folder = self.turn(corpus, effort=effort, seed=seed).folder
            self.answered[key] = turns.ask(folder, [row.text for row in corpus.test])
        return self.answered[key]


@dataclass(frozen=True, slots=True)
class Misses:
    """What could not be measured: one failure leaves a line in the report and the rest goes on."""

    found: list[dict[str, Cell]] = field(default_factory=list)

    @contextmanager
    def noted(self, what: str) -> Iterator[None]:
        """Notes a turn that fails inside, and goes on after the block."""
        try:
            yield
        except TurnError as error:
            self.note(what, error)

    def note(self, what: str, error: Exception) -> None:
        """Notes what could not be measured, with the end of what was said: there the reason stands."""
        said = " ".join(str(error).split())
        self.found.append({"what": what, "said": said if len(said) <= _SAID else f"... {said[-_SAID:]}"})

    def tables(self) -> tuple[Table, ...]:
        """Returns a table of what was missed; none where nothing was."""
        return (Table(MISSED, tuple(self.found)),) if self.found else ()


def goals_table(goals: Sequence[Goal], *, rehearsal: bool) -> Table:
    """Returns the goals beside what was measured; a rehearsal meets none."""
    rows: list[dict[str, Cell]] = [
        {
            "goal": goal.what,
            "wanted": f"{goal.way} {goal.wanted:g}",
            "measured": goal.measured,
            "n": goal.measured.n if isinstance(goal.measured, Interval) else None,
            "met": "rehearsal" if rehearsal else goal.met,
        }
        for goal in goals
    ]
    return Table("Goals", tuple(rows))
