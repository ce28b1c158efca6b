"""The nearest known word to one that is not known, for messages."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["nearest", "suggest"]


def nearest(word: str, known: Iterable[str]) -> str:
    """Returns the known word most like `word`, or an empty string where none is alike.

    Example:
        >>> nearest("lables", ["kind", "labels"])
        'labels'
    """
    from difflib import get_close_matches

    by_folded = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.5)
    return by_folded[found[0]] if found else ""


def suggest(word: str, known: Iterable[str]) -> str:
    """Returns the end of a message about an unknown word: the nearest known one, else all of them.

    Example:
        >>> suggest("lables", ["kind", "labels"])
        '; did you mean `labels`?'
        >>> suggest("xyz", ["kind", "labels"])
        '; allowed: `kind`, `labels`.'
    """
    names = list(known)
    name = nearest(word, names)
    if name:
        return f"; did you mean `{name}`?"
    return f"; allowed: {', '.join(f'`{each}`' for each in names)}." if names else "."
