"""Rows with the same inputs become one example.

Owns exact duplicates: whose labels count, what is a conflict, and that a correction outranks data. Near
duplicates are the business of `neighbours`. Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
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
    """A row that is kept apart, so that no test row is learned from. `near` is the id of such a test row."""

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


def merge(
    readings: Iterable[Reading],
    corrections: Sequence[Example],
    *,
    recorded: Mapping[str, Split],
    asked: Collection[str] = (),
) -> Merged:
    """Merges rows with the same inputs.

    For each field the most frequent label counts, of equally frequent ones the first. A row of a declared
    test source stays as its source has it: the first such row counts, and copies of it in other sources are
    kept apart. A correction outranks data and the latest outranks earlier ones, except on test rows, whose labels
    nobody may change.

    A test or validation row that no source labels was picked by chance, before anybody knew its label: an answer
    gives it one, and it stays where it is. That is how a task without labels comes to rows to be judged by.

    Args:
        readings: Rows in the order of the sources.
        corrections: In order of creation.
        recorded: The splits that were fixed before.
        asked: Locators of corrections that are about a request. These are of somebody's choice, so that they
            label no row that is held apart.
    """
    entries, conflicts, apart, duplicates = _merge_readings(readings)
    settled = _take_corrections(entries, corrections, apart=apart, recorded=recorded, asked=asked)
    open_conflicts = tuple(each for each in conflicts if (each.example, each.field) not in settled)
    return Merged(entries, duplicates, open_conflicts, tuple(apart))


def _merge_readings(
    readings: Iterable[Reading],
) -> tuple[dict[str, Entry], list[Conflict], list[Apart], int]:
    """Returns one entry for rows with the same inputs, with what was found on the way."""
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
    return entries, conflicts, apart, duplicates


def _take_corrections(
    entries: dict[str, Entry],
    corrections: Sequence[Example],
    *,
    apart: list[Apart],
    recorded: Mapping[str, Split],
    asked: Collection[str],
) -> set[tuple[str, str]]:
    """Puts what people said into the entries, or apart; returns example and field of what they settled."""
    settled: set[tuple[str, str]] = set()
    as_read = {name: entry.example.outputs.keys() for name, entry in entries.items()}
    for correction in corrections:
        name, known = correction.id, entries.get(correction.id)
        splits = {recorded.get(name), known.told if known else None}
        is_chosen = correction.passport.locator in asked or as_read.get(name, set()) & correction.outputs.keys()
        if known and not is_chosen and not known.corrected and splits & {"test", "validation"}:
            entries[name] = replace(known, example=_correct(known, correction).example)
        elif "test" in splits:
            apart.append(Apart(name, correction.passport, "a correction of a test row", name))
            continue
        else:
            entries[name] = _correct(known, correction)
        settled.update((name, field) for field in correction.outputs)
    return settled


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
