"""Rows with the same inputs become one example.

Owns exact duplicates: whose labels count, what is a conflict, and that a correction outranks data. Near
duplicates are the business of `neighbours`. Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from freehold.task import Example, Passport, Split, Told, Value, canonical

__all__ = ["Apart", "Conflict", "Entry", "Merged", "Reading", "merge"]

_STRENGTH: Mapping[Told, int] = {"auto": 0, "train": 1, "validation": 2, "test": 3}


class Reading(NamedTuple):
    """One good row, and which split its source says it belongs to."""

    example: Example
    told: Told


class Conflict(NamedTuple):
    """Two rows with the same inputs and different labels; `kept` is the one that counts."""

    example: str
    field: str
    kept: Value
    kept_at: str
    other: Value
    other_at: str


class Apart(NamedTuple):
    """A row that is kept apart, so that no test row or benchmark is learned from.

    Attributes:
        near: The id of such a test row, or where the benchmark has it.
    """

    example: str
    passport: Passport
    reason: str
    near: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One example, which split its sources say it belongs to, and whether a person corrected it."""

    example: Example
    told: Told
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class Merged:
    """Entries by id, and what merging found. `duplicates` counts rows that were merged into another."""

    entries: Mapping[str, Entry]
    duplicates: int
    conflicts: tuple[Conflict, ...]
    apart: tuple[Apart, ...]


def merge(readings: Iterable[Reading], corrections: Sequence[Example], *, recorded: Mapping[str, Split]) -> Merged:
    """Merges rows with the same inputs.

    For each field the most frequent label counts, of equally frequent ones the first. A row of a declared
    test source stays as its source has it: the first such row counts, and copies of it in other sources are
    kept apart. A correction outranks data and the latest outranks earlier ones, except on test rows, which
    nobody may change.

    Args:
        readings: Rows in the order of the sources.
        corrections: In order of creation.
        recorded: The splits that were fixed before.
    """
    groups: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        groups[reading.example.id].append(reading)
    entries: dict[str, Entry] = {}
    conflicts: list[Conflict] = []
    apart: list[Apart] = []
    duplicates = 0
    for name, group in groups.items():
        told = max((reading.told for reading in group), key=_STRENGTH.__getitem__)
        alike = [each.example for each in group if told != "test" or each.told == "test"]
        copies = [each.example for each in group if told == "test" and each.told != "test"]
        example, disputed = _unite(alike, vote=told != "test")
        entries[name] = Entry(example, told)
        conflicts += [*disputed, *(found for copy in copies for found in _disputes(example, copy))]
        apart += [Apart(name, copy.passport, "the same as a test row", name) for copy in copies]
        duplicates += len(alike) - 1
    settled: set[tuple[str, str]] = set()
    for correction in corrections:
        name = correction.id
        known = entries.get(name)
        if recorded.get(name) == "test" or (known and known.told == "test"):
            apart.append(Apart(name, correction.passport, "a correction of a test row", name))
        else:
            entries[name] = _correct(known, correction)
            settled.update((name, field) for field in correction.outputs)
    open_conflicts = tuple(each for each in conflicts if (each.example, each.field) not in settled)
    return Merged(entries, duplicates, open_conflicts, tuple(apart))


def _unite(examples: Sequence[Example], *, vote: bool) -> tuple[Example, list[Conflict]]:
    """Returns the example that rows with the same inputs make, and where they disagree."""
    first = examples[0]
    if len(examples) == 1 or not vote:
        return first, [found for other in examples[1:] for found in _disputes(first, other)]
    fields = dict.fromkeys(field for example in examples for field in example.outputs)
    winners = {field: _win(field, examples) for field in fields}
    outputs = {field: winner.outputs[field] for field, winner in winners.items()}
    conflicts = [
        found
        for other in examples
        for field in other.outputs
        for found in _disputes(winners[field], other, fields=(field,))
    ]
    maker = first.passport.maker or ("data" if outputs else "")
    return replace(first, outputs=outputs, passport=replace(first.passport, maker=maker)), conflicts


def _win(field: str, examples: Sequence[Example]) -> Example:
    """Returns the first row that has the most frequent label of a field."""
    having = [example for example in examples if field in example.outputs]
    votes = Counter(canonical(example.outputs[field]) for example in having)
    most = max(votes.values())
    return next(example for example in having if votes[canonical(example.outputs[field])] == most)


def _disputes(kept: Example, other: Example, *, fields: Iterable[str] = ()) -> list[Conflict]:
    """Returns the fields on which two rows disagree."""
    return [
        Conflict(
            kept.id,
            field,
            kept.outputs[field],
            kept.passport.locator,
            other.outputs[field],
            other.passport.locator,
        )
        for field in fields or other.outputs
        if field in kept.outputs and canonical(kept.outputs[field]) != canonical(other.outputs[field])
    ]


def _correct(known: Entry | None, correction: Example) -> Entry:
    """Returns an entry after a correction, which becomes its passport."""
    outputs = {**known.example.outputs, **correction.outputs} if known else correction.outputs
    return Entry(replace(correction, outputs=outputs), known.told if known else "train", corrected=True)
