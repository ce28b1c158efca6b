"""Words as they are looked up in a list: those of a text, whatever their case and their form in Unicode.

Owns no list: we ship none, a task brings its own. Pure.
"""

from __future__ import annotations

import re
from functools import cache
from unicodedata import category, normalize

__all__ = ["fold_words", "is_word"]

_ASCII = re.compile(r"\w+")


def fold_words(text: str) -> list[str]:
    r"""Returns the words of a text in their order: without case, and wide or composed letters like plain ones.

    Vowel signs and other marks belong to their words.

    Example:
        >>> fold_words("Drat, DRAT_ and Cafe\u0301!")
        ['drat', 'drat', 'and', 'café']
    """
    folded = _fold(text)
    found = (_ASCII if folded.isascii() else _with_marks()).findall(folded)
    return [word for word in (each.strip("_") for each in found) if word]


def is_word(text: str) -> bool:
    """Tells whether a text is one word and nothing else."""
    return fold_words(text) == [_fold(text)]


def _fold(text: str) -> str:
    return text.lower() if text.isascii() else normalize("NFKC", normalize("NFKC", text).casefold())


@cache
def _with_marks() -> re.Pattern[str]:
    """Returns what a word is where letters have marks, which are no letters to Python."""
    marks = "".join(chr(code) for code in range(0x300, 0xE01F0) if category(chr(code)).startswith("M"))
    return re.compile(rf"\w+(?:[{marks}]+\w*)*")
