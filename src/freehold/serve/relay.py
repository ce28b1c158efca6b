"""What a request carries from Ray's proxy to a replica, and its answer back.

Owns that clients see one server: Ray's proxy gives each request an id of its own, acts on headers that clients may
send, has routes of its own and answers in plain text. `ProxySide` and `ReplicaSide` stand around it and undo that.
Knows Ray's habits, and imports nothing of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from freehold.serve.faults import Fault, fault_response

if TYPE_CHECKING:
    from starlette.middleware import Middleware
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["ProxySide", "ReplicaSide", "proxy_side"]

_Headers: TypeAlias = list[tuple[bytes, bytes]]

_ID, _CHOSEN = b"x-request-id", b"x-freehold-request-id"
"""The second carries what the client wrote into the first, where it wrote something."""
_MARK = b"x-freehold-replica"
"""On every answer of a replica, and of nobody else."""
_HEEDED = frozenset(
    {
        _CHOSEN,
        b"serve-multiplexed-model-id",
        b"x-session-id",
        b"x-request-timeout-seconds",
        b"x-request-disconnect-disabled",
    }
)
_HEEDED_PREFIX = b"x-serve-router-"
_RAYS_ROUTES = "/-/"


def proxy_side() -> list[Middleware]:
    """Returns what Ray's proxy puts around itself: the hook `RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH`."""
    from starlette.middleware import Middleware

    return [Middleware(ProxySide)]


class ProxySide:
    """Stands before Ray's proxy: lets nothing in that it would act on, and nothing out that is its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, in our shape where no replica does."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith(_RAYS_ROUTES):
            unknown = Fault(404, f"There is no route {scope['path'][:60]!r}.", code="unknown_route")
            await _refuse(unknown, scope, receive, send)
            return
        reply = _Reply(send)
        await self._app({**scope, "headers": _inward(scope["headers"])}, receive, reply.send)
        if not reply.started:
            message = "No replica could answer, because one ended or none is there; try again."
            again = Fault(503, message, code="not_ready", headers={"retry-after": "1", "connection": "close"})
            await _refuse(again, scope, receive, send)


class _Reply:
    """An answer on its way out; what Ray says in its own words is not passed on."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: _Headers = list(message.get("headers", []))
            self.started = any(name == _MARK for name, _ in headers)
            message = {**message, "headers": _outward(headers)}
        if self.started:
            await self._send(message)


class ReplicaSide:
    """Stands in a replica, around the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request that came through a `ProxySide`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), (_MARK, b"1")]}
            await send(message)

        given = ((name, value) for name, value in scope["headers"] if name != _ID)
        headers = [(_ID if name == _CHOSEN else name, value) for name, value in given]
        await self._app({**scope, "headers": headers}, receive, marked)


def _inward(headers: Iterable[tuple[bytes, bytes]]) -> _Headers:
    """Returns a client's headers without what Ray would act on; the id of the request under another name."""
    kept = [(name.lower(), value) for name, value in headers]
    return [(_CHOSEN if name == _ID else name, value) for name, value in kept if not _is_heeded(name)]


def _is_heeded(name: bytes) -> bool:
    plain = name.replace(b"_", b"-")
    return plain in _HEEDED or plain.startswith(_HEEDED_PREFIX)


def _outward(headers: _Headers) -> _Headers:
    """Returns a replica's headers without the mark and the id that Ray put behind its own."""
    ids = [number for number, (name, _) in enumerate(headers) if name.lower() == _ID]
    strange = ids[1:]
    return [each for number, each in enumerate(headers) if number not in strange and each[0] != _MARK]


async def _refuse(fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    common = {"x-request-id": uuid.uuid4().hex, "x-content-type-options": "nosniff", "cache-control": "no-store"}
    response = fault_response(fault)
    response.headers.update(common)
    await response(scope, receive, send)
