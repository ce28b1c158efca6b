"""Patterns: one line that stands for many texts, which are counted exactly and drawn without listing them.

    what is the (weather|forecast) [like] in {city: <city>} [today|tomorrow]

`(a|b)` is one of several, `[a|b]` one of them or nothing, `<name>` a list, `{label: ...}` a span, and a backslash
takes the next character as it is. Owns reading patterns, and the one-to-one map from numbers to texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from freehold.label.synthesis.marking import Piece

__all__ = ["LONGEST", "BadPatternError", "Choice", "Marking", "Node", "Run", "Sequence", "expand", "read_pattern"]

LONGEST = 20_000
"""A pattern that may become longer than this many characters is a mistake: lists of lists double quickly."""

_DEEPEST = 40
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class BadPatternError(ValueError):
    """A pattern that cannot be read; its text is the reason."""


@dataclass(frozen=True, slots=True)
class Run:
    """Plain text."""

    text: str
    count: int = 1

    @property
    def longest(self) -> int:
        """Characters."""
        return len(self.text)


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one behind the other."""

    parts: tuple[Node, ...]
    count: int
    longest: int


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Node, ...]
    count: int
    longest: int


@dataclass(frozen=True, slots=True)
class Marking:
    """A span with its label."""

    label: str
    inner: Node
    count: int
    longest: int


Node = Run | Sequence | Choice | Marking


def _sequence(parts: list[Node]) -> Node:
    longest = sum(part.longest for part in parts)
    if longest > LONGEST:
        raise BadPatternError(f"it may become longer than {LONGEST:,} characters.")
    return parts[0] if len(parts) == 1 else Sequence(tuple(parts), prod(part.count for part in parts), longest)


def _choice(options: list[Node]) -> Node:
    if len(options) == 1:
        return options[0]
    return Choice(tuple(options), sum(each.count for each in options), max(each.longest for each in options))


def read_pattern(text: str, lists: Mapping[str, Node]) -> Node:
    """Returns a pattern; at its top `|` divides, too.

    Args:
        lists: What `<name>` stands for.

    Raises:
        BadPatternError: It cannot be read.
    """
    return _Reader(text, lists).options("", depth=0)


class _Reader:
    def __init__(self, text: str, lists: Mapping[str, Node]) -> None:
        self._text, self._lists, self._place = text, lists, 0

    def options(self, closing: str, *, depth: int) -> Node:
        """Reads up to the bracket that closes, or to the end."""
        if depth > _DEEPEST:
            raise BadPatternError(f"brackets stand more than {_DEEPEST} deep.")
        found = [self._parts(closing, depth=depth)]
        while self._peek() == "|":
            self._place += 1
            found.append(self._parts(closing, depth=depth))
        if closing and self._peek() != closing:
            raise BadPatternError(f"`{closing}` is missing.")
        self._place += bool(closing)
        return _choice(found)

    def _peek(self) -> str:
        return self._text[self._place : self._place + 1]

    def _parts(self, closing: str, *, depth: int) -> Node:
        parts: list[Node] = []
        while (letter := self._peek()) and letter not in f"|{closing}":
            if letter in _CLOSING or letter == "<":
                self._place += 1
                parts.append(self._slot() if letter == "<" else self._bracket(letter, depth=depth))
            elif letter in ")]}>":
                raise BadPatternError(f"nothing opens `{letter}`; write `\\{letter}` for the letter.")
            else:
                parts.append(Run(self._plain()))
        return _sequence(parts or [Run("")])

    def _bracket(self, opening: str, *, depth: int) -> Node:
        if opening == "{":
            label, colon, _ = self._text[self._place :].partition(":")
            if not colon or not label.strip() or any(letter in label for letter in "{}()[]<>|"):
                raise BadPatternError("a span is written `{label: text}`.")
            self._place += len(label) + 1
            inner = self.options("}", depth=depth + 1)
            return Marking(label.strip(), inner, inner.count, inner.longest)
        inner = self.options(_CLOSING[opening], depth=depth + 1)
        return _choice([Run(""), inner]) if opening == "[" else inner

    def _slot(self) -> Node:
        name, closed, _ = self._text[self._place :].partition(">")
        if not closed:
            raise BadPatternError("`>` is missing.")
        self._place += len(name) + 1
        if name not in self._lists:
            known = f"known are: {', '.join(sorted(self._lists))}" if self._lists else "there is no list above"
            raise BadPatternError(f"there is no list `<{name}>` above this line; {known}.")
        return self._lists[name]

    def _plain(self) -> str:
        found = ""
        while (letter := self._peek()) and letter not in "|()[]{}<>":
            if letter == "\\":
                self._place += 1
                letter = self._peek()
                if not letter:
                    raise BadPatternError("a backslash is the last letter.")
            found += letter
            self._place += 1
        return found


def expand(node: Node, number: int) -> list[Piece]:
    """Returns the expansion with a number from 0 to `node.count - 1`, each another way through the pattern.

    Example:
        >>> node = read_pattern("(a|b)[c]", {})
        >>> ["".join(piece.text for piece in expand(node, n)) for n in range(node.count)]
        ['a', 'b', 'ac', 'bc']
    """
    names = iter(range(1 << 62))
    return list(_expand(node, number, (), names))


def _expand(node: Node, number: int, marks: tuple[tuple[int, str], ...], names: Iterator[int]) -> Iterator[Piece]:
    match node:
        case Run(text):
            yield Piece(text, marks)
        case Sequence(parts):
            for part in parts:
                number, mine = divmod(number, part.count)
                yield from _expand(part, mine, marks, names)
        case Choice(options):
            for option in options:
                if number < option.count:
                    yield from _expand(option, number, marks, names)
                    return
                number -= option.count
        case Marking(label, inner):
            yield from _expand(inner, number, (*marks, (next(names), label)), names)
