"""Explanations over HTTP: asked for by a flag, beside the prediction, and never in the way of others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.serve.bank import ROW, Client, WordExplainer, release

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.rim import Rim
from freehold.task import Task

ROUTE = "/v1/tasks/banking"


def test_an_explanation_stands_beside_the_answers(client: Client, shelf: Registry) -> None:
    plain = client.post(ROUTE, {"text": "I lost my card"}).json()
    told = client.post(f"{ROUTE}?explain=true", {"text": "I lost my card"}).json()
    assert list(told) == [*plain, "explanation"]
    assert told["answers"] == plain["answers"]
    assert list(told["explanation"]) == ["pieces", "fields", "nearest"]
    [value] = told["explanation"]["fields"]["intent"]
    assert [token["text"] for token in value["tokens"]] == ["I", "lost", "my", "card"]
    assert told["explanation"]["nearest"]["rows"] == [ROW]
    recorded = shelf.request(told["request"])
    assert recorded is not None
    assert recorded.answers == told["answers"]


def test_each_row_of_a_list_has_its_own(client: Client) -> None:
    told = client.post(f"{ROUTE}?explain=true", [{"text": "top up"}, {"text": "transfer"}]).json()
    assert [each["explanation"]["fields"]["intent"][0]["value"] for each in told] == ["top_up", "transfer"]
    assert "explanation" not in client.post(f"{ROUTE}?explain=false", {"text": "top up"}).json()


@pytest.mark.parametrize(
    ("query", "rows", "code"), [("yes", 1, "invalid_parameter"), ("true", 17, "too_many_rows")]
)
def test_what_cannot_be_explained_is_not_answered(
    client: Client, shelf: Registry, query: str, rows: int, code: str
) -> None:
    response = client.post(f"{ROUTE}?explain={query}", [{"text": "top up"}] * rows)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, code, "explain")
    assert shelf.requests("banking") == []


def test_a_server_without_explainer_says_so(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    release(shelf, task)
    with Client(make_app(Served(task, shelf))) as client:
        error = client.post(f"{ROUTE}?explain=true", {"text": "a"}).json()["error"]
    assert (error["code"], error["message"]) == (
        "invalid_parameter",
        "This server was put together without explanations.",
    )


def test_predictions_do_not_wait_for_explanations(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    release(shelf, task)
    explainer = WordExplainer()
    explainer.gate.clear()
    app = make_app(Served(task, shelf), explainer=explainer, workers=1, explained_queue_limit=2)
    with Client(app) as client, ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(client.post, f"{ROUTE}?explain=true", {"text": "a"}) for _ in range(2)]
        assert explainer.asked.wait(10)
        assert client.post(ROUTE, {"text": "top up"}).status_code == 200
        while len(shelf.requests("banking")) < 3:
            threading.Event().wait(0.01)
        turned_away = client.post(f"{ROUTE}?explain=true", {"text": "a"})
        assert (turned_away.status_code, turned_away.json()["error"]["code"]) == (429, "overloaded")
        explainer.gate.set()
        assert [each.result(10).status_code for each in slow] == [200, 200]
    assert explainer.closed
