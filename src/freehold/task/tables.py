"""Typed values out of TOML tables, with every mistake noted and none raised.

Owns reading a TOML text and asking its tables for strings, numbers and words from a list. Knows nothing of
tasks; `taskfile` says which keys there are.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from freehold.errors import Mistake
from freehold.task.positions import Place, find_lines
from freehold.task.spelling import suggest

__all__ = ["Mistakes", "Table", "read_toml", "shown"]

_TOML_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(slots=True)
class Mistakes:
    """The mistakes found so far in one file, and where its keys stand."""

    lines: Mapping[Place, int] = field(default_factory=dict)
    found: list[Mistake] = field(default_factory=list)

    def add(self, place: Place, message: str) -> None:
        """Notes a mistake at a place, or at the nearest thing around it that has a line."""
        while place and place not in self.lines:
            place = place[:-1]
        mistake = Mistake(self.lines.get(place, 0), message)
        if mistake not in self.found:
            self.found.append(mistake)


def read_toml(content: bytes) -> tuple[Mapping[str, Any], Mistakes]:
    """Returns the tables of a TOML file; empty where it is not TOML, which is then the one mistake."""
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return {}, Mistakes(found=[Mistake(line, f"byte {content[error.start]:#04x} is not UTF-8.")])
    try:
        return tomllib.loads(text), Mistakes(lines=find_lines(text))
    except tomllib.TOMLDecodeError as error:
        match = _TOML_LINE.search(str(error))
        line = int(match[1]) if match and match[1] else len(text.splitlines()) or 1
        reason = _TOML_LINE.sub("", str(error))
        return {}, Mistakes(found=[Mistake(line, f"not TOML: {reason[:1].lower()}{reason[1:]}.")])
    except (ValueError, RecursionError) as error:  # a number with thousands of digits, brackets without end
        return {}, Mistakes(found=[Mistake(0, f"not TOML that can be read: {error}.")])


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file and the place where it stands."""

    values: Mapping[str, Any]
    place: Place
    mistakes: Mistakes

    @property
    def title(self) -> str:
        """The table as written in the file: `[output.intent]`, `[[source]]`."""
        rows = any(isinstance(part, int) for part in self.place)
        name = ".".join(str(part) for part in self.place if isinstance(part, str))
        return f"[[{name}]]" if rows else f"[{name}]"

    def wrong(self, key: str, message: str) -> None:
        """Notes a mistake at one of this table's keys."""
        self.mistakes.add((*self.place, key), message)

    def only(self, known: Sequence[str], *, what: str = "key") -> None:
        """Notes every key that is not one of `known`."""
        for key in self.values:
            if key not in known:
                self.wrong(key, f"unknown {what} `{key}`{suggest(key, known)}")

    def require(self, key: str) -> bool:
        """Tells whether `key` is there, and notes it where it is not."""
        if key not in self.values:
            self.mistakes.add(self.place, f"`{self.title}` has no `{key}`.")
        return key in self.values

    def table(self, key: str) -> Table:
        """Returns a table below this one; empty where it is missing or something else."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            self.wrong(key, f"`{key}` is {shown(value)}; it must be a table.")
            value = {}
        return Table(value, (*self.place, key), self.mistakes)

    def tables(self) -> Iterator[tuple[str, Table]]:
        """Yields every key whose value is a table; the others are mistakes."""
        for key, value in self.values.items():
            below = self.table(key)
            if isinstance(value, dict):
                yield key, below

    def rows(self, key: str) -> list[Table]:
        """Returns the tables of an array of tables (`[[key]]`)."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            self.wrong(key, f"`{key}` must be written as `[[{key}]]`, once for each {key}.")
            return []
        return [Table(row, (*self.place, key, i), self.mistakes) for i, row in enumerate(value)]

    def string(self, key: str, default: str = "") -> str:
        """Returns a string."""
        value = self.values.get(key, default)
        if isinstance(value, str):
            return value
        self.wrong(key, f"`{key}` is {shown(value)}; it must be a string.")
        return default

    def strings(self, key: str) -> tuple[str, ...]:
        """Returns strings that are not empty: a list of them, or one by itself."""
        value = self.values.get(key, [])
        each = [value] if isinstance(value, str) else value
        if isinstance(each, list) and all(isinstance(item, str) and item for item in each):
            return tuple(each)
        self.wrong(key, f"`{key}` is {shown(value)}; it must be a list of strings.")
        return ()

    def word(self, key: str, allowed: Iterable[str], *, default: str = "", what: str = "") -> str:
        """Returns one of the allowed words. `what` says what they are, where the key does not."""
        value, words = self.string(key, default), list(allowed)
        if value == default or value in words:
            return value
        self.wrong(key, f"unknown {what or key} {shown(value)}{suggest(value, words)}")
        return default

    def whole(self, key: str, default: int = 0) -> int:
        """Returns a whole number, 0 or more."""
        value = self.values.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32:
            return value
        self.wrong(key, f"`{key}` is {shown(value)}; it must be a whole number from 0 to {2**32 - 1}.")
        return default

    def flag(self, key: str, default: bool = False) -> bool:
        """Returns true or false."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            self.wrong(key, f"`{key}` is {shown(value)}; it must be true or false.")
            return default
        return value

    def number(self, key: str, low: float, high: float, default: float = 0.0) -> float:
        """Returns a number within `low` and `high`, both included."""
        value = self.values.get(key, default)
        fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        if fits and abs(value) != float("inf"):
            return float(value)
        self.wrong(key, f"`{key}` is {shown(value)}; it must be a number {_span(low, high)}.")
        return default


def _span(low: float, high: float) -> str:
    if high == float("inf"):
        return f"of at least {low:g}"
    return f"of at most {high:g}" if low == -float("inf") else f"from {low:g} to {high:g}"


def shown(value: object) -> str:
    """Returns a value as it stands in a message: its literal, or what it is where that would be long."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    literal = repr(value) if isinstance(value, str | int | float) else str(value)
    return literal if len(literal) <= 80 else f"{literal[:77]}..."
