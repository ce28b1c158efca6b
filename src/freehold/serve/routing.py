"""Which route answers a request.

Owns how routes are added and found. What they need of a caller stands in `scopes`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route, Router

from freehold.serve.faults import Fault

if TYPE_CHECKING:
    from starlette.types import Scope

__all__ = ["Routes", "find_route"]

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class Routes:
    """The routes of one server, tried in the order in which they were added.

    Attributes:
        router: Holds them.
    """

    def __init__(self, router: Router) -> None:
        self.router = router

    def get(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Returns what adds an endpoint that answers GET."""
        return self._add("GET", path)

    def post(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Returns what adds an endpoint that answers POST."""
        return self._add("POST", path)

    def put(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Returns what adds an endpoint that answers PUT."""
        return self._add("PUT", path)

    def delete(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Returns what adds an endpoint that answers DELETE."""
        return self._add("DELETE", path)

    def _add(self, method: str, path: str) -> Callable[[Endpoint], Endpoint]:
        def add(endpoint: Endpoint) -> Endpoint:
            self.router.routes.append(Route(path, endpoint, methods=[method]))
            return endpoint

        return add


def find_route(router: Router, scope: Scope) -> Route | Fault:
    """Returns the route that takes a request, entered into `scope`; a 404 or 405 where there is none."""
    allowed: set[str] = set()
    for route in router.routes:
        assert isinstance(route, Route)
        match, found = route.matches(scope)
        if match is Match.FULL:
            scope.update(found, route=route)
            return route
        if match is Match.PARTIAL:
            scope["route"] = route  # the log and the counters name it
            allowed |= route.methods or set()
    if not allowed:
        return Fault(404, f"There is no route {scope['path'][:120]!r}.", code="unknown_route")
    named = ", ".join(sorted(allowed))
    message = f"This route takes {named}, not {scope['method'][:20]}."
    return Fault(405, message, code="method_not_allowed", headers={"allow": named})
