"""What all routes of one server share: the models, the threads that run them, the feedback's door.

Owns the way from inputs to a recorded prediction. Knows nothing of HTTP but the faults it answers with.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

from starlette.requests import ClientDisconnect

from freehold.errors import NotFoundError
from freehold.serve.answering import Answering, HeldIds
from freehold.serve.callers import admission
from freehold.serve.champions import Champions, Slot
from freehold.serve.door import Door
from freehold.serve.explanations import Explainer, Explanations
from freehold.serve.faults import Code, Fault
from freehold.serve.inventories import Inventories
from freehold.serve.jobs import Asked
from freehold.serve.keyring import Keyring
from freehold.serve.measures import Measures
from freehold.serve.readers import Loaded
from freehold.serve.router import open_routers
from freehold.serve.sessions import Sessions
from freehold.serve.settings import Settings
from freehold.serve.tracing import RequestTrace, Traces
from freehold.serve.trails import trail
from freehold.task import Field, Json, Prediction, suggest

if TYPE_CHECKING:
    from freehold.registry import LedgerRow, Registry

__all__ = ["Inbox", "Panel", "Refused", "Service", "Taken"]

P = ParamSpec("P")
T = TypeVar("T")

_USED_SECONDS = 60.0
"""How often the last use of keys is written down."""
_PATIENCE = 0.05
"""Seconds after which it is looked whether a client still waits."""
_READING = 10.0
"""Seconds that a request waits for rows that are read for the first time."""
_MODEL = re.compile(r"([^@]*)(?:@([0-9]{1,9}))?")


class Refused(Protocol):
    """A row of feedback that was not taken."""

    @property
    def reason(self) -> str:
        """Why not, in one sentence."""


class Taken(Protocol):
    """What became of rows of feedback."""

    @property
    def accepted(self) -> tuple[str, ...]:
        """One id a row that was taken."""

    @property
    def rejected(self) -> Sequence[Refused]:
        """Every other row."""

    def to_json(self) -> dict[str, Json]:
        """Returns it as the API shows it."""


class Inbox(Protocol):
    """Where feedback goes: `freehold.feedback`, given by whoever wires the server up."""

    def accept(
        self,
        shelf: Registry,
        task: str,
        rows: Sequence[object],
        *,
        fields: Sequence[Field],
        inputs: Sequence[str],
        maker: str,
        batch: str = "",
        stamp: str = "",
    ) -> Taken:
        """Keeps every row that can be used."""

    def withdraw(self, shelf: Registry, task: str, *, ids: Sequence[str]) -> int:
        """Takes rows or batches back."""

    def fit_values(
        self, values: Mapping[str, object], *, fields: Sequence[Field], inputs: Mapping[str, str]
    ) -> dict[str, Json]:
        """Returns values in the one form that equal ones have; UserError where one does not fit its field."""


class Panel(Protocol):
    """Who makes statistics of what experts said: `freehold.label.panel`, given by whoever wires the server up."""

    def measure(
        self, ledger: Sequence[LedgerRow], fields: Sequence[Field], *, inputs: Mapping[str, Mapping[str, str]]
    ) -> Mapping[str, Json]:
        """Returns `agreement` by field, and `experts` by name: each with what is known of them."""

    def propose(
        self, ledger: Sequence[LedgerRow], fields: Sequence[Field]
    ) -> Mapping[tuple[str, str], Mapping[str, Json]]:
        """Returns example and field to what all answers together say: `value`, `confidence`, `tied`."""


class Service:
    """One server's shared state.

    Attributes:
        leaving: The server was told to end, and answers what is open.
        panel: Who makes statistics of experts; None where nobody does.
        traces: What is told of requests; None where nobody listens.
    """

    leaving = False
    panel: Panel | None = None

    def __init__(
        self,
        champions: Champions,
        *,
        inbox: Inbox,
        settings: Settings,
        explainer: Explainer | None = None,
        traces: Traces | None = None,
    ) -> None:
        self.champions = champions
        self.traces = traces
        self.explanations = Explanations(
            explainer, rows_limit=settings.explained_limit, queue_limit=settings.explained_queue_limit
        )
        self.inventories = Inventories(patience=_READING)
        self.inbox = inbox
        self.measures = measures = Measures()
        self.settings = settings
        self.keyring = Keyring({slot.task.name: slot.shelf for slot in champions})
        self.door = Door(settings, keyring=self.keyring, sessions=_open_sessions(champions))
        held = HeldIds()
        self._books = ThreadPoolExecutor(2, thread_name_prefix="freehold-books")
        routers = open_routers(champions, measures=measures, most=settings.upstream_limit, threads=self._books)
        self._answering = {
            slot.task.name: Answering(
                slot.task.name,
                slot.shelf,
                measures=measures,
                held=held,
                router=routers.get(slot.task.name),
                passes=settings.passes,
            )
            for slot in champions
        }
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="freehold-serve")
        self._loader = ThreadPoolExecutor(2, thread_name_prefix="freehold-load")
        self._keeper = ThreadPoolExecutor(2, thread_name_prefix="freehold-keys")
        self._waiting = 0
        measures.follow(champions)
        measures.watch_waiting(lambda: self._waiting)

    async def work(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function in a thread, so that the event loop stays free.

        Raises:
            Fault: 429 where too many wait already.
        """
        self._enter_queue()
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, lambda: function(*args, **kwargs))
        finally:
            self._waiting -= 1

    def _enter_queue(self) -> None:
        if self._waiting >= self.settings.queue_limit:
            message = f"{self._waiting} requests wait already; try again."
            raise Fault(429, message, code="overloaded", headers={"retry-after": "1"})
        self._waiting += 1

    async def watch(self, slot: Slot) -> None:
        """Follows the registry's champion of one task until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await loop.run_in_executor(self._loader, self.champions.refresh, slot)
            await asyncio.sleep(self.settings.poll_seconds)

    async def watch_keys(self) -> None:
        """Follows the registries' keys until cancelled; loading a champion does not hold it up."""
        loop = asyncio.get_running_loop()
        while True:
            await loop.run_in_executor(self._keeper, self.keyring.poll)
            await asyncio.sleep(self.settings.poll_seconds)

    async def note_uses(self) -> None:
        """Writes down when keys were last used, once a minute, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_USED_SECONDS)
            await loop.run_in_executor(self._keeper, self.keyring.write_used)

    async def end(self) -> None:
        """Asks no upstream any more."""
        await asyncio.gather(*(answering.end() for answering in self._answering.values()))

    def close(self) -> None:
        """Ends the threads when their work is done."""
        for answering in self._answering.values():
            answering.close()
        self._books.shutdown(wait=True)
        self.explanations.close()
        self.inventories.close()
        self._keeper.shutdown(wait=True)
        self.keyring.write_used()
        self._pool.shutdown(wait=True)
        self._loader.shutdown(wait=True)
        if self.traces is not None:
            self.traces.close()

    @property
    def trace(self) -> RequestTrace | None:
        """The spans of the request that is being answered; None where nobody listens."""
        return self.traces.current if self.traces is not None else None

    def slot(self, task: str, *, param: str = "task", code: Code = "task_not_found") -> Slot:
        """Returns the slot of a task that the caller of this request may use.

        Raises:
            Fault: 404 where there is none, the message names the nearest; 403 where it is not the caller's.
        """
        slot = self.champions.get(task)
        if slot is None:
            names = [each.task.name for each in self.visible()]
            message = f"There is no task {task[:60]!r} here{suggest(task[:60], names)}"
            raise Fault(404, message, code=code, param=param)
        if not admission().reaches(task):
            self.measures.count_refused("task_not_allowed")
            message = f"This key is not one of `{task}`, or has not the scope there that this needs."
            raise Fault(403, message, code="task_not_allowed", param=param)
        return slot

    def check_review(self, task: str, *, param: str) -> None:
        """Refuses a caller that may ask and not see training rows.

        Raises:
            Fault: 403 without the scope `review` for the task.
        """
        if not admission().caller.may("review", task=task):
            self.measures.count_refused("missing_scope")
            message = f"`{param}` shows training rows: it needs a key with the scope `review` for `{task}`."
            raise Fault(403, message, code="missing_scope", param=param)

    def visible(self) -> list[Slot]:
        """Returns the slots of the tasks that the caller of this request may use."""
        return [slot for slot in self.champions if admission().reaches(slot.task.name)]

    def named(self, model: str, *, param: str, code: Code = "model_not_found") -> tuple[Slot, int | None]:
        """Returns the slot and the version that `banking` (no version) or `banking@3` names.

        Raises:
            Fault: 404 where there is no such task.
        """
        match = _MODEL.fullmatch(model)
        task, version = match.groups() if match else (model, None)
        return self.slot(task, param=param, code=code), int(version) if version else None

    async def model(self, name: str, *, param: str = "task", code: Code = "task_not_found") -> tuple[Slot, Loaded]:
        """Returns what answers for `banking` (its champion) or `banking@3`.

        Raises:
            Fault: 404 where there is no such task or version, 503 where the task has no champion.
        """
        slot, version = self.named(name, param=param, code=code)
        if (trace := self.trace) is not None:
            trace.model = name
        if version is not None:
            try:
                return slot, await self.work(slot.version, version)
            except NotFoundError as error:
                raise Fault(404, str(error), code="model_not_found", param=param) from error
        loaded = slot.loaded
        if loaded is None:
            raise _no_champion(slot)
        return slot, loaded

    async def predict(
        self, slot: Slot, loaded: Loaded, asked: Asked, *, left: Callable[[], Awaitable[object]] | None = None
    ) -> list[Prediction]:
        """Answers, and records every answer before it is given.

        Args:
            left: Returns when the client is gone; its request is not answered then, if it still waits.

        Raises:
            Fault: 429 where too many wait already; 409 where an id stands for another request.
        """
        trace = self.trace
        if trace is None:
            return await self._predict(slot, loaded, asked, left)
        with trace.question(slot.task.name, rows=len(asked.inputs)):
            predictions = await self._predict(slot, loaded, asked._replace(passes=trace.passes), left)
            trace.answered(asked.inputs, predictions)
        return predictions

    async def _predict(
        self, slot: Slot, loaded: Loaded, asked: Asked, left: Callable[[], Awaitable[object]] | None
    ) -> list[Prediction]:
        self._enter_queue()
        try:
            answering, caller = self._answering[slot.task.name], admission().caller.name
            future = answering.put(loaded, asked, caller=caller, steps=trail())
            return await (future if left is None else _unless_left(future, left))
        finally:
            self._waiting -= 1

    async def answer(
        self,
        slot: Slot,
        loaded: Loaded,
        asked: Asked,
        *,
        explain: bool,
        left: Callable[[], Awaitable[object]] | None = None,
    ) -> list[dict[str, Json]]:
        """Answers, with an `explanation` in each prediction where it is asked for."""
        if explain:
            self.explanations.check(len(asked.inputs))
        predictions = await self.predict(slot, loaded, asked, left=left)
        shown = [each.to_json() for each in predictions]
        if explain:
            told = await self.explanations.explain(slot, loaded, asked.inputs, predictions=predictions)
            for prediction, explanation in zip(shown, told, strict=True):
                prediction["explanation"] = explanation
        return shown


async def _unless_left(future: asyncio.Future[T], left: Callable[[], Awaitable[object]]) -> T:
    """Waits for a future, and cancels it when nobody waits for it any more.

    Most answers are there before it is worth looking whether somebody left.

    Raises:
        ClientDisconnect: The client is gone.
    """
    watches: list[asyncio.Future[object]] = []

    def watch() -> None:
        watches.append(asyncio.ensure_future(left()))
        watches[0].add_done_callback(lambda _: future.cancel())

    timer = asyncio.get_running_loop().call_later(_PATIENCE, watch)
    try:
        return await future
    except asyncio.CancelledError:
        if any(each.done() and not each.cancelled() for each in watches):
            raise ClientDisconnect from None
        raise
    finally:
        timer.cancel()
        for each in watches:
            each.cancel()


def _open_sessions(champions: Champions) -> Sessions:
    home = next((slot.shelf.state for slot in champions), None)
    return Sessions(home / "cache" / "sessions" if home else None)


def _no_champion(slot: Slot) -> Fault:
    name = slot.task.name
    if slot.problem:
        message = f"The champion of `{name}` could not be loaded; /readyz and the log say why."
    else:
        message = f"`{name}` has no champion yet. Make one: freehold run {slot.task.folder}"
    return Fault(503, message, code="no_champion", headers={"retry-after": "5"})
