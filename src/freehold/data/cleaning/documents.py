"""One text as its rules see it: words, lines, paragraphs, sentences, each counted once for all rules.

Owns what a word, a line, a paragraph and a sentence are. Knows no rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

__all__ = ["PAGE", "SENTENCE_END", "Document", "stands_apart"]

SENTENCE_END = re.compile(r"[.!?\u2026]+[\"'\u2019\u201d)\]]*(?=\s|$)|[\u3002\uff01\uff1f\u0964\u061f]+")
"""Where a sentence ends: a mark with a space after it, or a mark that needs none."""

PAGE = 50
"""The fewest words of a page of text (Rae et al. 2021, A1.1)."""

_PARAGRAPH_END = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_APART = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True)
class Document:
    """A text and its parts, found when they are asked for.

    Attributes:
        text: The text.
        language: Its ISO 639 code, where it is known.

    Example:
        >>> Document("One, two. Three!").words
        ['One', 'two', 'Three']
    """

    text: str
    language: str = ""

    @cached_property
    def tokens(self) -> list[str]:
        """What stands between spaces, marks included."""
        return self.text.split()

    @cached_property
    def words(self) -> list[str]:
        """Tokens without the marks around them; a token of marks alone is no word."""
        return [token for token in map(_strip, self.tokens) if token]

    @cached_property
    def lines(self) -> list[str]:
        """Lines that are not blank, without the spaces around them."""
        return [line for line in map(str.strip, self.text.split("\n")) if line]

    @cached_property
    def paragraphs(self) -> list[str]:
        """What stands between blank lines, without the spaces around."""
        return [part for part in map(str.strip, _PARAGRAPH_END.split(self.text)) if part]

    @cached_property
    def letters(self) -> int:
        """How many characters there are that are no space: what shares of characters are shares of."""
        return sum(map(len, self.tokens))

    @cached_property
    def sentences(self) -> int:
        """How many sentences there are: marks that end one, and a last one without."""
        ends = [match.end() for match in SENTENCE_END.finditer(self.text)]
        rest = self.text[ends[-1] if ends else 0 :]
        return len(ends) + bool(rest.strip())

    @cached_property
    def enough(self) -> bool:
        """Whether it has the 50 words that Gopher asks for first: its shares mean little in shorter texts."""
        return len(self.words) >= PAGE

    @cached_property
    def spaced(self) -> bool:
        """Whether its words stand apart, so that rules about words mean something; Chinese and Thai do not."""
        return stands_apart(self.text)


def stands_apart(text: str) -> bool:
    """Tells whether at most a fifth of a text is of scripts that put no spaces between words."""
    return text.isascii() or len(_APART.findall(text)) * 5 <= len(text)


def _strip(token: str) -> str:
    return token if token.isalnum() else _EDGES.sub("", token)
