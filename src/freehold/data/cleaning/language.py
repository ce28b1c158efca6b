"""Which language a text is in, and how sure that is.

Owns the one use of `py3langid` (Lui and Baldwin, "langid.py", ACL 2012; retrained for 139 languages) and the bars
below which nothing is said. Its model is arrays in a compressed `npz`, read with `allow_pickle=False`; nothing in
it is run. `bench/cleaning.py` has the calibration: how often a guess is right, by confidence and length.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from freehold.errors import UserError

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

__all__ = ["CONFIDENCE", "LANGUAGES", "LEAST", "Guess", "check_languages", "tell_language"]

CONFIDENCE = 0.65
"""The least confidence, that of FineWeb (Penedo et al. 2024, 3.3). Of 13,808 translated messages in 103 languages
with 20 letters or more, 84 % are told at it, and of those 99.0 % are right (`bench/cleaning.py`); what is wrong is
mostly a sister language."""

LEAST = 20
"""A text of fewer letters is too short to tell."""

_CODES = (
    "ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et eu ext fa "
    "fi fo fr fuv fy ga gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy id ig is it ja jv ka "
    "kab kik kk km kn ko ku ky la lb lg lij ln lo lt ltg lv mg mk ml mn mr ms mt my ne nl nn no nso oc om "
    "or pa pcm pl ps pt qu ro ru rw sa sdh se si sk sl sn so sq sr st sv sw ta te tg th tk tl tr tt ug uk "
    "ur uz uzs vec vi vo wa wuu xh yo yue zh zu zxx"
)
LANGUAGES = tuple(_CODES.split())
"""ISO 639 codes of the languages that can be told; `zxx` is what is no language: numbers, tables, code."""

_READ = 4000


class Guess(NamedTuple):
    """What a text's language is.

    Attributes:
        language: Its ISO 639 code; empty where the text is too short or the guess not sure enough.
        confidence: Between 0 and 1; 0 where the text is too short.
    """

    language: str
    confidence: float


def tell_language(text: str, *, confidence: float = CONFIDENCE, least: int = LEAST) -> Guess:
    """Returns the language of a text, read from at most 4,000 characters of its middle.

    Args:
        confidence: The least confidence at which a language is told.
        least: The fewest letters that are read at all.
    """
    start = max(0, (len(text) - _READ) // 2)
    part = " ".join(text[start : start + _READ].split())
    if sum(map(str.isalpha, part)) < least:
        return Guess("", 0.0)
    language, sure = _identifier().classify(part)
    return Guess(str(language) if sure >= confidence else "", float(sure))


def check_languages(languages: tuple[str, ...]) -> None:
    """Raises where a language is not one that can be told.

    Raises:
        UserError: A code is not in `LANGUAGES`; the message lists them.
    """
    for name in languages:
        if name not in LANGUAGES:
            hint = f"Use ISO 639 codes: {', '.join(LANGUAGES)}."
            raise UserError(f"language {name!r} cannot be told.", hint=hint)


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    """Reads the model, which takes a second or two; with probabilities instead of scores."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
