"""Asking a server's own routes from within, without a connection.

Owns such calls: they go to the handlers that answer over HTTP, with the same checks. Those that are made at one
time go through the model together, like any that come at one time. Knows nothing of batches.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from freehold.errors import FreeholdError
from freehold.serve.callers import Admission, Caller, acting
from freehold.serve.faults import Fault, fault_of, fault_response

if TYPE_CHECKING:
    from starlette.types import Message

__all__ = ["Asker", "Question", "Reply"]

_log = logging.getLogger("freehold.serve")


class Question(NamedTuple):
    """A request to one of the routes.

    Attributes:
        id: What it is recorded as.
        route: The template of its path; `names` fills it.
    """

    id: str
    route: str
    names: Mapping[str, str]
    body: bytes


class Reply(NamedTuple):
    """What a route answers."""

    status: int
    body: bytes


class Asker:
    """Asks the routes of one server."""

    def __init__(self, router: Router) -> None:
        self._router = router

    async def ask(self, questions: Sequence[Question], *, caller: Caller, repeated: bool) -> list[Reply]:
        """Returns what the routes answer to each, in order.

        Args:
            caller: Who asks: what it may not do is refused.
            repeated: The requests may have been recorded before, and are not recorded twice.
        """

        async def ask(question: Question) -> Reply:
            with acting(Admission(caller, "predict")):
                return await self._ask(question, repeated=repeated)

        return await asyncio.gather(*(ask(each) for each in questions))

    async def _ask(self, question: Question, *, repeated: bool) -> Reply:
        async def receive() -> Message:
            if body:
                return {"type": "http.request", "body": body.pop(), "more_body": False}
            return await asyncio.Future()  # a client that never leaves

        body = [question.body]
        scope = {
            "type": "http",
            "method": "POST",
            "path": question.route.format(**question.names),
            "path_params": dict(question.names),
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
            "state": {"request_id": question.id, "chosen": repeated, "stamp": ""},
        }
        try:
            response = await self._route(question.route).endpoint(Request(scope, receive))
        except Exception as error:  # noqa: BLE001  the rim of a request: it gets an answer, the log a trace
            response = _say(error, question)
        return Reply(response.status_code, bytes(response.body))

    def _route(self, path: str) -> Route:
        found = (each for each in self._router.routes if isinstance(each, Route) and each.path == path)
        return next(each for each in found if "POST" in (each.methods or ()))


def _say(error: Exception, question: Question) -> Response:
    """Returns what a client is told of an error, as over HTTP."""
    if isinstance(error, Fault):
        return fault_response(error)
    if isinstance(error, FreeholdError):
        fault = fault_of(error)
        if fault.status >= 500:
            _log.error("request=%s %s: %s", question.id, type(error).__name__, error.message)
        return fault_response(fault)
    trace = "".join(
        traceback.format_tb(error.__traceback__)
    )  # without what it says, which may quote what was sent
    _log.error("request=%s failed\n%s%s", question.id, trace, type(error).__name__)
    return fault_response(Fault(500, "Something broke here; the log has the request id.", code="internal_error"))
