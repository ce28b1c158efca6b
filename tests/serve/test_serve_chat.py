"""Chat completions: the official client asks for JSON and gets the task's, with probabilities and in a stream."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal

import openai
import pytest
from openai.types.chat import ChatCompletion
from pydantic import BaseModel
from tests.serve.bank import Client, WordReader, listening, make_task, release

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.completions import complete
from freehold.serve.rim import Rim
from freehold.task import Answer, Field, Label, Prediction, Task

ROUTE = "/v1/chat/completions"
CONTENT = '{"intent": "top_up", "urgent": true, "mood": 2}'
USER: Any = {"role": "user", "content": "top up now"}


class Said(BaseModel):
    """What a caller declares to the official client."""

    intent: Literal["lost_card", "top_up", "transfer"]
    urgent: bool
    mood: int


class Doubtful(BaseModel):
    """A caller who lets the model abstain."""

    intent: Literal["lost_card", "top_up", "transfer"] | None
    urgent: bool
    mood: int | None


def body_with(**changes: Any) -> dict[str, Any]:
    return {"model": "banking", "messages": [USER], **changes}


def ask(client: Client, **changes: Any) -> ChatCompletion:
    response = client.post(ROUTE, body_with(**changes))
    assert response.status_code == 200, response.text
    return ChatCompletion.model_validate(response.json())


def test_the_official_client_gets_the_tasks_json(url: str, shelf: Registry) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
        said = client.chat.completions.create(
            model="banking",
            messages=[{"role": "system", "content": "Answer in JSON."}, USER],
            response_format={"type": "json_object"},
            temperature=0.2,
            max_tokens=1,
            seed=7,
        )
        (choice,) = said.choices
        assert (choice.message.content, choice.message.refusal) == (CONTENT, None)
        assert (choice.finish_reason, choice.logprobs, said.model) == ("stop", None, "banking@1")
        assert said.usage is not None
        assert (said.usage.prompt_tokens, said.usage.completion_tokens, said.usage.total_tokens) == (5, 0, 5)
        assert said.id == said._request_id
        recorded = shelf.request(said.id)
        assert recorded is not None
        assert recorded.inputs == {"text": "top up now"}


def test_the_official_client_parses_into_a_model(url: str) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
        parsed = client.chat.completions.parse(model="banking", messages=[USER], response_format=Said)
        assert parsed.choices[0].message.parsed == Said(intent="top_up", urgent=True, mood=2)
        with client.chat.completions.stream(model="banking", messages=[USER], response_format=Doubtful) as stream:
            final = stream.get_final_completion()
        assert final.choices[0].message.parsed == Doubtful(intent="top_up", urgent=True, mood=2)
        with pytest.raises(openai.BadRequestError, match="needs `logprobs: true`") as caught:
            client.chat.completions.create(model="banking", messages=[USER], top_logprobs=3)
        assert caught.value.param == "top_logprobs"


def test_the_official_client_streams(url: str) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
        chunks = list(client.chat.completions.create(model="banking", messages=[USER], stream=True))
        first, last = chunks
        assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", CONTENT)
        assert (last.choices[0].delta.content, last.choices[0].finish_reason) == (None, "stop")
        assert {each.object for each in chunks} == {"chat.completion.chunk"}
        *said, usage = client.chat.completions.create(
            model="banking", messages=[USER], stream=True, stream_options={"include_usage": True}
        )
        assert [each.usage for each in said] == [None, None]
        assert usage.usage is not None
        assert (usage.choices, usage.usage.total_tokens) == ([], 5)


def test_the_official_client_asks_asynchronously(url: str) -> None:
    async def converse() -> None:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="unused") as client:
            said = await client.chat.completions.parse(model="banking", messages=[USER], response_format=Said)
            assert said.choices[0].message.parsed == Said(intent="top_up", urgent=True, mood=2)
            stream = await client.chat.completions.create(model="banking@1", messages=[USER], stream=True)
            assert [each.choices[0].delta.content async for each in stream] == [CONTENT, None]

    asyncio.run(converse())


def test_a_stream_is_events_to_the_end(client: Client) -> None:
    response = client.post(ROUTE, body_with(stream=True))
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, done, rest = response.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    assert [json.loads(each.removeprefix("data: "))["object"] for each in events] == ["chat.completion.chunk"] * 2


def test_values_have_their_probabilities(client: Client) -> None:
    logprobs = ask(client, logprobs=True, top_logprobs=2).choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    tokens = {each.token: each for each in logprobs.content}
    assert "".join(tokens) == CONTENT
    assert all(bytes(each.bytes or []).decode() == each.token for each in logprobs.content)
    chances = {each.token: math.exp(each.logprob) for each in logprobs.content}
    assert chances == pytest.approx(
        {
            '{"intent": ': 1.0,
            '"top_up"': 0.8,
            ', "urgent": ': 1.0,
            "true": 0.9,
            ', "mood": ': 1.0,
            "2": 0.5,
            "}": 1.0,
        }
    )
    others = {name: [each.token for each in token.top_logprobs] for name, token in tokens.items()}
    assert others['"top_up"'] == ['"top_up"', '"lost_card"']
    assert others["true"] == ["true", "false"]
    assert others["2"] == ["2", "1"]
    assert others["}"] == ["}"]


@pytest.mark.parametrize(("asked", "given"), [({}, None), ({"logprobs": True}, 0), ({"logprobs": False}, None)])
def test_probabilities_are_given_where_they_are_asked_for(
    client: Client, asked: dict[str, Any], given: int | None
) -> None:
    logprobs = ask(client, **asked).choices[0].logprobs
    found = None if logprobs is None else {len(each.top_logprobs) for each in logprobs.content or []}
    assert found == (None if given is None else {given})


@pytest.mark.parametrize(
    ("kind", "value", "probabilities", "token", "others"),
    [
        ("choices", ["a", "b"], {"a": 0.9, "b": 0.8, "c": 0.1}, '["a", "b"]', ['["a", "b"]']),
        ("number", 2.5, {}, "2.5", ["2.5"]),
        ("spans", [{"label": "x", "start": 0, "end": 1, "text": "ä"}], {"x": 0.9}, None, None),
        ("choice", "ä", {"ä": 0.7, "b": 0.3}, '"ä"', ['"ä"', '"b"']),
    ],
)
def test_what_is_no_single_label_is_as_likely_as_the_whole(
    kind: Any, value: Any, probabilities: dict[str, float], token: str | None, others: list[str] | None
) -> None:
    answer = Answer(value, 0.7, probabilities)
    prediction = Prediction("t", "t@1", "r", {"f": answer})
    fields = [Field("f", kind, labels=tuple(Label(name) for name in probabilities))]
    made = complete(prediction, fields=fields, nullable=lambda _: True, read=3, created=0)
    found = made.tokens[1]
    assert json.loads(found.text) == value
    assert found.logprob == pytest.approx(math.log(0.7))
    if token is not None:
        assert (found.text, [text for text, _ in found.others]) == (token, others)


def test_what_cannot_be_has_the_logarithm_that_openai_gives_it() -> None:
    prediction = Prediction("t", "t@1", "r", {"f": Answer("a", 1.0, {"a": 1.0, "b": 0.0})})
    fields = [Field("f", "choice", labels=(Label("a"), Label("b")))]
    made = complete(prediction, fields=fields, nullable=lambda _: True, read=3, created=0)
    assert made.tokens[1].others == [('"a"', 0.0), ('"b"', -9999.0)]


@pytest.fixture
def doubting(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> Iterator[Client]:
    """A model that abstains from the intent and the mood."""
    release(shelf, task)
    opened: list[WordReader] = []
    with Client(make_app(Served(task, shelf), opened=opened)) as client:
        (reader,) = opened
        reader.fields = tuple(replace(each, abstain_below=0.85) for each in reader.fields)
        yield client


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    made = {"name": "said", "schema": model.model_json_schema(), "strict": True}
    return {"type": "json_schema", "json_schema": made}


@pytest.mark.parametrize("wanted", [None, {"type": "text"}, {"type": "json_object"}, schema_of(Doubtful)])
def test_a_field_that_the_model_abstains_from_is_null(doubting: Client, wanted: Any) -> None:
    (choice,) = ask(doubting, response_format=wanted, logprobs=True, top_logprobs=1).choices
    assert choice.message.content == '{"intent": null, "urgent": true, "mood": null}'
    assert choice.logprobs is not None
    assert choice.logprobs.content is not None
    null = choice.logprobs.content[1]
    assert (null.token, null.logprob, null.top_logprobs[0].token) == ("null", 0.0, '"top_up"')


def test_where_null_does_not_fit_the_model_refuses(doubting: Client) -> None:
    (choice,) = ask(doubting, response_format=schema_of(Said), logprobs=True).choices
    refusal = choice.message.refusal
    assert choice.message.content is None
    assert refusal == "The model abstains from `intent` (0.80 sure, 0.85 wanted), `mood` (0.50 sure, 0.85 wanted)."
    assert choice.logprobs is not None
    assert choice.logprobs.content is None
    assert [each.token for each in choice.logprobs.refusal or []] == [refusal]
    stream = doubting.post(ROUTE, body_with(response_format=schema_of(Said), stream=True)).text
    delta = json.loads(stream.split("\n\n")[0].removeprefix("data: "))["choices"][0]["delta"]
    assert delta == {"role": "assistant", "content": None, "refusal": refusal}


def test_the_official_client_understands_a_refusal(doubting: Client) -> None:
    with listening(doubting.app) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
        refused = client.chat.completions.parse(model="banking", messages=[USER], response_format=Said)
        assert refused.choices[0].message.parsed is None
        assert refused.choices[0].message.refusal
        doubtful = client.chat.completions.parse(model="banking", messages=[USER], response_format=Doubtful)
        assert doubtful.choices[0].message.parsed == Doubtful(intent=None, urgent=True, mood=None)


MESSAGES: list[tuple[list[Any], str]] = [
    ([{"role": "user", "content": ""}], ""),
    ([{"role": "user", "content": "old"}, {"role": "assistant", "content": "{}"}, USER], "top up now"),
    ([USER, {"role": "tool", "content": "3", "tool_call_id": "c"}], "top up now"),
    (
        [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "name": "x"}],
        "a\nb",
    ),
    ([{"role": "user", "content": '{"text": "a"}'}], "a"),
    ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a"}}]}, USER], "top up now"),
]


@pytest.mark.parametrize(("messages", "read"), MESSAGES)
def test_the_task_reads_the_last_that_the_user_says(
    client: Client, shelf: Registry, messages: list[Any], read: str
) -> None:
    ask(client, messages=messages)
    (recorded,) = shelf.requests("banking")
    assert recorded.inputs == {"text": read}


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ('{"text": "top up"}', "top up"),
        ('{"text": "top up", "more": 1}', '{"text": "top up", "more": 1}'),
        ('{"text": 1}', '{"text": 1}'),
        ('{"text": "top', '{"text": "top'),
        ('"top up"', '"top up"'),
    ],
)
def test_an_only_input_may_come_as_an_object_of_exactly_that(
    client: Client, shelf: Registry, said: str, read: str
) -> None:
    ask(client, messages=[{"role": "user", "content": said}])
    (recorded,) = shelf.requests("banking")
    assert recorded.inputs == {"text": read}


def test_several_inputs_are_a_json_object(shelf: Registry, make_app: Callable[..., Rim], tmp_path: Any) -> None:
    task = make_task(tmp_path, name="mail", inputs=("title", "body"))
    release(shelf, task)
    with Client(make_app(Served(task, shelf))) as client:
        user = {"role": "user", "content": '{"body": "top up", "title": "hi"}'}
        ask(client, model="mail", messages=[user])
        assert shelf.requests("mail")[0].inputs == {"title": "hi", "body": "top up"}
        for content in ("text", '{"title": "hi"}', '{"title": "hi", "body": "\\ud800"}', "", "[" * 5000):
            asked = body_with(model="mail", messages=[{"role": "user", "content": content}])
            error = client.post(ROUTE, asked).json()["error"]
            assert (error["code"], error["param"]) == ("invalid_input", "messages[0].content")


TOOL = {"type": "function", "function": {"name": "f"}}
BAD: list[tuple[dict[str, Any], str, str | None, str]] = [
    ({"model": 3}, "invalid_value", "model", "valid string"),
    ({"messages": []}, "invalid_value", "messages", "at least 1 item"),
    ({"messages": "hi"}, "invalid_value", "messages", "valid list"),
    ({"messages": [{"role": "robot", "content": ""}]}, "invalid_value", "messages[0]", "'user'"),
    ({"messages": [{"role": "system", "content": ""}]}, "missing_input", "messages", "no user message"),
    ({"messages": [{"role": "user"}]}, "missing_value", "messages[0].content", "Field required"),
    ({"messages": [{"role": "user", "content": []}]}, "missing_input", "messages[0].content", "no content"),
    (
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        "missing_value",
        "messages[0].content[0].text",
        "Field required",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a"}}]}]},
        "unsupported_input",
        "messages[0].content[0]",
        "takes no `image_url`",
    ),
    ({"n": 2}, "invalid_value", "n", "so it is 1"),
    ({"n": 0}, "invalid_value", "n", "so it is 1"),
    ({"tools": [TOOL]}, "invalid_value", "tools", "calls nothing"),
    ({"functions": [{"name": "f"}]}, "invalid_value", "functions", "calls nothing"),
    ({"logprobs": 3}, "invalid_value", "logprobs", "valid boolean"),
    ({"top_logprobs": 2}, "invalid_value", "top_logprobs", "needs `logprobs: true`"),
    ({"logprobs": True, "top_logprobs": 21}, "invalid_value", "top_logprobs", "less than or equal to 20"),
    ({"stream": "yes"}, "invalid_value", "stream", "valid boolean"),
    ({"stream_options": {"include_usage": True}}, "invalid_value", "stream_options", "needs `stream: true`"),
    ({"response_format": {"type": "xml"}}, "invalid_value", "response_format", "'json_object'"),
    (
        {"response_format": {"type": "json_schema"}},
        "missing_value",
        "response_format.json_schema",
        "Field required",
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "string"}}}},
        "invalid_value",
        "response_format.json_schema.schema.type",
        "The task answers `object` here",
    ),
]


@pytest.mark.parametrize(("changes", "code", "param", "message"), BAD)
def test_what_is_wrong_with_a_request_is_named(
    client: Client, shelf: Registry, changes: dict[str, Any], code: str, param: str | None, message: str
) -> None:
    response = client.post(ROUTE, body_with(**changes))
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, code, param)
    assert message in error["message"]
    assert list(shelf.requests("banking")) == []


def test_no_tools_are_no_mistake(client: Client) -> None:
    assert ask(client, n=1, tools=[], functions=None, tool_choice="none").choices[0].message.content == CONTENT
