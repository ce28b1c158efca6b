"""One batch from where it stands to its end.

Owns the way through the statuses, and what is asked at a time. Each step begins with what is on disk and ends with
one commit: a server that is killed, at any moment, leaves a batch that another one goes on with, at the first line
without an answer. Requests have ids made of the batch and the line, so that none is recorded twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple, ParamSpec, TypeVar, cast

from freehold.serve.asker import Asker, Question, Reply
from freehold.serve.batches import ENDED, Batch, Ending, Wrote
from freehold.serve.callers import OPERATOR
from freehold.serve.homes import Home
from freehold.serve.lines import TASK, Line, answer_line, check_lines, read_lines, unasked_line
from freehold.serve.service import Service
from freehold.task import Json

__all__ = ["Busy", "Errand", "in_thread"]

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger("freehold.serve")
_LINES = 64
_VECTOR_LINES = 8
"""Of a request for vectors the answer may be thousands of times as long as the request."""
_BYTES = 256 * 1024
_UNASKED_LINES = 5_000
_SAID: Mapping[Ending, tuple[str, str]] = {
    "cancelled": ("batch_cancelled", "The batch was cancelled before this request was made."),
    "expired": (
        "batch_expired",
        "The batch came to its end, a day after its creation, before this request was made.",
    ),
}


class Busy(Exception):  # noqa: N818  not an error: the same is tried again
    """The server cannot answer now."""


class _Chunk(NamedTuple):
    """Lines that are asked and committed together; `end` is where the next ones begin."""

    lines: Sequence[Line]
    end: int


class Errand:
    """The way of one batch, for whoever holds its lock."""

    # Whether the next lines were never asked before: requests that were may be recorded already.
    _sure = False

    def __init__(self, id: str, *, home: Home, asker: Asker, service: Service) -> None:
        self._id = id
        self._home = home
        self._asker = asker
        self._service = service

    async def run(self) -> None:
        """Goes on until the batch has ended.

        Raises:
            Busy: The server cannot answer now; run it again, later.
            FreeholdError, Fault: The state folder cannot be used now.
        """
        batches = self._home.batches
        batch = await in_thread(batches.find, self._id)
        while batch is not None and batch.status not in ENDED:
            if batch.status == "validating":
                batch = await in_thread(self._validate, batch)
            elif batch.status == "finalizing":
                batch = await in_thread(self._finish, batch)
            elif ending := await in_thread(self._ending, batch):
                batch = await in_thread(self._close, batch, ending)
            else:
                batch = await self._advance(batch)

    def _validate(self, batch: Batch) -> Batch:
        settings, batches = self._service.settings, self._home.batches
        checked = check_lines(
            batches.input(batch.id), endpoint=batch.endpoint, most=settings.lines_limit, size=settings.batch_limit
        )
        if checked.wrong:
            batch = replace(batch, errors=[each.to_json() for each in checked.wrong], total=0)
            batch = batches.save(batch.turned("failed"))
            batches.clear(batch)
            return batch
        return batches.save(replace(batch, total=checked.total).turned("in_progress"))

    def _ending(self, batch: Batch) -> Ending | None:
        """Returns what the batch comes to now, where that is an end."""
        if batch.completed + batch.failed >= batch.total:
            return "completed"
        if self._home.batches.cancelling(batch.id) is not None:
            return "cancelled"
        return "expired" if time.time() >= batch.expires else None

    async def _advance(self, batch: Batch) -> Batch:
        """Answers the next lines."""
        chunk = await in_thread(self._next, batch)
        batch = await in_thread(self._settle_models, batch, chunk.lines)
        caller = self._service.keyring.caller(batch.owner) if batch.owner else OPERATOR
        questions = [_question(batch, line) for line in chunk.lines]
        repeated, self._sure = not self._sure, False
        replies = await self._asker.ask(questions, caller=caller, repeated=repeated)
        if any(_is_busy(each) for each in replies):
            raise Busy
        await in_thread(self._home.settle)  # no answer is on the disk whose record is not
        batch = await in_thread(self._home.batches.commit, batch, _written(batch, chunk, replies))
        self._sure = True
        return batch

    def _next(self, batch: Batch) -> _Chunk:
        most = _VECTOR_LINES if batch.endpoint == "/v1/embeddings" else _LINES
        chosen: list[Line] = []
        for line in islice(self._rest(batch), most):
            chosen.append(line)
            if line.end - batch.read > _BYTES:
                break
        assert chosen, "a checked file with fewer lines than were counted"
        return _Chunk(chosen, chosen[-1].end)

    def _rest(self, batch: Batch) -> Iterable[Line]:
        return read_lines(
            self._home.batches.input(batch.id),
            start=batch.read,
            line=batch.line,
            endpoint=batch.endpoint,
            size=self._service.settings.batch_limit,
        )

    def _settle_models(self, batch: Batch, lines: Sequence[Line]) -> Batch:
        """Notes which versions answer, before they do: a batch has one version of a task, whatever is released."""
        models = dict(batch.models)
        for name in {_model(batch, line) for line in lines} - {""}:
            slot = self._service.champions.get(name)
            loaded = slot.loaded if slot else None
            if loaded is not None:
                models.setdefault(name, loaded.release.name)
        if models == batch.models:
            return batch
        return self._home.batches.save(replace(batch, models=models))

    def _close(self, batch: Batch, ending: Ending) -> Batch:
        """Lets no more lines be asked: those that are left become errors."""
        while rest := list(islice(self._rest(batch), _UNASKED_LINES)):
            code, message = _SAID[ending]
            errors = [unasked_line(each, id=_name(batch, each), code=code, message=message) for each in rest]
            wrote = Wrote(b"", b"".join(errors), 0, len(rest), rest[-1].end, rest[-1].number)
            batch = self._home.batches.commit(batch, wrote)
        return self._home.batches.save(replace(batch, ending=ending).turned("finalizing"))

    def _finish(self, batch: Batch) -> Batch:
        """Makes files of what was written."""
        batches = self._home.batches
        batch = batches.commit(batch, Wrote(b"", b"", 0, 0, batch.read, batch.line))  # nothing uncommitted is left
        output, errors = batches.parts(batch.id)
        for path, size, id, kind in (
            (output, batch.output_bytes, batch.output_id, "output"),
            (errors, batch.error_bytes, batch.error_id, "error"),
        ):
            if size:
                self._home.files.adopt(path, id=id, owner=batch.owner, filename=f"{batch.id}_{kind}.jsonl")
        batch = batches.save(batch.turned(batch.ending))
        batches.clear(batch)
        _log.info("batch=%s %s completed=%d failed=%d", batch.id, batch.status, batch.completed, batch.failed)
        return batch


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs what waits for a disk in a thread; whoever is cancelled waits for its end, so that nothing is torn."""
    future = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise


def _name(batch: Batch, line: Line) -> str:
    return f"{batch.id.replace('_', '_req_')}-{line.number}"


def _request(batch: Batch, line: Line) -> str:
    return f"{batch.id}-{line.number}"


def _model(batch: Batch, line: Line) -> str:
    """Returns what a line calls the model that it asks; empty where it names none."""
    if match := TASK.fullmatch(batch.endpoint):
        return match[1]
    model = line.body.get("model") if isinstance(line.body, dict) else None
    return model if isinstance(model, str) else ""


def _question(batch: Batch, line: Line) -> Question:
    name = _model(batch, line)
    model = batch.models.get(name, name)
    route, names, body = batch.endpoint, {}, line.body
    if TASK.fullmatch(route):
        route, names = "/v1/tasks/{task}", {"task": model}
    elif isinstance(body, dict) and name:
        body = {**body, "model": model}
    return Question(_request(batch, line), route, names, json.dumps(body).encode())


def _is_busy(reply: Reply) -> bool:
    if reply.status not in (429, 503, 507):
        return False
    error = cast(dict[str, dict[str, Json]], json.loads(reply.body))["error"]
    return error["code"] != "no_champion"


def _written(batch: Batch, chunk: _Chunk, replies: Sequence[Reply]) -> Wrote:
    output: list[bytes] = []
    errors: list[bytes] = []
    for line, reply in zip(chunk.lines, replies, strict=True):
        shown = answer_line(
            line, id=_name(batch, line), request=_request(batch, line), status=reply.status, body=reply.body
        )
        (output if reply.status == 200 else errors).append(shown)
    return Wrote(b"".join(output), b"".join(errors), len(output), len(errors), chunk.end, chunk.lines[-1].number)
