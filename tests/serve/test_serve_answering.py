"""Requests go through the model and into the database together where many come; nobody is told too early."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.serve.bank import WordReader, release

from freehold.errors import StorageError
from freehold.registry import RecordedRequest, Registry
from freehold.serve.answering import Answering, HeldIds, _recorded
from freehold.serve.faults import Fault
from freehold.serve.jobs import Asked, Job
from freehold.serve.measures import Measures
from freehold.serve.readers import Loaded
from freehold.serve.settings import Settings
from freehold.serve.stages import Stage
from freehold.task import Answer, Prediction, Release, Task


class SlowShelf:
    """Notes each transaction, which waits until it is let go."""

    def __init__(self) -> None:
        self.written: list[list[str]] = []
        self.go = threading.Event()
        self.go.set()
        self.broken = False
        self.busy = True
        self.at_once: list[str] = []
        self.known: dict[str, RecordedRequest] = {}

    def record_requests_at_once(self, rows: Sequence[RecordedRequest]) -> bool:
        if self.busy:
            return False
        self.at_once += [row.id for row in rows]
        self.record_requests(rows)
        return True

    def record_requests(self, rows: Sequence[RecordedRequest]) -> None:
        assert self.go.wait(10)
        if self.broken:
            raise StorageError("full")
        self.written.append([row.id for row in rows])
        self.known |= {row.id: row for row in rows}

    def request(self, id_: str) -> RecordedRequest | None:
        return self.known.get(id_)


class Desk:
    """An answering with its model and its shelf."""

    def __init__(self, made: Release) -> None:
        self.shelf = SlowShelf()
        self.reader = WordReader(made.artifact.folder)
        self.loaded = Loaded(made, self.reader)
        self.measures = Measures()
        shelf: Any = self.shelf
        self.answering = Answering("banking", shelf, measures=self.measures, held=HeldIds())

    def put(self, *texts: str, name: str = "r", chosen: bool = False) -> asyncio.Future[list[Prediction]]:
        ids = [f"{name}.{number}" for number in range(len(texts))]
        return self.answering.put(self.loaded, Asked([{"text": text} for text in texts], ids, chosen))

    async def hold(self) -> asyncio.Future[list[Prediction]]:
        """Puts a request into the model that stays there until `reader.gate` is set."""
        self.reader.gate.clear()
        self.reader.asked.clear()
        future = self.put("first", name="held")
        assert await asyncio.to_thread(self.reader.asked.wait, 10)
        return future


@pytest.fixture
def desk(shelf: Registry, task: Task) -> Desk:
    return Desk(release(shelf, task))


def told(desk: Desk) -> str:
    return desk.measures.render([]).decode()


def run(desk: Desk, test: Callable[[], Any]) -> Any:
    try:
        return asyncio.run(asyncio.wait_for(test(), 20))
    finally:
        desk.reader.gate.set()
        desk.shelf.go.set()
        desk.answering.close()


def test_those_who_wait_go_through_the_model_together(desk: Desk) -> None:
    async def test() -> None:
        held = await desk.hold()
        others = [desk.put(f"lost {number}", name=str(number)) for number in range(5)]
        desk.reader.gate.set()
        found = await asyncio.gather(held, *others)
        assert [each[0].answers["intent"].value for each in found[1:]] == ["lost_card"] * 5
        assert [each[0].request for each in found] == ["held.0", *(f"{n}.0" for n in range(5))]

    run(desk, test)
    assert desk.reader.batches == [1, 5]
    assert sorted(id_ for group in desk.shelf.written for id_ in group) == sorted(desk.shelf.known)
    assert 'freehold_batch_rows_sum{task="banking",tier="champion"} 6.0' in told(desk)


def test_a_long_list_lets_others_through(desk: Desk) -> None:
    desk.shelf.busy = False

    async def test() -> None:
        held = await desk.hold()
        long = desk.put(*["lost"] * 200, name="long")
        short = desk.put("top", name="short")
        order: list[str] = []
        long.add_done_callback(lambda _: order.append("long"))
        short.add_done_callback(lambda _: order.append("short"))
        desk.reader.gate.set()
        found = await asyncio.gather(held, long, short)
        assert len(found[1]) == 200
        assert order == ["short", "long"]
        assert [each.request for each in found[1]] == [f"long.{number}" for number in range(200)]

    run(desk, test)
    assert max(desk.reader.batches) <= 64


def test_the_static_tier_answers_while_the_encoder_is_busy(desk: Desk) -> None:
    async def test() -> None:
        held = await desk.hold()
        [sure] = await desk.put("surely lost", name="sure")
        assert {answer.tier for answer in sure.answers.values()} == {"static"}
        mixed = desk.put("surely top", "transfer", name="mixed")
        assert not held.done()
        desk.reader.gate.set()
        first, second = await mixed
        assert (first.answers["intent"].tier, second.answers["intent"].tier) == ("static", "")
        await held

    run(desk, test)
    assert desk.reader.batches == [1, 1]


def test_a_long_text_does_not_hold_up_the_event_loop(desk: Desk) -> None:
    where: dict[str, bool] = {}
    answer = desk.reader.answer_at_once

    def noting(inputs: Any) -> Any:
        for row in inputs:
            where[row["text"][:5]] = threading.current_thread() is threading.main_thread()
        return answer(inputs)

    desk.reader.answer_at_once = noting  # type: ignore[method-assign]

    async def test() -> None:
        await asyncio.gather(desk.put("short", name="s"), desk.put("long " * 1_000, name="l"))

    run(desk, test)
    assert where == {"short": True, "long ": False}


def test_what_is_short_is_recorded_in_the_event_loop(desk: Desk) -> None:
    desk.shelf.busy = False

    async def test() -> None:
        await asyncio.gather(desk.put("lost", name="one"), desk.put("surely lost", name="sure"))
        await desk.put("lost", name="chosen", chosen=True)
        await desk.put("lost", "surely lost", name="list")
        desk.shelf.busy = True
        await desk.put("lost", name="busy")

    run(desk, test)
    assert sorted(desk.shelf.at_once) == ["one.0", "sure.0"]
    assert sorted(desk.shelf.known) == ["busy.0", "chosen.0", "list.0", "list.1", "one.0", "sure.0"]


def test_what_the_event_loop_does_not_get_to_is_recorded_at_the_end(desk: Desk) -> None:
    desk.shelf.busy = False

    async def test() -> None:
        held = await desk.hold()
        desk.reader.gate.set()
        desk.answering.close()  # holds up the loop, as at the end of a server
        assert list(desk.shelf.known) == ["held.0"]
        await held

    try:
        asyncio.run(asyncio.wait_for(test(), 20))
    finally:
        desk.reader.gate.set()
    assert desk.shelf.at_once == []


def test_nobody_is_answered_before_it_is_written(desk: Desk) -> None:
    async def test() -> None:
        desk.shelf.go.clear()
        futures = [desk.put("surely lost", name=str(number)) for number in range(4)]
        await asyncio.sleep(0.1)
        assert not any(future.done() for future in futures)
        desk.shelf.go.set()
        await asyncio.gather(*futures)

    run(desk, test)
    assert len(desk.shelf.written) < 4


def test_everyone_hears_of_a_full_disk_and_the_next_is_tried_anew(desk: Desk) -> None:
    async def test() -> None:
        desk.shelf.broken = True
        futures = [desk.put("lost", name=str(number)) for number in range(3)]
        found = await asyncio.gather(*futures, return_exceptions=True)
        assert {type(each) for each in found} == {StorageError}
        desk.shelf.broken = False
        await desk.put("lost", name="later")

    run(desk, test)
    assert desk.shelf.written == [["later.0"]]


@pytest.mark.parametrize("text", ["boom", "surely boom"])
def test_what_cannot_be_read_fails_alone(desk: Desk, text: str) -> None:
    async def test() -> None:
        held = await desk.hold()
        futures = [desk.put(each, name=each) for each in ("lost", text, "top")]
        desk.reader.gate.set()
        found = await asyncio.gather(held, *futures, return_exceptions=True)
        assert isinstance(found[2], RuntimeError)
        assert all(isinstance(each, list) for each in (found[0], found[1], found[3]))

    run(desk, test)


def test_who_is_gone_is_not_read(desk: Desk) -> None:
    async def test() -> None:
        held = await desk.hold()
        gone, here = desk.put("lost", name="gone"), desk.put("lost", name="here")
        gone.cancel()
        desk.reader.gate.set()
        await asyncio.gather(held, here)

    run(desk, test)
    assert "gone.0" not in desk.shelf.known
    assert sum(desk.reader.batches) == 2
    assert 'freehold_dropped_total{task="banking"} 1.0' in told(desk)


def test_an_id_stands_for_one_request_even_while_it_is_answered(desk: Desk) -> None:
    async def test() -> None:
        held = await desk.hold()
        first = desk.put("lost", name="mine", chosen=True)
        again = desk.put("lost", name="mine", chosen=True)
        other = desk.put("top", name="mine", chosen=True)
        desk.reader.gate.set()
        found = await asyncio.gather(held, first, again, other, return_exceptions=True)
        assert isinstance(found[3], Fault)
        assert found[3].status == 409
        assert found[1] == found[2]
        later = await asyncio.gather(desk.put("top", name="mine", chosen=True), return_exceptions=True)
        assert isinstance(later[0], Fault)
        assert await desk.put("lost", name="mine", chosen=True) == found[1]

    run(desk, test)
    assert sorted(id_ for group in desk.shelf.written for id_ in group) == ["held.0", "mine.0"]


def test_closing_waits_for_what_is_under_way(desk: Desk) -> None:
    async def test() -> list[Prediction]:
        held = await desk.hold()
        long = desk.put(*["lost"] * 100, name="long")
        await asyncio.sleep(0)  # it is under way from the next round of the loop on
        threading.Timer(0.1, desk.reader.gate.set).start()
        await asyncio.to_thread(desk.answering.close)
        await held
        return await long

    assert len(asyncio.run(test())) == 100


def test_a_stage_goes_on_after_a_mistake() -> None:
    seen: list[Sequence[int]] = []

    def work(group: Sequence[int]) -> None:
        seen.append(group)
        if 1 in group:
            raise ValueError("secret")

    stage: Stage[int] = Stage(work, name="test", size=lambda _: 1, most=1)
    for number in range(3):
        stage.put(number)
    stage.close()
    assert seen == [[0], [1], [2]]


def test_a_stage_of_several_threads_works_on_groups_side_by_side() -> None:
    both, seen = threading.Barrier(2, timeout=20), list[Sequence[int]]()

    def work(group: Sequence[int]) -> None:
        both.wait()
        seen.append(group)

    stage: Stage[int] = Stage(work, name="test", size=lambda _: 1, most=1, threads=2)
    for number in range(6):
        stage.put(number)
    stage.close()
    assert sorted(number for group in seen for number in group) == [0, 1, 2, 3, 4, 5]
    assert len(seen) == 6


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_stage_ends_when_what_its_work_put_back_is_done(threads: int) -> None:
    left, done = [3] * 4, list[int]()

    def work(group: Sequence[int]) -> None:
        for number in group:
            left[number] -= 1
            if left[number]:
                stage.put(number)
            else:
                done.append(number)

    stage: Stage[int] = Stage(work, name="test", size=lambda _: 1, most=2, threads=threads)
    for number in range(4):
        stage.put(number)
    stage.close()
    assert sorted(done) == [0, 1, 2, 3]


@pytest.mark.parametrize(("cores", "passes", "each"), [(1, 1, 1), (2, 2, 1), (4, 2, 3), (7, 3, 5), (16, 4, 13)])
def test_cores_are_shared_by_passes(cores: int, passes: int, each: int) -> None:
    settings = Settings(threads=cores)
    assert (settings.passes, settings.pass_threads) == (passes, each)
    # A session has one pool for all who ask it: each pass computes in its own thread and in those.
    assert passes + (each - 1) == cores


@pytest.mark.parametrize("passed", [False, True])
def test_the_record_leaves_out_what_a_model_rules_out(passed: bool) -> None:
    chances = {"lost": 0.9985, "found": 0.001, "stolen": 0.0005}
    prediction = Prediction("t", "t@1", "r", {"intent": Answer("lost", 0.9985, chances)})
    future: Any = None
    loaded: Any = None
    job = Job(loaded, Asked([{"text": "x"}], ["r"], chosen=False), future, answers={0: prediction})
    if passed:  # what an upstream said is given again to who repeats the request
        job.passed[0] = prediction
    [recorded] = _recorded(job, "2026-01-01")
    answer: Any = recorded.answers["intent"]
    assert answer["probabilities"] == (chances if passed else {"lost": 0.9985, "found": 0.001})
    assert (answer["value"], answer["confidence"]) == ("lost", 0.9985)
    assert prediction.answers["intent"].to_json()["probabilities"] == chances
