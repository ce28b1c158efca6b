"""The same answer again to whoever repeats a request under the same `Idempotency-Key`.

Owns which requests are the same, and which answers are kept (draft-ietf-httpapi-idempotency-key-header). Where
they are kept and for how long stands in the registry. Knows nothing of what is asked.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from freehold.errors import FreeholdError
from freehold.registry import Claim, KeptReply, Registry
from freehold.serve.callers import admission
from freehold.serve.errands import in_thread
from freehold.serve.faults import Fault, fault_of, fault_response
from freehold.serve.homes import owner
from freehold.serve.service import Service

if TYPE_CHECKING:
    from starlette.types import Message, Receive

__all__ = ["KEY_HEADER", "Replays"]

KEY_HEADER = "idempotency-key"

_log = logging.getLogger("freehold.serve")
_KEY = re.compile(r'(")?([!#-\[\]-~]{1,255})(?(1)")')
_BOUNDARY = re.compile(rb'boundary="?([^";]{1,70})')
_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_RENEW_SECONDS, _FORGET_SECONDS = 15.0, 600.0
_FORM_SLACK = 64 * 1024


class _Place(NamedTuple):
    """Where a reply is kept."""

    shelf: Registry
    caller: str
    key: str


class Replays:
    """The keys of one server's requests."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._open: set[_Place] = set()

    async def answer(self, request: Request, endpoint: Callable[[Request], Awaitable[Response]]) -> Response:
        """Returns what the endpoint answers, or what it answered before to the same request under the same key.

        Raises:
            Fault: 400 where the key is none, 409 where its request is still being answered, 422 where it was
                another request.
        """
        place = self._place(request)
        if place is None:
            return await endpoint(request)
        sent = _Sent(request)
        claim = await self._claim(place, request.state.request_id)
        if claim.reply is not None:
            return await self._repeat(claim.reply, sent, request)
        if not claim.ours:
            message = "The first request with this `idempotency-key` is still being answered; try again."
            raise Fault(
                409, message, code="idempotency_key_in_use", param="idempotency-key", headers={"retry-after": "1"}
            )
        request.state.stamp, request.state.request_id = claim.stamp, claim.request
        request.state.chosen = request.state.chosen or claim.again
        try:
            return await self._work(place, sent, endpoint)
        finally:
            self._open.discard(place)

    async def watch(self) -> None:
        """Holds on to the keys of what is being answered, and deletes old replies, until cancelled."""
        forgot = 0.0
        while True:
            try:
                await in_thread(self._renew)
                if time.monotonic() - forgot > _FORGET_SECONDS or not forgot:
                    forgot = time.monotonic()
                    await in_thread(self._forget)
            except Exception as error:  # noqa: BLE001  the rim of the background worker: it must go on
                _log.error("replies cannot be read or written: %s", type(error).__name__)
            await asyncio.sleep(_RENEW_SECONDS)

    def _place(self, request: Request) -> _Place | None:
        """Returns where the reply to a request is kept; None where it names no key, or may be repeated anyway."""
        given = request.headers.get(KEY_HEADER)
        if given is None or request.method not in _METHODS:
            return None
        match = _KEY.fullmatch(given.strip())
        if match is None:
            message = '`idempotency-key` has 1 to 255 visible ASCII characters other than " and \\.'
            raise Fault(400, message, code="invalid_idempotency_key", param="idempotency-key")
        slots = self._service.visible()
        task = request.path_params.get("task", "").partition("@")[0]
        slot = next((each for each in slots if each.task.name == task), slots[0] if slots else None)
        return _Place(slot.shelf, owner(admission().caller), match[2]) if slot else None

    async def _claim(self, place: _Place, id: str) -> Claim:
        now = datetime.now(UTC)
        claim = await self._service.work(place.shelf.replies.claim, place.caller, place.key, request=id, now=now)
        if claim.ours:
            self._open.add(place)
        return claim

    async def _repeat(self, reply: KeptReply, sent: _Sent, request: Request) -> Response:
        """Returns a reply again, once it is clear that the whole request is the same."""
        settings = self._service.settings
        most = max(settings.batch_limit, settings.file_limit + _FORM_SLACK if sent.is_form else 0)
        if not await sent.drain(most) or sent.sha256 != reply.sha256:
            message = "This `idempotency-key` was used before, for another request."
            raise Fault(422, message, code="idempotency_key_reused", param="idempotency-key")
        request.state.request_id = reply.request
        headers = {**reply.headers, "idempotent-replayed": "true"}
        return Response(reply.body, status_code=reply.status, headers=headers)

    async def _work(
        self, place: _Place, sent: _Sent, endpoint: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Answers, and keeps the answer where the same request would get the same again."""
        replies = place.shelf.replies
        try:
            response = await _collected(await endpoint(sent.request))
        except (Fault, FreeholdError) as error:
            fault = error if isinstance(error, Fault) else fault_of(error)
            await self._settle(place, sent, fault_response(fault))
            raise
        except Exception:
            await in_thread(replies.drop, place.caller, place.key)
            raise
        await self._settle(place, sent, response)
        return response

    async def _settle(self, place: _Place, sent: _Sent, response: Response) -> None:
        replies = place.shelf.replies
        if response.status_code < 300:
            await sent.drain(self._service.settings.body_limit)
        if response.status_code >= 500 or response.status_code in (408, 429) or not sent.ended:
            await in_thread(replies.drop, place.caller, place.key)
            return
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        kept = KeptReply(
            sent.sha256, sent.request.state.request_id, response.status_code, headers, bytes(response.body)
        )
        try:
            await in_thread(replies.keep, place.caller, place.key, reply=kept)
        except FreeholdError as error:  # what was done is done: its answer is worth more than the next one's
            _log.error("request=%s reply is not kept: %s", kept.request, error.message)

    def _renew(self) -> None:
        now = datetime.now(UTC)
        for place in set(self._open):
            place.shelf.replies.renew([(place.caller, place.key)], now=now)

    def _forget(self) -> None:
        for shelf in {id(slot.shelf): slot.shelf for slot in self._service.champions}.values():
            shelf.replies.forget(now=datetime.now(UTC))


class _Sent:
    """A request while it is read: its hash, and whether its end was seen.

    A form's boundary is left out of the hash, since clients make a new one each time. Whoever sends a key comes
    back for the answer: that the client has gone is not told, so that what it asked for is done to its end.
    """

    def __init__(self, request: Request) -> None:
        self._receive: Receive = request.receive
        self.ended = False
        kind = request.headers.get("content-type", "").encode("latin-1")
        self.is_form = kind.lower().startswith(b"multipart/form-data")
        boundary = _BOUNDARY.search(kind) if self.is_form else None
        self._boundary = boundary[1] if boundary else b""
        self._tail = b""
        head = [request.method, request.url.path, request.url.query, request.headers.get("x-maker", "")]
        self._hash = hashlib.sha256("\n".join(head).encode())
        self.request = Request(request.scope, self.receive)

    @property
    def sha256(self) -> str:
        """Of everything, once it has ended."""
        return self._hash.hexdigest()

    async def receive(self) -> Message:
        """Returns the next part of the body."""
        if self.ended:
            return await asyncio.Future()
        message = await self._receive()
        if message["type"] == "http.request":
            self.ended = not message.get("more_body", False)
            self._add(message.get("body", b""))
        return message

    async def drain(self, most: int) -> bool:
        """Reads on to the end; returns False where that is further away than `most` bytes."""
        read = 0
        while not self.ended and read <= most:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            read += len(message.get("body", b""))
        return self.ended and read <= most

    def _add(self, data: bytes) -> None:
        if not self._boundary:
            self._hash.update(data)
            return
        *whole, rest = (self._tail + data).split(self._boundary)
        for each in whole:
            self._hash.update(each)
        keep = 0 if self.ended else min(len(rest), len(self._boundary) - 1)
        self._hash.update(rest[: len(rest) - keep])
        self._tail = rest[len(rest) - keep :]


async def _collected(response: Response) -> Response:
    """Returns a response whole, one that is streamed too."""
    if type(response).__call__ is Response.__call__:
        return response
    parts: list[Message] = []

    async def send(message: Message) -> None:
        parts.append(message)

    async def receive() -> NoReturn:
        await asyncio.Future()
        raise AssertionError("a future that nobody ends")

    await response({"type": "http", "method": "POST", "headers": []}, receive, send)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in parts[0].get("headers", [])}
    body = b"".join(part.get("body", b"") for part in parts[1:])
    return Response(body, status_code=parts[0]["status"], headers=headers)
