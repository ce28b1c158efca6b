"""Rows of a source into examples of a task, one by one; rows that cannot be used are refused with a reason.

Owns the way from one raw row to one example. Knows nothing of other rows: duplicates and splits come later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from freehold.data.cleaning import Ledger
from freehold.data.columns import Columns
from freehold.data.kinds import SOURCES
from freehold.data.licences import name_licence, refuse_consent, refuse_licence
from freehold.data.sources import BadRow, Place, Row, SourceKind, find_kind
from freehold.data.tidying import Tidying, cut_example
from freehold.data.values import BadValueError, is_missing, parse_input, parse_output
from freehold.errors import DataError
from freehold.task import DataRules, Example, Field, Passport, Refused, Source, Split, Value, example_id, normalise

__all__ = ["SOURCES", "Refused", "make_example", "read_rows"]

_REMEMBERED = 10_000
_SHORT = 200


def read_rows(
    source: Source,
    *,
    folder: Path,
    inputs: Sequence[str],
    fields: Sequence[Field],
    rules: DataRules = DataRules(),  # noqa: B008 - frozen
    kept: Path | None = None,
    ledger: Ledger | None = None,
) -> Iterator[Example | Refused]:
    """Yields an example for each good row of a source and a `Refused` for each bad one, in their order.

    Duplicates are kept. A field whose cell is empty is not among an example's outputs. The split of an
    example is the source's, or `train` where that is `auto`.

    Args:
        source: What to read. A field that `source.fields` leaves out is taken from a column of its own name,
            where there is one.
        folder: Where relative paths start: the task's folder.
        inputs: The names of the task's inputs.
        fields: The task's output fields.
        rules: What rows are held to.
        kept: Where kinds of sources keep what they need between turns.
        ledger: Is told what cleaning did.

    Raises:
        DataError: The source cannot be used as a whole: it is missing, empty or damaged, has no column for an
            input or for a field that `source.fields` names, or not one good row.
        TaskFileError: The rules cannot be kept: a step of cleaning is not known, a list of words not there.
    """
    place = Place.of_source(source, folder=folder, kept=kept)
    kind = find_kind(place)
    columns = Columns.of(source, inputs=inputs, outputs=[each.name for each in fields])
    tidying = Tidying(rules, ledger=Ledger() if ledger is None else ledger, folder=folder)
    reader = _Reader(source, kind, columns, _Values({each.name: each for each in fields}), rules, tidying)
    yield from reader.read_all(place)


def _check_some(
    rows: Iterable[Example | Refused], place: Place, *, seen: Columns | None
) -> Iterator[Example | Refused]:
    """Yields the rows. Raises DataError after them where none has the columns of `seen`, or none is good."""
    first_bad, good = None, 0
    for row in rows:
        good += isinstance(row, Example)
        first_bad = first_bad or (row if isinstance(row, Refused) else None)
        yield row
    if seen and seen.seen:
        seen.check_seen()
    if not good:
        raise _no_row(place, first_bad)


def _no_row(place: Place, first: Refused | None) -> DataError:
    if first is None:
        return DataError(f"source `{place.uri}` has no rows.")
    message = f"source `{place.uri}` has no row that can be used."
    return DataError(message, hint=f"The first reason: {first.said}.")


@dataclass(frozen=True, slots=True)
class _Reader:
    """What turns the rows of one source into examples."""

    source: Source
    kind: SourceKind
    columns: Columns
    values: _Values
    rules: DataRules
    tidying: Tidying

    def read_all(self, place: Place) -> Iterator[Example | Refused]:
        """Yields what all rows of the source come to."""
        columns = self.columns
        if self.tidying.counts_lines:
            with self.kind.open(place, columns.wanted) as table:
                self.tidying.learn(self.texts(table.rows))
        with self.kind.open(place, columns.wanted) as table:
            if table.columns is not None:
                columns.check(table.columns)
            read = chain.from_iterable(map(self.read, table.rows))
            yield from _check_some(read, place, seen=None if table.columns else columns)

    def read(self, row: Row | BadRow) -> Iterator[Example | Refused]:
        """Yields the example that a row is, its pieces where it is cut, or why it is none."""
        if isinstance(row, BadRow):
            yield self._refuse(row, row.reason)
            return
        self.columns.seen.update(row.cells)
        try:
            example = self._example(row)
            if self.tidying.is_on:
                example = self.tidying(example, is_test=example.split == "test")
        except BadValueError as reason:
            yield self._refuse(row, str(reason))
            return
        if self.source.chunk:
            yield from cut_example(example, words=self.source.chunk)
        else:
            yield example

    def _refuse(self, row: Row | BadRow, reason: str) -> Refused:
        text = row.text.encode(errors="replace").decode()
        name, _, number = row.locator.rpartition(":")
        if self.source.name.endswith(name) and number in ("", str(row.line)):
            return Refused(self.source.name, row.line, reason, text)
        locator = row.locator if row.locator.isprintable() else row.locator.encode("unicode_escape").decode()
        return Refused(self.source.name, row.line, reason, text, locator)

    def texts(self, rows: Iterable[Row | BadRow]) -> Iterator[str]:
        """Yields every text that an input has."""
        for row in rows:
            if isinstance(row, Row):
                cells = (row.cells.get(column) for column in self.columns.inputs.values())
                yield from (cell for cell in cells if isinstance(cell, str))

    def _example(self, row: Row) -> Example:
        cell = row.cells.get
        inputs = {name: cell(column) for name, column in self.columns.inputs.items()}
        outputs = {name: cell(column) for name, column in self.columns.outputs.items()}
        labelled = {name: value for name, value in outputs.items() if not is_missing(value)}
        passport = Passport(
            self.source.name,
            row.locator,
            licence=self.source.licence or name_licence(row.licence) or self.kind.licence,
            maker="data" if labelled else "",
            time=row.time,
            consent=row.consent,
            author=row.author,
        )
        refused = refuse_licence(passport.licence, self.rules) or refuse_consent(passport.consent, self.rules)
        if refused:
            raise BadValueError(refused)
        split = "train" if self.source.split == "auto" else self.source.split
        return _make(inputs, labelled, values=self.values, passport=passport, split=split)


@dataclass(frozen=True, slots=True)
class _Values:
    """What raw cells are worth. The same few labels stand in row after row, so that they are read once."""

    fields: Mapping[str, Field]
    known: dict[tuple[str, str], Value] = field(default_factory=dict)

    def parse(self, name: str, raw: object, *, inputs: Mapping[str, str]) -> Value:
        if not isinstance(raw, str) or self.fields[name].kind not in ("choice", "predicate", "score"):
            return parse_output(self.fields[name], raw, inputs=inputs)
        value = self.known.get((name, raw))
        if value is None:
            value = parse_output(self.fields[name], raw, inputs=inputs)
            if len(self.known) < _REMEMBERED and len(raw) <= _SHORT:
                self.known[name, raw] = value
        return value


def make_example(
    inputs: Mapping[str, object],
    outputs: Mapping[str, object],
    *,
    fields: Mapping[str, Field],
    passport: Passport,
) -> Example:
    """Returns the training example that raw inputs and outputs make.

    Raises:
        BadValueError: A value is not what its input or field takes.
    """
    labelled = {name: value for name, value in outputs.items() if not is_missing(value)}
    return _make(inputs, labelled, values=_Values(fields), passport=passport, split="train")


def _make(
    inputs: Mapping[str, object],
    labelled: Mapping[str, object],
    *,
    values: _Values,
    passport: Passport,
    split: Split,
) -> Example:
    raw = {name: parse_input(name, value) for name, value in inputs.items()}
    normal = {name: normalise(value) for name, value in raw.items()}
    if not any(normal.values()):
        raise BadValueError(f"input {' and '.join(f'`{name}`' for name in normal)} is empty")
    parsed = {name: values.parse(name, value, inputs=raw) for name, value in labelled.items()}
    name = example_id(normal)
    return Example(name, normal, parsed, passport, split, name)
