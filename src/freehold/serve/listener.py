"""The one place that knows uvicorn: the HTTP server under the application.

Owns how connections are handled. Knows nothing of what is answered.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import FrameType
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
        leave: Is called as soon as the server is told to end, maybe more than once.
    """

    def __init__(
        self, app: ASGIApp, *, settings: Settings, tell: Callable[[str], None], leave: Callable[[], None]
    ) -> None:
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
        self._settings = settings
        self._tell = tell
        self._leave = leave

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to answer, and says where."""
        await super().startup(sockets)
        if self.started and sockets:
            self._tell(replace(self._settings, port=sockets[0].getsockname()[1]).url())

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends the server; called by a signal."""
        self._leave()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answers everybody who got through to the server, then ends it.

        A connection that has not sent its request yet, or is between two, may have one on its way: it gets a
        moment for that. Each answer is the last of its connection meanwhile.
        """
        self._leave()
        waiting = [connection for each in sockets or () for connection in _accepted(each)]
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        for connection in waiting:
            await loop.connect_accepted_socket(self._make_protocol, connection)
        until = loop.time() + self._settings.linger_seconds
        while self.server_state.connections and loop.time() < until and not self.force_exit:
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)

    def _make_protocol(self) -> asyncio.Protocol:
        kind = self.config.http_protocol_class
        assert not isinstance(kind, str)
        return kind(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)  # type: ignore[call-arg]


def _accepted(listener: socket.socket) -> Iterator[socket.socket]:
    """Yields the connections that the system has accepted and the event loop has not seen yet."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        yield connection
