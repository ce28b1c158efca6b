"""Models, health, metrics, the OpenAPI document, and the one error shape over all routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.serve.bank import INTENTS, Client, release, routes

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.faults import Code
from freehold.serve.rim import Rim
from freehold.task import Task


def test_models_are_listed_oldest_first(client: Client, shelf: Registry, task: Task) -> None:
    release(shelf, task, favourite="top_up", passed=False)
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    first, second = listed["data"]
    champion = shelf.champion("banking")
    assert champion is not None
    assert first == {
        "id": "banking@1",
        "object": "model",
        "created": first["created"],
        "owned_by": "freehold",
        "task": "banking",
        "version": 1,
        "digest": champion.artifact.digest,
        "champion": True,
        "state": "champion",
        "verdict": champion.verdict.to_json(),
    }
    assert isinstance(first["created"], int)
    assert (second["id"], second["champion"], second["state"]) == ("banking@2", False, "refused")


def test_a_model_is_found_by_task_or_version(client: Client) -> None:
    assert client.get("/v1/models/banking").json() == client.get("/v1/models/banking@1").json()
    for name in ("banking@2", "bankin", "banking@one", "@", "%00"):
        response = client.get(f"/v1/models/{name}")
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["param"]) == (404, "model_not_found", "id")


def test_a_task_without_champion_has_no_model(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    with Client(make_app(Served(task, shelf))) as client:
        assert client.get("/v1/models").json()["data"] == []
        assert client.get("/v1/models/banking").status_code == 404


def test_probes_answer_get_and_head(client: Client) -> None:
    assert client.get("/livez").json() == {"alive": True}
    assert client.get("/readyz").json() == {
        "ready": True,
        "tasks": {"banking": {"ready": True, "model": "banking@1", "problem": None}},
    }
    for path in ("/livez", "/readyz"):
        assert client.ask("HEAD", path).status_code == 200


def test_a_server_without_tasks_is_ready(make_app: Callable[..., Rim]) -> None:
    with Client(make_app()) as client:
        assert client.get("/readyz").json() == {"ready": True, "tasks": {}}


def test_metrics_count_requests_predictions_and_feedback(client: Client) -> None:
    request = client.post("/v1/tasks/banking", {"text": "a"}).json()["request"]
    client.post("/v1/tasks/banking", [{"text": "a"}, {"text": "b"}])
    client.post("/v1/tasks/banking/feedback", {"request": request, "rating": "up"})
    client.get("/made/up")
    client.ask("BREW", "/livez")
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    families = list(text_string_to_metric_families(response.text))
    found = {(each.name, *sorted(each.labels.values())): each.value for f in families for each in f.samples}
    assert found["freehold_http_requests_total", "/v1/tasks/{task}", "200", "POST"] == 2
    assert found["freehold_http_requests_total", "404", "GET", "unmatched"] == 1
    assert found["freehold_http_requests_total", "/livez", "405", "other"] == 1
    assert found["freehold_predictions_total", "banking", "banking@1"] == 3
    assert found["freehold_feedback_total", "accepted", "banking"] == 1
    assert found["freehold_champion_version", "banking"] == 1
    assert found["freehold_model_seconds_count", "banking", "champion"] == 2
    assert found["freehold_batch_rows_sum", "banking", "champion"] == 3


def test_two_apps_count_apart(client: Client, make_app: Callable[..., Rim]) -> None:
    client.get("/livez")
    with Client(make_app()) as other:
        assert 'route="/livez"' not in other.get("/metrics").text


def test_openapi_has_the_tasks_real_schemas(client: Client) -> None:
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert schemas["banking.inputs"] == {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
        "additionalProperties": False,
    }
    answers = schemas["banking.prediction"]["properties"]["answers"]["properties"]
    assert answers["intent"]["properties"]["value"]["enum"] == list(INTENTS)
    assert answers["urgent"]["properties"]["value"] == {"type": "boolean"}
    assert schemas["Error"]["properties"]["error"]["properties"]["code"]["enum"] == list(get_args(Code))


def test_openapi_has_every_route_and_no_dangling_reference(client: Client) -> None:
    document = client.get("/openapi.json").json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(method, path.replace("{task}", "banking")) for method, path in routes(client.app)}
    for reference in _references(document):
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for inner in value.values() for each in _references(inner)]
    return [each for inner in value for each in _references(inner)] if isinstance(value, list) else []


def test_openapi_tells_of_the_token(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    with Client(make_app(Served(task, shelf), token="t"), headers={"authorization": "Bearer t"}) as client:
        document = client.get("/openapi.json").json()
    assert document["security"] == [{"token": []}]
    assert document["paths"]["/livez"]["get"]["security"] == []


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "unknown_route"),
        ("GET", "/v1/tasks/banking/", 404, "unknown_route"),
        ("GET", "/docs", 404, "unknown_route"),
        ("POST", "/v1/completions", 404, "unknown_route"),
        ("GET", "/v1/decisions", 405, "method_not_allowed"),
        ("GET", "/v1/systemone", 405, "method_not_allowed"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("GET", "/v1/embeddings", 405, "method_not_allowed"),
        ("GET", "/v1/tasks/banking", 405, "method_not_allowed"),
        ("OPTIONS", "/v1/decisions", 405, "method_not_allowed"),
        ("POST", "/v1/tasks/nope", 404, "task_not_found"),
        ("POST", "/v1/tasks/%F0%9F%98%80", 404, "task_not_found"),
        ("POST", "/v1/tasks/banking@9", 404, "model_not_found"),
        ("POST", "/v1/tasks/nope/feedback", 404, "task_not_found"),
        ("GET", "/v1/tasks/nope/feedback", 404, "task_not_found"),
        ("DELETE", "/v1/tasks/nope/feedback/x", 404, "task_not_found"),
    ],
)
def test_every_route_says_what_went_wrong_in_one_shape(
    client: Client, method: str, path: str, status: int, code: str
) -> None:
    response = client.ask(method, path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert list(response.json()) == ["error"]
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    if status == 405:
        assert response.headers["allow"]


def test_the_nearest_task_is_named(client: Client) -> None:
    message = client.post("/v1/tasks/bankng").json()["error"]["message"]
    assert message == "There is no task 'bankng' here; did you mean `banking`?"
