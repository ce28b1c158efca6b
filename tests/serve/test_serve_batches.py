"""Batches as the official client makes them, waits for them and reads them."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from tests.serve.bank import WordReader, listening, release
from tests.serve.batched import begin, chat, lines, packed, result, wait

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.batches import Batch, Batches, Wrote
from freehold.serve.rim import Rim
from freehold.task import Task


def test_a_batch_answers_every_line_in_order(ask: openai.OpenAI, shelf: Registry) -> None:
    begun = begin(ask, packed(lines(300)), metadata={"for": "us"})
    assert (begun.object, begun.status, begun.metadata) == ("batch", "validating", {"for": "us"})
    batch = wait(ask, begun)
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert batch.request_counts.model_dump() == {"total": 300, "completed": 300, "failed": 0}
    assert batch.error_file_id is None
    assert batch.errors is None
    assert batch.in_progress_at
    assert batch.finalizing_at
    assert batch.completed_at
    assert batch.expires_at == batch.created_at + 24 * 60 * 60
    rows = result(ask, batch.output_file_id)
    assert [row["custom_id"] for row in rows] == [f"row-{n}" for n in range(300)]
    assert len({row["id"] for row in rows}) == 300
    for row in rows:
        assert (row["error"], row["response"]["status_code"]) == (None, 200)
        assert row["response"]["body"]["answers"]["intent"]["value"] == "top_up"
        assert row["response"]["request_id"] == row["response"]["body"]["request"]
    recorded = shelf.request(rows[7]["response"]["request_id"])
    assert recorded is not None
    assert recorded.inputs == {"text": "top up 7"}
    assert batch.output_file_id is not None
    file = ask.files.retrieve(batch.output_file_id)
    assert (file.purpose, file.filename) == ("batch_output", f"{batch.id}_output.jsonl")
    assert file.bytes == len(ask.files.content(file.id).content)


def test_no_answer_is_on_the_disk_whose_record_is_not(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The database's file alone, without its log, is what a power cut would leave at worst."""
    found: list[int] = []
    commit = Batches.commit

    def look(self: Batches, batch: Batch, wrote: Wrote) -> Batch:
        copy = tmp_path / f"{len(found)}.db"
        shutil.copy(shelf.state / "freehold.db", copy)
        with closing(sqlite3.connect(copy)) as alone:
            [recorded] = alone.execute("SELECT count(*) FROM requests").fetchone()
        found.append(recorded - batch.completed - wrote.completed)
        return commit(self, batch, wrote)

    monkeypatch.setattr(Batches, "commit", look)
    release(shelf, task)
    app = make_app(Served(task, shelf))
    with listening(app) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
        wait(client, begin(client, packed(lines(200))))
    assert len(found) > 3
    assert set(found) == {0}


def test_many_lines_are_one_pass_of_the_model(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    release(shelf, task)
    readers: list[WordReader] = []
    with listening(make_app(Served(task, shelf), opened=readers)) as url:
        sizes: list[int] = []
        predict = readers[0].predict

        def counted(rows: Any, **options: Any) -> Any:
            sizes.append(len(rows))
            return predict(rows, **options)

        readers[0].predict = counted  # type: ignore[method-assign,assignment]
        with openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
            chats = lines(256, url="/v1/chat/completions", body=lambda n: chat(f"now {n}"))
            wait(client, begin(client, packed(chats), endpoint="/v1/chat/completions"))
            wait(client, begin(client, packed(lines(256))))
    assert sum(sizes) == 512
    assert len(sizes) <= 24  # the first of those that come at once may set out before the others


QUESTION = {"type": "predicate", "name": "urgent", "instructions": "Is it urgent?"}


@pytest.mark.parametrize(
    ("endpoint", "body", "place"),
    [
        ("/v1/decisions", {"model": "banking", "input": "now", "questions": [QUESTION]}, ["answers", 0]),
        (
            "/v1/systemone",
            {"model": "banking", "state": "now", "questions": {"urgent": {"type": "noul"}}},
            ["answers", "urgent"],
        ),
        ("/v1/chat/completions", chat("now"), ["choices", 0, "message"]),
        ("/v1/embeddings", {"model": "banking@1", "input": ["top up"]}, ["data", 0]),
        ("/v1/tasks/banking@1", {"text": "now"}, ["answers"]),
        ("/v1/tasks/banking", [{"text": "now"}, {"text": "a"}], [1, "answers"]),
    ],
)
def test_a_line_is_answered_as_its_route_answers(
    ask: openai.OpenAI, endpoint: str, body: Any, place: list[str | int]
) -> None:
    batch = wait(ask, begin(ask, packed(lines(2, url=endpoint, body=lambda _: body)), endpoint=endpoint))
    rows = result(ask, batch.output_file_id)
    assert len(rows) == 2
    direct: Any = ask.post(endpoint.removeprefix("/v1"), body=body, cast_to=object)
    for row in rows:
        found, expected = row["response"]["body"], direct
        for step in place:
            found, expected = found[step], expected[step]
        assert found == expected


def test_lines_that_fail_go_to_the_file_of_errors(ask: openai.OpenAI) -> None:
    bodies = [{"text": "a"}, {"txt": "a"}, {"text": "boom"}, {"text": "b"}, {"text": 5}, {"text": "BOOM"}]
    batch = wait(ask, begin(ask, packed(lines(6, body=lambda n: bodies[n]))))
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert batch.request_counts.model_dump() == {"total": 6, "completed": 2, "failed": 4}
    assert [row["custom_id"] for row in result(ask, batch.output_file_id)] == ["row-0", "row-3"]
    errors = result(ask, batch.error_file_id)
    found = [(row["custom_id"], row["response"]["status_code"], row["error"]) for row in errors]
    assert found == [("row-1", 400, None), ("row-2", 500, None), ("row-4", 400, None), ("row-5", 500, None)]
    error = errors[0]["response"]["body"]["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", "unknown_input", "txt")
    assert errors[1]["response"]["body"]["error"]["code"] == "internal_error"


GOOD = lines(1)[0]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", [("empty_file", None)]),
        (b"\n \n", [("empty_file", None)]),
        (b"{\n", [("invalid_json_line", 1)]),
        (packed([GOOD]) + b"\n[1]\n\xff\n", [("invalid_json_line", 3), ("invalid_json_line", 4)]),
        (packed([GOOD, lines(2)[1], GOOD]), [("duplicate_custom_id", 3)]),
        (packed([{**GOOD, "url": "/v1/responses"}]), [("invalid_url", 1)]),
        (packed([{**GOOD, "url": "/v1/decisions"}]), [("invalid_url", 1)]),
        (packed([{**GOOD, "method": "GET"}]), [("invalid_method", 1)]),
        (
            packed([{**GOOD, "custom_id": 7}, {**GOOD, "custom_id": ""}]),
            [("invalid_custom_id", n) for n in (1, 2)],
        ),
        (packed([{**GOOD, "body": "text"}]), [("invalid_body", 1)]),
        (packed(lines(4)), [("too_many_lines", 4)]),
        (packed([GOOD, {**GOOD, "custom_id": "b", "body": {"text": "x" * 30_000}}]), [("line_too_large", 2)]),
    ],
)
def test_a_file_that_is_no_batch_is_refused_with_its_lines(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], content: bytes, found: list[tuple[str, int]]
) -> None:
    release(shelf, task)
    app = make_app(Served(task, shelf), lines_limit=3, batch_limit=1_000)
    with listening(app) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
        batch = wait(client, begin(client, content))
        assert batch.status == "failed"
        assert batch.failed_at
        assert batch.errors is not None
        assert batch.errors.data is not None
        assert [(each.code, each.line) for each in batch.errors.data] == found
        assert all(each.message for each in batch.errors.data)
        assert (batch.output_file_id, batch.error_file_id) == (None, None)


@pytest.mark.parametrize(
    ("changes", "status", "param"),
    [
        ({"endpoint": "/v1/responses"}, 400, "endpoint"),
        ({"endpoint": "/v1/tasks/banking/feedback"}, 400, "endpoint"),
        ({"endpoint": "/v1/tasks/nope"}, 404, "endpoint"),
        ({"completion_window": "1h"}, 400, "completion_window"),
        ({"input_file_id": "file-nope"}, 404, "input_file_id"),
        ({"input_file_id": "../../etc/passwd"}, 404, "input_file_id"),
        ({"metadata": {"a": 1}}, 400, "metadata.a"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 3600}}, 400, "output_expires_after"),
    ],
)
def test_a_batch_that_cannot_be_is_refused_at_once(
    ask: openai.OpenAI, changes: dict[str, Any], status: int, param: str
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        begin(ask, packed(lines(1)), **changes)
    assert (caught.value.status_code, caught.value.param) == (status, param)
    assert ask.batches.list().data == []


def test_a_batch_that_is_cancelled_has_a_line_for_every_request(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    readers: list[WordReader] = []
    app = make_app(Served(task, shelf), opened=readers)
    with listening(app) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        readers[0].asked.clear()
        readers[0].gate.clear()
        batch = begin(client, packed(lines(300)))
        assert readers[0].asked.wait(10)
        assert client.batches.retrieve(batch.id).status == "in_progress"
        assert client.batches.cancel(batch.id).status == "cancelling"
        assert client.batches.cancel(batch.id).status == "cancelling"
        readers[0].gate.set()
        batch = wait(client, batch)
        assert batch.status == "cancelled"
        assert batch.cancelling_at
        assert batch.cancelled_at
        done, left = result(client, batch.output_file_id), result(client, batch.error_file_id)
        assert [row["custom_id"] for row in done + left] == [f"row-{n}" for n in range(300)]
        assert len(done) == 64
        assert {(row["response"], row["error"]["code"]) for row in left} == {(None, "batch_cancelled")}
        with pytest.raises(openai.ConflictError) as caught:
            client.batches.cancel(batch.id)
        assert caught.value.code == "batch_ended"


def test_a_batch_ends_a_day_after_its_creation(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("freehold.serve.batches.WINDOW", 0)
    release(shelf, task)
    app = make_app(Served(task, shelf))
    with listening(app) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
        batch = wait(client, begin(client, packed(lines(3))))
        assert (batch.status, batch.output_file_id) == ("expired", None)
        assert {row["error"]["code"] for row in result(client, batch.error_file_id)} == {"batch_expired"}


def test_a_batch_keeps_the_version_that_it_began_with(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    readers: list[WordReader] = []
    app = make_app(Served(task, shelf), opened=readers)
    with listening(app) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
        readers[0].asked.clear()
        readers[0].gate.clear()
        batch = begin(client, packed(lines(300, body=lambda n: {"text": f"hello {n}"})))
        assert readers[0].asked.wait(10)
        release(shelf, task, favourite="top_up")
        while httpx.get(f"{url}/readyz").json()["tasks"]["banking"]["model"] != "banking@2":
            time.sleep(0.02)
        readers[0].gate.set()
        rows = result(client, wait(client, batch).output_file_id)
        assert {row["response"]["body"]["model"] for row in rows} == {"banking@1"}


def test_what_the_server_cannot_answer_now_is_answered_later(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], monkeypatch: pytest.MonkeyPatch
) -> None:
    from freehold.errors import StorageError

    release(shelf, task)
    failing = threading.Event()
    failing.set()
    add = Registry.record_requests

    def record(self: Registry, rows: Any) -> None:
        if failing.is_set():
            failing.clear()
            raise StorageError("The disk is full.")
        add(self, rows)

    monkeypatch.setattr(Registry, "record_requests", record)
    app = make_app(Served(task, shelf))
    with listening(app) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
        batch = wait(client, begin(client, packed(lines(10))))
        assert not failing.is_set()
        assert batch.request_counts is not None
        assert (batch.status, batch.request_counts.completed) == ("completed", 10)


def test_a_task_without_a_model_fails_its_lines(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    app = make_app(Served(task, shelf))
    with listening(app) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
        batch = wait(client, begin(client, packed(lines(2))))
        errors = result(client, batch.error_file_id)
        assert [row["response"]["body"]["error"]["code"] for row in errors] == ["no_champion"] * 2
