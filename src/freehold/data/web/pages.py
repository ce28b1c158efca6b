"""What an HTML page says of itself and where it leads: links, its canonical URL, metas, licences.

Owns the parsing, by libxml2: no script is run, nothing is loaded, nothing is nested without end. The only
module that imports lxml. Knows nothing of robots, of licences' names and of what is followed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from freehold.data.web.urls import BadUrlError, Url, canonical

__all__ = ["Page", "read_page"]

_LINKS = {"a": "href", "area": "href", "frame": "src", "iframe": "src"}
_MOST_METAS = 200
_MOST_LICENCES = 50
_MOST_JSON = 1 << 20
_MOST_TEXT = 500
_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says.

    Attributes:
        links: What it leads to, in order, each once; those with `rel=nofollow` left out.
        canonical: The URL that it calls its own; None where it names none.
        metas: Names in lower case, with contents, in order.
        licences: Addresses of licences in `rel=license`.
        declared: Values of `license` in schema.org's JSON-LD.
        refresh: Where it sends its reader by itself; None for nowhere.
    """

    links: tuple[Url, ...] = ()
    canonical: Url | None = None
    metas: tuple[tuple[str, str], ...] = ()
    licences: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    refresh: Url | None = None


def read_page(text: str, url: Url, *, most_links: int) -> Page:
    """Returns what a page says.

    Args:
        text: HTML, however broken.
        url: Where it was.
        most_links: How many links are taken.
    """
    root = _parse(text)
    if root is None:
        return Page()
    reader = _Reader(url, most_links=most_links)
    for element in root.iter("base", "a", "area", "frame", "iframe", "link", "meta", "script"):
        reader.read(element)
    return reader.made()


def _parse(text: str) -> Any:
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True)
    data = text.replace("\0", "\ufffd").encode("utf-8", "replace")
    try:
        return etree.fromstring(data, parser) if data.strip() else None
    except (etree.LxmlError, ValueError):  # nothing in it that could be an element
        return None


class _Reader:
    """Takes elements in order."""

    def __init__(self, url: Url, *, most_links: int) -> None:
        self._url = url
        self._base = str(url)
        self._has_base = False
        self._most_links = most_links
        self._links: dict[Url, None] = {}
        self._canonical: Url | None = None
        self._refresh: Url | None = None
        self._metas: list[tuple[str, str]] = []
        self._licences: dict[str, None] = {}
        self._declared: dict[str, None] = {}

    def read(self, element: Any) -> None:
        tag = str(element.tag).lower()
        rels = frozenset((element.get("rel") or "").lower().split())
        if tag == "base":
            self._read_base(element)
        elif tag == "meta":
            self._read_meta(element)
        elif tag == "script":
            self._read_script(element)
        elif tag == "link":
            self._read_link(element, rels)
        else:
            if rels & {"license", "licence"} and tag in ("a", "area"):
                self._add_licence(element.get("href"))
            if "nofollow" not in rels:
                self._follow(element.get(_LINKS[tag]))

    def _read_base(self, element: Any) -> None:
        if not self._has_base and (found := self._resolve(element.get("href"))):
            self._base, self._has_base = str(found), True

    def _read_link(self, element: Any, rels: frozenset[str]) -> None:
        if rels & {"license", "licence"}:
            self._add_licence(element.get("href"))
        if "canonical" in rels and self._canonical is None:
            self._canonical = self._resolve(element.get("href"))
        if rels & {"next", "prev", "contents", "chapter", "section"} and "nofollow" not in rels:
            self._follow(element.get("href"))

    def _read_meta(self, element: Any) -> None:
        name = (element.get("name") or element.get("property") or "").strip().lower()
        content = " ".join((element.get("content") or "").split())
        if name and len(self._metas) < _MOST_METAS:
            self._metas.append((name[:100], content[:_MOST_TEXT]))
        if (element.get("http-equiv") or "").strip().lower() == "refresh" and self._refresh is None:
            _, _, rest = content.partition(";")
            name, _, target = rest.strip().partition("=")
            if name.strip().lower() == "url":
                self._refresh = self._resolve(target.strip(" '\""))

    def _read_script(self, element: Any) -> None:
        if (element.get("type") or "").partition(";")[0].strip().lower() != "application/ld+json":
            return
        text = element.text or ""
        if len(text) > _MOST_JSON:
            return
        try:
            found = list(_licences(json.loads(text), depth=_DEPTH))
        except (ValueError, RecursionError):
            return
        for value in found[: _MOST_LICENCES - len(self._declared)]:
            self._declared[value[:_MOST_TEXT]] = None

    def _add_licence(self, href: str | None) -> None:
        found = self._resolve(href)
        if len(self._licences) < _MOST_LICENCES and found is not None:
            self._licences[str(found)] = None

    def _follow(self, href: str | None) -> None:
        found = self._resolve(href)
        if found is not None and len(self._links) < self._most_links:
            self._links[found] = None

    def _resolve(self, href: str | None) -> Url | None:
        if not href:
            return None
        try:
            return canonical(href, base=self._base)
        except BadUrlError:
            return None

    def made(self) -> Page:
        return Page(
            links=tuple(self._links),
            canonical=self._canonical,
            metas=tuple(self._metas),
            licences=tuple(self._licences),
            declared=tuple(self._declared),
            refresh=self._refresh,
        )


def _licences(value: object, *, depth: int) -> Iterator[str]:
    """Yields what stands under `license` in JSON-LD, however deep: a URL, a name, or an object with either."""
    if depth == 0:
        return
    if isinstance(value, list):
        for each in value:
            yield from _licences(each, depth=depth - 1)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in ("license", "http://schema.org/license", "https://schema.org/license"):
                yield from _values(inner)
            else:
                yield from _licences(inner, depth=depth - 1)


def _values(value: object) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            each = each.get("url") or each.get("@id") or each.get("name")
        if isinstance(each, str) and each.strip():
            yield " ".join(each.split())
