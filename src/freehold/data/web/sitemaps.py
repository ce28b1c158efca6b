"""Sitemaps: the pages that a site lists itself, and the sitemaps that list sitemaps
(https://www.sitemaps.org/protocol).

Owns reading them, XML or one URL a line, packed or not. Pure. Knows nothing of which pages are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from freehold.data.web.encodings import BadEncodingError, unpack
from freehold.data.web.markup import BadMarkupError, read_elements
from freehold.data.web.urls import BadUrlError, Url, canonical

__all__ = ["Listed", "Sitemap", "read_sitemap"]

_MOST_BYTES = 50 << 20
_RATIO = 500


class Listed(NamedTuple):
    """A page that a sitemap lists.

    Attributes:
        changed: When it was last changed, as it is written there; may be empty.
    """

    url: Url
    changed: str = ""


@dataclass(frozen=True, slots=True)
class Sitemap:
    """What a sitemap lists.

    Attributes:
        fault: Why it could not be read to its end; empty where it could.
    """

    pages: tuple[Listed, ...] = ()
    sitemaps: tuple[Listed, ...] = ()
    fault: str = ""


def read_sitemap(body: bytes, url: Url, *, most: int) -> Sitemap:
    """Returns what a sitemap lists.

    Args:
        body: Without its content encoding; a `.gz` file is unpacked here.
        url: Where it was.
        most: How many pages and sitemaps are taken.
    """
    try:
        if body.startswith(b"\x1f\x8b"):
            body = unpack(body, "gzip", most=_MOST_BYTES, ratio=_RATIO)
    except BadEncodingError as error:
        return Sitemap(fault=str(error))
    if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and b"\0" not in body[:4]:
        return _read_lines(body, url, most=most)
    return _read_xml(body, url, most=most)


def _read_lines(body: bytes, url: Url, *, most: int) -> Sitemap:
    pages: dict[Url, Listed] = {}
    for line in body.decode("utf-8-sig", "replace").splitlines():
        if len(pages) >= most:
            break
        if (found := _resolve(line, url)) is not None:
            pages.setdefault(found, Listed(found))
    return Sitemap(tuple(pages.values()))


def _read_xml(body: bytes, url: Url, *, most: int) -> Sitemap:
    found: dict[str, dict[Url, Listed]] = {"url": {}, "sitemap": {}}
    loc = changed = fault = ""
    try:
        for element in read_elements(body):
            match element.path:
                case ("urlset", "url", "loc") | ("sitemapindex", "sitemap", "loc"):
                    loc = loc or element.text
                case (_, "url" | "sitemap", "lastmod"):
                    changed = " ".join(element.text.split())[:40]
                case ("urlset", "url" as kind) | ("sitemapindex", "sitemap" as kind):
                    target = _resolve(loc, url)
                    if target is not None and len(found[kind]) < most:
                        found[kind].setdefault(target, Listed(target, changed))
                    loc = changed = ""
    except BadMarkupError as error:
        fault = str(error)
    return Sitemap(tuple(found["url"].values()), tuple(found["sitemap"].values()), fault)


def _resolve(text: str, url: Url) -> Url | None:
    if not text.strip():
        return None
    try:
        return canonical(text, base=str(url))
    except BadUrlError:
        return None
