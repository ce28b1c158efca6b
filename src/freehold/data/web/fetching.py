"""One request and its reply: what is sent, and who hangs up when.

Owns the request. Cookies are neither kept nor sent, redirects are not followed but by `fetch_file`. Runs in a
thread; knows nothing of frontier, archive and pacing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event

from freehold.data.web.connections import Connection, Connections, FetchError
from freehold.data.web.encodings import ACCEPTED
from freehold.data.web.replies import Limits, Reply, read_socket
from freehold.data.web.scope import Identity, Scope
from freehold.data.web.urls import BadUrlError, Url, canonical

__all__ = ["Condition", "Fetched", "Fetcher"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@dataclass(frozen=True, slots=True)
class Condition:
    """What an earlier reply said, so that the page is only sent where it changed."""

    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A reply, whose connection stays open until it is kept.

    Attributes:
        url: What was asked in the end.
        time: When: ISO 8601, UTC.
        ended: When the reply was there, by `time.monotonic`.
    """

    url: Url
    reply: Reply
    connection: Connection
    time: str
    ended: float


class Fetcher:
    """What asks.

    Args:
        connections: What connects.
        identity: Who asks.
        scope: Its bounds hold.
    """

    def __init__(self, connections: Connections, *, identity: Identity, scope: Scope) -> None:
        self._connections = connections
        self._identity = identity
        self._scope = scope
        self._ended = Event()

    def hang_up(self) -> None:
        """Ends every request that is under way."""
        self._ended.set()
        self._connections.hang_up()

    def close(self) -> None:
        """Closes what is open. Nobody may be asking any longer."""
        self._connections.close()

    def fetch(self, url: Url, *, condition: Condition | None = None, most: int = 0) -> Fetched:
        """Returns the reply to one request.

        Args:
            url: What is asked for.
            condition: Only where it changed.
            most: Bytes of the body; else those of a page.

        Raises:
            FetchError: There is none.
        """
        bounds = self._scope.bounds
        asked = datetime.now(UTC).isoformat(timespec="microseconds")
        deadline = time.monotonic() + bounds.whole
        connection = self._connections.connect(url, seconds=min(bounds.connect, bounds.whole))
        try:
            connection.socket.settimeout(bounds.between)
            connection.socket.sendall(self._request(url, condition or Condition()))
            limits = Limits(most or self._scope.page_bytes, bounds.between, deadline)
            reply = read_socket(connection.socket, limits)
        except OSError as error:
            connection.close()
            raise FetchError(f"the request is cut off: {error.strerror or error}", passing=True) from None
        except BaseException:
            connection.close()
            raise
        return Fetched(url, reply, connection, asked, time.monotonic())

    def fetch_file(self, url: Url, *, most: int) -> Fetched:
        """Returns the reply for a file that speaks for its site, some redirects further (RFC 9309, 2.3.1.2).

        Each step is checked and connected to as any other is; ports are those of the scope, or the usual ones.

        Raises:
            FetchError: There is none.
        """
        for _ in range(self._scope.bounds.hops + 1):
            if self._scope.refuse_host(url) and url.port not in (80, 443):
                raise FetchError(f"it redirects to the port {url.port}, which is outside the scope")
            fetched = self.fetch(url, most=most)
            target = fetched.reply.header("location")
            if fetched.reply.status not in _REDIRECTS or not target:
                return fetched
            fetched.connection.close(kept=True)
            try:
                url = canonical(target, base=str(url))
            except BadUrlError as error:
                raise FetchError(f"it redirects to {target[:100]!r}: {error}") from None
            if self._ended.wait(self._scope.delay):
                break
        raise FetchError(f"it redirects more than {self._scope.bounds.hops} times")

    def _request(self, url: Url, condition: Condition) -> bytes:
        lines = [
            f"GET {url.target} HTTP/1.1",
            f"Host: {url.netloc}",
            f"User-Agent: {self._identity.user_agent}",
            f"Accept: {_ACCEPT}",
            f"Accept-Encoding: {ACCEPTED}",
            "Connection: close",
        ]
        # What a server said goes back to it: only what a header may hold.
        if condition.etag.isascii() and condition.etag.isprintable() and condition.etag:
            lines.append(f"If-None-Match: {condition.etag}")
        if condition.modified.isascii() and condition.modified.isprintable() and condition.modified:
            lines.append(f"If-Modified-Since: {condition.modified}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
