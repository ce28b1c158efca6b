"""A bank whose model is not sure of intents and moods, and asks upstreams."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
from tests.serve.bank import WordReader, listening, release

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.rim import Rim
from freehold.task import Routing, Task, Upstream

UNSURE = "what about my money now"
"""The model answers `transfer` with 0.8 and a mood of 2 with 0.5; that it is urgent it knows."""


def remote(name: str, url: str, **changes: Any) -> Upstream:
    return Upstream(
        **{"name": name, "url": url, "model": "m", "trust": 0.9, "fields": ("intent", "mood"), **changes}
    )


PATIENT = Routing(deadline_ms=8_000, retries=2)

Open = Callable[..., Any]
"""Runs a server with these upstreams and gives its desk: the fixture `opened`."""


def tiers(response: httpx.Response) -> list[str]:
    return [response.json()["answers"][name].get("tier", "") for name in ("intent", "urgent", "mood")]


@dataclass
class Desk:
    """A server that runs, and its memory."""

    url: str
    shelf: Registry
    headers: dict[str, str]
    readers: list[WordReader]

    def ask(self, text: str = UNSURE, **headers: str) -> httpx.Response:
        return self.post({"text": text}, **headers)

    def post(self, body: Any, *, task: str = "banking", **headers: str) -> httpx.Response:
        named = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return httpx.post(f"{self.url}/v1/tasks/{task}", json=body, headers=named, timeout=30)

    def counted(self) -> dict[tuple[str, str], float]:
        """Returns how often each upstream was asked with which outcome."""
        text = httpx.get(f"{self.url}/metrics", headers=self.headers).text
        pattern = r'^freehold_upstream_requests_total\{outcome="(\w+)",task="banking",upstream="([\w-]+)"\} (\S+)$'
        return {(name, outcome): float(n) for outcome, name, n in re.findall(pattern, text, re.MULTILINE)}


@contextmanager
def routed(
    shelf: Registry,
    task: Task,
    make_app: Callable[..., Rim],
    *,
    upstreams: Sequence[Upstream],
    routing: Routing | None = None,
    headers: dict[str, str] | None = None,
    **changes: Any,
) -> Iterator[Desk]:
    """Runs a server for a task with these upstreams."""
    if shelf.champion_version(task.name) is None:
        release(shelf, task)
    routing = routing or Routing(deadline_ms=8_000, retries=0)
    opened: list[WordReader] = []
    app = make_app(
        Served(replace(task, upstreams=tuple(upstreams), routing=routing), shelf), opened=opened, **changes
    )
    for reader in opened:
        reader.fields = tuple(replace(each, abstain_below=0.85) for each in reader.fields)
    with listening(app) as url:
        yield Desk(url, shelf, headers or {}, opened)
