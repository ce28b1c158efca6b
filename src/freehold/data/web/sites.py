"""What a site says of itself before any page: robots.txt and its file on text and data mining.

Owns fetching both, once a day at most, and what is known of each site. Both stand in the archive as pages do.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from freehold.data.web.archive import Archive
from freehold.data.web.connections import FetchError
from freehold.data.web.encodings import BadEncodingError, unpack
from freehold.data.web.replies import Reply, read_block
from freehold.data.web.reservations import TDM_PATH, Reservations, read_reservations
from freehold.data.web.robots import ROBOTS_LIMIT, Robots, read_robots
from freehold.data.web.urls import Url
from freehold.registry import Found, Frontier

__all__ = ["FILE_LIMIT", "Site", "Sites"]

FILE_LIMIT = 4 * ROBOTS_LIMIT
"""How large such a file may be, as it is sent."""

_FRESH = timedelta(hours=24)  # RFC 9309, 2.4
_RATIO = 50


@dataclass(slots=True)
class Site:
    """One origin.

    Attributes:
        robots: Its rules; None while they are not known.
        reservations: Its file on text and data mining; None while that is not known.
        tries: How often robots.txt was asked for in vain.
        fault: Why it is not asked at all; empty where it is.
        is_listed: Its sitemaps wait to be asked for, or were.
        until: When it is asked again what it says, by `time.monotonic`.
    """

    origin: Url
    robots: Robots | None = None
    reservations: Reservations | None = None
    tries: int = 0
    fault: str = ""
    is_listed: bool = False
    until: float = float("inf")

    @property
    def missing(self) -> Found | None:
        """What is to be asked for before any page; None where all is known."""
        if self.robots is None:
            return self._file("/robots.txt", "robots")
        return self._file(TDM_PATH, "tdm") if self.reservations is None else None

    def _file(self, path: str, kind: str) -> Found:
        return Found(str(self.origin._replace(path=path)), self.origin.host, kind=kind)

    def give_up_reservations(self) -> None:
        """Goes on without its file on text and data mining, which cannot be read."""
        self.reservations = Reservations()

    def take(self, kind: str, reply: Reply, *, agent: str) -> bool:
        """Takes a reply for one of the files; returns False where it says not now."""
        try:
            most = FILE_LIMIT * 2
            body = unpack(reply.body, reply.header("content-encoding"), most=most, ratio=_RATIO)
        except BadEncodingError:
            if kind == "robots":
                return False
            body = b""
        if kind == "robots":
            self.robots = read_robots(reply.status, body, agent=agent)
            return self.robots is not None
        self.reservations = read_reservations(reply.status, body)
        return True


class Sites:
    """All of them, recalled from the archive where what it has is fresh."""

    def __init__(self, frontier: Frontier, *, archive: Archive, agent: str) -> None:
        self._frontier = frontier
        self._archive = archive
        self._agent = agent
        self._sites: dict[str, Site] = {}

    def of(self, url: Url) -> Site:
        """Returns the site of a URL."""
        known = self._sites.get(url.origin)
        if known is None or known.until < time.monotonic():
            until = time.monotonic() + _FRESH.total_seconds()
            self._sites[url.origin] = self._recall(Site(url._replace(path="/", query=""), until=until))
        return self._sites[url.origin]

    def _recall(self, site: Site) -> Site:
        while (wanted := site.missing) is not None:
            known = self._frontier.find(wanted.url)
            if known is None or not known.place or not _is_fresh(known.noted):
                break
            try:
                reply = read_block(self._archive.read(known.place).block)
            except FetchError:
                break
            if not site.take(wanted.kind, reply, agent=self._agent):
                break
        return site


def _is_fresh(noted: str) -> bool:
    try:
        return datetime.now(UTC) - datetime.fromisoformat(noted) < _FRESH
    except (ValueError, TypeError):
        return False
