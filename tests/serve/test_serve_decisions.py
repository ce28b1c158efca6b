"""The Decisions API: questions are mapped to fields, inputs found in messages, shapes checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.serve.bank import INTENTS, Client, make_task, release

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.decisions import read_decision
from freehold.serve.questions import reply
from freehold.serve.rim import Rim
from freehold.task import Answer, Field, Label, Prediction

ROUTE = "/v1/decisions"


def choice(*values: Any, name: str | None = "intent") -> dict[str, Any]:
    options = [{"value": value, "description": "one of them"} for value in values or INTENTS]
    return {"type": "choice", "name": name, "instructions": "Which is it?", "choices": options}


def score(*labels: str, name: str = "mood") -> dict[str, Any]:
    levels = [{"label": label} for label in labels]
    return {"type": "score", "name": name, "instructions": "How?", "levels": levels}


def predicate(name: str | None = "urgent") -> dict[str, Any]:
    return {
        "type": "predicate",
        "name": name,
        "instructions": [{"type": "input_text", "text": "Is it urgent?"}],
    }


def ask(client: Client, *questions: Any, input: Any = "top up now", **more: Any) -> Any:
    body = {"model": "banking", "input": input, "questions": questions, **more}
    response = client.post(ROUTE, body)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_three_kinds_are_answered_in_the_order_of_the_questions(client: Client) -> None:
    decision = ask(client, score("1", "2", "3"), predicate(), choice())
    assert decision == {
        "model": "banking@1",
        "answers": [
            {
                "type": "score",
                "name": "mood",
                "score": 1.0,
                "confidence": 0.5,
                "probabilities": [
                    {"label": "1", "value": 0, "probability": 0.25},
                    {"label": "2", "value": 1, "probability": 0.5},
                    {"label": "3", "value": 2, "probability": 0.25},
                ],
            },
            {"type": "predicate", "name": "urgent", "probability": 0.9},
            {
                "type": "choice",
                "name": "intent",
                "choice": "top_up",
                "confidence": 0.8,
                "probabilities": [
                    {"value": "lost_card", "probability": 0.1},
                    {"value": "top_up", "probability": 0.8},
                    {"value": "transfer", "probability": 0.1},
                ],
            },
        ],
        "usage": {
            "input_tokens": 5,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 0,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 5,
        },
    }


def test_fewer_choices_share_the_probability(client: Client) -> None:
    (answer,) = ask(client, choice("transfer", "top_up"))["answers"]
    assert [each["value"] for each in answer["probabilities"]] == ["transfer", "top_up"]
    shares = [each["probability"] for each in answer["probabilities"]]
    assert shares == pytest.approx([1 / 9, 8 / 9])
    assert (answer["choice"], answer["confidence"]) == ("top_up", shares[1])


def test_levels_count_in_the_order_of_the_question_and_may_be_descriptions(client: Client) -> None:
    (answer,) = ask(client, score("glad", "calm"))["answers"]
    assert [(each["label"], each["value"]) for each in answer["probabilities"]] == [("glad", 0), ("calm", 1)]
    assert answer["score"] == pytest.approx(2 / 3)
    assert answer["confidence"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "question",
    [
        choice(name="colour"),
        choice(name=None),
        choice(name="urgent"),
        choice("lost_card", "stolen_card"),
        choice("lost_card", True),
        predicate("intent"),
        predicate(None),
        score("1", "4"),
        score("1", "angry"),
        score("1", "2", name="urgent"),
    ],
)
def test_what_the_task_cannot_answer_is_refused_alone(client: Client, question: dict[str, Any]) -> None:
    first, second = ask(client, question, predicate())["answers"]
    assert first == {"type": "refusal", "name": question["name"]}
    assert second["type"] == "predicate"


USER = {"role": "user", "content": "top up"}
MESSAGES: list[tuple[Any, str]] = [
    ("", ""),
    ([USER], "top up"),
    ([{"role": "system", "content": "Be brief."}, USER, {**USER, "type": "message"}], "top up\ntop up"),
    (
        [
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}],
            }
        ],
        "a\nb",
    ),
    ([{"role": "user", "content": [{"type": "input_json", "data": {"text": "a"}}]}], "a"),
    ([{"role": "user", "content": [{"type": "input_json", "data": {"txt": [1, "ä"]}}]}], '{"txt": [1, "ä"]}'),
    ([{"role": "user", "content": [{"type": "input_json", "data": [{"text": "a"}]}]}], '[{"text": "a"}]'),
    ([USER, {"role": "user", "content": [{"type": "input_json", "data": {"text": "a"}}]}], "top up\na"),
    (
        [
            USER,
            {"role": "assistant", "content": [{"type": "output_text", "text": "Sure."}], "phase": None},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "3"},
        ],
        "top up",
    ),
]


@pytest.mark.parametrize(("given", "read"), MESSAGES)
def test_the_task_reads_what_the_user_says(client: Client, shelf: Registry, given: Any, read: str) -> None:
    ask(client, predicate(), input=given)
    (recorded,) = shelf.requests("banking")
    assert recorded.inputs == {"text": read}


def test_decisions_are_recorded_and_take_feedback(client: Client, shelf: Registry) -> None:
    body = {"model": "banking@1", "input": "I lost it", "questions": [choice()]}
    request = client.post(ROUTE, body).headers["x-request-id"]
    recorded = shelf.request(request)
    assert recorded is not None
    assert set(recorded.answers) == {"intent", "urgent", "mood"}
    said = client.post("/v1/tasks/banking/feedback", {"request": request, "correct": {"intent": "transfer"}})
    assert said.status_code == 200


def test_what_clients_send_along_is_taken(client: Client) -> None:
    ask(
        client,
        choice(),
        prompt_cache_key="k",
        prompt_cache_options={"mode": "implicit"},
        safety_identifier="u",
    )


def body_with(**changes: Any) -> dict[str, Any]:
    return {"model": "banking", "input": "a", "questions": [predicate()], **changes}


DEEP: Any = {"a": 1}
for _ in range(33):
    DEEP = {"a": DEEP}
IMAGE = {"type": "input_image", "image_url": "https://example.com/a.png"}

BAD: list[tuple[Any, str, str | None, str]] = [
    ([], "invalid_value", None, "`body`"),
    ({"input": "a", "questions": []}, "missing_value", "model", "`model`: Field required."),
    (body_with(model=3), "invalid_value", "model", "valid string"),
    (body_with(input=None), "invalid_value", "input", "valid string, or Input should be a valid list"),
    (body_with(input=[5]), "invalid_value", "input[0]", "`input[0]`"),
    (body_with(input=[{"role": "robot", "content": ""}]), "invalid_value", "input[0].role", "'developer'"),
    (body_with(input=[{"role": "user"}]), "missing_value", "input[0].content", "Field required"),
    (body_with(input=[{"type": "web_search"}]), "invalid_value", "input[0].type", "'function_call'"),
    (
        body_with(input=[{"role": "user", "content": [{"type": "input_text"}]}]),
        "missing_value",
        "input[0].content[0].text",
        "Field required",
    ),
    (
        body_with(input=[{"role": "user", "content": [IMAGE]}]),
        "unsupported_input",
        "input[0].content[0]",
        "The task reads text",
    ),
    (
        body_with(input=[{"role": "user", "content": [{"type": "input_json", "data": DEEP}]}]),
        "invalid_value",
        "input[0].content[0]",
        "at most 32 levels",
    ),
    (body_with(input=[{"role": "system", "content": "a"}]), "missing_input", "input", "no user message"),
    (body_with(input=[]), "missing_input", "input", "no user message"),
    (body_with(questions=[]), "invalid_value", "questions", "at least 1 item"),
    (body_with(questions=[predicate()] * 401), "invalid_value", "questions", "at most 400 items"),
    (body_with(questions=[{"type": "essay"}]), "invalid_value", "questions[0]", "'predicate'"),
    (body_with(questions=[{"type": "predicate"}]), "missing_value", "questions[0].instructions", "required"),
    (body_with(questions=[choice("lost_card")]), "invalid_value", "questions[0].choices", "at least 2 items"),
    (body_with(questions=[choice("a", "a")]), "invalid_value", "questions[0].choices", "must be unique"),
    (body_with(questions=[choice("a", 1)]), "invalid_value", "questions[0].choices[1].value", "valid string"),
    (body_with(questions=[score("1")]), "invalid_value", "questions[0].levels", "at least 2 items"),
    (body_with(questions=[score("1", "1")]), "invalid_value", "questions[0].levels", "must be unique"),
]


@pytest.mark.parametrize(("body", "code", "param", "message"), BAD)
def test_what_is_wrong_with_a_request_is_named(
    client: Client, body: Any, code: str, param: str | None, message: str
) -> None:
    response = client.post(ROUTE, body)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, code, param)
    assert message in error["message"]


def test_a_text_and_a_boolean_that_read_the_same_differ(client: Client) -> None:
    assert ask(client, choice("true", True))["answers"][0]["type"] == "refusal"


@pytest.mark.parametrize("model", ["bankin", "banking@9", "banking@x", ""])
def test_unknown_models_are_named(client: Client, model: str) -> None:
    response = client.post(ROUTE, body_with(model=model))
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")


def test_several_inputs_come_as_one_json_object(
    shelf: Registry, make_app: Callable[..., Rim], tmp_path: Any
) -> None:
    task = make_task(tmp_path, name="mail", inputs=("title", "body"))
    release(shelf, task)
    part = {"type": "input_json", "data": {"body": "top up", "title": "hi"}}
    with Client(make_app(Served(task, shelf))) as client:
        whole = body_with(model="mail", input=[{"role": "user", "content": [part]}])
        assert client.post(ROUTE, whole).status_code == 200
        assert list(shelf.requests("mail")[0].inputs) == ["body", "title"]
        for given in ("text", [{"role": "user", "content": [part, {"type": "input_text", "text": "a"}]}]):
            error = client.post(ROUTE, body_with(model="mail", input=given)).json()["error"]
            assert (error["code"], error["param"]) == ("invalid_input", "input")
            assert "one `input_json` part with `title`, `body`" in error["message"]


def test_a_field_abstains_by_refusal() -> None:
    field = Field("intent", "choice", labels=(Label("a"), Label("b")), abstain_below=0.9)
    answer = Answer("a", 0.8, {"a": 0.8, "b": 0.2}, abstained=True)
    request = read_decision(body_with(questions=[choice("a", "b")]))
    prediction = Prediction("banking", "banking@1", "r", {"intent": answer})
    assert reply(request.questions, fields=[field], prediction=prediction) == [
        {"type": "refusal", "name": "intent"}
    ]
