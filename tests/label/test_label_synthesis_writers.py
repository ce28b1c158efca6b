"""Asking for texts over HTTP: a local server that answers by rules stands for a model; it shows nothing of one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.serve.faulty import Call, Faulty, completion, reply, reset, status, upstream

from freehold.label.synthesis import Prompt, Written
from freehold.label.synthesis.purse import Amount, Purse
from freehold.label.synthesis.remote_writer import RemoteWriter, prepare
from freehold.task import Price, Upstream

ALL = Amount(None, None)
PRICE = Price(1.0, 2.0)
"""One call of the server: 100 tokens read and 10 written, 120 millionths of the currency."""


async def says(call: Call) -> None:
    """Answers each text that is wanted with the row and the text's name."""
    wanted = call.body["response_format"]["json_schema"]["schema"]["required"]
    row = json.loads(call.body["messages"][1]["content"])["row"]
    await call.send(reply(completion({name: f"{row} {name}" for name in wanted})))


def prompts(count: int) -> list[Prompt]:
    return [Prompt("Say it again.", {"row": f"row {number}"}, ("a", "b"), number) for number in range(count)]


def writer(folder: Path, server: Faulty, *, limit: Amount = ALL, tokens: int = 100) -> RemoteWriter:
    asked = Upstream("big", server.url, "m", 1.0, (), price=PRICE, output_tokens=tokens)
    return RemoteWriter(asked, purse=Purse(folder / "spent.jsonl", limit), cache=folder / "cache")


def test_texts_come_back_with_how_they_were_made(tmp_path: Path) -> None:
    with upstream(says) as server:
        found = writer(tmp_path, server).write(prompts(2))
    assert all(found)
    first = found[0]
    assert first is not None
    assert first.texts == {"a": "row 0 a", "b": "row 0 b"}
    assert first.making == {
        "prompt": {"instructions": "Say it again.", "data": {"row": "row 0"}},
        "model": "m",
        "parameters": {"seed": 0, "max_completion_tokens": 100},
        "tokens": 110,
        "cost": 0.00012,
    }
    body = server.calls[0].body
    assert "row" not in body["messages"][0]["content"], "data is no instruction"
    assert body["response_format"]["json_schema"]["strict"] is True


def test_what_was_answered_is_kept_and_costs_nothing_again(tmp_path: Path) -> None:
    with upstream(says) as server:
        first = writer(tmp_path, server).write(prompts(3))
        again = writer(tmp_path, server)
        assert again.write(prompts(3)) == first
        assert len(server.calls) == 3
        assert (again.spending().kept, again.spending().calls) == (3, 0)
        kept = next((tmp_path / "cache" / "writings").iterdir())
        kept.write_text(kept.read_text().replace("row", "cow"))
        assert writer(tmp_path, server).write(prompts(3)) == first, "what is damaged is asked for again"
        assert len(server.calls) == 4


@pytest.mark.parametrize("limit", [0, 1, 400, 1_000, 2_000, 5_000, 50_000])
def test_a_budget_of_tokens_is_never_passed(limit: int, tmp_path: Path) -> None:
    with upstream(says) as server:
        asked = writer(tmp_path, server, limit=Amount(None, limit))
        found = asked.write(prompts(12))
    spent = asked.spending()
    assert spent.tokens == 110 * len(server.calls) <= limit
    assert spent.refused == found.count(None)
    worst = prepare(Upstream("big", server.url, "m", 1.0, (), output_tokens=100), prompts(1)[0]).tokens + 100
    left = limit - spent.tokens
    assert not spent.refused or left < worst + 10, "it stops only where one more might cost too much"


def test_a_budget_of_money_is_never_passed(tmp_path: Path) -> None:
    with upstream(says) as server:
        asked = writer(tmp_path, server, limit=Amount(2_000_000, None))
        asked.write(prompts(30))
        assert 0 < asked.spending().cost == 120_000 * len(server.calls) <= 2_000_000


def test_restarts_do_not_spend_it_twice(tmp_path: Path) -> None:
    limit = Amount(None, 1_500)
    with upstream(says) as server:
        for start in range(6):
            writer(tmp_path, server, limit=limit).write(prompts(6)[start:])
        assert Purse(tmp_path / "spent.jsonl", limit).tokens == 110 * len(server.calls) <= 1_500


def test_what_was_put_aside_and_never_settled_counts_in_full(tmp_path: Path) -> None:
    purse = Purse(tmp_path / "spent.jsonl", Amount(100, 100))
    assert purse.put_aside(60, 10)
    assert not Purse(tmp_path / "spent.jsonl", Amount(100, 100)).put_aside(60, 10)
    with (tmp_path / "spent.jsonl").open("ab") as file:
        file.write(b'["call-1", 4')
    assert Purse(tmp_path / "spent.jsonl", Amount(100, 100)).cost == 60, "a line that was cut short is none"


def test_what_passes_is_tried_again_and_what_does_not_is_not(tmp_path: Path) -> None:
    async def flaky(call: Call) -> None:
        await (status("503 Away") if call.number == 1 else says)(call)

    with upstream(flaky) as server:
        assert isinstance(writer(tmp_path, server).write(prompts(1))[0], Written)
        assert len(server.calls) == 2
    with upstream(status("401 Who")) as server:
        (tmp_path / "other").mkdir()
        refused = writer(tmp_path / "other", server)
        assert refused.write(prompts(1)) == [None]
        assert (len(server.calls), refused.spending().failed, refused.spending().cost) == (1, 1, 0)


def test_a_call_that_was_cut_counts_at_its_worst(tmp_path: Path) -> None:
    with upstream(reset) as server:
        asked = writer(tmp_path, server)
        assert asked.write(prompts(1)) == [None]
        request = prepare(replace(asked._upstream), prompts(1)[0])
        assert asked.spending().tokens == len(server.calls) * (request.tokens + 100)


@pytest.mark.parametrize("answer", ["no json", {"a": "x"}, {"a": "x", "b": 1}, {"a": "x", "b": "y", "c": "z"}])
def test_an_answer_that_does_not_fit_is_none(answer: object, tmp_path: Path) -> None:
    async def wrong(call: Call) -> None:
        await call.send(reply(completion(answer)))

    with upstream(wrong) as server:
        asked = writer(tmp_path, server)
        assert asked.write(prompts(1)) == [None]
        assert asked.spending().tokens == 110, "it was paid all the same"
