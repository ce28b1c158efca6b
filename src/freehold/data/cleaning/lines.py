"""Lines that go: those that a rule calls bad, and those that many documents of a source share.

Owns how lines are taken out of a text, and the count of lines over documents. Lines are the same where they are in
the normal form of CCNet (Wenzek et al. 2019, arXiv 1911.00359, section 3.1): lower case, digits made 0, marks left
out, the first 64 bits of a hash. CCNet compares paragraphs; in text that is wrapped by hand, the last line of a
paragraph can be one that many documents have.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from math import ceil

from freehold.data.cleaning.offsets import Edit

__all__ = ["LineCounts", "find_lines", "name_line"]

_LINE = re.compile(r"[^\n]+\n?")
_MARKS = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d")


def find_lines(text: str, *, bad: Callable[[str], bool]) -> Iterator[Edit]:
    """Yields the lines, with their ends, of which `bad` says so without the spaces around; blank lines stay."""
    for match in _LINE.finditer(text):
        line = match[0].strip()
        if line and bad(line):
            yield Edit(*match.span(), "")


def name_line(line: str) -> int:
    """Returns a line's name: the same whatever their case, digits and marks; 0 where no letter is left."""
    normal = _DIGITS.sub("0", _MARKS.sub("", line).lower())
    if not normal.strip("0"):
        return 0  # numbers alone are data
    return int.from_bytes(blake2b(normal.encode("utf-8", "replace"), digest_size=8).digest(), "big")


@dataclass
class LineCounts:
    r"""In how many documents of one source each line is.

    Counts of parts of a source are added up with `+`, in any order.

    Example:
        >>> counts = LineCounts()
        >>> for text in ("Menu\nOne.", "Menu\nTwo.", "Menu\nThree."):
        ...     counts.add(text)
        >>> repeated = counts.repeated(least=3, share=0.5)
        >>> [line for line in ("Menu", "One.") if name_line(line) in repeated]
        ['Menu']
    """

    documents: int = 0
    lines: Counter[int] = field(default_factory=Counter)

    def add(self, text: str) -> None:
        """Counts one document, each of its lines once."""
        self.documents += 1
        names = {name_line(line) for line in text.split("\n")}
        self.lines.update(names - {0})

    @classmethod
    def of(cls, texts: Iterable[str]) -> LineCounts:
        """Returns the counts of documents."""
        counts = cls()
        for text in texts:
            counts.add(text)
        return counts

    def __add__(self, other: LineCounts) -> LineCounts:
        return LineCounts(self.documents + other.documents, self.lines + other.lines)

    def repeated(self, *, least: int, share: float) -> frozenset[int]:
        """Returns the names of lines that are in at least `least` documents, and in that share of them all."""
        bar = max(least, ceil(share * self.documents))
        return frozenset(name for name, documents in self.lines.items() if documents >= bar)
