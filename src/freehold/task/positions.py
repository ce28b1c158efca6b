"""On which line each key of a TOML text stands, which `tomllib` does not tell.

Owns a small scanner for text that `tomllib` has already accepted, so it checks nothing itself. Knows nothing
of tasks.
"""

from __future__ import annotations

import re
import tomllib
from typing import TypeAlias

__all__ = ["Place", "find_lines"]

Place: TypeAlias = tuple[str | int, ...]
"""The way to a key or an element: `("source", 0, "fields", "text")`."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:\\.|(?!""")[^\\])*"""(?:"{0,2})'
    r"|'''(?:(?!''').)*'''(?:'{0,2})"
    r"|\"(?:\\.|[^\"\\])*\"|'[^']*'",
    re.DOTALL,
)
_KEY = re.compile(r"[A-Za-z0-9_-]+|\"(?:\\.|[^\"\\])*\"|'[^']*'")
_SCALAR = re.compile(r"[^,\]}#\n]*")


def find_lines(text: str) -> dict[Place, int]:
    r"""Returns the line, counted from 1, on which each key, table and array element first stands.

    Args:
        text: TOML that `tomllib.loads` reads without error.

    Example:
        >>> find_lines('[task]\nname = "a"')
        {('task',): 1, ('task', 'name'): 2}
    """
    return _Scanner(text).scan()


class _Scanner:
    """A cursor over the text. Every method leaves the cursor behind what it has read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Place, int] = {}
        self.rows: dict[Place, int] = {}
        self._counted = (0, 1)

    def scan(self) -> dict[Place, int]:
        table: Place = ()
        self._take(_BLANK)
        while self.at < len(self.text):
            if self._is("["):
                table = self._header()
            else:
                self._pair(table)
            self._take(_BLANK)
        return self.lines

    def _header(self) -> Place:
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        line = self._line()
        self.at += brackets
        keys = self._keys()
        self.at += brackets
        place: Place = ()
        for key in keys[:-1]:
            place = self._enter((*place, key), line)
        place = (*place, keys[-1])
        if brackets == 1:
            self._note(place, line)
            return place
        self.rows[place] = self.rows.get(place, -1) + 1
        return self._enter(place, line)

    def _enter(self, place: Place, line: int) -> Place:
        """Steps into a table; into the last row where it is an array of tables."""
        self._note(place, line)
        if place in self.rows:
            place = (*place, self.rows[place])
            self._note(place, line)
        return place

    def _pair(self, table: Place) -> None:
        line = self._line()
        place = table
        for key in self._keys():
            place = (*place, key)
            self._note(place, line)
        self.at += 1  # the equals sign
        self._take(_BLANK)
        self._value(place)

    def _value(self, place: Place) -> None:
        if self._is("["):
            self._array(place)
        elif self._is("{"):
            self._inline_table(place)
        elif not self._take(_STRING):
            self._take(_SCALAR)

    def _array(self, place: Place) -> None:
        index = 0
        self._step()
        while not self._is("]"):
            element = (*place, index)
            self._note(element, self._line())
            self._value(element)
            index += 1
            self._separator()
        self.at += 1

    def _inline_table(self, place: Place) -> None:
        self._step()
        while not self._is("}"):
            self._pair(place)
            self._separator()
        self.at += 1

    def _separator(self) -> None:
        self._take(_BLANK)
        if self._is(","):
            self._step()

    def _keys(self) -> list[str]:
        """Reads a dotted key: `a."b c".d`, with blanks around the dots and behind it."""
        keys = []
        while True:
            self._take(_BLANK)
            raw = self._take(_KEY)
            keys.append(tomllib.loads(f"key = {raw}")["key"] if raw[0] in "\"'" else raw)
            self._take(_BLANK)
            if not self._is("."):
                return keys
            self.at += 1

    def _is(self, character: str) -> bool:
        return self.text.startswith(character, self.at)

    def _step(self) -> None:
        self.at += 1
        self._take(_BLANK)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if not match:
            return ""
        self.at = match.end()
        return match.group()

    def _line(self) -> int:
        seen, line = self._counted
        self._counted = (self.at, line + self.text.count("\n", seen, self.at))
        return self._counted[1]

    def _note(self, place: Place, line: int) -> None:
        self.lines.setdefault(place, line)
