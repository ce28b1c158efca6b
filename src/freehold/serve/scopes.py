"""What a caller needs for each route, in one table: whoever adds a route adds its line here.

Owns the table. A route that is not in it is closed to everybody, on every server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from freehold.registry import KeyScope

if TYPE_CHECKING:
    from starlette.routing import Route

__all__ = ["NEEDS", "Need", "need_of"]

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
    "POST /v1/tasks/{task}/reviews/next": "review",
    "POST /v1/tasks/{task}/reviews/undo": "review",
    "POST /v1/tasks/{task}/reviews/{assignment}": "review",
    "PUT /v1/tasks/{task}/reviews/{assignment}/draft": "review",
    "GET /v1/tasks/{task}/reviews": "review",
    "POST /v1/tasks/{task}/reviews": "review",
    "GET /v1/tasks/{task}/experts": "review",
    "GET /models/{task}": "review",
    "POST /models/{task}": "review",
    "GET /models/{task}/data": "review",
    "GET /review/{task}": "review",
    "GET /review/{task}/table": "review",
    "GET /review.js": "open",
    "GET /signin": "open",
    "POST /signin": "open",
    "POST /signout": "open",
    "GET /metrics": "admin",
}


def need_of(route: Route, method: str) -> Need:
    """Returns what a request to a route needs."""
    return NEEDS.get(f"{'GET' if method == 'HEAD' else method} {route.path}", "nobody")
