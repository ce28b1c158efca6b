"""The routes of the review page: it is shown, its script is sent, and browsers sign in with a key and out.

Owns the way from a request to a page and to a session. What pages look like stands in `freehold.pages`, what their
script asks for in `reviewing`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from freehold.serve.bodies import read_body
from freehold.serve.callers import admission
from freehold.serve.champions import Slot
from freehold.serve.faults import Fault
from freehold.serve.routing import Routes
from freehold.serve.service import Service
from freehold.serve.sessions import sent_session

if TYPE_CHECKING:
    from starlette.types import Scope

__all__ = ["add_review_pages", "ask_to_sign_in"]

_LONGEST_FORM = 8_192
_LONGEST_SEARCH = 200
_MOST_GUIDELINES = 262_144
_LOCAL = re.compile(r"/(review|models)/[A-Za-z0-9._@%-]+(/table|/data)?(\?[^\\\s]*)?")
"""Where signing in may lead to: pages of this server, or a link to here could lead elsewhere."""


def add_review_pages(routes: Routes, service: Service) -> None:
    """Adds /review/{task}, its table and its script, /signin and /signout."""
    _add_pages(routes, service)
    _add_sessions(routes, service)


def _add_pages(routes: Routes, service: Service) -> None:
    async def show(request: Request, *, table: bool) -> Response:
        slot = service.slot(request.path_params["task"])
        caller = admission().caller
        expert = "" if caller.grants is None else service.keyring.name(caller.name)
        page = await service.work(_write, slot, expert, dict(request.query_params), table=table)
        return _page(page)

    @routes.get("/review/{task}")
    async def show_item(request: Request) -> Response:
        return await show(request, table=False)

    @routes.get("/review/{task}/table")
    async def show_table(request: Request) -> Response:
        return await show(request, table=True)

    @routes.get("/review.js")
    async def send_script(request: Request) -> Response:
        from freehold.pages import review_script

        return Response(await service.work(review_script), media_type="text/javascript")


def _write(slot: Slot, expert: str, query: Mapping[str, str], *, table: bool) -> str:
    from freehold.pages import Reviewing, write_review_page

    wanted = {name: query.get(name, "")[:_LONGEST_SEARCH] for name in ("search", "field", "label")}
    shown = Reviewing(slot.task, slot.fields, _read_guidelines(slot), expert=expert, **wanted)
    return write_review_page(shown, table=table)


def _read_guidelines(slot: Slot) -> str:
    """Returns what experts are told; where the file cannot be read, that it cannot."""
    named = slot.task.review.guidelines
    if not named:
        return ""
    place = Path(slot.task.folder) / named
    try:
        with place.open("rb") as file:
            return file.read(_MOST_GUIDELINES).decode("utf-8-sig", "replace")
    except OSError:
        return f"The guidelines cannot be read: `{named}`."


def _add_sessions(routes: Routes, service: Service) -> None:
    sessions = service.door.sessions

    @routes.get("/signin")
    async def show_signin(request: Request) -> Response:
        return _signin(request.query_params.get("to", ""))

    @routes.post("/signin")
    async def sign_in(request: Request) -> Response:
        form = await _read_form(request)
        secret, to = form.get("key", "").strip(), _checked(form.get("to", ""))
        if not secret:
            return _signin(to)
        key = service.door.reviewer(secret)
        if not key:
            return _signin(to, problem="This server knows no such key with the scope `review`.", status=403)
        await service.work(sessions.end, sent_session(dict(request.headers)))
        id = await service.work(sessions.begin, key)
        first = next((slot.task.name for slot in service.champions), "")
        response = RedirectResponse(to or f"/review/{first}", status_code=303)
        response.headers["set-cookie"] = sessions.set_cookie(id, secure=_is_secure(request))
        return response

    @routes.post("/signout")
    async def sign_out(request: Request) -> Response:
        await service.work(sessions.end, sent_session(dict(request.headers)))
        response = _signin("", problem="You are signed out.")
        response.headers["set-cookie"] = sessions.set_cookie("", secure=_is_secure(request))
        return response


async def _read_form(request: Request) -> dict[str, str]:
    body = await read_body(request.receive, limit=_LONGEST_FORM, batch_limit=_LONGEST_FORM)
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=8, errors="strict"))
    except ValueError:
        raise Fault(
            400, "The body is not a form (application/x-www-form-urlencoded).", code="invalid_value"
        ) from None


def _is_secure(request: Request) -> bool:
    """Returns whether the browser speaks https, be it to a proxy: it says so itself."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")


def _checked(to: str) -> str:
    return to if _LOCAL.fullmatch(to) else ""


def _signin(to: str, *, problem: str = "", status: int = 200) -> Response:
    from freehold.pages import write_signin_page

    return _page(write_signin_page(to=_checked(to), problem=problem), status=status)


def _page(page: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    from freehold.pages import review_policy

    # A policy of `no-referrer` would make browsers send forms with the origin `null`, which the guard refuses.
    safe = {"content-security-policy": review_policy(), "referrer-policy": "same-origin"}
    return HTMLResponse(page, status_code=status, headers={**(headers or {}), **safe})


def ask_to_sign_in(scope: Scope, fault: Fault) -> Response | None:
    """Returns the page with a form for a key, where a browser asked for a page that needs one."""
    if fault.status != 401 or scope["method"] != "GET" or "text/html" not in _accepted(scope):
        return None
    from freehold.pages import write_signin_page

    query = scope["query_string"].decode("latin-1")
    to = f"{scope['path']}{f'?{query}' if query else ''}"
    return _page(write_signin_page(to=_checked(to)), status=401, headers=fault.headers)


def _accepted(scope: Mapping[str, Any]) -> str:
    found = (value for name, value in scope["headers"] if name.lower() == b"accept")
    return b",".join(found).decode("latin-1").lower()
