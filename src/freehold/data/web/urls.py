"""URLs in one form each: two that ask for the same thing are the same string.

Owns that form: scheme, host, port, path and query as RFC 3986 (section 6.2) and the WHATWG's URL standard
normalise them, without fragment and without parameters that only track. Knows nothing of what may be asked.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

from freehold.data.web.addresses import BadHostError, read_address

__all__ = ["BadUrlError", "Url", "canonical"]

URL_LIMIT = 2_000
"""The most characters that a URL may have."""

_PORTS = {"http": 80, "https": 443}
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_IN_PATH = _UNRESERVED | frozenset(b"!$&'()*+,;=:@/")
_IN_QUERY = _IN_PATH | frozenset(b"?")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})|(.)", re.DOTALL)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_SPACE = "".join(map(chr, range(0x21)))
_TRACKING = re.compile(
    r"(utm_\w+|gclid|gclsrc|dclid|gbraid|wbraid|fbclid|msclkid|yclid|twclid|ttclid|igshid|mc_cid|mc_eid|_ga|_gl|_hsenc"
    r"|_hsmi|mkt_tok|oly_anon_id|oly_enc_id|vero_id|wickedid|s_cid|phpsessid|jsessionid)",
    re.IGNORECASE,
)
_SESSION = re.compile(r";jsessionid=[^/;?]*", re.IGNORECASE)


class BadUrlError(ValueError):
    """A URL that is not asked; the text says why."""


class Url(NamedTuple):
    """A canonical URL in its parts.

    Attributes:
        host: A name in ASCII, an IPv4 address in dots, or an IPv6 address in brackets.
        path: Percent-encoded, with its leading slash.
        query: Percent-encoded; empty where there is none.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def netloc(self) -> str:
        """The host, with its port where that is not the scheme's own."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port: what one robots.txt speaks for."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def target(self) -> str:
        """What a request asks the host for."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def __str__(self) -> str:
        return self.origin + self.target


def canonical(text: str, *, base: str = "") -> Url:
    """Returns the one form of a URL.

    Args:
        text: As somebody wrote it; relative to `base` where that is given.
        base: A canonical URL.

    Raises:
        BadUrlError: It is not http or https, has a user's name, no host, a bad port, or is too long.

    Example:
        >>> str(canonical("HTTP://Example.ORG:80/a/./b/../%7Euser?utm_source=x&q=%c3%a4#top"))
        'http://example.org/a/~user?q=%C3%A4'
    """
    clean = _clean(text)
    if len(clean) > URL_LIMIT:
        raise BadUrlError(f"it has more than {URL_LIMIT:,} characters")
    try:
        parts = urlsplit(urljoin(base, clean) if base else clean)
        port = parts.port
        user = parts.username is not None or "@" in parts.netloc
    except ValueError as error:
        raise BadUrlError(f"it is no URL: {error}") from None
    if parts.scheme not in _PORTS:
        raise BadUrlError(f"its scheme is {parts.scheme[:20]!r}, not http or https")
    if user:
        raise BadUrlError("it has a user's name before its host")
    if port == 0:
        raise BadUrlError("its port is 0")
    host = _read_host(parts.netloc)
    path = _drop_dots(_SESSION.sub("", _encode(parts.path, kept=_IN_PATH)))
    query = _drop_tracking(_encode(parts.query, kept=_IN_QUERY))
    url = Url(parts.scheme, host, port or _PORTS[parts.scheme], path, query)
    if len(str(url)) > URL_LIMIT:
        raise BadUrlError(f"it has more than {URL_LIMIT:,} characters")
    return url


def _clean(text: str) -> str:
    """Returns a URL without what browsers drop, and with slashes where they read slashes."""
    for character in "\t\r\n":
        text = text.replace(character, "")
    text = text.strip(_SPACE)
    end = min((place for place in map(text.find, "?#") if place >= 0), default=len(text))
    return text[:end].replace("\\", "/") + text[end:]


@lru_cache(maxsize=4_096)
def _read_host(netloc: str) -> str:
    """Returns the host in its one form: what is percent-encoded decoded, IDNA, numbers as an address."""
    host = netloc if netloc.endswith("]") else re.sub(r":[0-9]*$", "", netloc)
    host = unquote_to_bytes(host.encode("utf-8", "replace")).decode("utf-8", "replace")
    if not host.isascii():
        host = _to_ascii(host)
    host = host.lower().removesuffix(".")
    try:
        address = read_address(host)
    except BadHostError as error:
        raise BadUrlError(f"its host is {host[:60]!r}: {error}") from None
    if address is not None:
        return f"[{address.compressed}]" if address.version == 6 else str(address)
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise BadUrlError(f"its host is {host[:60]!r}, which no name can be")
    return host


def _to_ascii(host: str) -> str:
    import idna

    try:
        return idna.encode(host, uts46=True).decode()
    except (idna.IDNAError, UnicodeError) as error:
        # Wide digits make an address, which is no name that IDNA knows.
        plain = idna.uts46_remap(host, std3_rules=False) if _is_wide(host) else ""
        if plain.isascii() and plain:
            return plain
        raise BadUrlError(f"its host is {host[:60]!r}: {error}") from None


def _is_wide(host: str) -> bool:
    return all(c.isascii() or "\uff01" <= c <= "\uff5e" or c == "\u3002" for c in host)


def _encode(text: str, *, kept: frozenset[int]) -> str:
    """Returns text with what is unreserved decoded, and all else that is not kept as it is encoded, once."""

    def write(match: re.Match[bytes]) -> bytes:
        code = int(match[1], 16) if match[1] else match[2][0]
        plain = _UNRESERVED if match[1] else kept
        return bytes([code]) if code in plain else b"%%%02X" % code

    return _ESCAPE.sub(write, text.encode("utf-8", "replace")).decode()


def _drop_dots(path: str) -> str:
    """Returns an absolute path without `.` and `..` (RFC 3986, 5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")[1:] if path.startswith("/") else path.split("/")
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _drop_tracking(query: str) -> str:
    """Returns a query without the parameters that only track; the others keep their order."""
    return "&".join(part for part in query.split("&") if not _TRACKING.fullmatch(part.partition("=")[0]))
