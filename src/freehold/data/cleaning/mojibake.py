"""Text that was read in the wrong encoding, put right.

Owns the way from what `ftfy` repaired to edits, so that positions survive. The judgement is ftfy's: Speer, "ftfy"
(2019, doi 10.5281/zenodo.2591652), version 6.3.1, its `fix_encoding` with its own settings and nothing else of it
(no entities, no quotes, no widths). Line by line, as there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest

from freehold.data.cleaning.offsets import Edit

__all__ = ["find_mojibake"]

_LINE = re.compile(r"[^\n]*\n?")
_RUNS = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]+")
_WORDS = re.compile(r"\s+|\S+")
_AFFORDED = 1_000_000
"""Words of the one times words of the other, up to which two lines are compared word by word."""


def find_mojibake(text: str) -> Iterator[Edit]:
    """Yields what mends letters that were read in the wrong encoding.

    Example:
        >>> list(find_mojibake("Das schÃ¶ne Haus"))
        [Edit(start=7, end=9, text='ö')]
    """
    if text.isascii():
        return
    from ftfy import fix_encoding

    for match in _LINE.finditer(text):
        line = match[0]
        if not line.isascii():
            mended = fix_encoding(line)
            if mended != line:
                yield from align(line, mended, at=match.start())


def align(old: str, new: str, *, at: int = 0) -> Iterator[Edit]:
    """Yields edits that turn one line into another: small ones where the ASCII parts of both are the same.

    Args:
        at: Where the line begins.
    """
    ours, others = _RUNS.findall(old), _RUNS.findall(new)
    if [run for run in ours if run.isascii()] == [run for run in others if run.isascii()]:
        yield from _pair(ours, others, at=at)
    else:
        yield from _compare(_WORDS.findall(old), _WORDS.findall(new), at=at)


def _pair(ours: list[str], others: list[str], *, at: int) -> Iterator[Edit]:
    """Yields one edit for each run that is not ASCII; an ASCII run stands between each two of them."""
    shift = (bool(ours) and ours[0].isascii()) - (bool(others) and others[0].isascii())
    if shift:  # one of the two begins with a run that the other has lost
        ours, others = ([""] * (shift > 0)) + ours, ([""] * (shift < 0)) + others
    for one, other in zip_longest(ours, others, fillvalue=""):
        if one != other:
            yield Edit(at, at + len(one), other)
        at += len(one)


def _compare(ours: list[str], others: list[str], *, at: int) -> Iterator[Edit]:
    if len(ours) * len(others) > _AFFORDED:
        yield Edit(at, at + sum(map(len, ours)), "".join(others))
        return
    for tag, i, j, k, m in SequenceMatcher(None, ours, others, autojunk=False).get_opcodes():
        start = at + sum(map(len, ours[:i]))
        if tag != "equal":
            yield Edit(start, start + sum(map(len, ours[i:j])), "".join(others[k:m]))
