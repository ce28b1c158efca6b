"""Characters that say nothing: controls, the invisible, odd spaces, line ends, letters in pieces.

Owns one function for each kind; each gives edits and leaves text that is right as it is. What is invisible stays
where a script needs it: joiners in Arabic, Indic and emoji sequences, marks of direction in text that runs from
the right. Sources: Unicode 16.0, chapter 23 (controls, layout, tags), UAX 15 (NFC), UTR 36 and Boucher and
Anderson, "Trojan Source" (2021, CVE-2021-42574; controls of direction).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from freehold.data.cleaning.offsets import Edit

__all__ = [
    "find_controls",
    "find_invisible",
    "find_line_ends",
    "find_odd_spaces",
    "find_surrogates",
    "find_uncomposed",
]

_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_TERMINAL = r"\x1b\[[0-?]*[ -/]*[@-~]"
_CONTROLS = re.compile(_TERMINAL + "|[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff]")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f]")
_MARKS = re.compile("[\u200e\u200f\u061c]")
_FROM_THE_RIGHT = re.compile("[\u0590-\u060f\u0620-\u08ff\ufb1d-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc]")
_ZERO = "\u200b-\u200d\u00ad\u2060-\u2064\u180e"
_INVISIBLE = re.compile(
    f"[{_ZERO}\ufeff]{{3,}}"  # more than two in a row carry something else than text
    f"|(?<![\u0590-\U0010ffff])[{_ZERO}]+"  # after Latin, Greek, Cyrillic and signs, no joiner is needed
    "|[\u00ad\u2060-\u2064\ufeff]"
    "|[\u202a-\u202e\u2066-\u2069\u206a-\u206f]"
    "|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+"  # tags spell flags after a black flag alone
    "|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}"  # a letter has one variant
)


def find_surrogates(text: str) -> Iterator[Edit]:
    """Yields halves of characters: two that belong together made one, lone ones made U+FFFD."""
    for match in _SURROGATES.finditer(text):
        pair = match[0].encode("utf-16-le", "surrogatepass")
        yield Edit(*match.span(), pair.decode("utf-16-le", "replace") if len(match[0]) == 2 else "\ufffd")


def find_line_ends(text: str) -> Iterator[Edit]:
    r"""Yields every line end that is not `\n`: CR, CR LF, NEL, form feeds, U+2028 and U+2029."""
    return (Edit(*match.span(), "\n") for match in _LINE_ENDS.finditer(text))


def find_controls(text: str) -> Iterator[Edit]:
    """Yields control characters, terminal escapes and code points that are no characters, to be left out."""
    return (Edit(*match.span(), "") for match in _CONTROLS.finditer(text))


def find_odd_spaces(text: str) -> Iterator[Edit]:
    """Yields spaces of other widths and those that do not break, to be made plain; U+3000 stays."""
    return (Edit(*match.span(), " ") for match in _SPACES.finditer(text))


def find_invisible(text: str) -> Iterator[Edit]:
    """Yields what cannot be seen and is not needed, to be left out."""
    if text.isascii():
        return
    found = [match.span() for match in _INVISIBLE.finditer(text)]
    if not _FROM_THE_RIGHT.search(text):
        found += [match.span() for match in _MARKS.finditer(text)]
    yield from (Edit(start, end, "") for start, end in sorted(found))


def find_uncomposed(text: str) -> Iterator[Edit]:
    """Yields letters in pieces, to be composed (NFC): `e` and an acute become `é`."""
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return
    parts = list(_letters(text))
    whole = [unicodedata.normalize("NFC", part) for part in parts]
    if "".join(whole) != unicodedata.normalize("NFC", text):  # letters of a script that is cut elsewhere
        yield Edit(0, len(text), unicodedata.normalize("NFC", text))
        return
    place = 0
    for part, composed in zip(parts, whole, strict=True):
        if part != composed:
            yield Edit(place, place + len(part), composed)
        place += len(part)


def _letters(text: str) -> Iterator[str]:
    """Yields letters, each with the marks that follow it; a Korean syllable in pieces is one."""
    start = 0
    for place, letter in enumerate(text):
        if place and not ("\u1160" <= letter <= "\u11ff" or unicodedata.category(letter)[0] == "M"):
            yield text[start:place]
            start = place
    yield text[start:]
