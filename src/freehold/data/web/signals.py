"""What a page's server and author say about its use: robots directives, text and data mining, licences.

Owns reading these from headers, metas and links, and their form. They are recorded as they were said, never
guessed. Pure. Knows nothing of whether somebody keeps to them but `Directives`, which the crawler itself does.

Sources: RFC 9309 and https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag for robots;
https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240202 for mining; RFC 8288 and RFC 4946 for links.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from freehold.data.licence_addresses import name_licence
from freehold.data.web.pages import Page
from freehold.data.web.urls import BadUrlError, Url, canonical

__all__ = ["NOTHING_SAID", "Licence", "Reservation", "Signals", "find_signals", "pack_signals", "unpack_signals"]

_MOST = 50
_LONGEST = 500
_NAMED = re.compile(r"([A-Za-z][A-Za-z0-9_-]{1,60})\s*:\s*(.*)")
_DATED = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
_LINK = re.compile(
    r"<([^<>]{1,2000})>((?:\s*;\s*[\w*!#$&+.^`|~-]+(?:\s*=\s*(?:\"[^\"]{0,500}\"|[^\s\";,]{0,500}))?)*)"
)
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s\";,]+))", re.IGNORECASE)
_UNUSED = frozenset({"noindex", "none", "noai", "noarchive"})


class Licence(NamedTuple):
    """A licence that a page names.

    Attributes:
        text: The address, or the words, as they were given.
        spdx: The SPDX identifier; empty where it has none that is certain.
        place: Where it stood: `header`, `rel` or `json-ld`.
    """

    text: str
    spdx: str
    place: str


class Reservation(NamedTuple):
    """What is said on text and data mining.

    Attributes:
        reserved: Whether the rights are reserved; None where nothing is said.
        policy: The address of the terms under which they are granted.
        place: Where it stood: `header`, `meta` or `file` (`/.well-known/tdmrep.json`).
    """

    reserved: bool | None = None
    policy: str = ""
    place: str = ""


NOTHING_SAID = Reservation()


@dataclass(frozen=True, slots=True)
class Signals:
    """All of it.

    Attributes:
        directives: Of meta robots and `X-Robots-Tag`, those for everybody and for us, sorted.
        reservation: On text and data mining.
        licences: In the order header, `rel`, JSON-LD.
        robots: Why robots.txt allowed it: `allowed`, or what was there instead of rules.
    """

    directives: tuple[str, ...] = ()
    reservation: Reservation = NOTHING_SAID
    licences: tuple[Licence, ...] = ()
    robots: str = ""

    @property
    def may_follow(self) -> bool:
        """Whether its links may be followed."""
        return not {"nofollow", "none"} & set(self.directives)

    @property
    def may_use(self) -> bool:
        """Whether its text may be kept and learned from, as far as directives say."""
        return not _UNUSED & set(self.directives)


def find_signals(
    headers: Iterable[tuple[str, str]], page: Page, *, url: Url, agent: str, robots: str, site: Reservation
) -> Signals:
    """Returns what is said about a page.

    Args:
        headers: Of the reply, names in lower case.
        page: What it says itself.
        url: Where it is.
        agent: Our name.
        robots: What robots.txt said.
        site: What the site's file says on mining for this path.
    """
    named = list(headers)
    found = set(_directives((value for name, value in named if name == "x-robots-tag"), agent=agent))
    for name, content in page.metas:
        if name in ("robots", agent.lower()):
            found |= set(_split(content))
    licences = [Licence(text, name_licence(text), "header") for text in _linked(named, url)]
    licences += [Licence(text, name_licence(text), "rel") for text in page.licences]
    licences += [Licence(text, name_licence(text), "json-ld") for text in page.declared]
    return Signals(
        directives=tuple(sorted(found))[:_MOST],
        reservation=_reservation(named, page, url=url) or site,
        licences=tuple(dict.fromkeys(licences))[:_MOST],
        robots=robots,
    )


def _directives(values: Iterable[str], *, agent: str) -> Iterator[str]:
    """Yields the directives of `X-Robots-Tag`; a name before a colon says for whom those after it are."""
    for value in values:
        mine = True
        for part in value.split(","):
            found = _NAMED.fullmatch(part.strip())
            if found and found[1].lower() not in _DATED:
                mine = found[1].lower() == agent.lower()
                part = found[2]
            if mine:
                yield from _split(part)


def _split(text: str) -> Iterator[str]:
    for part in text.split(","):
        if word := " ".join(part.split()).lower()[:100]:
            yield word


def _linked(headers: Iterable[tuple[str, str]], url: Url) -> Iterator[str]:
    """Yields the targets of `Link` headers with `rel=license`."""
    for name, value in headers:
        if name != "link":
            continue
        for target, parameters in _LINK.findall(value[:20_000]):
            rel = _REL.search(parameters)
            if rel and {"license", "licence"} & set((rel[1] or rel[2]).lower().split()):
                try:
                    yield str(canonical(target, base=str(url)))[:_LONGEST]
                except BadUrlError:
                    yield target[:_LONGEST]


def _reservation(headers: list[tuple[str, str]], page: Page, *, url: Url) -> Reservation | None:
    for place, pairs in (("header", headers), ("meta", list(page.metas))):
        values = dict(reversed([(name, value) for name, value in pairs if name.startswith("tdm-")]))
        if (said := values.get("tdm-reservation", "").strip()) in ("0", "1"):
            return Reservation(said == "1", _policy(values.get("tdm-policy", ""), url=url), place)
    return None


def _policy(text: str, *, url: Url) -> str:
    if not text.strip():
        return ""
    try:
        return str(canonical(text, base=str(url)))[:_LONGEST]
    except BadUrlError:
        return ""


def pack_signals(signals: Signals) -> dict[str, Any]:
    """Returns signals as plain data, without what is empty."""
    return {name: value for name, value in asdict(signals).items() if value and value != (None, "", "")}


def unpack_signals(data: Mapping[str, Any]) -> Signals:
    """Returns what `pack_signals` packed."""
    return Signals(
        directives=tuple(data.get("directives", ())),
        reservation=Reservation(*data.get("reservation", ())),
        licences=tuple(Licence(*each) for each in data.get("licences", ())),
        robots=data.get("robots", ""),
    )
