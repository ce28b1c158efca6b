"""The System One API: questions by field name, its own client over a real socket, mistakes named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import systemone
from tests.serve.bank import INTENTS, Client, WordReader, make_task, release

from freehold.registry import Registry
from freehold.serve import Served
from freehold.serve.rim import Rim
from freehold.task import Task

ROUTE = "/v1/systemone"
NOUL = {"type": "noul", "instructions": "Is it urgent?"}
CHOICE = {"type": "choice", "instructions": "Which is it?", "criteria": dict.fromkeys(INTENTS)}
SCORE = {"type": "score", "instructions": {"question": "How?"}, "criteria": ["angry", "calm", "glad"]}
ALL = {"mood": SCORE, "urgent": NOUL, "intent": CHOICE}


def body_with(**changes: Any) -> dict[str, Any]:
    return {"model": "banking", "state": "top up now", "questions": {"urgent": NOUL}, **changes}


def ask(client: Client, **changes: Any) -> Any:
    response = client.post(ROUTE, body_with(**changes))
    assert response.status_code == 200, response.text
    return response.json()


def test_the_three_kinds_are_answered_under_their_names(client: Client) -> None:
    assert ask(client, questions=ALL) == {
        "model": "banking@1",
        "answers": {
            "mood": {
                "type": "score",
                "score": 1.0,
                "confidence": 0.5,
                "legend": {"0": "angry", "1": "calm", "2": "glad"},
                "probabilities": {"0": 0.25, "1": 0.5, "2": 0.25},
            },
            "urgent": {"type": "noul", "noul": 0.9},
            "intent": {
                "type": "choice",
                "choice": "top_up",
                "confidence": 0.8,
                "probabilities": {"lost_card": 0.1, "top_up": 0.8, "transfer": 0.1},
            },
        },
        "usage": {"input_tokens": 5, "output_tokens": 0},
    }


def check(said: systemone.types.Response) -> None:
    assert said.nouls["urgent"].noul == 0.9
    assert (said.choices["intent"].choice, said.choices["intent"].confidence) == ("top_up", 0.8)
    assert said.scores["mood"].score == 1.0
    assert said.scores["mood"].legend == {"0": "angry", "1": "calm", "2": "glad"}
    assert (said.model, said.usage.input_tokens, said.usage.output_tokens) == ("banking@1", 5, 0)


QUESTIONS: dict[str, systemone.Noul | systemone.Choice | systemone.Score | dict[str, Any]] = {
    "urgent": systemone.Noul("Is it urgent?", {"true": "now", "false": "later"}),
    "intent": systemone.Choice("Which is it?", dict.fromkeys(INTENTS, "one of them")),
    "mood": systemone.Score("How?", ["angry", "calm", "glad"]),
}


def test_its_client_is_answered(url: str, shelf: Registry) -> None:
    with systemone.Client(url, model="banking") as client:
        check(client.system_one("top up now", QUESTIONS))
        check(client.system_one({"text": "top up now"}, QUESTIONS, model="banking@1"))
        with pytest.raises(systemone.SystemOneError, match="The task has no field 'colour'") as caught:
            client.system_one("a", {"colour": systemone.Noul("Is it red?")})
        assert caught.value.status == 400
    assert [recorded.inputs for recorded in shelf.requests("banking")] == [{"text": "top up now"}] * 2


def test_its_client_is_answered_asynchronously(url: str) -> None:
    async def decide() -> None:
        async with systemone.AsyncClient(url, model="banking") as client:
            for said in await asyncio.gather(*(client.system_one("top up now", QUESTIONS) for _ in range(4))):
                check(said)

    asyncio.run(decide())


def test_fewer_options_share_the_probability(client: Client) -> None:
    criteria = {"transfer": None, "top_up": "Money in."}
    answer = ask(client, questions={"intent": {**CHOICE, "criteria": criteria}})["answers"]["intent"]
    assert list(answer["probabilities"]) == ["transfer", "top_up"]
    assert list(answer["probabilities"].values()) == pytest.approx([1 / 9, 8 / 9])
    assert answer["confidence"] == answer["probabilities"]["top_up"]


@pytest.mark.parametrize(
    ("state", "read"),
    [
        ("", ""),
        ({"text": "a"}, "a"),
        ({"ticket": {"subject": "ä"}}, '{"ticket": {"subject": "ä"}}'),
        (["a", {"text": "b"}], '["a", {"text": "b"}]'),
    ],
)
def test_the_state_is_read(client: Client, shelf: Registry, state: Any, read: str) -> None:
    ask(client, state=state)
    (recorded,) = shelf.requests("banking")
    assert recorded.inputs == {"text": read}


def test_several_inputs_are_an_object(shelf: Registry, make_app: Callable[..., Rim], tmp_path: Any) -> None:
    task = make_task(tmp_path, name="mail", inputs=("title", "body"))
    release(shelf, task)
    with Client(make_app(Served(task, shelf))) as client:
        for state in ({"body": "top up", "title": "hi"}, '{"body": "top up", "title": "hi"}'):
            assert ask(client, model="mail", state=state)["usage"]["input_tokens"] == 5
        odd: list[Any] = ["text", {"title": "hi"}, [], {"title": "a", "body": 3}]
        for state in odd:
            error = client.post(ROUTE, body_with(model="mail", state=state)).json()["error"]
            assert (error["code"], error["param"]) == ("invalid_input", "state")
            assert "a JSON object with `title`, `body`" in error["message"]


def test_an_answer_below_its_threshold_says_so(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    release(shelf, task)
    opened: list[WordReader] = []
    with Client(make_app(Served(task, shelf), opened=opened)) as client:
        opened[0].fields = tuple(replace(each, abstain_below=0.85) for each in opened[0].fields)
        answers = ask(client, questions=ALL)["answers"]
    assert answers["intent"]["choice"] == "top_up"
    assert {name: answer.get("abstained") for name, answer in answers.items()} == {
        "mood": True,
        "urgent": None,
        "intent": True,
    }


BAD: list[tuple[dict[str, Any], str, str | None, str]] = [
    ({"model": None}, "invalid_value", "model", "valid string"),
    ({"state": 3}, "invalid_value", "state", "valid string"),
    ({"state": None}, "invalid_value", "state", "valid string"),
    ({"questions": {}}, "invalid_value", "questions", "at least 1 item"),
    ({"questions": [NOUL]}, "invalid_value", "questions", "valid dictionary"),
    ({"questions": {f"q{n}": NOUL for n in range(401)}}, "invalid_value", "questions", "at most 400 items"),
    ({"questions": {"urgent": {"type": "box"}}}, "invalid_value", "questions.urgent", "'noul'"),
    ({"questions": {"urgent": {}}}, "invalid_value", "questions.urgent", "discriminator"),
    ({"questions": {"intent": {"type": "choice"}}}, "missing_value", "questions.intent.criteria", "required"),
    (
        {"questions": {"intent": {**CHOICE, "criteria": {}}}},
        "invalid_value",
        "questions.intent.criteria",
        "at least 1 item",
    ),
    (
        {"questions": {"intent": {**CHOICE, "criteria": {"lost_card": None, "stolen": None}}}},
        "invalid_value",
        "questions.intent.criteria",
        "must be a label of `intent`, and none twice: `lost_card`, `top_up`, `transfer`.",
    ),
    (
        {"questions": {"mood": {**SCORE, "criteria": ["angry", "furious"]}}},
        "invalid_value",
        "questions.mood.criteria",
        "`1`, `2`, `3`",
    ),
    (
        {"questions": {"mood": {**SCORE, "criteria": ["1", "angry"]}}},
        "invalid_value",
        "questions.mood.criteria",
        "none twice",
    ),
    (
        {"questions": {"mood": {**SCORE, "criteria": [{"level": 1}, "2"]}}},
        "invalid_value",
        "questions.mood.criteria",
        "none twice",
    ),
    (
        {"questions": {"urgent": NOUL, "colour": NOUL}},
        "invalid_value",
        "questions.colour",
        "It can be asked `intent` (`choice`), `urgent` (`noul`), `mood` (`score`).",
    ),
    ({"questions": {"intent": NOUL}}, "invalid_value", "questions.intent.type", "`intent` is no `noul`."),
    ({"assets": {"a": {"type": "image"}}}, "unsupported_input", "assets", "takes no `assets`"),
    ({"images": ["aGk="]}, "unsupported_input", "images", "takes no `images`"),
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


@pytest.mark.parametrize("model", ["bankin", "banking@9", ""])
def test_unknown_models_are_named(client: Client, model: str) -> None:
    response = client.post(ROUTE, body_with(model=model))
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
