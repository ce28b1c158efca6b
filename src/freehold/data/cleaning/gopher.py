"""Gopher's rules of quality: is this a page of text at all?

Owns the measures of Rae et al., "Scaling Language Models: Methods, Analysis & Insights from Training Gopher"
(2021, arXiv 2112.11446), section A1.1, with its bars. Words are what stands between spaces, without the marks
around it; datatrove's tokenizer makes a word of each mark too, which drops more under `gopher.alpha_words`.
"""

from __future__ import annotations

from freehold.data.cleaning.documents import PAGE, Document
from freehold.data.cleaning.rules import Bar, Words, rule

__all__ = ["SOURCE"]

SOURCE = "Rae et al. 2021, arXiv 2112.11446, A1.1"

_ELLIPSES = ("...", "\u2026")
_BULLETS = ("\u2022", "\u2023", "\u25e6", "\u25cf", "\u25aa", "- ", "* ", "\u2013 ")


@rule("gopher.words", bar=Bar(PAGE, 100_000), said="words", source=SOURCE)
def count_words(document: Document, words: Words) -> float | None:
    """Measures how many words there are: 50 to 100,000."""
    return len(document.words) if document.spaced else None


@rule("gopher.mean_word_length", bar=Bar(3, 10), said="mean length of words", source=SOURCE)
def mean_word_length(document: Document, words: Words) -> float | None:
    """Measures the mean length of words in characters: 3 to 10; URLs, which tokenizers cut up, are no words."""
    words_ = [word for word in document.words if "://" not in word]
    return sum(map(len, words_)) / len(words_) if words_ and document.spaced else None


@rule("gopher.symbol_ratio", bar=Bar(high=0.1), said="hash signs or ellipses per word", source=SOURCE)
def symbol_ratio(document: Document, words: Words) -> float | None:
    """Measures hash signs or ellipses, whichever are more, per word: at most 0.1."""
    if not document.words or not document.spaced:
        return None
    hashes = document.text.count("#")
    ellipses = sum(map(document.text.count, _ELLIPSES))
    return max(hashes, ellipses) / len(document.words)


@rule("gopher.bullet_lines", bar=Bar(high=0.9), said="share of lines that begin with a bullet", source=SOURCE)
def bullet_lines(document: Document, words: Words) -> float | None:
    """Measures the share of lines that begin with a bullet: at most 0.9."""
    return _share(document, [line.startswith(_BULLETS) for line in document.lines])


@rule("gopher.ellipsis_lines", bar=Bar(high=0.3), said="share of lines that end with an ellipsis", source=SOURCE)
def ellipsis_lines(document: Document, words: Words) -> float | None:
    """Measures the share of lines that end with an ellipsis: at most 0.3."""
    return _share(document, [line.endswith(_ELLIPSES) for line in document.lines])


@rule("gopher.alpha_words", bar=Bar(low=0.8), said="share of words with a letter in them", source=SOURCE)
def alpha_words(document: Document, words: Words) -> float | None:
    """Measures the share of tokens with at least one letter: at least 0.8."""
    if not document.tokens:
        return None
    return sum(token.isalpha() or any(map(str.isalpha, token)) for token in document.tokens) / len(document.tokens)


@rule("gopher.stop_words", bar=Bar(low=2), said="different stop words", source=SOURCE)
def stop_words(document: Document, words: Words) -> float | None:
    """Measures how many of the stop words there are, each counted once: at least 2; in 50 words or more."""
    if not document.spaced or not document.enough or document.language not in ("", words.language):
        return None
    return len(words.stop.intersection(map(str.lower, document.words)))


def _share(document: Document, held: list[bool]) -> float | None:
    return sum(held) / len(held) if held else None
