"""The outermost layer: what every request and every response has in common.

Owns request ids, the way past guard and door, the log line, the count, and the answer to what nobody expected.
Logs name routes, never bodies, and never what an exception says, since that may quote a body.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request

from freehold.errors import FreeholdError
from freehold.serve.callers import OUTSIDE, Admission, acting
from freehold.serve.faults import Fault, fault_of, fault_response
from freehold.serve.guard import Guard
from freehold.serve.replays import KEY_HEADER, Replays
from freehold.serve.review_pages import ask_to_sign_in
from freehold.serve.routing import find_route
from freehold.serve.scopes import need_of
from freehold.serve.service import Service
from freehold.serve.tracing import METHODS
from freehold.serve.trails import HEADER, Step, following, show_trail

if TYPE_CHECKING:
    from starlette.routing import Router
    from starlette.types import Message, Receive, Scope, Send

__all__ = ["Rim"]

_log = logging.getLogger("freehold.serve")
_PROBES = frozenset({"/livez", "/readyz"})
_SLOWEST = 1024.0
"""Bytes a second of a body that may take longer than others."""


class Rim:
    """The ASGI application: finds the route, lets the caller in or not, answers in one shape whatever happens.

    Attributes:
        router: The routes, and what happens at start and end.
    """

    def __init__(self, router: Router, *, service: Service, guard: Guard, replays: Replays) -> None:
        self.router = router
        self._service = service
        self._door, self._measures = service.door, service.measures
        self._guard = guard
        self._replays = replays

    def leave(self) -> None:
        """Says that the server ends: it is not ready any more, and each answer is the last of its connection."""
        self._service.leaving = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, whatever happens inside."""
        if scope["type"] != "http":
            await self.router(scope, receive, send)
            return
        reply = _Reply(send, self._guard.request_id(None)[0], service=self._service)
        traces = self._service.traces
        if traces is None or scope["path"] in _PROBES:
            await self._handle(scope, receive, reply)
            return
        with traces.request(scope) as trace:
            try:
                await self._handle(scope, receive, reply)
            finally:
                trace.end(status=reply.status, request_id=reply.request_id)

    async def _handle(self, scope: Scope, receive: Receive, reply: _Reply) -> None:
        try:
            await self._answer(scope, receive, reply)
        except (Fault, FreeholdError) as error:
            fault = _fault(error, reply.request_id)
            self._measures.count_refused(fault.code)
            await (ask_to_sign_in(scope, fault) or fault_response(fault))(scope, receive, reply.send)
        except ClientDisconnect:
            reply.status = 499  # nobody is there to be told
        except Exception as error:  # noqa: BLE001  the rim of the worker: the client gets an answer, we a trace
            _log.error("request=%s failed\n%s", reply.request_id, _trace(error))
            unexpected = Fault(500, "Something broke here; the log has the request id.", code="internal_error")
            if not reply.started:
                await fault_response(unexpected)(scope, receive, reply.send)
        finally:
            self._note(scope, reply)

    async def _answer(self, scope: Scope, receive: Receive, reply: _Reply) -> None:
        """Answers a request that nothing stands against."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if "x-request-id" in headers:
            reply.request_id, chosen = self._guard.request_id(headers["x-request-id"])
        else:
            chosen = False
        self._guard.check(scope["method"], headers)
        route = find_route(self.router, scope)
        need = None if isinstance(route, Fault) else need_of(route, scope["method"])
        reply.admitted = self._door.admit(need, headers)
        if isinstance(route, Fault):
            raise route
        state = scope.setdefault("state", {})
        state.update(request_id=reply.request_id, chosen=chosen, stamp="")
        with acting(reply.admitted), following(reply.steps):
            request = Request(scope, _hurried(receive, self._service.settings.body_seconds), reply.send)
            if KEY_HEADER in headers:
                try:
                    response = await self._replays.answer(request, route.endpoint)
                finally:
                    reply.request_id = state["request_id"]  # a reply that is given again has the id of its request
            else:
                response = await route.endpoint(request)
            await response(scope, receive, reply.send)

    def _note(self, scope: Scope, reply: _Reply) -> None:
        seconds = reply.seconds
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._measures.count_request(route=route, method=method, status=reply.status, seconds=seconds)
        _log.info(
            "request=%s method=%s route=%s status=%d ms=%.1f caller=%s",
            reply.request_id,
            method,
            route,
            reply.status,
            seconds * 1000,
            reply.admitted.caller.name,
        )


class _Reply:
    """A response on its way out; puts on what all responses have."""

    def __init__(self, send: Send, request_id: str, *, service: Service) -> None:
        self._send = send
        self._service = service
        self.request_id = request_id
        self.admitted = OUTSIDE
        self.steps: list[Step] = []
        self.status = 500
        self.started = False
        self._begun = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since the request came."""
        return time.perf_counter() - self._begun

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            timing = (b"server-timing", b"total;dur=%.1f" % (1e3 * self.seconds))
            passed = [(HEADER, show_trail(self.steps))] if self.steps else []
            last = [(b"connection", b"close")] if self._service.leaving else []
            common = _common(self.request_id, self.admitted)
            message["headers"] = [*message.get("headers", []), timing, *passed, *common, *last]
        await self._send(message)


def _hurried(receive: Receive, seconds: float) -> Receive:
    """Returns what receives a body that may be waited for so long, and a second longer for each KiB that came.

    After the body's end it waits for a client to go away, however long that takes. The rule is that of Apache's
    `mod_reqtimeout`: a limit for the pauses alone would let a byte now and then hold a connection for ever.
    """
    ended, left = False, seconds

    async def hurried() -> Message:
        nonlocal ended, left
        if ended:
            return await receive()
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(left):
                message = await receive()
        except TimeoutError:
            said = f"The body came too slowly: it has {seconds:g} seconds, and one more for each KiB."
            raise Fault(408, said, code="body_timeout", headers={"connection": "close"}) from None
        left += len(message.get("body", b"")) / _SLOWEST - (time.perf_counter() - begun)
        ended = not message.get("more_body", False)
        return message

    return hurried


def _fault(error: Fault | FreeholdError, request_id: str) -> Fault:
    """Returns what a request is answered with that could not be answered otherwise."""
    if isinstance(error, Fault):
        return error
    fault = fault_of(error)
    if fault.status >= 500:
        _log.error("request=%s %s: %s", request_id, type(error).__name__, error.message)
    return fault


def _common(request_id: str, admitted: Admission) -> list[tuple[bytes, bytes]]:
    return [
        (b"x-request-id", request_id.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        *((name.encode(), value.encode()) for name, value in admitted.headers.items()),
    ]


def _trace(error: BaseException) -> str:
    """Returns where an error came from: types and places, not messages, which may quote what was sent."""
    lines = []
    each: BaseException | None = error
    while each is not None:
        lines += [
            *traceback.format_tb(each.__traceback__),
            f"{type(each).__module__}.{type(each).__name__}\n",
        ]
        each = each.__cause__ or each.__context__
    return "".join(lines)
