"""Texts to find near duplicates in: paragraphs of what is installed, and copies of some with known changes.

Owns where the texts come from and how copies are changed. Nothing is downloaded and nothing is kept.
"""

from __future__ import annotations

import hashlib
import random
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["EDITS", "Corpus", "build", "paragraphs"]

ENDINGS = (".py", ".pyi", ".md", ".rst", ".txt", ".h", ".hpp", ".html", ".js", ".css", ".c", ".pyx")
EDITS = (1, 2, 4, 8, 16)
"""How many words of a planted copy were replaced, dropped or doubled."""

SHARE = 0.05
"""How many of the texts are planted copies."""

_FEWEST, _LONGEST = 10, 20_000
_BLANK = re.compile(r"\n\s*\n")
_SEED = 5


class Corpus(NamedTuple):
    """Texts in an order of their own.

    Attributes:
        planted: (position of the copy, position of its original, edits), for each copy.
    """

    texts: tuple[str, ...]
    planted: tuple[tuple[int, int, int], ...]


def build(size: int, *, distinct: bool = True) -> Corpus:
    """Returns `size` texts, a twentieth of them planted copies; the same on every call on one machine.

    Args:
        size: How many, copies among them.
        distinct: No text is there twice to the letter; otherwise as often as it is installed.
    """
    draw = random.Random(_SEED)
    copies = int(size * SHARE)
    originals = _choose(size - copies, distinct=distinct)
    sources = draw.sample(range(len(originals)), copies)
    changed = [(source, EDITS[number % len(EDITS)]) for number, source in enumerate(sources)]
    texts = [*originals, *(edit(originals[source], edits, draw=draw) for source, edits in changed)]
    order = list(range(len(texts)))
    draw.shuffle(order)
    places = {old: new for new, old in enumerate(order)}
    planted = tuple(
        (places[len(originals) + number], places[source], edits) for number, (source, edits) in enumerate(changed)
    )
    return Corpus(tuple(texts[old] for old in order), planted)


def edit(text: str, edits: int, *, draw: random.Random) -> str:
    """Returns a text in which so many words were replaced, dropped or doubled."""
    words = text.split(" ")
    for _ in range(edits):
        place = draw.randrange(len(words))
        words[place : place + 1] = draw.choice(([f"word{draw.randrange(1000)}"], [], [words[place]] * 2))
        words = words or ["nothing"]
    return " ".join(words)


def _choose(count: int, *, distinct: bool) -> list[str]:
    """Returns the paragraphs whose digests are the smallest, so that all files have a share."""
    ranked: list[tuple[bytes, str]] = []
    seen: dict[bytes, int] = {}
    for text in paragraphs():
        name = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=12).digest()
        times = seen[name] = seen.get(name, 0) + 1
        if times == 1 or not distinct:
            ranked.append((hashlib.blake2b(name + bytes([times % 256]), digest_size=8).digest(), text))
    if len(ranked) < count:
        raise ValueError(f"This machine has {len(ranked):,} paragraphs; {count:,} are asked for.")
    ranked.sort()
    return [text for _, text in ranked[:count]]


def paragraphs() -> Iterator[str]:
    """Yields blocks between blank lines of at least ten words, file by file."""
    for path in _files():
        try:
            content = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        for block in _BLANK.split(content):
            text = block.strip()
            if len(text) <= _LONGEST and len(text.split(None, _FEWEST)) >= _FEWEST:
                yield text


def _files() -> list[Path]:
    places = {Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")} | {
        Path("/usr/share/doc")
    }
    roots = [place for place in places if not any(other in place.parents for other in places)]
    found = {path for root in roots for path in root.rglob("*") if path.suffix in ENDINGS}
    return sorted(path for path in found if path.is_file() and not path.is_symlink())
