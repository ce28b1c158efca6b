"""The route that shows which data a model was made from: as a page for people, as JSON for programs.

Owns the choice between the two. What is known of data, and how it looks, stands in `freehold.pages`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from freehold.pages import policy
from freehold.serve.champions import Slot
from freehold.serve.faults import Fault
from freehold.serve.routing import Routes
from freehold.serve.service import Service
from freehold.task import Release

if TYPE_CHECKING:
    from freehold.pages import Inventory

__all__ = ["add_data_pages", "prefers_json"]

_VARY = {"vary": "accept"}
_HEADERS = {"content-security-policy": policy(), "referrer-policy": "same-origin", **_VARY}


def add_data_pages(routes: Routes, service: Service) -> None:
    """Adds /models/{task}/data."""

    @routes.get("/models/{task}/data")
    async def show_data(request: Request) -> Response:
        slot, release = await _find(service, request.path_params["task"])
        found = await _look_up(service, slot, release)
        if prefers_json(request.headers.get("accept", "")):
            return JSONResponse(found.to_json(), headers=_VARY)
        return HTMLResponse(await service.work(_write, found), headers=_HEADERS)


async def _find(service: Service, name: str) -> tuple[Slot, Release]:
    """Returns the release called `banking@3`, or the one that answers for `banking`; no model is loaded for it.

    Raises:
        Fault: 404 where there is no such task or version, 503 where the task has no champion.
    """
    slot, version = service.named(name, param="task", code="task_not_found")
    if version is None:
        return slot, (await service.model(name))[1].release
    releases = await service.work(slot.shelf.models, slot.task.name)
    for release in releases:
        if release.version == version:
            return slot, release
    there = ", ".join(f"`{release.name}`" for release in releases) or "no model yet"
    message = f"There is no model {name[:60]!r}; `{slot.task.name}` has {there}."
    raise Fault(404, message, code="model_not_found", param="task")


async def _look_up(service: Service, slot: Slot, release: Release) -> Inventory:
    found = await service.inventories.find(slot, release)
    return await service.work(_complete, found, slot, release)


def _complete(found: Inventory | None, slot: Slot, release: Release) -> Inventory:
    """Returns an inventory with the releases of this moment; a short one where its rows are still being read."""
    from freehold.pages import list_releases, take_release

    if found is None:
        return take_release(slot.task, release, shelf=slot.shelf, rows=False)
    return found._replace(releases=list_releases(slot.task, shelf=slot.shelf))


def _write(found: Inventory) -> str:
    from freehold.pages import write_data_page

    return write_data_page(found)


def prefers_json(accept: str) -> bool:
    """Returns whether an `accept` header asks for JSON rather than for a page.

    Example:
        >>> prefers_json("application/json"), prefers_json("text/html, */*;q=0.8"), prefers_json("")
        (True, False, False)
    """
    weights = {}
    for part in accept.lower().split(","):
        kind, *options = (word.strip() for word in part.split(";"))
        weights[kind] = max((_weight(option) for option in options if option.startswith("q=")), default=1.0)
    return weights.get("application/json", 0.0) > weights.get("text/html", 0.0)


def _weight(option: str) -> float:
    try:
        return float(option.removeprefix("q="))
    except ValueError:
        return 0.0
