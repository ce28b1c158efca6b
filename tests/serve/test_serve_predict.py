"""The typed route: what it takes, what it answers, what it writes down."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.serve.bank import Client, release

from freehold.registry import Registry
from freehold.task import Task

ROUTE = "/v1/tasks/banking"


def test_an_object_gives_one_prediction_in_the_contracts_shape(client: Client) -> None:
    response = client.post(ROUTE, {"text": "I lost my card"})
    assert response.status_code == 200
    assert response.json() == {
        "task": "banking",
        "model": "banking@1",
        "request": response.headers["x-request-id"],
        "answers": {
            "intent": {
                "value": "lost_card",
                "confidence": 0.8,
                "probabilities": {"lost_card": 0.8, "top_up": 0.1, "transfer": 0.1},
                "abstained": False,
            },
            "urgent": {
                "value": False,
                "confidence": 0.75,
                "probabilities": {"false": 0.75, "true": 0.25},
                "abstained": False,
            },
            "mood": {
                "value": 2,
                "confidence": 0.5,
                "probabilities": {"1": 0.25, "2": 0.5, "3": 0.25},
                "abstained": False,
            },
        },
    }


def test_a_list_gives_a_list_with_an_id_each(client: Client, shelf: Registry) -> None:
    response = client.post(ROUTE, [{"text": "top up"}, {"text": "transfer"}], headers={"x-request-id": "r"})
    predictions = response.json()
    assert [each["answers"]["intent"]["value"] for each in predictions] == ["top_up", "transfer"]
    assert [each["request"] for each in predictions] == ["r.0", "r.1"]
    recorded = shelf.request("r.1")
    assert recorded is not None
    assert recorded.inputs == {"text": "transfer"}


def test_every_request_is_recorded_with_its_answer_and_model(client: Client, shelf: Registry) -> None:
    prediction = client.post(ROUTE, {"text": "top up now"}).json()
    recorded = shelf.request(prediction["request"])
    assert recorded is not None
    assert (recorded.task, recorded.model) == ("banking", "banking@1")
    assert recorded.answers == prediction["answers"]
    assert recorded.milliseconds >= 0


def test_a_version_can_be_asked_by_its_number(client: Client, shelf: Registry, task: Task) -> None:
    release(shelf, task, favourite="top_up", passed=False)
    first = client.post(ROUTE + "@1", {"text": "?"}).json()
    second = client.post(ROUTE + "@2", {"text": "?"}).json()
    assert (first["model"], first["answers"]["intent"]["value"]) == ("banking@1", "transfer")
    assert (second["model"], second["answers"]["intent"]["value"]) == ("banking@2", "top_up")


BAD: list[tuple[Any, str, str | None, str]] = [
    ({}, "missing_input", "text", "Input `text` is missing."),
    ({"txt": "a"}, "unknown_input", "txt", "There is no input 'txt'; did you mean `text`?"),
    ({"text": 5}, "invalid_input", "text", "Input `text` must be a string, not a number."),
    ({"text": None}, "invalid_input", "text", "Input `text` must be a string, not null."),
    ("text", "invalid_input", None, "Inputs are an object with `text`, not a string."),
    (None, "invalid_input", None, "Inputs are an object with `text`, not null."),
    ([], "missing_value", None, "The list is empty; it needs at least one row."),
    ([{"text": "a"}, {"text": True}], "invalid_input", "[1].text", "must be a string, not a boolean."),
    ([[]], "invalid_input", "[0]", "not a list."),
    ([{"text": "a"}] * 1001, "too_many_rows", None, "The list has 1,001 rows; the most is 1,000."),
]


@pytest.mark.parametrize(("body", "code", "param", "message"), BAD)
def test_inputs_that_do_not_fit_are_named(
    client: Client, body: Any, code: str, param: str | None, message: str
) -> None:
    response = client.post(ROUTE, body)
    error = response.json()["error"]
    assert response.status_code == 400
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)
    assert message in error["message"]


BROKEN = [
    (b"", "The body is empty; JSON was expected."),
    (b'{"text": "a"', "The body is not JSON: expecting ',' delimiter at line 1, column 13."),
    (b'{"text": "\xff"}', "The body is not UTF-8: byte 10 cannot be read."),
    (b'{"text": NaN}', "The body is not JSON: NaN is no JSON number."),
    (b'{"text": 1e999}', "The body has a number that is too large."),
    (b'{"text": ' + b"9" * 5000 + b"}", "The body has a number that is too long."),
    (b'{"text": "a", "text": "b"}', "The body has an object with the name 'text' twice."),
    (b'{"text": "\\ud800"}', "half of a surrogate pair"),
    (b'{"text": "a\\u0000b"}', "NUL character"),
    (b"[" * 65 + b"]" * 65, "nested deeper than 64 levels"),
    (b"[" * 200_000, "nested deeper than 64 levels"),
]


@pytest.mark.parametrize(("content", "message"), BROKEN)
def test_bodies_that_are_not_plain_json_are_refused(client: Client, content: bytes, message: str) -> None:
    response = client.post(ROUTE, content=content)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "invalid_json")
    assert message in error["message"]


def test_a_byte_order_mark_is_no_mistake(client: Client) -> None:
    assert client.post(ROUTE, content=b'\xef\xbb\xbf{"text": "a"}').status_code == 200


def test_a_client_may_choose_the_request_id_once(client: Client) -> None:
    headers = {"x-request-id": "order-7.a_B"}
    first = client.post(ROUTE, {"text": "top up"}, headers=headers)
    assert first.json()["request"] == first.headers["x-request-id"] == "order-7.a_B"
    again = client.post(ROUTE, {"text": "top up"}, headers=headers)
    assert again.json() == first.json()
    other = client.post(ROUTE, {"text": "lost"}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "request_id_taken")


def test_of_two_requests_with_one_id_at_one_moment_one_is_answered(client: Client, shelf: Registry) -> None:
    def ask(text: str) -> tuple[int, str]:
        response = client.post(ROUTE, {"text": text}, headers={"x-request-id": "same"})
        return response.status_code, text

    with ThreadPoolExecutor(8) as pool:
        told = dict(pool.map(ask, map(str, range(8))))
    recorded = shelf.request("same")
    assert recorded is not None
    assert told[200] == recorded.inputs["text"]
    assert set(told) == {200, 409}


@pytest.mark.parametrize("id_", ["", "a b", "ä", "x" * 129, "a/b", "a\tb"])
def test_request_ids_have_few_characters(client: Client, id_: str) -> None:
    response = client.post(ROUTE, {"text": "a"}, headers={"x-request-id": id_.encode()})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request_id")
    assert response.headers["x-request-id"] != id_
