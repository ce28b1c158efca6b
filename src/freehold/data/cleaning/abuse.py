"""Text that attacks whoever reads it: flagged, and kept.

Owns patterns of three of the kinds that comments of Wikipedia were labelled by (Wulczyn et al., "Ex Machina",
2017, arXiv 1610.08914): threats, wishes of harm and insults, in English, said to somebody. Words that insult by
themselves are no business of this module: a task brings its own list (`profanity`). It finds the plain forms;
irony, other languages and disguised spelling pass. What is told of others is not flagged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from freehold.data.cleaning.findings import Finding

__all__ = ["find_abuse"]

_YOU = r"(?:you|u|ya)"
_ARE = rf"(?:{_YOU}(?:\s+(?:are|r)|'re|\u2019re)|youre|ur)"
_HARM = r"(?:kill|murder|hurt|stab|shoot|beat|strangle|destroy|hunt\s+down|burn\s+down)"
_FOOL = (
    r"(?:idiots?|morons?|imbeciles?|cretins?|dimwits?|halfwits?|scumbags?|scum|losers?|parasites?|filth|vermin"
    r"|garbage|trash|pathetic|worthless|disgusting|brain\s?dead|subhuman)"
)
_MUCH = (
    r"(?:(?:all|just|such|really|so|truly|a|an|the|complete|absolute|total|utter|bunch|of|fucking|bloody|stupid|damn"
    r"|dumb|piece|worst|biggest)\s+){0,5}"
)


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in patterns), re.IGNORECASE)


_PATTERNS = {
    "threat": _any(
        rf"\b(?:i|we)(?:\s+am|\s+are|'m|'re|\u2019m|\u2019re)?\s*"
        r"(?:'ll|\u2019ll|will|shall|gonna|going\s+to|want\s+to)\s+"
        rf"(?:(?:find|get|catch|track)\s+{_YOU}\s+(?:down\s+)?and\s+)?"
        rf"(?:(?:come|get|to|and|fucking|personally|just)\s+){{0,4}}{_HARM}\s+"
        rf"(?:{_YOU}|your\s+(?:legs|neck|family|kids|children|wife|husband|house)|them\s+all)\b",
        rf"\b{_YOU}(?:'re|\u2019re|\s+are|'ll|\u2019ll|\s+will)\s+(?:going\s+to\s+|gonna\s+)?(?:die|bleed|burn|suffer)\s+"
        r"(?:for\s+(?:this|that|it|what)|soon|slowly|tonight)\b",
        r"\b(?:i|we)\s+know\s+where\s+you\s+live\b",
    ),
    "wish": _any(
        r"\b(?:go\s+(?:and\s+)?)?(?:kill|hang|shoot|drown)\s+(?:yourself|yourselves|urself)\b",
        rf"\b(?:i\s+)?(?:hope|wish|pray)\s+(?:that\s+)?(?:{_YOU}|your\s+\w+)\s+(?:all\s+)?(?:die|dies|rot|rots|burn|burns|"
        r"suffer|suffers|(?:get|gets)\s+(?:cancer|killed|shot|raped))\b",
        r"\b(?:go\s+(?:and\s+)?(?:die|rot)|drop\s+dead(?!\s+\w)|rot\s+in\s+hell|go\s+to\s+hell|kys)\b(?!\s+or\s+high)",
    ),
    "insult": _any(
        rf"\b{_ARE}\s+{_MUCH}{_FOOL}\b",
        rf"\b{_YOU}\s+(?:(?:stupid|fucking|bloody|filthy|dumb|pathetic|useless|worthless|ugly|lazy)\s+){{1,3}}"
        rf"(?:{_FOOL}|fools?|people|pigs?|dogs?|cows?|rats?|bots?|clowns?|bastards?|bitch(?:es)?)\b",
        rf"\b{_YOU}\s+(?:idiots?|morons?|scum|imbeciles?|cretins?|scumbags?|losers?|vermin)\b",
        rf"\bshut\s+(?:the\s+\w+\s+)?up\s*,?\s+{_YOU}\b|\bfuck\s+(?:off|{_YOU})\b",
    ),
}
_HINTS = {
    "threat": ("you", " ya", " u", "them all"),
    "wish": ("yoursel", "ursel", "hope", "wish", "pray", "go ", "drop dead", "rot in", "kys"),
    "insult": ("you", " u ", "ur ", "u ", " ya", "fuck off"),
}


def find_abuse(text: str) -> Iterator[Finding]:
    """Yields threats, wishes of harm and insults that speak to somebody."""
    lowered = text.lower()
    for kind, pattern in _PATTERNS.items():
        if any(hint in lowered for hint in _HINTS[kind]):
            yield from (Finding(kind, *match.span(), f"flags.{kind}") for match in pattern.finditer(text))
