"""What upstreams cost is in the books and within budgets; what is asked is seen by nobody else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from tests.serve.bank import release
from tests.serve.faulty import Call, completion, healthy, nobody, reply, status, upstream
from tests.serve.routed import UNSURE, Open, remote, routed

from freehold.errors import UserError
from freehold.registry import Registry, Spent
from freehold.serve.purse import find_month
from freehold.serve.rim import Rim
from freehold.task import Price, Routing, Task

# money


def test_what_a_call_costs_is_in_the_books(opened: Open, shelf: Registry) -> None:
    price = Price(2.5, 10.0)
    with upstream() as server, opened(remote("cloud", server.url, price=price)) as desk:
        desk.ask()
        metrics = httpx.get(f"{desk.url}/metrics").text
    spent = shelf.spending("banking", month=find_month())
    assert spent == {"": Spent(1, 110, 350_000), "cloud": Spent(1, 110, 350_000)}
    assert 'freehold_upstream_cost_total{task="banking",upstream="cloud"} 0.00035' in metrics


def test_a_call_that_may_have_been_answered_costs_its_worst_and_one_that_was_refused_nothing(
    opened: Open, shelf: Registry
) -> None:
    async def silent(call: Call) -> None:
        await call.send(reply(completion({"intent": "top_up", "mood": 1}, usage=None)))

    with upstream(silent) as one, upstream(status("400 No")) as other, nobody() as gone:
        priced = {"price": Price(1.0, 1.0), "output_tokens": 50}
        three = (
            remote("gone", gone, **priced),
            remote("other", other.url, **priced),
            remote("one", one.url, **priced),
        )
        with opened(*three) as desk:
            desk.ask()
    spent = shelf.spending("banking", month=find_month())
    assert (spent["gone"], spent["other"]) == (Spent(1, 0, 0), Spent(1, 0, 0))
    assert spent["one"].tokens > 1_000
    assert spent["one"].cost == 1_000 * spent["one"].tokens


@pytest.mark.parametrize(
    "limit",
    [{"cost_per_month": 0.0}, {"tokens_per_month": 0}, {"cost_per_request": 0.0}, {"tokens_per_request": 100}],
)
def test_who_may_spend_nothing_asks_nobody(opened: Open, limit: dict[str, Any]) -> None:
    routing = Routing(deadline_ms=8_000, **limit)
    with upstream() as server, opened(remote("cloud", server.url, price=Price(1.0, 1.0)), routing=routing) as desk:
        response = desk.ask()
        assert response.status_code == 200
        assert response.json()["answers"]["intent"]["abstained"] is True
        assert response.headers["x-freehold-upstream"] == "cloud;outcome=budget"
        assert server.calls == []


def test_two_servers_never_overspend_together(shelf: Registry, task: Task, make_app: Callable[..., Rim]) -> None:
    """Each call is held at its worst, so that fewer are made at one moment than the budget would pay for."""
    routing = Routing(deadline_ms=20_000, retries=0, cost_per_month=0.01)
    rows = [{"text": f"{number} money now"} for number in range(60)]
    release(shelf, task)
    with upstream() as server, Registry.open(shelf.state) as other, ExitStack() as stack:
        cloud = remote("cloud", server.url, price=Price(1.0, 1.0), output_tokens=100)
        threads = []
        for each in (shelf, other):
            desk = stack.enter_context(routed(each, task, make_app, upstreams=[cloud], routing=routing))
            threads.append(threading.Thread(target=desk.post, args=(rows,)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        spent = shelf.spending("banking", month=find_month())[""]
        assert 0 < spent.cost <= 10_000_000
        assert spent == Spent(len(server.calls), 110 * len(server.calls), 110_000 * len(server.calls))


def test_an_answer_is_given_again_to_the_same_key_alone(opened: Open, shelf: Registry) -> None:
    _, one = shelf.make_key("one", scopes=["admin"])
    _, other = shelf.make_key("other", scopes=["admin"])
    routing = Routing(deadline_ms=8_000, retries=0, cache_seconds=60)
    named = {"routing": routing, "headers": {"x-api-key": one}}
    with upstream() as server, opened(remote("cloud", server.url), **named) as desk:
        first = desk.ask().json()["answers"]
        again = desk.ask()
        assert again.json()["answers"] == first
        assert again.headers["x-freehold-upstream"] == "cloud;outcome=cached"
        assert len(server.calls) == 1
        server.values["intent"] = "lost_card"
        assert desk.ask(x_api_key=other).json()["answers"]["intent"]["value"] == "lost_card"
        assert desk.ask().json()["answers"] == first
        desk.ask(f"{UNSURE}!")
        assert len(server.calls) == 3


# who may not see what


def test_the_key_is_sent_and_seen_nowhere_else(
    opened: Open, shelf: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "sk-very-hidden-0123456789"
    monkeypatch.setenv("CLOUD_KEY", secret)
    caplog.set_level(logging.DEBUG)

    async def telltale(call: Call) -> None:
        await call.send(reply(f"you sent {secret}: {UNSURE}".encode(), status="401 Who"))

    seen = ""
    for fault in (healthy, telltale):
        with upstream(fault) as server, opened(remote("cloud", server.url, key="CLOUD_KEY")) as desk:
            response = desk.ask()
            assert f"authorization: bearer {secret}" in server.calls[0].head.decode().lower()
            seen += response.text + str(response.headers) + httpx.get(f"{desk.url}/metrics").text
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("httpcore")]
    seen += "\n".join(record.getMessage() for record in caplog.records)
    assert secret not in seen
    assert UNSURE not in "\n".join(ours)
    stored = [path.read_bytes() for path in shelf.state.rglob("*") if path.is_file()]
    assert not any(secret.encode() in content for content in stored)


def test_cookies_and_redirects_of_an_upstream_are_left_alone(opened: Open) -> None:
    async def sweet(call: Call) -> None:
        await call.send(reply(call.content(), more="set-cookie: who=me; Path=/\r\n"))

    with upstream(sweet) as server, opened(remote("cloud", server.url)) as desk:
        desk.ask()
        desk.ask("other money now")
        assert all(b"cookie" not in call.head.lower() for call in server.calls)


def test_a_server_without_the_key_does_not_start(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOUD_KEY", raising=False)
    with (
        pytest.raises(UserError, match="`CLOUD_KEY` is not set"),
        opened(remote("c", "https://a.b", key="CLOUD_KEY")),
    ):
        pass
