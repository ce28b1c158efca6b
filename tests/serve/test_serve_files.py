"""Files as the official client handles them, and whose files and batches are."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types import Batch
from tests.serve.bank import WordReader, listening, make_task, release
from tests.serve.batched import begin, chat, lines, packed, result, wait

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.rim import Rim
from freehold.task import Task


def test_files_are_listed_page_by_page_and_deleted(ask: openai.OpenAI, shelf: Registry) -> None:
    made = [ask.files.create(file=(f"../{n}.jsonl", b"x" * n), purpose="batch") for n in range(5)]
    assert [(file.filename, file.bytes, file.purpose) for file in made[:2]] == [
        ("../0.jsonl", 0, "batch"),
        ("../1.jsonl", 1, "batch"),
    ]
    ids = [file.id for file in made]
    assert [file.id for file in ask.files.list(limit=2)] == ids[::-1], "the client follows the pages"
    page = ask.files.list(limit=2, order="asc", after=ids[0])
    assert ([file.id for file in page.data], page.has_more) == (ids[1:3], True)
    assert ask.files.list(purpose="batch_output").data == []
    assert ask.files.content(ids[3]).content == b"xxx"
    assert ask.files.delete(ids[3]).deleted
    for act in (ask.files.retrieve, ask.files.content, ask.files.delete):
        with pytest.raises(openai.NotFoundError):
            act(ids[3])
    lying = [path.name for path in (shelf.state / "files").iterdir()]
    assert sorted(lying) == sorted([*ids[:3], ids[4], "lock"])


def test_a_batch_goes_on_when_its_input_is_deleted(ask: openai.OpenAI, shelf: Registry) -> None:
    batch = begin(ask, packed(lines(400)))
    ask.files.delete(batch.input_file_id)
    batch = wait(ask, batch)
    assert len(result(ask, batch.output_file_id)) == 400
    until = time.monotonic() + 10
    while (left := {path.name for path in (shelf.state / "batches" / batch.id).iterdir()}) != {
        "about.json",
        "lock",
    }:
        assert time.monotonic() < until, f"still there after the end: {left}"
        time.sleep(0.01)


def test_batches_are_listed_page_by_page_newest_first(ask: openai.OpenAI) -> None:
    made = [wait(ask, begin(ask, packed(lines(1)))).id for _ in range(3)]
    assert [batch.id for batch in ask.batches.list(limit=1)] == made[::-1]
    for options in ({"limit": 0}, {"limit": 101}, {"after": "batch_nope"}):
        with pytest.raises(openai.BadRequestError) as caught:
            ask.batches.list(**options)
        assert caught.value.param == next(iter(options))


def test_an_upload_beyond_a_limit_leaves_nothing(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    app = make_app(Served(task, shelf), file_limit=100_000, files_limit=150_000)
    with (
        listening(app) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client,
    ):
        for size, code in ((100_001, "body_too_large"), (3_000_000, "body_too_large"), (100_000, "")):
            if not code:
                client.files.create(file=b"x" * size, purpose="batch")
                continue
            with pytest.raises(openai.APIStatusError) as caught:
                client.files.create(file=b"x" * size, purpose="batch")
            assert (caught.value.status_code, caught.value.code) == (413, code)
        with pytest.raises(openai.APIStatusError) as caught:
            client.files.create(file=b"x" * 60_000, purpose="batch")
        assert caught.value.status_code == 413
        client.files.create(file=b"x" * 50_000, purpose="batch")
        with pytest.raises(openai.APIStatusError) as caught:
            client.files.create(file=b"x", purpose="batch")
        assert caught.value.code == "quota_exceeded"
        assert len(client.files.list().data) == 2
    assert len(list((shelf.state / "files").iterdir())) == 3


def test_a_full_disk_is_said_and_leaves_nothing(
    ask: openai.OpenAI, shelf: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from freehold.serve.files import Incoming

    def full(self: Incoming, data: bytes) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(Incoming, "write", full)
    with pytest.raises(openai.APIStatusError) as caught:
        ask.files.create(file=b"x", purpose="batch")
    assert (caught.value.status_code, caught.value.code) == (507, "storage_full")
    assert "disk is full" in caught.value.message
    assert [path.name for path in (shelf.state / "files").iterdir()] == ["lock"]


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"purpose": "fine-tune"}, "purpose"),
        ({"purpose": "batch", "expires_after": {"anchor": "created_at", "seconds": 3600}}, "expires_after"),
    ],
)
def test_an_upload_for_something_else_is_refused(ask: openai.OpenAI, options: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask.files.create(file=b"{}", **options)
    assert caught.value.param == param
    assert ask.files.list().data == []


# an owner


def test_nobody_finds_what_another_key_made(
    shelf: Registry, task: Task, tmp_path: Path, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    mail = make_task(tmp_path / "mail", name="mail")
    with Registry.open(tmp_path / "other") as other:
        release(other, mail)
        mine, yours = (shelf.make_key(name, scopes=["predict"]).secret for name in ("a", "b"))
        third = other.make_key("c", scopes=["predict"]).secret
        app = make_app(Served(task, shelf), Served(mail, other), token="t")
        with listening(app) as url:
            keys = {name: openai.OpenAI(base_url=f"{url}/v1", api_key=name) for name in (mine, yours, third, "t")}
            made = {
                name: wait(
                    client,
                    begin(
                        client,
                        packed(lines(1, url="/v1/chat/completions", body=lambda _: chat("a"))),
                        endpoint="/v1/chat/completions",
                    ),
                )
                for name, client in keys.items()
            }
            for name, client in keys.items():
                assert [batch.id for batch in client.batches.list()] == [made[name].id]
                assert len(client.files.list().data) == 2
                for other_name in set(keys) - {name}:
                    _finds_nothing(client, made[other_name])
            assert result(keys[third], made[third].output_file_id) == []
            (refused,) = result(keys[third], made[third].error_file_id)
            assert refused["response"]["body"]["error"]["code"] == "task_not_allowed"
            with pytest.raises(openai.PermissionDeniedError):
                begin(keys[third], packed(lines(1)))
            for client in keys.values():
                client.close()
        assert (tmp_path / "other" / "batches" / made[third].id).is_dir(), "where its key is from"


def _finds_nothing(client: openai.OpenAI, batch: Batch) -> None:
    file = batch.output_file_id or batch.error_file_id or ""
    for act, id in (
        (client.batches.retrieve, batch.id),
        (client.batches.cancel, batch.id),
        (client.files.retrieve, file),
        (client.files.content, batch.input_file_id),
        (client.files.delete, file),
    ):
        with pytest.raises(openai.NotFoundError):
            act(id)
    options: Any = {"endpoint": "/v1/decisions", "completion_window": "24h"}
    with pytest.raises(openai.NotFoundError):
        client.batches.create(input_file_id=batch.input_file_id, **options)


def test_a_key_that_has_ended_gets_no_more_answers(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    key, secret = shelf.make_key("a", scopes=["predict"])
    readers: list[WordReader] = []
    app = make_app(Served(task, shelf), opened=readers)
    with listening(app) as url, openai.OpenAI(base_url=f"{url}/v1", api_key=secret) as client:
        readers[0].asked.clear()
        readers[0].gate.clear()
        batch = begin(client, packed(lines(200)))
        assert readers[0].asked.wait(10)
        shelf.revoke_key(key.id)
        while httpx.get(f"{url}/v1/models", headers={"x-api-key": secret}).status_code != 401:
            time.sleep(0.02)
        readers[0].gate.set()
        about = shelf.state / "batches" / batch.id / "about.json"
        for _ in range(500):
            document = json.loads(about.read_bytes())
            if document["status"] == "completed":
                break
            time.sleep(0.02)
        assert (document["completed"], document["failed"]) == (64, 136)


def test_a_key_has_so_many_batches_at_a_time(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    release(shelf, task)
    readers: list[WordReader] = []
    app = make_app(Served(task, shelf), opened=readers, batches_limit=2)
    with listening(app) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        readers[0].gate.clear()
        made = [begin(client, packed(lines(1))) for _ in range(2)]
        with pytest.raises(openai.RateLimitError) as caught:
            begin(client, packed(lines(1)))
        assert caught.value.code == "too_many_batches"
        readers[0].gate.set()
        for batch in made:
            wait(client, batch)
        wait(client, begin(client, packed(lines(1))))


def test_the_async_client_does_the_same(url: str) -> None:
    async def go() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="unused") as client:
            file = await client.files.create(file=("a.jsonl", packed(lines(5))), purpose="batch")
            made: Any = {"completion_window": "24h", "endpoint": "/v1/tasks/banking", "input_file_id": file.id}
            batch = await client.batches.create(**made)
            while batch.status != "completed":
                await asyncio.sleep(0.02)
                batch = await client.batches.retrieve(batch.id)
            content = await client.files.content(batch.output_file_id or "")
            return [json.loads(line)["custom_id"] for line in content.text.splitlines()]

    assert asyncio.run(go()) == [f"row-{n}" for n in range(5)]
