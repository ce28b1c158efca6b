"""The application: routes, the rim around them, and the watch over champions and keys.

Owns how they are put together. What they do stands in their own modules.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.routing import Router

from freehold.serve.data_pages import add_data_pages
from freehold.serve.doors import add_doors
from freehold.serve.forms import add_forms
from freehold.serve.guard import Guard
from freehold.serve.homes import Homes
from freehold.serve.replays import Replays
from freehold.serve.review_pages import add_review_pages
from freehold.serve.reviewing import add_reviewing
from freehold.serve.rim import Rim
from freehold.serve.routes import add_routes
from freehold.serve.routing import Routes
from freehold.serve.runner import Runner
from freehold.serve.status import add_status
from freehold.serve.stored import add_stored

if TYPE_CHECKING:
    from freehold.serve.service import Service

__all__ = ["build"]


def build(service: Service, *, version: str) -> Rim:
    """Returns the application over a service, which it closes at shutdown."""

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        watched = [service.watch_keys(), service.note_uses(), runner.watch(), replays.watch()]
        watched += [service.watch(slot) for slot in service.champions]
        watches = [asyncio.create_task(each) for each in watched]
        try:
            yield
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)
            await service.end()
            service.close()

    routes = Routes(Router(lifespan=lifespan))
    replays = Replays(service)
    homes = Homes(service.champions)
    runner = Runner(homes, service=service, router=routes.router)
    add_routes(routes, service)
    add_doors(routes, service)
    add_reviewing(routes, service)
    add_stored(routes, service, homes=homes, runner=runner)
    add_status(routes, service, version=version)
    add_forms(routes, service)
    add_data_pages(routes, service)
    add_review_pages(routes, service)
    return Rim(routes.router, service=service, guard=Guard(service.settings), replays=replays)
