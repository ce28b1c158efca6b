"""The one place that knows uvicorn: the HTTP server under the application.

Owns how connections are handled. Knows nothing of what is answered.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from freehold.serve.settings import Settings

__all__ = ["Listener"]


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
