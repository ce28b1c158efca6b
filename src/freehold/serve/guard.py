"""What is refused whoever asks: foreign host names and origins; and the ids of requests.

Owns the rules, as pure functions over headers. Knows nothing of routes or tasks; keys are the `door`'s.
"""

from __future__ import annotations

import ipaddress
import os
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from freehold.serve.faults import Fault
from freehold.serve.sessions import sent_session
from freehold.serve.settings import Settings, is_loopback

__all__ = ["Guard"]

_RANDOM = 10
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_HOST = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<name>[^:]*))(?::[0-9]+)?")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Guard:
    """The rules of one server."""

    def __init__(self, settings: Settings) -> None:
        self._hosts = _allowed(settings)
        self._random = b""

    def check(self, method: str, headers: Mapping[str, str]) -> None:
        """Lets a request through, or raises the `Fault` that it is answered with.

        Args:
            headers: Names in lower case.
        """
        host = headers.get("host", "")
        self._check_host(host)
        if method not in _SAFE:
            _check_origin(headers, host)

    def request_id(self, given: str | None) -> tuple[str, bool]:
        """Returns the id of a request, and whether the client chose it.

        Raises:
            Fault: 400 where the client's id has other characters or another length.
        """
        if given is None:
            return self._new_id(), False
        if not _REQUEST_ID.fullmatch(given):
            message = "`x-request-id` has 1 to 128 characters of A-Z, a-z, 0-9, dot, underscore and hyphen."
            raise Fault(400, message, code="invalid_request_id", param="x-request-id")
        return given, True

    def _new_id(self) -> str:
        """Returns 32 hexadecimal digits: the microsecond and 76 random bits.

        Ids that rise with time lie beside each other in the database, where random ones cost a page each. Random
        bytes are drawn many at a time: each draw is a system call.
        """
        if len(self._random) < _RANDOM:
            self._random = os.urandom(256 * _RANDOM)
        drawn, self._random = self._random[:_RANDOM], self._random[_RANDOM:]
        return f"{time.time_ns() // 1000:013x}{drawn.hex()[:19]}"

    def _check_host(self, host: str) -> None:
        """Refuses host names that are not ours: another site's name may be bound to this address.

        See "Protecting browsers from DNS rebinding attacks" (Jackson et al., 2007).
        """
        if self._hosts is not None and _hostname(host) not in self._hosts:
            message = f"This server is not called {host[:120]!r}."
            raise Fault(403, message, code="host_not_allowed", param="host")


def _check_origin(headers: Mapping[str, str], host: str) -> None:
    """Refuses what a page of another site makes a browser send."""
    origin = headers.get("origin")
    crossing = headers.get("sec-fetch-site", "same-origin") == "cross-site"
    if crossing or (origin is not None and _netloc(origin) != host.lower()):
        message = "Pages of other sites may not send to this server."
        raise Fault(403, message, code="origin_not_allowed", param="origin")
    # A browser adds a cookie by itself, so a page of this server has to be seen to ask.
    if sent_session(headers) and origin is None and headers.get("sec-fetch-site") != "same-origin":
        message = "With a session, `origin` has to say that a page of this server asks."
        raise Fault(403, message, code="origin_not_allowed", param="origin")


def _netloc(origin: str) -> str:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in ("http", "https") else ""


def _allowed(settings: Settings) -> frozenset[str] | None:
    """Returns the host names that requests may name; None where any will do.

    A server on all addresses cannot know its names; there a key is needed anyway.
    """
    if settings.host in ("", "0.0.0.0", "::") and not settings.hosts:  # noqa: S104  compared, not bound
        return None
    own = {_hostname(settings.host), *(_hostname(host) for host in settings.hosts)}
    return frozenset(own | _LOOPBACK if is_loopback(settings.host) else own)


@lru_cache(maxsize=256)
def _hostname(host: str) -> str:
    """Returns a host without its port and brackets, in lower case; empty where it is none."""
    match = _HOST.fullmatch(host.strip().lower())
    name = match["six"] or match["name"] or "" if match else host
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.rstrip(".") if match else ""
