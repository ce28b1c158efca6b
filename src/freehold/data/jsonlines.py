"""JSON Lines: one JSON object a line, whose keys are the columns.

Knows nothing of what the values mean; they keep the type that JSON gives them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from freehold.data.delimited import TOO_LONG
from freehold.data.sources import BadRow, Place, Row, Table, raw_text
from freehold.data.streams import Line, Lines, has_ending, hash_file, open_lines

__all__ = ["JsonLines"]


@dataclass(frozen=True, slots=True)
class JsonLines:
    """Text files with one JSON object a line."""

    written: str = "FILE.jsonl[.gz|.zst]"
    licence: str = ""

    def claims(self, place: Place) -> bool:
        return has_ending(place, ".jsonl")

    def digest(self, place: Place) -> str:
        return hash_file(place)

    @contextmanager
    def open(self, place: Place, wanted: Collection[str]) -> Iterator[Table]:
        with open_lines(place) as lines:
            yield Table(None, _rows(lines, place))


def _rows(lines: Lines, place: Place) -> Iterator[Row | BadRow]:
    name = place.name
    for line in lines:
        if line.data.strip():
            cells = _parse(line)
            text = raw_text(line.data)
            if isinstance(cells, str):
                yield BadRow(line.number, cells, text)
            else:
                yield Row(line.number, f"{name}:{line.number}", cells, text)


def _parse(line: Line) -> dict[str, object] | str:
    """Returns the object that a line holds, or the reason why it holds none."""
    if not line.whole:
        return TOO_LONG
    if b"\0" in line.data:
        return "the row has a NUL byte"
    try:
        value = json.loads(line.data.decode().rstrip("\r\n"))
    except UnicodeDecodeError as error:
        return f"the row is not UTF-8: byte {line.data[error.start]:#04x} at {error.start}"
    except json.JSONDecodeError as error:
        return f"the row is not JSON: {error.msg[:1].lower()}{error.msg[1:]} at column {error.colno}"
    except (ValueError, RecursionError):  # a number with thousands of digits, brackets without end
        return "the row is not JSON that can be read"
    if not isinstance(value, dict):
        return f"the row is {_NAMES[type(value)]}, not a JSON object"
    return value


_NAMES = {
    list: "a list",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}
