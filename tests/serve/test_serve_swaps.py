"""A champion is swapped at once: under load, again and again, every answer is of one version and none fails."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tests.serve.bank import listening, release

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.champions import Champions
from freehold.serve.rim import Rim
from freehold.task import Task

ROUTE = "/v1/tasks/banking"
SAID = {"banking@1": "transfer", "banking@2": "top_up"}
"""What each version answers where it knows no better."""
ROWS = 40
"""More than go through the model together."""
DECISION = {
    "model": "banking",
    "input": "?",
    "questions": [
        {
            "type": "choice",
            "name": "intent",
            "instructions": "?",
            "choices": [{"value": "top_up"}, {"value": "transfer"}],
        }
    ],
}


class Asking:
    """Clients that note which version each answer is of."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.ended = threading.Event()
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self, ask: Callable[[httpx.Client], Sequence[tuple[str, str]]]) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self.ended.is_set():
                try:
                    said = set(ask(client))
                    ((model, intent),) = said
                    if SAID[model] != intent:
                        raise ValueError(said)
                except (AssertionError, LookupError, ValueError, httpx.HTTPError) as error:
                    self.wrong.append(repr(error))
                else:
                    self.seen[model] += 1


def ask_one(client: httpx.Client) -> list[tuple[str, str]]:
    return [_said(_post(client, ROUTE, {"text": "?"}))]


def ask_many(client: httpx.Client) -> list[tuple[str, str]]:
    found = _post(client, ROUTE, [{"text": "?"}] * ROWS)
    assert len(found) == ROWS
    return [_said(each) for each in found]


def ask_decision(client: httpx.Client) -> list[tuple[str, str]]:
    found = _post(client, "/v1/decisions", DECISION)
    return [(found["model"], found["answers"][0]["choice"])]


def _post(client: httpx.Client, path: str, body: Any) -> Any:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def _said(prediction: dict[str, Any]) -> tuple[str, str]:
    return prediction["model"], prediction["answers"]["intent"]["value"]


@pytest.mark.parametrize("swaps", [100, pytest.param(1_000, marks=pytest.mark.slow)])
def test_no_answer_is_lost_or_of_two_versions(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], monkeypatch: pytest.MonkeyPatch, swaps: int
) -> None:
    releases = [release(shelf, task, favourite=each) for each in SAID.values()]
    made: list[Champions] = []

    def keep(*args: Any, **options: Any) -> Champions:
        made.append(Champions(*args, **options))
        return made[0]

    monkeypatch.setattr("freehold.serve.front.Champions", keep)
    with listening(make_app(Served(task, shelf), poll_seconds=3_600)) as url:
        (slot,) = made[0]
        asking = Asking(url)
        with ThreadPoolExecutor(4) as pool:
            work = [pool.submit(asking.run, ask) for ask in (ask_one, ask_one, ask_many, ask_decision)]
            try:
                for number in range(swaps):
                    wanted = releases[number % 2]
                    shelf.promote(wanted, because="to and fro", who="ana")
                    made[0].refresh(slot)
                    assert slot.loaded is not None
                    assert slot.loaded.release.version == wanted.version
            finally:
                asking.ended.set()
            for each in work:
                each.result(30)
    assert asking.wrong == []
    assert set(asking.seen) == set(SAID)
    assert min(asking.seen.values()) > swaps / 20, "both versions answered, all along"
    for recorded in shelf.requests("banking", limit=10**6):
        intent = recorded.answers["intent"]
        assert isinstance(intent, dict)
        assert intent["value"] == SAID[recorded.model], "what is recorded is of one version, too"
