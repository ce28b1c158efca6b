"""What a crawl did, in numbers, and the limits that they meet.

Owns counting. Knows nothing of where the numbers come from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from freehold.data.web.scope import Bounds
from freehold.data.web.urls import canonical
from freehold.registry import Found

__all__ = ["Shapes", "Tally"]


@dataclass(frozen=True, slots=True)
class Tally:
    """What one call of `crawl` did.

    Attributes:
        fetched: Pages that came, new or changed.
        unchanged: Pages that were as before, by their server's word or their digest.
        moved: URLs that led to another one.
        refused: URLs that were not asked for, or led where nothing is asked for: robots.txt, scope.
        failed: URLs without a page, after all tries.
        waiting: URLs that are known and not asked for yet.
        bytes: What was sent for all of them, robots.txt and sitemaps too.
        full: Why it ended with URLs waiting; empty where none wait.
    """

    fetched: int = 0
    unchanged: int = 0
    moved: int = 0
    refused: int = 0
    failed: int = 0
    waiting: int = 0
    bytes: int = 0
    full: str = ""


class Shapes:
    """Which URLs are known, and how many of each shape: what ends a site whose links never do.

    Args:
        urls: Those that the frontier has.
        bounds: How many of each shape are taken.
    """

    def __init__(self, urls: Iterable[str], *, bounds: Bounds) -> None:
        self._bounds = bounds
        self._known: set[bytes] = set()
        self._queries: Counter[str] = Counter()
        self._hosts: Counter[str] = Counter()
        for url in urls:
            self._note(url, host=canonical(url).host)

    def choose(self, found: Iterable[Found]) -> list[Found]:
        """Returns those that are new and within the bounds, and knows them from now on."""
        chosen = []
        for each in found:
            if _name(each.url) not in self._known and self._has_room(each):
                self._note(each.url, host=each.host)
                chosen.append(each)
        return chosen

    def _has_room(self, found: Found) -> bool:
        stem, _, query = found.url.partition("?")
        if query and self._queries[stem] >= self._bounds.variants:
            return False
        if found.host not in self._hosts:
            return len(self._hosts) < self._bounds.hosts
        return self._hosts[found.host] < self._bounds.host_pages

    def _note(self, url: str, *, host: str) -> None:
        self._known.add(_name(url))
        self._hosts[host] += 1
        stem, _, query = url.partition("?")
        if query:
            self._queries[stem] += 1


def _name(url: str) -> bytes:
    """Returns eight bytes for a URL: of a million, two are the same once in forty million crawls."""
    return blake2b(url.encode(), digest_size=8).digest()
