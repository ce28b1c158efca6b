"""The crawl: what is asked next, and what is done with what comes back.

Owns the one thread that reads and writes frontier and archive, while others fetch and read pages. A host is
asked one thing at a time; several hosts are asked at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from freehold.data.web.archive import Archive
from freehold.data.web.connections import Connections, FetchError
from freehold.data.web.examining import Examined, Examiner, find
from freehold.data.web.fetching import Condition, Fetched, Fetcher
from freehold.data.web.ledger import Arrived, Ledger
from freehold.data.web.pacing import Pace, Paces, back_off, read_retry_after
from freehold.data.web.replies import Reply
from freehold.data.web.scope import Identity, Scope
from freehold.data.web.signals import NOTHING_SAID
from freehold.data.web.sites import FILE_LIMIT, Site, Sites
from freehold.data.web.tally import Tally
from freehold.data.web.urls import BadUrlError, Url, canonical
from freehold.registry import Found, Frontier, FrontierState, Waiting

__all__ = ["crawl"]

_LATER = frozenset({429, 500, 502, 503, 504})
_NAP = 5.0
_INFO = {"software": "freehold", "format": "WARC File Format 1.1", "robots": "obey"}


def crawl(
    scope: Scope,
    *,
    frontier: Frontier,
    archive: Archive,
    identity: Identity,
    refresh: bool = False,
    allow_loopback: bool = False,
    connections: Connections | None = None,
    tell: Callable[[Tally], None] = lambda tally: None,
) -> Tally:
    """Fetches what a scope allows, into an archive; goes on where it stopped.

    Args:
        scope: What may be asked for.
        frontier: The URLs of this crawl, from the registry.
        archive: Its replies; one archive belongs to one frontier.
        identity: Who asks.
        refresh: Where nothing waits, every page is asked for anew, to be sent where it changed.
        allow_loopback: Whether this machine may be asked; no other address that is not public ever is.
        connections: What connects; made here where none is given.
        tell: Called with the numbers so far, after each page.

    Returns:
        What was done. URLs are left waiting where pages or bytes are used up, or a host wants to be left alone.

    Raises:
        OperatorError: Another process crawls into this archive, or it cannot be written.
        IntegrityError: The archive is damaged.
    """
    connections = connections or Connections(allow_loopback=allow_loopback)
    fetcher = Fetcher(connections, identity=identity, scope=scope)
    with ExitStack() as stack:
        stack.enter_context(archive.writing({**_INFO, "http-header-user-agent": identity.user_agent}))
        stack.callback(fetcher.close)
        pool = stack.enter_context(ThreadPoolExecutor(scope.bounds.at_once, thread_name_prefix="crawl"))
        stack.callback(fetcher.hang_up)
        crawler = _Crawl(scope, frontier=frontier, archive=archive, agent=identity.name, tell=tell)
        crawler.begin(refresh=refresh)
        return crawler.run(fetcher, pool=pool)


class _Got(NamedTuple):
    """What a thread brings back."""

    fetched: Fetched
    examined: Examined | None


class _Job(NamedTuple):
    """What a thread is at: a page or sitemap that waits, or a file of a site."""

    asked: Waiting
    site: Site
    is_file: bool


class _Crawl:
    def __init__(
        self,
        scope: Scope,
        *,
        frontier: Frontier,
        archive: Archive,
        agent: str,
        tell: Callable[[Tally], None],
    ) -> None:
        self._scope = scope
        self._frontier = frontier
        self._agent = agent
        self._tell = tell
        self._examiner = Examiner(scope, agent)
        self._ledger = Ledger(frontier, archive=archive, examiner=self._examiner)
        self._sites = Sites(frontier, archive=archive, agent=agent)
        self._jobs: dict[Future[_Got], _Job] = {}
        self._sitemaps = 0
        self._full = ""
        self._holds = False

    def begin(self, *, refresh: bool) -> None:
        """Makes frontier and archive agree, and adds where it starts."""
        self._ledger.catch_up()
        if refresh and not self._frontier.hosts():
            self._frontier.reopen()
        self._ledger.count()
        resumed = self._ledger.resumed
        self._paces = Paces(self._scope.delay, begun=time.monotonic() if resumed else float("-inf"))
        self._ledger.add([find(url) for url in self._scope.starts])

    def run(self, fetcher: Fetcher, *, pool: ThreadPoolExecutor) -> Tally:
        """Asks until nothing waits that may be asked for."""
        while True:
            self._start_all(fetcher, pool=pool)
            pause = self._next()
            if not self._jobs:
                if pause is None or pause > self._scope.bounds.patience:
                    break
                time.sleep(min(pause, _NAP))
                continue
            done, _ = wait(self._jobs, timeout=pause, return_when=FIRST_COMPLETED)
            for future in done:
                self._finish(future, job=self._jobs.pop(future))
                self._tell(self._ledger.tally)
        tally = self._ledger.tally
        why = self._full or "the hosts want to be asked later"
        return replace(tally, full=why) if tally.waiting else tally

    def _next(self) -> float | None:
        """Returns how long it is until something may be asked for; None where that takes a reply first."""
        if self._full or self._holds or len(self._jobs) >= self._scope.bounds.at_once:
            return None
        return self._paces.next_ready(self._ledger.wakes, now=time.monotonic())

    def _start_all(self, fetcher: Fetcher, *, pool: ThreadPoolExecutor) -> None:
        self._holds = False
        for host in self._paces.ready(self._ledger.wakes, now=time.monotonic()):
            while not (self._full or self._holds) and len(self._jobs) < self._scope.bounds.at_once:
                asked = self._ledger.next(host)
                if asked is None or self._start(asked, fetcher, pool=pool):
                    break

    def _start(self, asked: Waiting, fetcher: Fetcher, *, pool: ThreadPoolExecutor) -> bool:
        """Asks for a URL, or drops it; returns whether its host is to be let alone now."""
        url = canonical(asked.found.url)
        if why := self._refuse(url, asked.found):
            return self._drop(asked.found, state="refused", reason=why)
        site = self._sites.of(url)
        self._list_sitemaps(site)
        pace = self._pace(url, site)
        if site.fault:
            return self._drop(asked.found, state="failed", reason=site.fault)
        if pace.ready > time.monotonic():
            return True  # the site was recalled just now, and asks for a delay
        if (missing := site.missing) is not None:
            return self._submit(pool, fetcher, _Job(Waiting(missing, 0, "", "", "", ""), site, True), pace=pace)
        if site.robots is not None and not site.robots.allows(url):
            return self._drop(asked.found, state="refused", reason="robots.txt")
        if asked.found.kind == "page" and not self._has_room():
            return True
        return self._submit(pool, fetcher, _Job(asked, site, False), pace=pace)

    def _drop(self, found: Found, *, state: FrontierState, reason: str, status: int = 0) -> bool:
        self._ledger.drop(found, state=state, reason=reason, status=status)
        self._tell(self._ledger.tally)
        return False

    def _refuse(self, url: Url, found: Found) -> str:
        if found.kind != "page" or url in self._scope.starts:
            return self._scope.refuse_host(url)
        return self._scope.refuse(url)

    def _has_room(self) -> bool:
        """Returns whether one more page may be asked for; holds where that depends on those under way."""
        pages, size = self._scope.pages, self._scope.total_bytes
        if self._ledger.pages >= pages:
            self._full = f"{pages:,} pages were fetched"
        elif self._ledger.size >= size:
            self._full = f"{size:,} bytes were fetched"
        flying = sum(not job.is_file and job.asked.found.kind == "page" for job in self._jobs.values())
        self._holds = self._ledger.pages + flying >= pages
        return not (self._full or self._holds)

    def _pace(self, url: Url, site: Site) -> Pace:
        """Returns the pace of a URL's host, as slow as its robots.txt asks for."""
        pace = self._paces.of(url.host)
        wanted = site.robots.delay if site.robots is not None else 0.0
        if wanted > self._scope.bounds.patience:
            site.fault = f"robots.txt asks for {wanted:,.0f} seconds between two pages"
        elif wanted > pace.delay:
            pace.ready += wanted - pace.delay
            pace.delay = wanted
        return pace

    def _submit(self, pool: ThreadPoolExecutor, fetcher: Fetcher, job: _Job, *, pace: Pace) -> bool:
        pace.is_busy = True
        work = _fetch_file if job.is_file else _fetch_page
        self._jobs[pool.submit(work, fetcher, job, self._examiner)] = job
        return True

    def _finish(self, future: Future[_Got], *, job: _Job) -> None:
        pace = self._paces.of(job.asked.found.host)
        try:
            got = future.result()
        except FetchError as error:
            pace.end(time.monotonic())
            self._fail(job, error, pace=pace)
            return
        fetched = got.fetched
        pace.end(fetched.ended)
        reply = fetched.reply
        arrived = Arrived(reply, fetched.url, fetched.time, fetched.connection.address)
        if reply.status in _LATER:
            self._fail(job, FetchError(f"status {reply.status}", passing=True), pace=pace, reply=reply)
        elif job.is_file:
            self._take_file(job, arrived, pace=pace)
        elif got.examined is not None:
            self._ledger.keep(job.asked, got.examined, arrived)
        fetched.connection.close(kept=True)

    def _take_file(self, job: _Job, arrived: Arrived, *, pace: Pace) -> None:
        found = job.asked.found
        if not job.site.take(found.kind, arrived.reply, agent=self._agent):
            fault = FetchError(f"status {arrived.reply.status}", passing=True)
            self._fail(job, fault, pace=pace)
            return
        self._ledger.keep_file(found, arrived)

    def _list_sitemaps(self, site: Site) -> None:
        """Adds the sitemaps of a site once its robots.txt is known."""
        if site.is_listed or site.robots is None or not self._scope.sitemaps:
            return
        site.is_listed = True
        found: list[Found] = []
        for text in site.robots.sitemaps or ("/sitemap.xml",):
            try:
                url = canonical(text, base=str(site.origin))
            except BadUrlError:
                continue
            if not self._scope.refuse_host(url) and self._sitemaps < self._scope.bounds.sitemaps:
                self._sitemaps += 1
                found.append(find(url, kind="sitemap"))
        self._ledger.add(found)

    def _fail(self, job: _Job, error: FetchError, *, pace: Pace, reply: Reply | None = None) -> None:
        """Tries again later, or gives up."""
        bounds = self._scope.bounds
        tries = (job.site.tries if job.is_file else job.asked.tries) + 1
        header = reply.header("retry-after") if reply is not None else ""
        asked = read_retry_after(header, now=datetime.now(UTC))
        seconds = max(asked or 0.0, back_off(tries, first=bounds.first_wait))
        is_last = tries >= bounds.tries or not error.passing
        is_busy = reply is not None and reply.status in (429, 503)
        if is_busy:
            pace.pause(time.monotonic() + seconds)
        if job.is_file:
            self._fail_file(job, error, is_last=is_last)
            pace.pause(time.monotonic() + (0.0 if is_last else seconds))
        elif is_last:
            status = reply.status if reply is not None else 0
            self._drop(job.asked.found, state="failed", reason=error.reason, status=status)
        else:
            self._ledger.postpone(job.asked, seconds=seconds, reason=error.reason)
        if asked is not None and (asked > bounds.patience or is_busy):
            self._ledger.hold(job.asked.found.host, seconds=asked)

    def _fail_file(self, job: _Job, error: FetchError, *, is_last: bool) -> None:
        job.site.tries += 1
        if is_last and job.asked.found.kind == "robots":
            job.site.fault = f"robots.txt cannot be read: {error.reason}"
        elif is_last:
            job.site.give_up_reservations()


def _fetch_file(fetcher: Fetcher, job: _Job, _examiner: Examiner) -> _Got:
    return _Got(fetcher.fetch_file(canonical(job.asked.found.url), most=FILE_LIMIT), None)


def _fetch_page(fetcher: Fetcher, job: _Job, examiner: Examiner) -> _Got:
    url = canonical(job.asked.found.url)
    fetched = fetcher.fetch(url, condition=Condition(job.asked.etag, job.asked.modified))
    if fetched.reply.status in _LATER:
        return _Got(fetched, None)
    site = job.site
    robots = site.robots.said if site.robots is not None else ""
    said = site.reservations.find(url) if site.reservations is not None else NOTHING_SAID
    try:
        if fetched.reply.status == 304 and not job.asked.place:
            raise FetchError("status 304, and nothing was asked that could be")
        return _Got(fetched, examiner.examine(fetched.reply, job.asked.found, robots=robots, site=said))
    except BaseException:
        fetched.connection.close()
        raise
