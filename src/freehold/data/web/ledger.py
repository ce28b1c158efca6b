"""What a crawl knows: frontier, archive and tally, always written in one order.

Owns that order: a reply is on the disk, then the frontier is told with all that was found, then others are.
What the archive has and the frontier does not know is told at the beginning, so that nothing is fetched again
after a kill.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from freehold.data.web.archive import Archive
from freehold.data.web.examining import Examined, Examiner
from freehold.data.web.replies import Reply, read_block
from freehold.data.web.tally import Shapes, Tally
from freehold.data.web.urls import Url
from freehold.data.web.warc import Facts, Record
from freehold.registry import Found, Frontier, FrontierState, Outcome, Waiting

__all__ = ["Arrived", "Ledger"]


class Arrived(NamedTuple):
    """A reply as it is written down.

    Attributes:
        url: Who answered, after redirects where those were followed at once.
        time: When it was asked for: ISO 8601, UTC.
        address: Whom it came from.
    """

    reply: Reply
    url: Url
    time: str
    address: str


class Ledger:
    """Writes down what came of each URL.

    Args:
        frontier: The URLs.
        archive: The replies; it is being written.
        examiner: What reads replies again that the frontier does not know.

    Attributes:
        tally: What was done since `count`.
        pages: How many pages are there in all.
        size: How many bytes were sent for all that is there.
        wakes: Hosts of which something may wait, with the time from when it does, by `time.monotonic`.
        resumed: There was something when this began.
    """

    def __init__(self, frontier: Frontier, *, archive: Archive, examiner: Examiner) -> None:
        self._frontier = frontier
        self._archive = archive
        self._examiner = examiner
        self._shapes = Shapes(frontier.urls(), bounds=examiner.scope.bounds)
        self.resumed = bool(frontier.last_place())
        self.tally = Tally()
        self.pages = self.size = 0
        self.wakes: dict[str, float] = {}

    def catch_up(self) -> None:
        """Tells the frontier what only the archive knows."""
        for place, record in self._archive.records(after=self._frontier.last_place()):
            self.resumed = True
            facts = record.facts
            url = Found(record.url, facts.host, facts.kind, facts.depth, facts.hops, facts.via)
            arrived = _Known(read_block(record.block), record.time, place)
            if facts.kind in ("robots", "tdm"):
                self._settle_file(replace(url, url=facts.via or record.url, via=""), arrived)
                continue
            signals = facts.signals
            examined = self._examiner.examine(arrived.reply, url, robots=signals.robots, site=signals.reservation)
            self._settle(url, examined, arrived)

    def count(self) -> None:
        """Begins a new tally with what the frontier has."""
        counts = self._frontier.counts()
        self.tally = Tally(waiting=counts.waiting)
        self.pages, self.size = counts.done, counts.size
        self.wakes = dict.fromkeys(self._frontier.hosts(), 0.0)

    def add(self, found: list[Found]) -> None:
        """Adds URLs to be asked for."""
        chosen = self._choose(found)
        self._frontier.add(chosen)
        self._count(waiting=_pages(chosen))

    def next(self, host: str) -> Waiting | None:
        """Returns the URL of a host that is to be asked for now; where there is none, notes when there will be."""
        asked = self._frontier.next(host, now=time.time())
        if asked is None:
            due = self._frontier.soonest(host)
            if due is None:
                self.wakes.pop(host, None)
            else:
                self.wakes[host] = time.monotonic() + max(0.0, due - time.time())
        return asked

    def keep(self, asked: Waiting, examined: Examined, arrived: Arrived) -> None:
        """Writes down a reply for a page or a sitemap."""
        known = _Known(arrived.reply, arrived.time, self._archived(examined.facts, arrived))
        unchanged = arrived.reply.status == 304
        facts = examined.facts
        if facts is not None and asked.sha256 and facts.sha256 == asked.sha256:
            unchanged = True
        chosen = self._settle(asked.found, examined, known, old=asked if arrived.reply.status == 304 else None)
        size = len(arrived.reply.block)
        self.size += size
        self._count(bytes=size)
        if asked.found.kind == "page":
            self._count_page("unchanged" if unchanged else examined.state, waiting=chosen - 1)
        else:
            self._count(waiting=chosen)

    def keep_file(self, asked: Found, arrived: Arrived) -> None:
        """Writes down a reply for robots.txt or the like."""
        via = asked.url if asked.url != str(arrived.url) else ""
        facts = Facts(asked.kind, arrived.reply.status, asked.host, via=via)
        self._settle_file(asked, _Known(arrived.reply, arrived.time, self._archived(facts, arrived)))
        size = len(arrived.reply.block)
        self.size += size
        self._count(bytes=size)

    def drop(self, asked: Found, *, state: FrontierState, reason: str, status: int = 0) -> None:
        """Writes down that there is no page."""
        self._frontier.settle(asked, Outcome(state, status, reason, noted=_now()))
        if asked.kind == "page":
            self._count_page(state, waiting=-1)

    def postpone(self, asked: Waiting, *, seconds: float, reason: str) -> None:
        """Lets a URL wait that was asked for in vain."""
        due = time.time() + seconds
        self._frontier.postpone(asked.found.url, tries=asked.tries + 1, due=due, reason=reason)

    def hold(self, host: str, *, seconds: float) -> None:
        """Lets a host alone, in later crawls too."""
        self._frontier.hold(host, due=time.time() + seconds)

    def _archived(self, facts: Facts | None, arrived: Arrived) -> str:
        """Returns the place of a reply that is on the disk now; empty where it is not to be kept."""
        if facts is None:
            return ""
        unchanged = facts.status == 304
        record = Record(str(arrived.url), arrived.time, arrived.reply.block, facts, unchanged, arrived.address)
        return self._archive.append(record, payload=arrived.reply.body)

    def _settle(self, url: Found, examined: Examined, known: _Known, *, old: Waiting | None = None) -> int:
        """Tells the frontier; returns how many pages are new."""
        chosen = self._choose(examined.found)
        facts = examined.facts
        # Only of what is there can be asked whether it changed.
        said = known.reply.header if examined.state == "done" else lambda name: ""
        outcome = Outcome(
            state=examined.state,
            status=known.reply.status,
            reason=examined.reason,
            size=len(known.reply.block),
            place=known.place,
            etag=said("etag")[:500] or (old.etag if old else ""),
            modified=said("last-modified")[:100] or (old.modified if old else ""),
            sha256=(facts.sha256 if facts else "") or (old.sha256 if old else ""),
            noted=known.time,
        )
        self._frontier.settle(url, outcome, found=chosen)
        return _pages(chosen)

    def _choose(self, found: Iterable[Found]) -> list[Found]:
        chosen = self._shapes.choose(found)
        self.wakes |= {each.host: 0.0 for each in chosen}
        return chosen

    def _settle_file(self, url: Found, known: _Known) -> None:
        size = len(known.reply.block)
        outcome = Outcome("done", known.reply.status, size=size, place=known.place, noted=known.time)
        self._frontier.settle(url, outcome)

    def _count_page(self, state: str, *, waiting: int) -> None:
        if state in ("done", "unchanged"):
            self.pages += 1
        name = "fetched" if state == "done" else state
        self._count(**{name: 1, "waiting": waiting})

    def _count(self, **more: int) -> None:
        sums = {name: getattr(self.tally, name) + count for name, count in more.items()}
        self.tally = replace(self.tally, **sums)


class _Known(NamedTuple):
    """A reply with its place in the archive; empty where it has none."""

    reply: Reply
    time: str
    place: str


def _pages(found: list[Found]) -> int:
    return sum(each.kind == "page" for each in found)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
