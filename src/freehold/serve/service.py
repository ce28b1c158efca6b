"""What all routes of one server share: the models, the threads that run them, the feedback's door.

Owns the way from inputs to a recorded prediction. Knows nothing of HTTP but the faults it answers with.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, Protocol, TypeVar, cast

from freehold.errors import NotFoundError
from freehold.serve.callers import admission
from freehold.serve.champions import Champions, Slot
from freehold.serve.door import Door
from freehold.serve.explanations import Explainer, Explanations
from freehold.serve.faults import Code, Fault
from freehold.serve.keyring import Keyring
from freehold.serve.measures import Measures
from freehold.serve.readers import Loaded
from freehold.serve.settings import Settings
from freehold.task import Field, Json, Prediction, suggest

if TYPE_CHECKING:
    from freehold.registry import RecordedRequest, Registry

__all__ = ["Asked", "Inbox", "Refused", "Service", "Taken"]

P = ParamSpec("P")
T = TypeVar("T")

_STRIPES = 64
_USED_SECONDS = 60.0
"""How often the last use of keys is written down."""
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
    ) -> Taken:
        """Keeps every row that can be used."""

    def withdraw(self, shelf: Registry, task: str, *, ids: Sequence[str]) -> int:
        """Takes rows or batches back."""


class Asked(NamedTuple):
    """Inputs with the ids that their predictions are to have.

    Attributes:
        chosen: The client chose the ids, so they may be taken.
    """

    inputs: Sequence[Mapping[str, str]]
    ids: Sequence[str]
    chosen: bool


class Service:
    """One server's shared state."""

    def __init__(
        self,
        *,
        champions: Champions,
        inbox: Inbox,
        measures: Measures,
        settings: Settings,
        explainer: Explainer | None = None,
    ) -> None:
        self.champions = champions
        self.explanations = Explanations(
            explainer, rows_limit=settings.explained_limit, queue_limit=settings.explained_queue_limit
        )
        self.inbox = inbox
        self.measures = measures
        self.settings = settings
        self.keyring = Keyring({slot.task.name: slot.shelf for slot in champions})
        self.door = Door(settings, keyring=self.keyring)
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="freehold-serve")
        self._loader = ThreadPoolExecutor(2, thread_name_prefix="freehold-load")
        self._keeper = ThreadPoolExecutor(2, thread_name_prefix="freehold-keys")
        self._stripes = [threading.Lock() for _ in range(_STRIPES)]
        self._waiting = 0

    async def work(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function in a thread, so that the event loop stays free.

        Raises:
            Fault: 503 where too many wait already.
        """
        if self._waiting >= self.settings.queue_limit:
            raise Fault(
                503,
                f"{self._waiting} requests wait already; try again.",
                code="overloaded",
                headers={"retry-after": "1"},
            )
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, lambda: function(*args, **kwargs))
        finally:
            self._waiting -= 1

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

    def close(self) -> None:
        """Ends the threads when their work is done."""
        self.explanations.close()
        self._keeper.shutdown(wait=True)
        self.keyring.write_used()
        self._pool.shutdown(wait=True)
        self._loader.shutdown(wait=True)

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
        if version is not None:
            try:
                return slot, await self.work(slot.version, version)
            except NotFoundError as error:
                raise Fault(404, str(error), code="model_not_found", param=param) from error
        loaded = slot.loaded
        if loaded is None:
            raise _no_champion(slot)
        return slot, loaded

    async def predict(self, slot: Slot, loaded: Loaded, asked: Asked) -> list[Prediction]:
        """Answers, and records every answer before it is given."""
        return await self.work(self._predict, slot, loaded, asked)

    async def answer(self, slot: Slot, loaded: Loaded, asked: Asked, *, explain: bool) -> list[dict[str, Json]]:
        """Answers, with an `explanation` in each prediction where it is asked for."""
        if explain:
            self.explanations.check(len(asked.inputs))
        predictions = await self.predict(slot, loaded, asked)
        shown = [each.to_json() for each in predictions]
        if explain:
            told = await self.explanations.explain(slot, loaded, asked.inputs, predictions=predictions)
            for prediction, explanation in zip(shown, told, strict=True):
                prediction["explanation"] = explanation
        return shown

    def _predict(self, slot: Slot, loaded: Loaded, asked: Asked) -> list[Prediction]:
        if not asked.chosen:
            return self._answer(slot, loaded, asked)
        with self._stripes[hash(asked.ids[0]) % _STRIPES]:  # or one id could be taken twice at one moment
            return self._answer(slot, loaded, asked)

    def _answer(self, slot: Slot, loaded: Loaded, asked: Asked) -> list[Prediction]:
        name = loaded.release.name
        known = self._known(slot, name, asked) if asked.chosen else set()
        begun = time.perf_counter()
        predictions = loaded.reader.predict(asked.inputs, model=name, requests=asked.ids)
        seconds = time.perf_counter() - begun
        pairs = zip(asked.inputs, predictions, strict=True)
        share = 1000 * seconds / len(predictions)
        rows = [_recorded(each, i, share) for i, each in pairs if each.request not in known]
        if rows:
            slot.recorder.record(rows)
        self.measures.count_predictions(predictions, seconds=seconds)
        return predictions

    def _known(self, slot: Slot, model: str, asked: Asked) -> set[str]:
        """Returns the ids that were recorded before, by the same question to the same model: a retry.

        Raises:
            Fault: 409 where an id stands for something else; feedback could not tell the two apart.
        """
        known = set()
        for id_, inputs in zip(asked.ids, asked.inputs, strict=True):
            before = slot.shelf.request(id_)
            if before is None:
                continue
            if (before.task, before.model, dict(before.inputs)) != (slot.task.name, model, dict(inputs)):
                message = f"`x-request-id` {id_!r} was used before, for another request."
                raise Fault(409, message, code="request_id_taken", param="x-request-id")
            known.add(id_)
        return known


def _recorded(prediction: Prediction, inputs: Mapping[str, str], milliseconds: float) -> RecordedRequest:
    from freehold.registry import RecordedRequest

    return RecordedRequest(
        id=prediction.request,
        task=prediction.task,
        model=prediction.model,
        inputs=dict(inputs),
        answers=cast(Mapping[str, Json], prediction.to_json()["answers"]),
        created=datetime.now(UTC).isoformat(timespec="microseconds"),
        milliseconds=milliseconds,
    )


def _no_champion(slot: Slot) -> Fault:
    name = slot.task.name
    if slot.problem:
        message = f"The champion of `{name}` could not be loaded; /readyz and the log say why."
    else:
        message = f"`{name}` has no champion yet. Make one: freehold run {slot.task.folder}"
    return Fault(503, message, code="no_champion", headers={"retry-after": "5"})
