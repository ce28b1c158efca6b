"""A table of regular expressions: which of them a text has says which label. The only module that imports regex.

Owns the file's form (columns `pattern`, `field`, `value`) and that no expression can hang a run: each search has a
time limit, and one that reaches it is left out from there on, and told.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from freehold.engine import join_inputs
from freehold.errors import DataError
from freehold.label.teach.rules import Troubles
from freehold.task import Field, Value

__all__ = ["Patterns", "read_patterns"]

_COLUMNS = ("pattern", "field", "value")
_SECONDS = 0.5
_MOST_BYTES = 4_000_000


class _Line(NamedTuple):
    number: int
    pattern: Any
    field: Field
    value: Any


class Patterns:
    """A table, ready to be asked."""

    def __init__(self, lines: Sequence[_Line], *, inputs: Sequence[str]) -> None:
        self._lines, self._inputs = list(lines), tuple(inputs)

    def answer(self, row: Mapping[str, str], *, troubles: Troubles) -> dict[str, Value]:
        """Returns what the table says of a row: of a field the first line that fits, of several labels and of
        spans all of them.
        """
        text = join_inputs(row, self._inputs)
        found: dict[str, Any] = {}
        for line in list(self._lines):
            many = line.field.kind in ("choices", "spans")
            if line.field.name in found and not many:
                continue
            try:
                self._look(line, row, text, found)
            except TimeoutError:
                self._lines.remove(line)
                troubles.note(f"line {line.number} took more than {_SECONDS} s and is left out")
        return found

    def _look(self, line: _Line, row: Mapping[str, str], text: str, found: dict[str, Any]) -> None:
        name = line.field.name
        if line.field.kind == "spans":
            for each in self._inputs:
                for match in line.pattern.finditer(row[each], timeout=_SECONDS):
                    if match.end() > match.start():
                        start, end = match.span()
                        span = {"label": line.value, "start": start, "end": end, "text": row[each][start:end]}
                        found.setdefault(name, []).append(span)
        elif line.pattern.search(text, timeout=_SECONDS):
            if line.field.kind == "choices":
                found[name] = sorted({*found.get(name, []), line.value})
            else:
                found[name] = line.value


def read_patterns(path: Path, *, fields: Sequence[Field], inputs: Sequence[str]) -> Patterns:
    """Returns the table of a file.

    Raises:
        DataError: It cannot be read, or a line of it is wrong: all of them are named.
    """
    import regex

    known = {field.name: field for field in fields}
    lines, mistakes = [], []
    for number, cells in _read(path):
        field = known.get(cells["field"])
        value = _value(field, cells["value"]) if field else None
        if field is None or value is None:
            what = f"{cells['value']!r} is no value of `{cells['field']}`" if field else "no such field"
            mistakes.append(f"line {number}: {what}")
            continue
        try:
            lines.append(_Line(number, regex.compile(cells["pattern"], regex.IGNORECASE), field, value))
        except (regex.error, OverflowError, RecursionError) as error:
            mistakes.append(f"line {number}: {cells['pattern']!r} is no regular expression: {error}")
    if mistakes:
        raise DataError("\n".join([f"`{path}` has {len(mistakes)} lines that cannot be used:", *mistakes[:20]]))
    return Patterns(lines, inputs=inputs)


def _read(path: Path) -> list[tuple[int, dict[str, str]]]:
    hint = f"It is a table with the columns {', '.join(_COLUMNS)}."
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"`{path}` has more than {_MOST_BYTES:,} bytes.", hint=hint)
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",", strict=True)
            rows = [(reader.line_num, row) for row in reader]
            columns = reader.fieldnames or ()
    except OSError as error:
        raise DataError(f"`{path}` cannot be read: {error.strerror}.", hint=hint) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"`{path}` is no table: {error}.", hint=hint) from error
    if missing := [name for name in _COLUMNS if name not in columns]:
        raise DataError(f"`{path}` has no column `{missing[0]}`.", hint=hint)
    return [(number, {name: row[name] or "" for name in _COLUMNS}) for number, row in rows]


def _value(field: Field, text: str) -> Any:
    """Returns the value that a cell stands for; None where it is none of the field's."""
    names = [label.name for label in field.labels or ()]
    match field.kind:
        case "predicate":
            return {"true": True, "false": False}.get(text.strip().lower())
        case "score":
            return int(text) if text in names else None
        case "number":
            try:
                return float(text)
            except ValueError:
                return None
        case "text":
            return text or None
        case _:
            return text if text in names else None
