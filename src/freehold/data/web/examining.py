"""What a reply means for the crawl: what came of its URL, what is to be archived, and what was found there.

Owns that meaning, for replies that just came and for those of the archive alike. Pure. Knows nothing of what
else is known.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from freehold.data.web.charsets import decode, find_charset
from freehold.data.web.encodings import BadEncodingError, unpack
from freehold.data.web.pages import Page, read_page
from freehold.data.web.replies import Reply
from freehold.data.web.scope import Scope
from freehold.data.web.signals import NOTHING_SAID, Reservation, Signals, find_signals
from freehold.data.web.sitemaps import read_sitemap
from freehold.data.web.urls import BadUrlError, Url, canonical
from freehold.data.web.warc import Facts
from freehold.registry import Found, FrontierState

__all__ = ["Examined", "Examiner", "find"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HTML = ("text/html", "application/xhtml+xml")
_TEXT = ("text/", "application/xml", "application/json", "application/xhtml+xml")
_TEXT_ENDINGS = ("+xml", "+json")


@dataclass(frozen=True, slots=True)
class Examined:
    """What a reply means.

    Attributes:
        state: What came of the URL.
        facts: What is archived with it; None where the reply is not kept.
        reason: Why, where it was not simply fetched.
        found: What is to be asked for next.
    """

    state: FrontierState
    facts: Facts | None
    reason: str = ""
    found: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class Examiner:
    """What reads replies.

    Attributes:
        scope: What may be found.
        agent: Our name, for directives that are meant for us.
    """

    scope: Scope
    agent: str

    def examine(
        self, reply: Reply, asked: Found, *, robots: str = "", site: Reservation = NOTHING_SAID
    ) -> Examined:
        """Returns what a reply means.

        Args:
            reply: Its status is none of those that say later.
            asked: What it answers.
            robots: What robots.txt said of it.
            site: What the site's file says on text and data mining.
        """
        url = canonical(asked.url)
        facts = Facts(asked.kind, reply.status, asked.host, asked.depth, asked.hops, asked.via)
        if reply.status in _REDIRECTS:
            return self._follow(reply, asked, facts=facts)
        if reply.status == 304:
            return Examined("done", facts, "unchanged")
        if reply.status not in (200, 203):
            return Examined("failed", facts, f"status {reply.status}")
        try:
            body = unpack(
                reply.body,
                reply.header("content-encoding"),
                most=self.scope.page_bytes,
                ratio=self.scope.bounds.ratio,
            )
        except BadEncodingError as error:
            return Examined("failed", None, str(error))
        facts = replace(facts, sha256=hashlib.sha256(body).hexdigest())
        if asked.kind == "sitemap":
            return self._list(body, asked, facts=facts)
        charset = _charset(reply, body)
        page = Page()
        if charset and _media_type(reply) in (*_HTML, ""):
            page = read_page(decode(body, charset), url, most_links=self.scope.bounds.links)
        signals = find_signals(reply.headers, page, url=url, agent=self.agent, robots=robots, site=site)
        facts = replace(facts, charset=charset, canonical=self._canonical(page, url), signals=signals)
        return Examined("done", facts, found=tuple(self._links(page, asked, signals=signals)))

    def _follow(self, reply: Reply, asked: Found, *, facts: Facts) -> Examined:
        """Returns what a redirect means. Its target is asked for as any other URL is, with all checks."""
        target = reply.header("location")
        try:
            url = canonical(target, base=asked.url) if target else None
        except BadUrlError as error:
            return Examined("refused", facts, f"it redirects to {target[:200]!r}: {error}")
        if url is None:
            return Examined("failed", facts, f"status {reply.status} without a location")
        if str(url) == asked.url:
            return Examined("failed", facts, "it redirects to itself")
        if asked.hops >= self.scope.bounds.hops:
            return Examined("failed", facts, f"it redirects more than {self.scope.bounds.hops} times")
        why = self.scope.refuse(url) if asked.kind == "page" else self.scope.refuse_host(url)
        if why:
            return Examined("refused", facts, f"it redirects to {str(url)[:200]!r}: {why}")
        found = find(url, kind=asked.kind, depth=asked.depth, hops=asked.hops + 1, via=asked.via or asked.url)
        return Examined("moved", facts, f"it redirects to {str(url)[:200]!r}", (found,))

    def _list(self, body: bytes, asked: Found, *, facts: Facts) -> Examined:
        sitemap = read_sitemap(body, canonical(asked.url), most=self.scope.bounds.links)
        found = [find(each.url, changed=each.changed) for each in sitemap.pages if not self.scope.refuse(each.url)]
        if asked.hops < self.scope.bounds.hops:
            found += [
                find(each.url, kind="sitemap", hops=asked.hops + 1)
                for each in sitemap.sitemaps
                if not self.scope.refuse_host(each.url)
            ]
        return Examined("done", facts, sitemap.fault, tuple(found))

    def _canonical(self, page: Page, url: Url) -> str:
        if page.canonical is None or page.canonical == url or self.scope.refuse(page.canonical):
            return ""
        return str(page.canonical)

    def _links(self, page: Page, asked: Found, *, signals: Signals) -> list[Found]:
        found: list[Found] = []
        if page.canonical is not None and not self.scope.refuse(page.canonical):
            found.append(find(page.canonical, depth=asked.depth))
        if signals.may_follow and asked.depth < self.scope.depth:
            links = page.links if page.refresh is None else (page.refresh, *page.links)
            found += [find(url, depth=asked.depth + 1) for url in links if not self.scope.refuse(url)]
        return [each for each in found if each.url != asked.url]


def find(
    url: Url, *, kind: str = "page", depth: int = 0, hops: int = 0, via: str = "", changed: str = ""
) -> Found:
    """Returns a URL as the frontier keeps it."""
    return Found(str(url), url.host, kind=kind, depth=depth, hops=hops, via=via, changed=changed)


def _media_type(reply: Reply) -> str:
    return reply.header("content-type").partition(";")[0].strip().lower()


def _charset(reply: Reply, body: bytes) -> str:
    """Returns the charset of a text; empty for what is no text."""
    media = _media_type(reply)
    is_text = media.startswith(_TEXT) or media.endswith(_TEXT_ENDINGS)
    if not media:  # what does not say is a page where it begins like one
        is_text = body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    return find_charset(body, reply.header("content-type")) if is_text else ""
