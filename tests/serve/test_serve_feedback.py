"""Feedback over HTTP: given, listed, taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.serve.bank import INTENTS, Client

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.rim import Rim
from freehold.task import Task

ROUTE = "/v1/tasks/banking"


def ask(client: Client, text: str = "I lost it") -> str:
    return str(client.post(ROUTE, {"text": text}).json()["request"])


def test_feedback_right_after_the_answer_finds_its_request(client: Client, shelf: Registry) -> None:
    request = ask(client)
    response = client.post(
        ROUTE + "/feedback", {"request": request, "correct": {"intent": "top_up"}}, headers={"x-maker": "ana"}
    )
    assert response.status_code == 200
    (kept,) = shelf.feedback("banking")
    assert response.json() == {"accepted": [kept.id], "rejected": [], "batch": kept.batch}
    assert (kept.request, kept.inputs, kept.maker) == (request, {"text": "I lost it"}, "person:ana")


def test_a_list_is_taken_row_by_row(client: Client) -> None:
    rows = [
        {"request": ask(client), "rating": "up"},
        {"inputs": {"text": "my card is gone"}, "correct": {"intent": "lost_card"}},
        {"inputs": {"text": "x"}, "correct": {"intent": "lost"}},
    ]
    receipt = client.post(ROUTE + "/feedback", rows).json()
    assert len(receipt["accepted"]) == 2
    assert receipt["rejected"] == [
        {"index": 2, "reason": "`intent` has no label 'lost'; did you mean `lost_card`?"}
    ]


def test_labels_found_in_the_data_are_those_of_the_champion(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    row = {"inputs": {"text": "x"}, "correct": {"intent": "brand_new"}}
    with Client(make_app(Served(task, shelf))) as nobody_knows:
        assert nobody_knows.post(ROUTE + "/feedback", row).status_code == 200


def test_a_single_row_that_is_refused_is_an_error(client: Client) -> None:
    response = client.post(ROUTE + "/feedback", {"request": "never", "rating": "up"})
    assert response.status_code == 400
    assert response.json()["error"] == {
        "message": "`banking` was never asked a request 'never'.",
        "type": "invalid_request_error",
        "param": None,
        "code": "feedback_rejected",
    }


def test_feedback_is_listed_in_order_and_by_kind(client: Client) -> None:
    request = ask(client)
    for said in ({"rating": 1}, {"outcome": {"sold": True}}, {"correct": {"intent": INTENTS[0]}}):
        client.post(ROUTE + "/feedback", {"request": request, **said})
    rows = client.get(ROUTE + "/feedback").json()["data"]
    assert [row["kind"] for row in rows] == ["rating", "outcome", "correction"]
    assert rows[1]["value"] == {"outcome": {"sold": True}}
    assert [row["kind"] for row in client.get(ROUTE + "/feedback?kind=outcome").json()["data"]] == ["outcome"]


def test_a_row_and_a_batch_can_be_withdrawn(client: Client) -> None:
    request = ask(client)
    rows = [{"request": request, "rating": n} for n in range(3)]
    receipt = client.post(ROUTE + "/feedback", rows).json()
    first, batch = receipt["accepted"][0], receipt["batch"]
    gone = client.ask("DELETE", f"{ROUTE}/feedback/{first}")
    assert gone.json() == {"id": first, "object": "feedback", "withdrawn": 1}
    assert client.ask("DELETE", f"{ROUTE}/feedback/{batch}").json()["withdrawn"] == 2
    again = client.ask("DELETE", f"{ROUTE}/feedback/{batch}")
    assert (again.status_code, again.json()["error"]["code"]) == (404, "feedback_not_found")
    assert client.get(ROUTE + "/feedback").json()["data"] == []
    assert len(client.get(ROUTE + "/feedback?withdrawn=true").json()["data"]) == 3


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("GET", "/feedback?kind=praise", {}, 400, "invalid_parameter"),
        ("GET", "/feedback?withdrawn=maybe", {}, 400, "invalid_parameter"),
        ("DELETE", "/feedback/%00", {}, 404, "feedback_not_found"),
        ("DELETE", "/feedback/nope", {}, 404, "feedback_not_found"),
        ("POST", "/feedback", {"x-maker": " "}, 400, "invalid_parameter"),
        ("POST", "/feedback", {"x-maker": "x" * 65}, 400, "invalid_parameter"),
    ],
)
def test_what_cannot_be_meant_is_named(
    client: Client, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    response = client.ask(method, ROUTE + path, headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("body", [[], None, 5, "text", [5], [[]], {"request": {}}])
def test_feedback_of_another_shape_is_refused(client: Client, body: object) -> None:
    response = client.post(ROUTE + "/feedback", body)
    said = response.json()
    assert response.status_code == 400 or said["accepted"] == []
