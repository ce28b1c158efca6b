"""One form for text that looks the same.

Owns what happens to a text before anything compares, counts or learns from it. Pure.
"""

from __future__ import annotations

import re
from unicodedata import normalize

__all__ = ["normalise", "shift"]

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def normalise(text: str) -> str:
    r"""Returns `text` in Unicode's composed form (NFC), without control characters and outer white space.

    Line ends become a line feed; line feeds and tabs inside stay. Normalising twice changes nothing.

    Example:
        >>> normalise(" e\u0301te\u0301\x07 \r\n")
        'été'
    """
    return _clean(text).strip()


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return normalize("NFC", _CONTROLS.sub("", unified))


def shift(text: str, offset: int) -> int:
    """Returns where a character offset of `text` lies in `normalise(text)`."""
    cleaned = _clean(text)
    outer = len(cleaned) - len(cleaned.lstrip())
    return min(max(len(_clean(text[:offset])) - outer, 0), len(cleaned.strip()))
