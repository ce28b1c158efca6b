"""Asking a server's own routes from within, many requests at a time.

Owns calls without a connection: they go to the handlers that answer over HTTP, with the same checks, and what
these ask of a model is put together, so that it reads many rows in one pass. Knows nothing of batches.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar, cast

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from freehold.errors import FreeholdError
from freehold.serve.callers import Admission, Caller, acting
from freehold.serve.champions import Slot
from freehold.serve.crowds import Crowd, Outcome, crowd
from freehold.serve.doors import add_doors
from freehold.serve.faults import Fault, fault_of
from freehold.serve.readers import Loaded
from freehold.serve.rim import fault_response
from freehold.serve.routes import add_routes
from freehold.serve.service import Asked, Service

if TYPE_CHECKING:
    from starlette.types import Message

__all__ = ["Asker", "Question", "Reply"]

T = TypeVar("T")
Ask: TypeAlias = Callable[[Slot, Loaded, Asked], Awaitable[Sequence[Any]]]

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

    def __init__(self, service: Service) -> None:
        router = APIRouter()
        together = cast(Service, _Together(service))
        add_routes(router, together)
        add_doors(router, together)
        routes = [each for each in router.routes if isinstance(each, APIRoute) and "POST" in (each.methods or ())]
        self._handlers = {each.path: each.endpoint for each in routes}

    async def ask(self, questions: Sequence[Question], *, caller: Caller, repeated: bool) -> list[Reply]:
        """Returns what the routes answer to each, in order.

        Args:
            caller: Who asks: what it may not do is refused.
            repeated: The requests may have been recorded before, and are not recorded twice.
        """

        async def ask(question: Question) -> Reply:
            with acting(Admission(caller, "predict")):
                return await self._ask(question, repeated=repeated)

        return await Crowd().run(ask, questions)

    async def _ask(self, question: Question, *, repeated: bool) -> Reply:
        async def receive() -> Message:
            return {"type": "http.request", "body": question.body, "more_body": False}

        scope = {
            "type": "http",
            "method": "POST",
            "path": question.route.format(**question.names),
            "path_params": dict(question.names),
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
            "state": {"request_id": question.id, "chosen": repeated},
        }
        try:
            response = await self._handlers[question.route](request=Request(scope, receive), **question.names)
        except Exception as error:  # noqa: BLE001  the rim of a request: it gets an answer, the log a trace
            response = _say(error, question)
        return Reply(response.status_code, bytes(response.body))


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


class _Together:
    """A service of which a crowd's calls ask the same things once; everything else is the service's own.

    It takes one thread at a time, so that whoever waits for an answer over HTTP finds the others.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    async def model(self, name: str, **options: Any) -> tuple[Slot, Loaded]:
        """Looks a model up once for all: a crowd is one caller's."""

        async def solve(items: Sequence[None]) -> Sequence[Outcome]:
            return [Outcome(await self._service.model(name, **options), None)] * len(items)

        return cast(tuple[Slot, Loaded], await crowd().wait(solve, None, group=("model", name)))

    async def work(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return cast(T, await crowd().wait(self._work, lambda: function(*args, **kwargs), group=()))

    async def predict(self, slot: Slot, loaded: Loaded, asked: Asked) -> Sequence[Any]:
        return await self._wait(self._service.predict, slot, loaded, asked)

    async def answer(self, slot: Slot, loaded: Loaded, asked: Asked, *, explain: bool) -> Sequence[Any]:
        assert not explain, "a request from within has no parameters"
        return await self._wait(self._answer, slot, loaded, asked)

    async def _answer(self, slot: Slot, loaded: Loaded, asked: Asked) -> Sequence[Any]:
        return await self._service.answer(slot, loaded, asked, explain=False)

    async def _wait(self, ask: Ask, slot: Slot, loaded: Loaded, asked: Asked) -> Sequence[Any]:
        async def solve(items: Sequence[Asked]) -> Sequence[Outcome]:
            outcomes: list[Outcome] = []
            for some in _sliced(items, self._service.settings.rows_limit):
                outcomes += await _ask_all(ask, slot, loaded, some)
            return outcomes

        group = (ask, slot.task.name, loaded.release.name, asked.chosen)
        return cast(Sequence[Any], await crowd().wait(solve, asked, group=group))

    async def _work(self, functions: Sequence[Callable[[], Any]]) -> Sequence[Outcome]:
        return await self._service.work(lambda: [_outcome(each) for each in functions])


def _outcome(function: Callable[[], Any]) -> Outcome:
    try:
        return Outcome(function(), None)
    except Exception as error:  # noqa: BLE001  handed on to whoever waits
        return Outcome(None, error)


async def _ask_all(ask: Ask, slot: Slot, loaded: Loaded, items: Sequence[Asked]) -> list[Outcome]:
    """Asks for all; where that goes wrong for all, for each half, until it goes wrong for one alone."""
    inputs = [row for each in items for row in each.inputs]
    ids = [id for each in items for id in each.ids]
    try:
        rows = list(await ask(slot, loaded, Asked(inputs, ids, items[0].chosen)))
    except Exception as error:  # noqa: BLE001  handed on to whoever waits
        if len(items) == 1 or not _is_of_one(error):
            return [Outcome(None, error)] * len(items)
        half = len(items) // 2
        first = await _ask_all(ask, slot, loaded, items[:half])
        return first + await _ask_all(ask, slot, loaded, items[half:])
    return [Outcome([rows.pop(0) for _ in each.inputs], None) for each in items]


def _is_of_one(error: Exception) -> bool:
    """Returns whether one row alone may have caused an error: a server that is full or broken has no such row."""
    return error.status < 500 if isinstance(error, Fault) else not isinstance(error, FreeholdError)


def _sliced(items: Sequence[Asked], most: int) -> list[list[Asked]]:
    """Returns the items in order, in parts of so many rows, or of one item."""
    parts: list[list[Asked]] = []
    count = most
    for each in items:
        count += len(each.inputs)
        if count > most:
            parts.append([])
            count = len(each.inputs)
        parts[-1].append(each)
    return parts
