"""Text that speaks to the model instead of about the world, or that nobody sees: flagged, and kept.

Owns what a flag is called, and the characters that hide text. Data is data: nothing in it is ever followed here;
what is flagged is shown to a person. Sources: Boucher et al., "Bad Characters" (2021, arXiv 2106.09898), and
Unicode tags for text that is not seen. How orders to a model are recognised stands in `freehold.task`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from freehold.data.cleaning.findings import Finding
from freehold.task import find_orders

__all__ = ["find_hidden", "find_instructions"]

_HIDDEN = re.compile(
    "(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007e]{2,}|[\u200b-\u200f\u2060-\u2064\ufeff]{4,}"
    "|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}|[\u202d\u202e][^\u202c\n]{2,}"
)


def find_instructions(text: str) -> Iterator[Finding]:
    """Yields text that gives orders to a model, asks for its prompt, or plays another role."""
    yield from (Finding(each.kind, each.start, each.end, f"flags.{each.kind}") for each in find_orders(text))


def find_hidden(text: str) -> Iterator[Finding]:
    """Yields runs of characters that nobody sees but a model reads: tags, joiners, variants, turned direction.

    To be asked before such characters are taken out.
    """
    if not text.isascii():
        yield from (Finding("hidden", *match.span(), "flags.hidden") for match in _HIDDEN.finditer(text))
