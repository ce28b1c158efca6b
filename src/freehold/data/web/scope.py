"""What a crawl may ask for, and how much: hosts, paths, depth, pages, bytes, and the bounds that end endless
sites.

Owns the scope that the user gives, its checks, and the reasons why a URL is outside. Pure: knows nothing of
what was asked already but the counts it is told.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from freehold.data.web.urls import BadUrlError, Url, canonical
from freehold.errors import DataError

__all__ = ["Bounds", "Identity", "Scope"]


class Bounds(NamedTuple):
    """What is seldom changed.

    Attributes:
        path_depth: The most segments of a path.
        repeats: How often one segment may be in a path: `/a/b/a/b/a/b` is how loops of links look.
        variants: The most queries of one path that are asked.
        host_pages: The most pages of one host.
        hosts: The most hosts: some answer to every name there can be.
        hops: The most redirects from a URL that was found to the page.
        tries: How often a URL is asked that gives no answer, or an answer that says later.
        first_wait: Seconds until the second try; each further one waits twice as long.
        patience: The longest wait, in seconds, for a host that asks for one; what has to wait longer stays waiting
            for the next crawl, and a host that wants more than that between two pages is left alone.
        connect: Seconds until a connection stands.
        between: Seconds between two pieces of a reply.
        whole: Seconds that a reply may take in all.
        ratio: How many times larger than what was sent a page may unpack to.
        at_once: The most hosts asked at the same time; one host is never asked twice at once.
        sitemaps: The most sitemaps that are read.
        links: The most links taken from one page or sitemap.
    """

    path_depth: int = 20
    repeats: int = 3
    variants: int = 100
    host_pages: int = 100_000
    hosts: int = 1_000
    hops: int = 5
    tries: int = 4
    first_wait: float = 1.0
    patience: float = 300.0
    connect: float = 10.0
    between: float = 20.0
    whole: float = 120.0
    ratio: int = 200
    at_once: int = 8
    sitemaps: int = 100
    links: int = 50_000


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks. Every request says so, and robots rules are looked up for the name.

    Attributes:
        name: What robots.txt calls us: letters, digits, `-` and `_`.
        contact: A URL or an e-mail address at which a site's owner reaches whoever runs this.

    Raises:
        DataError: One of them is missing or cannot be sent.
    """

    name: str
    contact: str
    version: str = "1.0"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z_-][A-Za-z0-9_-]{0,63}", self.name):
            raise DataError(f"a crawler's `name` is letters, digits, `-` and `_`; this is {self.name[:80]!r}.")
        if not re.fullmatch(r"[!-'*-~]{3,200}", self.contact) or not re.search(r"[@/]", self.contact):
            raise DataError(
                f"a crawler's `contact` is a URL or an e-mail address; this is {self.contact[:80]!r}.",
                hint='Say who can be asked about it: contact = "mailto:me@example.org"',
            )

    @property
    def user_agent(self) -> str:
        """What stands in every request."""
        return f"{self.name}/{self.version} (+{self.contact})"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a crawl may ask for.

    Attributes:
        start: Where it begins. Their hosts and ports are in the scope unless `hosts` says otherwise.
        hosts: `example.org`, `*.example.org` (and itself), `example.org:8080`; without a port, 80 and 443.
        include: Path globs, of which one must match; `*` stays within a segment, `**` does not. Empty for all.
        exclude: Path globs, of which none may match.
        depth: How many links away from a start; a sitemap's pages are starts.
        pages: The most pages that are fetched.
        total_bytes: The most bytes that are fetched in all, as they are sent.
        page_bytes: The most bytes of one page, as it is sent and unpacked.
        delay: Seconds from the end of a reply to the next request to the same host; robots.txt may ask for more.
        sitemaps: Whether sitemaps are read.

    Raises:
        DataError: One of them cannot be.
    """

    start: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    depth: int = 20
    pages: int = 10_000
    total_bytes: int = 1 << 30
    page_bytes: int = 10 << 20
    delay: float = 1.0
    sitemaps: bool = True
    bounds: Bounds = field(default=Bounds())

    def __post_init__(self) -> None:
        if not self.start:
            raise DataError(
                "a crawl needs a URL to start at.", hint='Say where: uri = "https://docs.example.org/"'
            )
        for url in self.start:
            try:
                canonical(url)
            except BadUrlError as error:
                raise DataError(f"a crawl cannot start at {url[:200]!r}: {error}.") from None
        for name, least in {"depth": 0, "pages": 1, "total_bytes": 1, "page_bytes": 1}.items():
            if (value := getattr(self, name)) < least:
                raise DataError(f"a crawl's `{name}` is at least {least}; this is {value!r}.")
        if not (math.isfinite(self.delay) and 0 <= self.delay <= 86_400):
            raise DataError(f"a crawl's `delay` is 0 to 86,400 seconds; this is {self.delay!r}.")
        for glob in (*self.include, *self.exclude):
            if not glob.startswith(("/", "*")) or len(glob) > 500:
                raise DataError(
                    f"a path glob begins with `/` or `*` and has at most 500 characters; this is {glob[:80]!r}."
                )
        for host in self.hosts:
            _read_pattern(host)

    @property
    def starts(self) -> tuple[Url, ...]:
        """Where it begins, in canonical form."""
        return _read_starts(self.start)

    def refuse_host(self, url: Url) -> str:
        """Returns why a URL's host or port is outside; empty where it is inside."""
        fitting = [port for host, port in _read_hosts(self.hosts, self.start) if _fits(url.host, host)]
        if not fitting:
            return f"the host {url.host!r} is outside the scope"
        if url.port in fitting or (url.port in (80, 443) and 0 in fitting):
            return ""
        return f"the port {url.port} is outside the scope"

    def refuse(self, url: Url) -> str:
        """Returns why a URL is outside, or looks as if the links would never end; empty where it is inside."""
        if why := self.refuse_host(url):
            return why
        if self.include and not any(_glob(glob).fullmatch(url.path) for glob in self.include):
            return "no path of `include` matches"
        if glob := next((glob for glob in self.exclude if _glob(glob).fullmatch(url.path)), ""):
            return f"`exclude` has {glob!r}"
        segments = [segment for segment in url.path.split("/") if segment]
        if len(segments) > self.bounds.path_depth:
            return f"its path has more than {self.bounds.path_depth} segments"
        if any(segments.count(segment) > self.bounds.repeats for segment in set(segments)):
            return f"its path has a segment more than {self.bounds.repeats} times"
        return ""


@lru_cache(maxsize=64)
def _read_starts(start: tuple[str, ...]) -> tuple[Url, ...]:
    return tuple(dict.fromkeys(canonical(url) for url in start))


@lru_cache(maxsize=64)
def _read_hosts(hosts: tuple[str, ...], start: tuple[str, ...]) -> list[tuple[str, int]]:
    """Returns the hosts that are inside, each with its port, 0 for the usual ones."""
    starts = [(url.host, url.port if url.netloc != url.host else 0) for url in _read_starts(start)]
    return [_read_pattern(host) for host in hosts] or starts


def _read_pattern(text: str) -> tuple[str, int]:
    """Returns a pattern's host, perhaps with `*.` before it, and its port, 0 where it names none.

    Raises:
        DataError: It is no host.
    """
    bare = text.removeprefix("*.")
    try:
        if "/" in bare or "@" in bare or "?" in bare or "#" in bare:
            raise BadUrlError("it is more than a host")
        url = canonical(f"https://{bare}/")
    except BadUrlError as error:
        raise DataError(
            f"`hosts` has {text[:80]!r}: {error}.",
            hint='Hosts look like: hosts = ["example.org", "*.example.org"]',
        ) from None
    named = re.search(r":[0-9]+$", bare) is not None and not bare.endswith("]")
    return text[: len(text) - len(bare)] + url.host, url.port if named else 0


def _fits(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host == pattern[2:] or host.endswith(pattern[1:])
    return host == pattern


@lru_cache(maxsize=1_024)
def _glob(glob: str) -> re.Pattern[str]:
    """Returns what a path glob matches."""
    parts = re.split(r"(\*\*+|\*|\?)", glob)
    written = {"*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(written.get(part, ".*" if part[:2] == "**" else re.escape(part)) for part in parts))
