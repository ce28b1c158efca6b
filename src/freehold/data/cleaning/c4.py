"""C4's rules: pages without prose are dropped, and of the others the lines that are no sentences.

Owns the rules of Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
Transformer" (JMLR 21, 2020, arXiv 1910.10683), section 2.2, with the bars of its code (tensorflow/datasets,
`c4_utils.py`): five words a line, three sentences a page. (datatrove's defaults are three words and five
sentences, as in the first version of the paper.) The rule about bad words is `profanity`, with the user's list.
"""

from __future__ import annotations

from collections.abc import Callable

from freehold.data.cleaning.documents import Document
from freehold.data.cleaning.rules import Bar, Words, rule

__all__ = ["LINE_RULES", "SOURCE", "LineRule"]

SOURCE = "Raffel et al. 2020, JMLR 21(140), 2.2; tensorflow/datasets c4_utils.py"

_WORDS = 5
_LONGEST = 1000
_ENDS = (".", "?", "!", '"')

LineRule = Callable[[str, Words], bool]


@rule("c4.lorem_ipsum", bar=Bar(high=0), said="times that it says `lorem ipsum`", source=SOURCE)
def lorem_ipsum(document: Document, words: Words) -> float | None:
    """Measures how often the filler text is named: never."""
    return document.text.lower().count("lorem ipsum")


@rule("c4.curly", bar=Bar(high=0), said="curly brackets", source=SOURCE)
def curly(document: Document, words: Words) -> float | None:
    """Measures how many curly brackets there are, which prose has none of."""
    return document.text.count("{")


@rule("c4.few_sentences", bar=Bar(low=3), said="sentences", source=SOURCE)
def few_sentences(document: Document, words: Words) -> float | None:
    """Measures how many sentences there are: at least 3."""
    return document.sentences


def _no_end(line: str, words: Words) -> bool:
    return not line.endswith(_ENDS) or line.endswith("...")


def _few_words(line: str, words: Words) -> bool:
    return len(line.split()) < _WORDS


def _long_word(line: str, words: Words) -> bool:
    return any(len(word) > _LONGEST for word in line.split())


def _javascript(line: str, words: Words) -> bool:
    return "javascript" in line.lower()


def _policy(line: str, words: Words) -> bool:
    return any(phrase in line.lower() for phrase in words.policy)


LINE_RULES: dict[str, LineRule] = {
    "c4.line_end": _no_end,
    "c4.line_words": _few_words,
    "c4.long_word": _long_word,
    "c4.javascript": _javascript,
    "c4.policy": _policy,
}
"""Name to what tells that a line is bad: it ends with no mark, has fewer than five words or a word of more than a
thousand letters, names JavaScript, or speaks of cookies and terms."""
