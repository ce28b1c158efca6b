"""The way of a request to its answer: the static tier, encoder, upstreams, the record; most take whoever waits.

Owns batching: whoever waits for the same model goes through it together, and into the database in one transaction.
A long list goes through the encoder piece by piece, so that others need not wait for its end. What is short is
recorded in the event loop, unless that would have to wait: a thread waits longer for its turn than that takes.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar, cast

from freehold.serve.faults import Fault
from freehold.serve.jobs import Asked, Job, Pass, Piece
from freehold.serve.measures import Measures
from freehold.serve.passing import Passing
from freehold.serve.readers import Loaded
from freehold.serve.router import Router
from freehold.serve.stages import Stage
from freehold.serve.trails import Step
from freehold.task import Answer, Json, Prediction, example_id, normalise

if TYPE_CHECKING:
    from freehold.registry import RecordedRequest, Registry, Review

__all__ = ["Answering", "HeldIds"]

T = TypeVar("T")

_PASS = 32
"""Rows of one pass of the encoder: longer ones read no more a second, and are waited for longer."""
_RULED_OUT = 0.001
"""The least probability of a label in the record."""
_MOST_HERE, _MOST_AT_ONCE, _MOST_WRITTEN = 64, 512, 1_024
"""Rows that the static tier reads in the event loop and in its thread, and that are written, at one time."""


class HeldIds:
    """The ids that clients chose for requests that are being answered. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._questions: dict[str, object] = {}

    def take(self, id_: str, question: object) -> object | None:
        """Returns what the id stands for already; None where nothing, and then it is taken."""
        with self._lock:
            before = self._questions.get(id_)
            if before is None:
                self._questions[id_] = question
            return before

    def leave(self, ids: Iterable[str]) -> None:
        """Lets ids go."""
        with self._lock:
            for id_ in ids:
                self._questions.pop(id_, None)


class Answering:
    """Answers for one task.

    Args:
        held: Shared by all tasks of a server: an id may stand for one request only.
        router: Where what the model abstains from is passed on; None where nobody else is to be asked.
        passes: How many passes of the encoder are made at one time.
    """

    def __init__(
        self,
        task: str,
        shelf: Registry,
        *,
        measures: Measures,
        held: HeldIds,
        router: Router | None = None,
        passes: int = 1,
    ) -> None:
        self._task, self._shelf = task, shelf
        self._measures, self._held = measures, held
        self._record: Stage[Job] = Stage(self._write, name="freehold-record", size=len, most=_MOST_WRITTEN)
        self._model: Stage[Piece] = Stage(
            self._read, name="freehold-model", size=lambda piece: len(piece.rows), most=_PASS, threads=passes
        )
        self._passing = Passing(router, done=self._record.put) if router else None
        self._noted: set[Job] = set()
        self._arrived: list[Job] = []
        self._first: Stage[Job] = Stage(self._begin, name="freehold-first", size=len, most=_MOST_AT_ONCE)

    def put(
        self, loaded: Loaded, asked: Asked, *, caller: str = "", steps: list[Step] | None = None
    ) -> asyncio.Future[list[Prediction]]:
        """Returns the future of one prediction an input, recorded before they are there.

        A future that is cancelled takes its request out of the queue. For the event loop's thread alone.

        Args:
            caller: The key that asks.
            steps: Where it is noted which upstreams a request of one row was passed to.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Prediction]] = loop.create_future()
        self._arrived.append(Job(loaded, asked, future, caller, [] if steps is None else steps))
        if len(self._arrived) == 1:
            loop.call_soon(self._start)
        return future

    async def end(self) -> None:
        """Asks no upstream any more; what is being passed on is answered as the model left it."""
        if self._passing is not None:
            await self._passing.end()

    def close(self) -> None:
        """Returns when everything that was asked is answered."""
        for stage in (self._first, self._model):
            stage.close()
        self._record_later(self._noted)  # the loop does not get to it any more
        self._record.close()

    def _start(self) -> None:
        """Begins what arrived in one round of the event loop.

        What is short is asked right here: handing it to a thread would take longer. What has to look into the
        database, or is long, would hold up the loop.
        """
        arrived, self._arrived = self._arrived, []
        short = [job for job in arrived if job.is_short][:_MOST_HERE]
        begun = set(short)
        if short:
            self._begin(short)
        for job in arrived:
            if job not in begun:
                self._first.put(job)

    def _begin(self, jobs: Sequence[Job]) -> None:
        """Checks ids, and asks the static tier."""
        ready = []
        for job in self._wanted(jobs):
            try:
                self._take_ids(job)
                ready.append(job)
            except Exception as error:  # noqa: BLE001  handed on to who waits
                self._settle([job], error)
        for group in _groups(ready, lambda job: job.loaded):
            self._ask_static(group[0].loaded, group)

    def _ask_static(self, loaded: Loaded, jobs: Sequence[Job]) -> None:
        begun = time.perf_counter()
        try:
            found = loaded.reader.answer_at_once([row for job in jobs for row in job.asked.inputs])
        except Exception as error:  # noqa: BLE001  handed on to who waits
            if len(jobs) == 1:
                self._settle(jobs, error)
            for job in jobs if len(jobs) > 1 else ():  # only who cannot be answered is not
                self._ask_static(loaded, [job])
            return
        seconds, fields, rest = time.perf_counter() - begun, len(loaded.reader.fields), iter(found)
        _note(jobs, Pass("static", begun, begun + seconds, len(found)))
        whole = []
        for job in jobs:
            job.given = [next(rest) for _ in range(len(job))]
            job.seconds += seconds * len(job) / len(found)
            for row, answers in enumerate(job.given):
                if len(answers) == fields:
                    job.answers[row] = Prediction(self._task, loaded.release.name, job.asked.ids[row], answers)
            if len(job.answers) == len(job):
                whole.append(job)
            else:
                self._model.put(job.piece())
        self._finish(whole)
        if any(found):
            self._measures.count_pass(self._task, "static", rows=len(found), seconds=seconds)

    def _read(self, pieces: Sequence[Piece]) -> None:
        """Lets the encoder read what is left."""
        wanted = set(self._wanted([piece.job for piece in pieces]))
        for group in _groups([piece for piece in pieces if piece.job in wanted], lambda piece: piece.job.loaded):
            self._ask_model(group[0].job.loaded, group)

    def _ask_model(self, loaded: Loaded, pieces: Sequence[Piece]) -> None:
        places = [(job, row) for job, rows in pieces for row in rows]
        begun = time.perf_counter()
        try:
            found = loaded.reader.predict(
                [job.asked.inputs[row] for job, row in places],
                model=loaded.release.name,
                requests=[job.asked.ids[row] for job, row in places],
                given=[job.given[row] for job, row in places],
            )
        except Exception as error:  # noqa: BLE001  handed on to who waits
            if len(pieces) == 1:
                self._settle([pieces[0].job], error)
            for piece in pieces if len(pieces) > 1 else ():
                self._ask_model(loaded, [piece])
            return
        seconds = time.perf_counter() - begun
        _note([piece.job for piece in pieces], Pass("champion", begun, begun + seconds, len(places)))
        for (job, row), prediction in zip(places, found, strict=True):
            job.answers[row] = prediction
        whole = []
        for job, rows in pieces:
            job.seconds += seconds * len(rows) / len(places)
            if len(job.answers) < len(job):
                self._model.put(job.piece())
            else:
                whole.append(job)
        self._finish(whole)
        self._measures.count_pass(self._task, "champion", rows=len(places), seconds=seconds)

    def _finish(self, jobs: Sequence[Job]) -> None:
        """Hands on what the model has answered: to upstreams where it abstained and there are any."""
        short = []
        for job in jobs:
            if self._passing is not None and job.open_rows:
                self._passing.put(job)
            elif job.is_short:
                short.append(job)
            else:
                self._record.put(job)
        self._noted.update(short)
        for loop, mine in _by_loop(short):
            with suppress(RuntimeError):  # the loop is closed: `close` records it
                loop.call_soon_threadsafe(self._record_here, mine)

    def _record_here(self, jobs: Sequence[Job]) -> None:
        """Writes down in the event loop what is short, or has it done where that would have to wait."""
        mine = [job for job in jobs if job in self._noted]
        here = mine[:_MOST_HERE]
        if here and self._write_down(here, self._shelf.record_requests_at_once):
            self._noted.difference_update(here)
        self._record_later([job for job in mine if job in self._noted])

    def _record_later(self, jobs: Iterable[Job]) -> None:
        for job in list(jobs):
            self._noted.discard(job)
            self._record.put(job)

    def _write(self, jobs: Sequence[Job]) -> None:
        """Writes everything down."""

        def record(rows: Sequence[RecordedRequest]) -> bool:
            if reviews := [review for job in jobs for review in _left_open(job)]:
                self._shelf.add_reviews(self._task, reviews)
            if rows:
                self._shelf.record_requests(rows)
            return True

        self._write_down(jobs, record)

    def _write_down(self, jobs: Sequence[Job], record: Callable[[Sequence[RecordedRequest]], bool]) -> bool:
        """Lets those go on who wait, once they are recorded; returns whether they are, or cannot be."""
        now, begun = datetime.now(UTC).isoformat(timespec="microseconds"), time.perf_counter()
        try:
            if not record([row for job in jobs for row in _recorded(job, now)]):
                return False
        except Exception as error:  # noqa: BLE001  handed on to who waits
            self._settle(jobs, error)
            return True
        _note(jobs, Pass("record", begun, time.perf_counter(), sum(map(len, jobs))))
        said = [each for job in jobs for each in job.predictions]
        self._measures.count_predictions(said, own=[each for job in jobs for each in job.own])
        self._settle(jobs, None)
        return True

    def _take_ids(self, job: Job) -> None:
        """Takes the ids that a client chose, and finds those that were recorded before: a retry.

        Raises:
            Fault: 409 where an id stands for something else; feedback could not tell the two apart.
        """
        if not job.asked.chosen:
            return
        for id_, inputs in zip(job.asked.ids, job.asked.inputs, strict=True):
            question = (self._task, job.loaded.release.name, dict(inputs))
            before = self._held.take(id_, question)
            if before is None:
                job.taken.add(id_)
                if recorded := self._shelf.request(id_):
                    job.before[id_] = recorded
                before = recorded and (recorded.task, recorded.model, dict(recorded.inputs))
            if before and before != question:
                message = f"`x-request-id` {id_!r} was used before, for another request."
                raise Fault(409, message, code="request_id_taken", param="x-request-id")
            if before:
                job.known.add(id_)

    def _wanted(self, jobs: Sequence[Job]) -> list[Job]:
        """Returns the jobs that somebody still waits for; the others end here."""
        gone = [job for job in jobs if job.future.cancelled()]
        for job in gone:
            self._held.leave(job.taken)
        if gone:
            self._measures.count_dropped(self._task, len(gone))
        return [job for job in jobs if not job.future.cancelled()] if gone else list(jobs)

    def _settle(self, jobs: Sequence[Job], error: Exception | None) -> None:
        for job in jobs:
            self._held.leave(job.taken)
        for loop, mine in _by_loop(jobs):
            if loop is _running_loop():
                _tell(mine, error)
                continue
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(_tell, mine, error)


def _note(jobs: Sequence[Job], each: Pass) -> None:
    for job in jobs:
        if job.asked.passes is not None:
            job.asked.passes.append(each)


def _tell(jobs: Sequence[Job], error: Exception | None) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if error is None:
            job.future.set_result(job.predictions)
        else:
            job.future.set_exception(error)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _by_loop(jobs: Sequence[Job]) -> Iterator[tuple[asyncio.AbstractEventLoop, list[Job]]]:
    for loop in {job.future.get_loop() for job in jobs}:
        yield loop, [job for job in jobs if job.future.get_loop() is loop]


def _groups(items: Sequence[T], model: Callable[[T], Loaded]) -> list[list[T]]:
    """Returns those of one model together; while a champion is swapped there are two."""
    found: dict[int, list[T]] = {}
    for item in items:
        found.setdefault(id(model(item).reader), []).append(item)
    return list(found.values())


def _recorded(job: Job, now: str) -> Iterator[RecordedRequest]:
    """Yields the rows that were not recorded before."""
    from freehold.registry import RecordedRequest

    share = 1000 * job.seconds / len(job)
    for row, (inputs, each) in enumerate(zip(job.asked.inputs, job.predictions, strict=True)):
        if each.request not in job.known:
            # What an upstream said is read again where the request is repeated: whole.
            show = Answer.to_json if row in job.passed else _shortened
            answers: dict[str, Json] = {name: show(answer) for name, answer in each.answers.items()}
            yield RecordedRequest(each.request, each.task, each.model, dict(inputs), answers, now, share)


def _shortened(answer: Answer) -> dict[str, Json]:
    """Returns an answer as it is recorded: the labels that it rules out would be nearly all of it."""
    shown = answer.to_json()
    shown["probabilities"] = {label: each for label, each in answer.probabilities.items() if each >= _RULED_OUT}
    return shown


def _left_open(job: Job) -> Iterator[Review]:
    """Yields what neither the model nor an upstream was sure enough of."""
    from freehold.registry import Review

    for row in sorted(job.reviewed):
        inputs, prediction = dict(job.asked.inputs[row]), job.answers[row]
        name = example_id({key: normalise(text) for key, text in inputs.items()})
        for field, answer in prediction.answers.items():
            if answer.abstained:
                value = cast(Json, answer.value)
                yield Review(name, prediction.task, field, inputs, value, answer.confidence, "request")
