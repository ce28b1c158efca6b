"""HTTP replies: read from a socket within limits, byte by byte as they were sent, or from those bytes again.

Owns the limits to head, body, time between bytes and time in all, and the parsing, which is the standard
library's. Knows nothing of connections, archives and what a page says.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

from freehold.data.web.connections import FetchError

__all__ = ["Limits", "Reply", "read_block", "read_socket"]

_HEAD_LIMIT = 1 << 18
_AHEAD = 1 << 13
_MOST_FIELDS = 100


class Limits(NamedTuple):
    """What a reply may take.

    Attributes:
        size: Bytes of the body as it is sent.
        between: Seconds between two pieces.
        deadline: When it has to be there, by `time.monotonic`.
    """

    size: int
    between: float
    deadline: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered.

    Attributes:
        status: 100 to 999.
        headers: Names in lower case, values without line ends, in their order.
        body: As it was sent, without the chunks' lengths, still packed.
        block: Everything as it came over the wire.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    block: bytes

    def header(self, name: str) -> str:
        """Returns the first value of a header; empty where it is not there."""
        return next((value for known, value in self.headers if known == name), "")

    def all(self, name: str) -> list[str]:
        """Returns every value of a header."""
        return [value for known, value in self.headers if known == name]


class _Wire(io.RawIOBase):
    """A socket as a stream that keeps what it gives, and gives no more than it may."""

    def __init__(self, opened: socket.socket, limits: Limits) -> None:
        self._socket = opened
        self._limits = limits
        self.kept = bytearray()
        self.most = _HEAD_LIMIT + _AHEAD
        self.fault = "its head is too large"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if len(self.kept) > self.most:
            raise FetchError(self.fault)
        left = self._limits.deadline - time.monotonic()
        if left <= 0:
            raise FetchError("it takes too long", passing=True)
        self._socket.settimeout(min(left, self._limits.between))
        try:
            count = self._socket.recv_into(buffer)
        except TimeoutError:
            raise FetchError("it takes too long", passing=True) from None
        except OSError as error:
            raise FetchError(f"the reply is cut off: {error.strerror or error}", passing=True) from None
        self.kept += memoryview(buffer)[:count]
        return count


class _Given:
    """What the standard library's parser takes for a socket."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def makefile(self, mode: str) -> IO[bytes]:
        return self._stream


def read_socket(opened: socket.socket, limits: Limits) -> Reply:
    """Returns the reply that comes in.

    Raises:
        FetchError: It is not whole, no HTTP, too large or too slow.
    """
    wire = _Wire(opened, limits)
    with io.BufferedReader(wire, _AHEAD) as stream:
        status, headers, response = _read_head(stream)
        # Each chunk may have a length of its own: small ones are not to be mistaken for a large body.
        wire.most = len(wire.kept) + 2 * limits.size + _AHEAD
        wire.fault = f"it has more than {limits.size:,} bytes"
        body = _read_body(response, most=limits.size)
        return Reply(status, headers, body, bytes(wire.kept))


def read_block(block: bytes) -> Reply:
    """Returns the reply that these bytes are.

    Raises:
        FetchError: They are none.
    """
    status, headers, response = _read_head(io.BytesIO(block))
    return Reply(status, headers, _read_body(response, most=len(block)), block)


def _read_head(stream: IO[bytes]) -> tuple[int, tuple[tuple[str, str], ...], http.client.HTTPResponse]:
    given: Any = _Given(stream)
    response = http.client.HTTPResponse(given, method="GET")
    try:
        response.begin()
    except http.client.RemoteDisconnected:
        raise FetchError("the reply is cut off", passing=True) from None
    except (http.client.HTTPException, ValueError) as error:
        raise FetchError(f"it is no HTTP: {_say(error)}") from None
    fields = tuple((name.lower(), _read_value(str(value))) for name, value in response.headers.items())
    if len(fields) > _MOST_FIELDS:
        raise FetchError("its head is too large")
    return response.status, fields, response


def _read_body(response: http.client.HTTPResponse, *, most: int) -> bytes:
    if response.length is not None and response.length > most:
        raise FetchError(f"it has more than {most:,} bytes")
    body = bytearray()
    try:
        while piece := response.read(1 << 16):
            body += piece
            if len(body) > most:
                raise FetchError(f"it has more than {most:,} bytes")
    except http.client.IncompleteRead:
        raise FetchError("the reply is cut off", passing=True) from None
    except (http.client.HTTPException, ValueError) as error:
        raise FetchError(f"it is no HTTP: {_say(error)}") from None
    if response.length:
        raise FetchError("the reply is cut off", passing=True)
    return bytes(body)


def _read_value(value: str) -> str:
    """Returns a header's value on one line; the parser took its bytes for Latin-1, and servers send UTF-8 too."""
    if not value.isascii():
        with suppress(UnicodeError):
            value = value.encode("latin-1").decode()
    return " ".join(value.split())


def _say(error: Exception) -> str:
    return " ".join(str(error).split())[:100] or type(error).__name__
