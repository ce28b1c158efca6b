"""A server that is killed with `kill -9`, again and again, while it answers a batch."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
import sqlalchemy as sa
from tests.serve.bank import listening, release

from freehold.registry import Registry
from freehold.registry.address import read_address
from freehold.registry.tables import requests
from freehold.serve import Served
from freehold.serve.rim import Rim
from freehold.task import Task

ROOT = Path(__file__).resolve().parents[2]
COUNT = 2_000
BROKEN = range(7, COUNT, 500)
"""Lines whose body is no input of the task."""


@contextmanager
def server(state: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[str], openai.OpenAI]]:
    paths = [str(ROOT), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.serve.batch_server", str(state), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "FREEHOLD_TOKEN": ""},
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            url = process.stdout.readline().strip()
            assert url
            with openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0, timeout=20) as client:
                yield process, client
        finally:
            process.kill()
            process.wait(20)


def asked() -> bytes:
    rows = []
    for n in range(COUNT):
        body = {"txt": "a"} if n in BROKEN else {"text": f"top up {n}"}
        rows.append({"custom_id": f"row-{n}", "method": "POST", "url": "/v1/tasks/banking", "body": body})
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def begin(client: openai.OpenAI) -> str:
    file = client.files.create(file=("asked.jsonl", asked()), purpose="batch")
    made: Any = {"completion_window": "24h", "endpoint": "/v1/tasks/banking", "input_file_id": file.id}
    return client.batches.create(**made).id


def recorded(state: Path) -> int:
    engine = sa.create_engine(read_address(state))
    with engine.connect() as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(requests)).scalar_one()
    engine.dispose()
    return int(count)


def check(client: openai.OpenAI, id: str, state: Path) -> None:
    """Every request has exactly one line, in its file, whole and in order; none was recorded twice."""
    batch = client.batches.retrieve(id)
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (COUNT - len(BROKEN), len(BROKEN))
    for name, wanted in (
        (batch.output_file_id, [n for n in range(COUNT) if n not in BROKEN]),
        (batch.error_file_id, list(BROKEN)),
    ):
        text = client.files.content(name or "").text
        assert text.endswith("\n")
        assert [json.loads(line)["custom_id"] for line in text.splitlines()] == [f"row-{n}" for n in wanted]
    assert recorded(state) == COUNT - len(BROKEN)
    assert len(client.files.list().data) == 3
    assert [path.name for path in (state / "files").iterdir() if path.name.startswith(".")] == []


def test_a_killed_server_leaves_exactly_one_line_a_request(shelf: Registry, task: Task) -> None:
    release(shelf, task)
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    print(f"seed {seed}")
    id, kills, seen = "", 0, set()
    while True:
        with server(shelf.state, task.folder) as (process, client):
            id = id or begin(client)
            until = time.monotonic() + chance.uniform(0.05, 0.5) if kills < 5 else time.monotonic() + 60
            while time.monotonic() < until:
                batch = client.batches.retrieve(id)
                if batch.status == "completed":
                    check(client, id, shelf.state)
                    assert kills >= 3, "the batch was over before it could be disturbed"
                    return
                time.sleep(0.01)
            assert batch.request_counts is not None
            seen.add(batch.request_counts.completed)
            process.send_signal(signal.SIGKILL)
            process.wait(20)
            kills += 1


def test_an_upload_that_is_cut_off_by_a_kill_leaves_no_file(shelf: Registry, task: Task) -> None:
    release(shelf, task)
    with server(shelf.state, task.folder) as (process, client):

        def upload() -> None:
            with suppress(openai.APIConnectionError):
                client.files.create(file=b"x" * 60_000_000, purpose="batch")

        thread = threading.Thread(target=upload)
        thread.start()
        files = shelf.state / "files"
        while not (files.is_dir() and any(path.name.startswith(".new-") for path in files.iterdir())):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        thread.join(20)
    assert [path.name[:5] for path in files.iterdir() if path.name != "lock"] == [".new-"]
    with server(shelf.state, task.folder) as (_, client):
        assert client.files.list().data == []
        until = time.monotonic() + 10
        while [path.name for path in files.iterdir()] != ["lock"]:
            assert time.monotonic() < until
            time.sleep(0.02)


def test_two_servers_on_one_state_answer_a_batch_once(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    with (
        Registry.open(shelf.state) as again,
        listening(make_app(Served(task, shelf))) as one,
        listening(make_app(Served(task, again))) as two,
        openai.OpenAI(base_url=f"{one}/v1", api_key="unused") as first,
        openai.OpenAI(base_url=f"{two}/v1", api_key="unused") as second,
    ):
        id = begin(first)
        begun = begin(second)
        for _ in range(3_000):
            if all(client.batches.retrieve(id).status == "completed" for client in (first, second)):
                break
            time.sleep(0.01)
        for _ in range(3_000):
            if first.batches.retrieve(begun).status == "completed":
                break
            time.sleep(0.01)
        assert recorded(shelf.state) == 2 * (COUNT - len(BROKEN))
        for each in (id, begun):
            output = second.batches.retrieve(each).output_file_id
            text = first.files.content(output or "").text
            assert len({json.loads(line)["custom_id"] for line in text.splitlines()}) == COUNT - len(BROKEN)
            assert text.count("\n") == COUNT - len(BROKEN)


@pytest.mark.parametrize("moment", ["output", "record"])
def test_what_was_written_and_not_committed_is_cut_off(shelf: Registry, moment: str) -> None:
    from freehold.serve.batches import Batches, Wrote

    batches = Batches(shelf.state)
    content = shelf.state / "content"
    content.write_bytes(b"{}\n" * 4)
    batch = batches.create(
        content, owner="", endpoint="/v1/decisions", input_file_id="f", metadata=None, file_ids=("o", "e")
    )
    batch = batches.commit(batch, Wrote(b"one\n", b"", 1, 0, 3, 1))
    output, errors = batches.parts(batch.id)
    if moment == "output":
        output.write_bytes(b"one\ntwo\nthr")
    else:
        batches.commit(batch, Wrote(b"two\n", b"three\n", 1, 1, 9, 3))
        batches.save(batch)  # as if the last record had not reached the disk
    found = batches.find(batch.id)
    assert found is not None
    assert found == replace(batch, errors=found.errors)
    batches.commit(found, Wrote(b"2\n", b"3\n", 1, 1, 9, 3))
    assert (output.read_bytes(), errors.read_bytes()) == (b"one\n2\n", b"3\n")


def test_a_part_that_lost_what_was_committed_is_not_filled_up(shelf: Registry) -> None:
    from freehold.errors import IntegrityError
    from freehold.serve.batches import Batches, Wrote

    batches = Batches(shelf.state)
    content = shelf.state / "content"
    content.write_bytes(b"{}")
    ids = ("o", "e")
    batch = batches.create(content, owner="", endpoint="/", input_file_id="f", metadata=None, file_ids=ids)
    batch = batches.commit(batch, Wrote(b"one", b"", 1, 0, 3, 1))
    batches.parts(batch.id)[0].write_bytes(b"on")
    with pytest.raises(IntegrityError, match="shorter"):
        batches.commit(batch, Wrote(b"two", b"", 1, 0, 3, 1))
