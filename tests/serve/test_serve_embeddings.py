"""Embeddings: the official client gets the vectors that the heads read."""

from __future__ import annotations

import asyncio
from array import array
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import openai
import pytest
from tests.serve.bank import Client, make_task, release

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.rim import Rim
from freehold.task import Task

ROUTE = "/v1/embeddings"
NEAR = pytest.approx([0.1231, 0.9847, 0.1231], abs=1e-4)
"""The vector of a text about a top-up."""


def body_with(**changes: Any) -> dict[str, Any]:
    return {"model": "banking", "input": "top up", **changes}


def test_the_official_client_embeds(url: str, shelf: Registry) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
        for options in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}, {"dimensions": 3}):
            made: Any = client.embeddings.create(model="banking", input=["top up", "lost"], **options)
            first, second = made.data
            assert (first.index, second.index, made.model) == (0, 1, "banking@1")
            assert (made.usage.prompt_tokens, made.usage.total_tokens) == (7, 7)
            if options != {"encoding_format": "base64"}:
                assert first.embedding == NEAR
                assert second.embedding[0] > 0.9
        with pytest.raises(openai.BadRequestError, match="have 3") as caught:
            client.embeddings.create(model="banking", input="a", dimensions=2)
        assert caught.value.param == "dimensions"
    assert list(shelf.requests("banking")) == []


def test_the_official_client_embeds_asynchronously(url: str) -> None:
    async def embed() -> None:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="unused") as client:
            made = await client.embeddings.create(model="banking@1", input="top up")
            assert made.data[0].embedding == NEAR

    asyncio.run(embed())


def test_numbers_are_packed_lowest_byte_first(client: Client) -> None:
    body = client.post(ROUTE, body_with(encoding_format="base64")).json()
    numbers = array("f", b64decode(body["data"][0]["embedding"]))
    assert list(numbers) == client.post(ROUTE, body_with()).json()["data"][0]["embedding"] == NEAR


def test_several_inputs_are_a_json_object(shelf: Registry, make_app: Callable[..., Rim], tmp_path: Any) -> None:
    task = make_task(tmp_path, name="mail", inputs=("title", "body"))
    release(shelf, task)
    whole = '{"body": "top up", "title": "hi"}'
    with Client(make_app(Served(task, shelf))) as client:
        assert client.post(ROUTE, body_with(model="mail", input=[whole])).status_code == 200
        error = client.post(ROUTE, body_with(model="mail", input=[whole, "text"])).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_input", "input[1]")


BAD: list[tuple[dict[str, Any], str, str | None, str]] = [
    ({"model": None}, "invalid_value", "model", "valid string"),
    ({"input": None}, "invalid_value", "input", "valid string"),
    ({"input": []}, "missing_value", "input", "empty"),
    ({"input": [1, 2]}, "invalid_value", "input[0]", "valid string"),
    ({"input": [["a"]]}, "invalid_value", "input[0]", "valid string"),
    ({"input": ["a"] * 4}, "too_many_rows", "input", "4 rows; the most is 3"),
    ({"encoding_format": "hex"}, "invalid_value", "encoding_format", "'base64'"),
    ({"dimensions": 0}, "invalid_value", "dimensions", "greater than or equal to 1"),
    ({"dimensions": 4}, "invalid_value", "dimensions", "have 3"),
]


@pytest.mark.parametrize(("changes", "code", "param", "message"), BAD)
def test_what_is_wrong_with_a_request_is_named(
    shelf: Registry,
    task: Task,
    make_app: Callable[..., Rim],
    changes: dict[str, Any],
    code: str,
    param: str | None,
    message: str,
) -> None:
    release(shelf, task)
    with Client(make_app(Served(task, shelf), rows_limit=3)) as client:
        response = client.post(ROUTE, body_with(**changes))
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, code, param)
    assert message in error["message"]


@pytest.mark.parametrize("model", ["bankin", "banking@9"])
def test_unknown_models_are_named(client: Client, model: str) -> None:
    error = client.post(ROUTE, body_with(model=model)).json()["error"]
    assert (error["code"], error["param"]) == ("model_not_found", "model")
