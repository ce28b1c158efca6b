"""The ASGI application: routes, the one error shape, the rim around them, and the watch over champions and keys.

Owns how the parts are put together. What they do stands in their own modules.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from freehold.errors import FreeholdError
from freehold.serve.doors import add_doors
from freehold.serve.faults import Fault, fault_of
from freehold.serve.forms import add_forms
from freehold.serve.guard import Guard
from freehold.serve.homes import Homes
from freehold.serve.rim import Rim, fault_response
from freehold.serve.routes import add_routes
from freehold.serve.runner import Runner
from freehold.serve.status import add_status
from freehold.serve.stored import add_stored

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from freehold.serve.service import Service

__all__ = ["build"]

_log = logging.getLogger("freehold.serve")


def build(service: Service, *, version: str) -> FastAPI:
    """Returns the application over a service, which it closes at shutdown."""
    homes = Homes(service.champions)
    runner = Runner(homes, service=service)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        watched = [service.watch_keys(), service.note_uses(), runner.watch()]
        watched += [service.watch(slot) for slot in service.champions]
        watches = [asyncio.create_task(each) for each in watched]
        try:
            yield
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)
            service.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    add_routes(app.router, service)
    add_doors(app.router, service)
    add_stored(app.router, service, homes=homes, runner=runner)
    add_status(app.router, service, version=version)
    add_forms(app.router, service)
    app.add_exception_handler(Fault, _say)
    app.add_exception_handler(FreeholdError, _say)
    app.add_exception_handler(HTTPException, _say)
    app.add_middleware(
        Rim,
        guard=Guard(service.settings),
        door=service.door,
        routes=app.router.routes,
        measures=service.measures,
    )
    return app


async def _say(request: Request, error: Exception) -> Response:
    """Answers with the one error shape."""
    if isinstance(error, Fault):
        fault = error
    elif isinstance(error, FreeholdError):
        fault = fault_of(error)
        if fault.status >= 500:
            _log.error("request=%s %s: %s", request.state.request_id, type(error).__name__, error.message)
    else:
        assert isinstance(error, HTTPException)
        fault = _unrouted(request, error)
    return fault_response(fault)


def _unrouted(request: Request, error: HTTPException) -> Fault:
    if error.status_code == 404:
        return Fault(404, f"There is no route {request.url.path[:120]!r}.", code="unknown_route")
    allowed = (error.headers or {}).get("Allow", "")
    message = f"This route takes {allowed or 'other methods'}, not {request.method[:20]}."
    return Fault(error.status_code, message, code="method_not_allowed", headers=error.headers)
