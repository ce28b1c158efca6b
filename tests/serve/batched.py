"""What the tests of files and batches share: requests, and the official client's way with them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import openai
from openai.types import Batch

ENDED = ("completed", "failed", "cancelled", "expired")


def lines(
    count: int, *, url: str = "/v1/tasks/banking", body: Callable[[int], Any] | None = None
) -> list[dict[str, Any]]:
    """Returns requests of which each says which one it is."""
    make = body or (lambda number: {"text": f"top up {number}"})
    return [{"custom_id": f"row-{n}", "method": "POST", "url": url, "body": make(n)} for n in range(count)]


def packed(rows: Sequence[Any]) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def unpacked(text: str) -> list[dict[str, Any]]:
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def begin(client: openai.OpenAI, content: bytes, *, endpoint: str = "/v1/tasks/banking", **options: Any) -> Batch:
    file = client.files.create(file=("asked.jsonl", content), purpose="batch")
    made: Any = {"completion_window": "24h", "endpoint": endpoint, "input_file_id": file.id, **options}
    return client.batches.create(**made)


def wait(client: openai.OpenAI, batch: Batch, *, patience: float = 30) -> Batch:
    until = time.monotonic() + patience
    while batch.status not in ENDED:
        assert time.monotonic() < until, batch
        time.sleep(0.02)
        batch = client.batches.retrieve(batch.id)
    return batch


def result(client: openai.OpenAI, id: str | None) -> list[dict[str, Any]]:
    return unpacked(client.files.content(id).text) if id else []


def chat(text: str) -> dict[str, Any]:
    return {"model": "banking", "messages": [{"role": "user", "content": text}]}
