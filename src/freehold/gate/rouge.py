"""ROUGE-L: how much of a text's word order another text keeps. Pure Python."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["rouge_l"]

_WORD = re.compile(r"\w+")


def rouge_l(truth: str, answer: str) -> float:
    """Returns the F-measure of the longest common subsequence of words, folded to lower case.

    Two texts without words are alike (1); one without words is unlike any other (0).

    Example:
        >>> round(rouge_l("police killed the gunman", "police kill the gunman"), 2)
        0.75

    Source:
        Lin, C.-Y. (2004). ROUGE: A package for automatic evaluation of summaries. ACL workshop.
        With beta = 1.
    """
    wanted, given = _WORD.findall(truth.casefold()), _WORD.findall(answer.casefold())
    if not wanted and not given:
        return 1.0
    return 2 * common_words(wanted, given) / (len(wanted) + len(given))


def common_words(first: Sequence[str], second: Sequence[str]) -> int:
    """Returns the length of the longest common subsequence, all of `first` at once in the bits of an integer.

    Source:
        Hyyrö, H. (2004). Bit-parallel LCS-length computation revisited. AWOCA 15.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    full = free = (1 << len(first)) - 1
    for word in second:
        matches = free & places.get(word, 0)
        free = ((free + matches) | (free - matches)) & full
    return len(first) - free.bit_count()
