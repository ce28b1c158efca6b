"""A model behind somebody else's OpenAI-compatible URL, asked like any other. The only module that imports httpx2.

Owns the connection: one request, nothing followed, nothing kept between calls but open connections, and everything
bounded: the time to connect, between bytes and in all, and the size of a reply. Knows nothing of what a call
costs, nor of whether it is made again.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from freehold.engine.prompts import RemoteRequest
from freehold.engine.replies import RemoteFault, RemoteOutcome, RemoteReply, read_reply, read_retry_after
from freehold.errors import UserError
from freehold.task import Upstream

if TYPE_CHECKING:
    import httpx2

__all__ = ["RemoteLimits", "RemoteModel"]

_MOST_BYTES = 1 << 20
_MOST_IDLE = 64
_KEY = re.compile(r"[\x21-\x7e]+")
_PASSING = frozenset({500, 502, 503, 504})


class RemoteLimits(NamedTuple):
    """How long a call may take, in seconds: until it is connected, between two bytes, and in all.

    A reply that is not streamed begins when the model is done, so that its first byte has all the time there is.
    """

    connect: float
    between: float
    whole: float


class RemoteModel:
    """An upstream, ready to be asked.

    Args:
        upstream: Whom to ask. Its key is read from the environment, now.

    Raises:
        UserError: The variable of its key is not set, or holds what no header may.
    """

    def __init__(self, upstream: Upstream) -> None:
        import httpx2

        self.upstream = upstream
        self._key = _read_key(upstream)
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=_MOST_IDLE, keepalive_expiry=15.0)
        self._transport = httpx2.AsyncHTTPTransport(trust_env=False, verify=_trusted(), limits=limits)

    async def ask(self, request: RemoteRequest, *, limits: RemoteLimits) -> RemoteReply:
        """Returns a reply that fits what the request asks for.

        Raises:
            RemoteFault: There is none.
        """
        call = _Call(request, self._key, limits)
        try:
            async with asyncio.timeout(limits.whole):
                body = await call.exchange(self._transport)
        except TimeoutError:
            raise RemoteFault("timeout", sent=call.sent) from None
        return read_reply(body, request.fields)

    async def close(self) -> None:
        """Closes the connections that are open."""
        await self._transport.aclose()


class _Call:
    """One request and its response.

    Attributes:
        sent: Whether the upstream may have seen the request.
    """

    def __init__(self, request: RemoteRequest, key: str, limits: RemoteLimits) -> None:
        self.sent = False
        self._request, self._key, self._limits = request, key, limits

    async def exchange(self, transport: httpx2.AsyncHTTPTransport) -> bytes:
        """Returns the body of a good response."""
        import httpx2

        begun = False
        try:
            response = await transport.handle_async_request(self._prepared())
            begun = True
            try:
                self._check_head(response)
                return await self._read(response)
            finally:
                await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise RemoteFault(_outcome(error, begun=begun), sent=self.sent) from None

    def _prepared(self) -> httpx2.Request:
        import httpx2

        async def trace(name: str, info: Any) -> None:
            self.sent = self.sent or name.endswith("send_request_headers.started")

        connect, between, whole = self._limits
        headers = {**self._request.headers, "user-agent": "freehold"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        seconds = {"connect": connect, "read": whole, "write": between, "pool": whole}
        extensions = {"timeout": seconds, "trace": trace}
        return httpx2.Request(
            "POST", self._request.url, headers=headers, content=self._request.body, extensions=extensions
        )

    def _check_head(self, response: httpx2.Response) -> None:
        if response.status_code != 200:
            wait = read_retry_after(response.headers.get("retry-after", ""), now=datetime.now(UTC))
            raise RemoteFault(_status_outcome(response.status_code), sent=False, retry_after=wait)
        if response.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RemoteFault("content_type")
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise RemoteFault("malformed")
        if (length := response.headers.get("content-length", "")).isdigit() and int(length[:12]) > _MOST_BYTES:
            raise RemoteFault("too_large")

    async def _read(self, response: httpx2.Response) -> bytes:
        stream: Any = response.stream
        chunks: list[bytes] = []
        size, reader = 0, aiter(stream)
        while True:
            async with asyncio.timeout(self._limits.between):
                chunk = await anext(reader, None)
            if chunk is None:
                return b"".join(chunks)
            size += len(chunk)
            if size > _MOST_BYTES:
                raise RemoteFault("too_large")
            chunks.append(chunk)


def _status_outcome(status: int) -> RemoteOutcome:
    if status == 429:
        return "rate_limited"
    return "server_error" if status in _PASSING else "refused"


def _outcome(error: Exception, *, begun: bool) -> RemoteOutcome:
    """Returns what an error of the connection means.

    Args:
        begun: Whether the head of the response was there.
    """
    import httpx2

    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        return "timeout"
    if _is_about_trust(error):
        return "untrusted"
    if isinstance(error, httpx2.ConnectError):
        return "unreachable"
    said = str(error)
    left = "closed connection" in said or "disconnected" in said
    if isinstance(error, httpx2.NetworkError | OSError) or left:
        return "cut" if begun else "reset"
    return "malformed"


def _is_about_trust(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _trusted() -> ssl.SSLContext:
    """Returns what checks certificates: against the system's, or `SSL_CERT_FILE` and `SSL_CERT_DIR`."""
    return ssl.create_default_context()


def _read_key(upstream: Upstream) -> str:
    if not upstream.key:
        return ""
    key = os.environ.get(upstream.key, "").strip()
    if not key:
        raise UserError(
            f"The upstream `{upstream.name}` needs its key, and `{upstream.key}` is not set.",
            hint=f"Set it before: export {upstream.key}=...",
        )
    if not _KEY.fullmatch(key):
        raise UserError(
            f"`{upstream.key}` does not hold a key: it has spaces, line ends or other such characters."
        )
    return key
