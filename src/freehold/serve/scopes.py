"""What a caller needs for each route, in one table: whoever adds a route adds its line here.

Owns the table and how a request finds its line. A route that is not in it is closed to everybody, on every server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from starlette.routing import BaseRoute, Match

from freehold.registry import KeyScope

if TYPE_CHECKING:
    from starlette.types import Scope

__all__ = ["NEEDS", "Need", "find_need"]

Need: TypeAlias = KeyScope | Literal["open", "nobody"]
"""A scope; `open` for a route that asks for no key; `nobody` for one that nothing was declared for."""

NEEDS: Mapping[str, Need] = {
    "GET /livez": "open",
    "GET /readyz": "open",
    "GET /v1/models": "predict",
    "GET /v1/models/{id}": "predict",
    "GET /openapi.json": "predict",
    "POST /v1/tasks/{task}": "predict",
    "POST /v1/decisions": "predict",
    "POST /v1/systemone": "predict",
    "POST /v1/chat/completions": "predict",
    "POST /v1/embeddings": "predict",
    "POST /v1/files": "predict",
    "GET /v1/files": "predict",
    "GET /v1/files/{id}": "predict",
    "GET /v1/files/{id}/content": "predict",
    "DELETE /v1/files/{id}": "predict",
    "POST /v1/batches": "predict",
    "GET /v1/batches": "predict",
    "GET /v1/batches/{id}": "predict",
    "POST /v1/batches/{id}/cancel": "predict",
    "GET /v1/tasks/{task}/feedback": "feedback",
    "POST /v1/tasks/{task}/feedback": "feedback",
    "DELETE /v1/tasks/{task}/feedback/{id}": "feedback",
    "GET /models/{task}": "review",
    "POST /models/{task}": "review",
    "GET /metrics": "admin",
}


def find_need(routes: Sequence[BaseRoute], asked: Scope) -> Need | None:
    """Returns what a request needs; None where no route takes it, so that it will be a 404 or a 405.

    Args:
        routes: The application's, in its order.
        asked: The request, as ASGI has it.
    """
    for route in routes:
        if route.matches(asked)[0] is Match.FULL:
            method = "GET" if asked["method"] == "HEAD" else asked["method"]
            return NEEDS.get(f"{method} {getattr(route, 'path', '')}", "nobody")
    return None
