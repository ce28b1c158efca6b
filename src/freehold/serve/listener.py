"""The one place that knows uvicorn: the HTTP server under the application.

Owns how connections are handled. Knows nothing of what is answered.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from freehold.serve.settings import Settings

__all__ = ["Listener"]


class _Impatient(HttpToolsProtocol):
    """Closes a connection that does not send the head of a request: nobody may hold one for ever.

    Between requests uvicorn's own time-out holds.
    """

    head_seconds: float
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        self._rest()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Listener(uvicorn.Server):
    """A server that says where it answers, as soon as it does.

    Args:
        app: What answers.
        settings: How long open requests get at shutdown; which host the URL names.
        tell: Is given the URL.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings, tell: Callable[[str], None]) -> None:
        config = uvicorn.Config(
            app,
            http=type("_Protocol", (_Impatient,), {"head_seconds": settings.head_seconds}),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=settings.grace_seconds,
        )
        super().__init__(config)
        self._host = settings.host
        self._tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to answer, and says where."""
        await super().startup(sockets)
        if self.started and sockets:
            host = f"[{self._host.strip('[]')}]" if ":" in self._host else self._host
            self._tell(f"http://{host}:{sockets[0].getsockname()[1]}")
