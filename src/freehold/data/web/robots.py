"""robots.txt: what a site lets us ask for, how often, and where its sitemaps are (RFC 9309).

Owns what a reply for robots.txt means. The only module that imports protego. Knows nothing of how it was fetched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from freehold.data.web.urls import Url

if TYPE_CHECKING:
    from protego import Protego

__all__ = ["ROBOTS_LIMIT", "Robots", "read_robots"]

ROBOTS_LIMIT = 500 << 10
"""How much of a robots.txt is read: the RFC asks for 500 kibibytes at least."""

_MOST_SITEMAPS = 100


@dataclass(frozen=True, slots=True)
class Robots:
    """What a site's robots.txt says to us.

    Attributes:
        said: `allowed by robots.txt`, or why there are no rules.
        delay: Seconds that it wants between two pages; 0 where it says nothing.
        sitemaps: As they are written there.
    """

    said: str
    delay: float = 0.0
    sitemaps: tuple[str, ...] = ()
    _rules: Protego | None = None
    _agent: str = ""

    def allows(self, url: Url) -> bool:
        """Returns whether a URL may be asked for."""
        return self._rules is None or bool(self._rules.can_fetch(str(url), self._agent))


def read_robots(status: int, body: bytes, *, agent: str) -> Robots | None:
    """Returns what a reply for robots.txt means; None for not now.

    Args:
        status: 2xx is rules; 4xx means that there are none (RFC 9309, 2.3.1.3), except for 429.
        body: Unpacked.
        agent: Our name.
    """
    if 400 <= status < 500 and status != 429:
        return Robots(f"no robots.txt (status {status})")
    if not 200 <= status < 300:
        return None
    from protego import Protego

    cut = body[:ROBOTS_LIMIT]
    if len(body) > ROBOTS_LIMIT:  # a line that was cut could say less than it did
        cut = cut[: cut.rfind(b"\n") + 1]
    rules = Protego.parse(cut.decode("utf-8-sig", "replace"))
    return Robots(
        "allowed by robots.txt",
        delay=_delay(rules, agent),
        sitemaps=tuple(rules.sitemaps)[:_MOST_SITEMAPS],
        _rules=rules,
        _agent=agent,
    )


def _delay(rules: Protego, agent: str) -> float:
    rate = rules.request_rate(agent)
    spacing = rate.seconds / rate.requests if rate is not None and rate.requests else 0.0
    return max(0.0, rules.crawl_delay(agent) or 0.0, spacing)
