"""`Idempotency-Key`: the same request under the same key is done once, and answered the same."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from tests.serve.bank import Client, WordReader, listening, release
from tests.serve.batched import chat, lines, packed, wait

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.rim import Rim
from freehold.task import Task

ROUTE = "/v1/tasks/banking"
KEY = {"idempotency-key": "k-1"}
CHAT = {"model": "banking", "messages": [{"role": "user", "content": "top up now"}]}
DECISION = {
    "model": "banking",
    "input": "top up",
    "questions": [{"type": "predicate", "name": "urgent", "instructions": "Is it?"}],
}


def same(first: httpx.Response, second: httpx.Response) -> bool:
    """Tells whether the second is the first again."""
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    names = ("content-type", "x-request-id")
    assert [first.headers[name] for name in names] == [second.headers[name] for name in names]
    return (first.status_code, first.content) == (second.status_code, second.content)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (ROUTE, {"text": "top up"}),
        (ROUTE, [{"text": "top up"}, {"text": "now"}]),
        ("/v1/chat/completions", CHAT),
        ("/v1/chat/completions", {**CHAT, "stream": True, "stream_options": {"include_usage": True}}),
        ("/v1/decisions", DECISION),
        ("/v1/embeddings", {"model": "banking", "input": ["top up"]}),
        (f"{ROUTE}/feedback", {"inputs": {"text": "a"}, "correct": {"urgent": True}}),
    ],
)
def test_the_same_request_gets_the_same_answer_and_is_done_once(
    client: Client, shelf: Registry, path: str, body: Any
) -> None:
    first = client.post(path, body, headers=KEY)
    assert first.status_code == 200
    done = (shelf.requests("banking"), shelf.feedback("banking"))
    assert same(first, client.post(path, body, headers=KEY))
    assert (shelf.requests("banking"), shelf.feedback("banking")) == done


def test_without_a_key_or_under_another_one_it_is_done_again(client: Client, shelf: Registry) -> None:
    for headers in ({}, {}, KEY, {"idempotency-key": "k-2"}):
        assert "idempotent-replayed" not in client.post(ROUTE, {"text": "a"}, headers=headers).headers
    assert len(shelf.requests("banking")) == 4


def test_quotes_around_a_key_are_those_of_its_grammar(client: Client) -> None:
    first = client.post(ROUTE, {"text": "a"}, headers={"idempotency-key": '"k-1"'})
    assert same(first, client.post(ROUTE, {"text": "a"}, headers=KEY))


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        (ROUTE, {"text": "b"}, {}),
        (f"{ROUTE}?explain=false", {"text": "a"}, {}),
        (f"{ROUTE}@1", {"text": "a"}, {}),
        (f"{ROUTE}/feedback", {"text": "a"}, {}),
        (ROUTE, {"text": "a"}, {"x-maker": "ana"}),
    ],
)
def test_another_request_under_the_same_key_is_refused(
    client: Client, path: str, body: Any, headers: dict[str, str]
) -> None:
    first = client.post(ROUTE, {"text": "a"}, headers=KEY)
    second = client.post(path, body, headers={**KEY, **headers})
    error = second.json()["error"]
    assert (second.status_code, error["code"], error["param"]) == (
        422,
        "idempotency_key_reused",
        "idempotency-key",
    )
    assert error["type"] == "invalid_request_error"
    assert same(first, client.post(ROUTE, {"text": "a"}, headers=KEY)), "the first answer stays"


@pytest.mark.parametrize("key", ["", '""', '"a', "a b", "a\\b", "k" * 256, "\u00e9"])
def test_what_is_no_key_is_refused(client: Client, shelf: Registry, key: str) -> None:
    response = client.post(ROUTE, {"text": "a"}, headers={"idempotency-key": key.encode()})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_idempotency_key")
    assert shelf.requests("banking") == []


def test_a_key_of_any_visible_character_and_255_of_them_is_taken(client: Client) -> None:
    for key in ("~!#[]:/+=,;@'%", "k" * 255):
        assert client.post(ROUTE, {"text": "a"}, headers={"idempotency-key": key}).status_code == 200


def test_reading_needs_no_key_and_keeps_nothing(client: Client) -> None:
    for _ in range(2):
        assert "idempotent-replayed" not in client.get("/v1/models", headers=KEY).headers
    assert client.post(ROUTE, {"text": "a"}, headers=KEY).status_code == 200


def test_while_the_first_is_being_answered_the_second_is_refused(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    readers: list[WordReader] = []
    with Client(make_app(Served(task, shelf), opened=readers)) as client, ThreadPoolExecutor(1) as pool:
        readers[0].asked.clear()
        readers[0].gate.clear()
        first = pool.submit(client.post, ROUTE, {"text": "a"}, headers=KEY)
        assert readers[0].asked.wait(10)
        second = client.post(ROUTE, {"text": "a"}, headers=KEY)
        assert (second.status_code, second.json()["error"]["code"]) == (409, "idempotency_key_in_use")
        assert second.headers["retry-after"] == "1"
        readers[0].gate.set()
        assert same(first.result(10), client.post(ROUTE, {"text": "a"}, headers=KEY))
    assert len(shelf.requests("banking")) == 1


def test_many_at_once_under_one_key_are_done_once(url: str, shelf: Registry) -> None:
    row = {"inputs": {"text": "a"}, "correct": {"urgent": True}}

    def give(_: int) -> int:
        return httpx.post(f"{url}{ROUTE}/feedback", json=row, headers=KEY, timeout=30).status_code

    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(give, range(24)))
    assert seen <= {200, 409}
    assert len(shelf.feedback("banking")) == 1


def test_what_the_client_mends_is_kept_and_what_the_server_mends_is_not(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    with Client(make_app(Served(task, shelf))) as client:
        wrong = client.post(ROUTE, {"txt": "a"}, headers=KEY)
        assert wrong.status_code == 400
        assert same(wrong, client.post(ROUTE, {"txt": "a"}, headers=KEY))
        for _ in range(2):
            broken = client.post(ROUTE, {"text": "boom"}, headers={"idempotency-key": "k-2"})
            assert broken.status_code == 500
            assert "idempotent-replayed" not in broken.headers
    with listening(make_app(Served(task, shelf), batches_limit=0)) as url:
        files: Any = {"file": ("r.jsonl", b"{}"), "purpose": (None, "batch")}
        file = httpx.post(f"{url}/v1/files", files=files).json()["id"]
        asked = {"input_file_id": file, "endpoint": ROUTE, "completion_window": "24h"}
        for _ in range(2):
            busy = httpx.post(f"{url}/v1/batches", json=asked, headers={"idempotency-key": "k-3"})
            assert busy.json()["error"]["code"] == "too_many_batches"
            assert (busy.status_code, "idempotent-replayed" in busy.headers) == (429, False)


def test_an_answer_is_given_again_after_a_restart(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    with Client(make_app(Served(task, shelf))) as client:
        first = client.post(ROUTE, {"text": "?"}, headers=KEY)
    release(shelf, task, favourite="top_up")
    with Registry.open(shelf.state) as opened, Client(make_app(Served(task, opened))) as client:
        assert same(first, client.post(ROUTE, {"text": "?"}, headers=KEY)), "by the model that answered it"
        assert client.post(ROUTE, {"text": "?"}).json()["model"] == "banking@2"


def test_what_a_killed_server_began_is_done_again_as_what_it_was(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    """The work was done and recorded; the server ended before the reply was kept."""
    release(shelf, task)
    row = {"inputs": {"text": "a"}, "correct": {"urgent": True}}
    keys = [{"idempotency-key": f"k-{n}"} for n in range(2)]
    before = datetime.now(UTC) - timedelta(minutes=2)
    with Client(make_app(Served(task, shelf))) as client:
        claims = [shelf.replies.claim("", f"k-{n}", request=f"r{n}", now=before) for n in range(2)]
        client.post(ROUTE, {"text": "a"}, headers={"x-request-id": "r0"})
        begun = client.app._replays._service
        said = begun.inbox.accept(
            shelf,
            "banking",
            [row],
            fields=next(iter(begun.champions)).fields,
            inputs=("text",),
            maker="person:http",
            stamp=claims[1].stamp,
        )
        asked = client.post(ROUTE, {"text": "a"}, headers=keys[0])
        given = client.post(f"{ROUTE}/feedback", row, headers=keys[1])
    assert (asked.headers["x-request-id"], asked.json()["request"]) == ("r0", "r0")
    assert len(shelf.requests("banking")) == 1
    assert given.json() == said.to_json()
    assert len(shelf.feedback("banking")) == 1


def test_keys_of_one_caller_are_not_those_of_another(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    secrets = [shelf.make_key(name, scopes=["predict"]).secret for name in ("web", "shop")]
    with Client(make_app(Served(task, shelf))) as client:
        answers = [
            client.post(ROUTE, {"text": "a"}, headers={**KEY, "authorization": f"Bearer {secret}"})
            for secret in (*secrets, secrets[0])
        ]
    assert [each.headers.get("idempotent-replayed") for each in answers] == [None, None, "true"]
    assert answers[0].json()["request"] != answers[1].json()["request"]
    assert len(shelf.requests("banking")) == 2


def test_feedback_is_taken_back_once(client: Client) -> None:
    row = {"inputs": {"text": "a"}, "correct": {"urgent": True}}
    batch = client.post(f"{ROUTE}/feedback", row).json()["batch"]
    first = client.ask("DELETE", f"{ROUTE}/feedback/{batch}", headers=KEY)
    assert first.json()["withdrawn"] == 1
    assert same(first, client.ask("DELETE", f"{ROUTE}/feedback/{batch}", headers=KEY))
    assert client.ask("DELETE", f"{ROUTE}/feedback/{batch}").status_code == 404


@pytest.fixture
def keyed(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def test_files_and_batches_are_made_once_by_the_official_client(keyed: openai.OpenAI, shelf: Registry) -> None:
    """Its forms have a new boundary each time."""
    content = packed(lines(1, url="/v1/chat/completions", body=lambda n: chat("top up")))
    files = [keyed.files.create(file=("r.jsonl", content), purpose="batch", extra_headers=KEY) for _ in range(2)]
    assert files[0] == files[1]
    assert len(keyed.files.list().data) == 1
    with pytest.raises(openai.UnprocessableEntityError):
        keyed.files.create(file=("r.jsonl", content + b"\n"), purpose="batch", extra_headers=KEY)
    made = [
        keyed.batches.create(
            input_file_id=files[0].id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            extra_headers={"idempotency-key": "k-2"},
        )
        for _ in range(2)
    ]
    assert made[0].id == made[1].id
    assert len(keyed.batches.list().data) == 1
    wait(keyed, made[0])
    ended = [
        httpx.post(f"{keyed.base_url}batches/{made[0].id}/cancel", headers={"idempotency-key": "k-3"})
        for _ in range(2)
    ]
    assert [each.status_code for each in ended] == [409, 409]


def test_a_form_is_the_same_wherever_its_boundary_is_cut(url: str) -> None:
    content = b"\n" + b"--x-almost\r\n" * 50_000
    sent = []
    for boundary, size in (("first-one-1", 7_001), ("the-other-22", 65_536), ("3", 1_000_000)):
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--{boundary}\r\n'
        head += 'content-disposition: form-data; name="file"; filename="a"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        chunks = [body[start : start + size] for start in range(0, len(body), size)]
        headers = {**KEY, "content-type": f"multipart/form-data; boundary={boundary}"}
        sent.append(httpx.post(f"{url}/v1/files", content=iter(chunks), headers=headers))
    assert [each.status_code for each in sent] == [200, 200, 200], sent[-1].text
    assert len({each.content for each in sent}) == 1
    assert [each.headers.get("idempotent-replayed") for each in sent] == [None, "true", "true"]


def test_who_hangs_up_finds_the_answer_later(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], tmp_path: Path
) -> None:
    release(shelf, task)
    readers: list[WordReader] = []
    with listening(make_app(Served(task, shelf), opened=readers)) as url:
        readers[0].asked.clear()
        readers[0].gate.clear()
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}{ROUTE}", json={"text": "a"}, headers=KEY, timeout=0.5)
        threading.Timer(0.3, readers[0].gate.set).start()
        for _ in range(200):
            again = httpx.post(f"{url}{ROUTE}", json={"text": "a"}, headers=KEY, timeout=30)
            if again.status_code == 200:
                break
            threading.Event().wait(0.02)
        assert again.headers["idempotent-replayed"] == "true"
    assert [each.id for each in shelf.requests("banking")] == [json.loads(again.content)["request"]]
