"""A site's `/.well-known/tdmrep.json`: for which of its paths it reserves text and data mining.

Owns reading that file (https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240202, section 6.1),
where the first rule whose pattern fits a path holds. Pure.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from freehold.data.web.signals import Reservation
from freehold.data.web.urls import Url

__all__ = ["TDM_PATH", "Reservations", "read_reservations"]

TDM_PATH = "/.well-known/tdmrep.json"
_LIMIT = 1 << 20
_MOST_RULES = 1_000


@dataclass(frozen=True, slots=True)
class Reservations:
    """The rules of one site, in order."""

    rules: tuple[tuple[re.Pattern[str], Reservation], ...] = ()

    def find(self, url: Url) -> Reservation:
        """Returns what the file says of a URL."""
        return next((said for pattern, said in self.rules if pattern.fullmatch(url.path)), Reservation())


def read_reservations(status: int, body: bytes) -> Reservations:
    """Returns what a reply for the file says: nothing, where it is not there or cannot be read."""
    if not 200 <= status < 300 or len(body) > _LIMIT:
        return Reservations()
    try:
        data = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return Reservations()
    rules: list[tuple[re.Pattern[str], Reservation]] = []
    for rule in data[:_MOST_RULES] if isinstance(data, list) else []:
        if not isinstance(rule, dict) or not isinstance(rule.get("location"), str):
            continue
        said = rule.get("tdm-reservation")
        if isinstance(said, bool) or said not in (0, 1, "0", "1"):
            continue
        policy = rule.get("tdm-policy")
        policy = policy[:500] if isinstance(policy, str) else ""
        rules.append((_pattern(rule["location"][:500]), Reservation(int(said) == 1, policy, "file")))
    return Reservations(tuple(rules))


def _pattern(location: str) -> re.Pattern[str]:
    """Returns what a location fits: a path's beginning; `*` is anything, `$` at its end the end."""
    ended = location.endswith("$")
    parts = re.split(r"\*+", location.removesuffix("$"))
    return re.compile(".*?".join(map(re.escape, parts)) + ("" if ended else ".*"), re.DOTALL)
