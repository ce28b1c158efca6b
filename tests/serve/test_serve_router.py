"""What the model abstains from is passed on: whom it is asked of, and in what time."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from tests.serve.faulty import Call, healthy, slow, stall, status, upstream
from tests.serve.routed import PATIENT, UNSURE, Open, remote, tiers

from freehold.registry import Registry
from freehold.serve.purse import find_month
from freehold.task import Price, Routing

# who is asked, for what


def test_only_what_the_model_abstains_from_is_asked_for(opened: Open) -> None:
    with upstream() as server, opened(remote("cloud", server.url)) as desk:
        response = desk.ask()
        assert tiers(response) == ["cloud", "", "cloud"]
        sure = desk.ask("surely top up now")
        assert sure.json()["answers"]["intent"]["tier"] == "static"
        [call, *_] = server.calls
        assert call.body["response_format"]["json_schema"]["schema"]["required"] == ["intent", "mood"]
        assert json.loads(call.body["messages"][1]["content"]) == {"text": UNSURE}
        shares = response.json()["answers"]["intent"]["probabilities"]
        assert shares == pytest.approx({"lost_card": 0.1 / 9, "top_up": 0.9, "transfer": 0.8 / 9})


def test_fields_may_have_different_upstreams(opened: Open) -> None:
    with upstream() as one, upstream() as other:
        both = (remote("words", one.url, fields=("intent",)), remote("feelings", other.url, fields=("mood",)))
        with opened(*both) as desk:
            response = desk.ask()
    assert tiers(response) == ["words", "", "feelings"]
    assert response.headers["x-freehold-upstream"] == "words;outcome=ok, feelings;outcome=ok"


def test_what_nobody_is_asked_for_stays_abstained_and_waits_for_a_person(opened: Open, shelf: Registry) -> None:
    with upstream() as server, opened(remote("cloud", server.url, fields=("intent",))) as desk:
        for _ in range(3):
            answers = desk.ask().json()["answers"]
    assert (answers["intent"]["abstained"], answers["mood"]["abstained"]) == (False, True)
    assert [(each.field, each.inputs["text"]) for each in shelf.reviews("banking")] == [("mood", UNSURE)]


def test_a_version_that_is_named_is_routed_too_and_a_server_without_upstreams_is_as_before(opened: Open) -> None:
    with upstream() as server, opened(remote("cloud", server.url)) as desk:
        assert tiers(desk.post({"text": UNSURE}, task="banking@1")) == ["cloud", "", "cloud"]
    with opened() as desk:
        response = desk.ask()
        assert response.json()["answers"]["intent"]["abstained"] is True
        assert "x-freehold-upstream" not in response.headers
        assert desk.shelf.reviews("banking")[1:] == []


def test_a_list_is_routed_row_by_row_some_at_a_time(opened: Open) -> None:
    busy, most, lock = 0, 0, threading.Lock()

    async def counting(call: Call) -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        await asyncio.sleep(0.05)
        await healthy(call)
        with lock:
            busy -= 1

    with upstream(counting) as server, opened(remote("cloud", server.url)) as desk:
        rows = [{"text": f"{number} money now"} for number in range(30)]
        found = desk.post([*rows, {"text": "surely top up now"}])
        assert [row["answers"]["intent"]["tier"] for row in found.json()] == ["cloud"] * 30 + ["static"]
        assert len(server.calls) == 30
        assert 1 < most <= 8
        assert "x-freehold-upstream" not in found.headers
        assert desk.counted() == {("cloud", "ok"): 30}


def test_the_doors_of_other_apis_answer_with_it(opened: Open) -> None:
    with upstream() as server, opened(remote("cloud", server.url)) as desk:
        asked = {"model": "banking", "messages": [{"role": "user", "content": UNSURE}]}
        chat = httpx.post(f"{desk.url}/v1/chat/completions", json={**asked, "logprobs": True}, timeout=30)
        content = chat.json()["choices"][0]["message"]["content"]
        assert json.loads(content) == {"intent": "top_up", "urgent": True, "mood": 3}
        question: dict[str, Any] = {"type": "choice", "name": "intent", "instructions": "?"}
        more = {"value": "transfer"}
        decision = {
            "model": "banking",
            "input": UNSURE,
            "questions": [{**question, "choices": [more, {"value": "top_up"}]}],
        }
        answers = httpx.post(f"{desk.url}/v1/decisions", json=decision, timeout=30).json()["answers"]
        assert answers[0]["choice"] == "top_up"


def test_a_batch_is_routed(opened: Open) -> None:
    with upstream() as server, opened(remote("cloud", server.url)) as desk, httpx.Client(base_url=desk.url) as web:
        lines = [
            {"custom_id": str(n), "method": "POST", "url": "/v1/tasks/banking", "body": {"text": f"{n} money now"}}
            for n in range(5)
        ]
        content = "\n".join(map(json.dumps, lines)).encode()
        file = web.post("/v1/files", data={"purpose": "batch"}, files={"file": ("f", content)}).json()["id"]
        wanted = {"input_file_id": file, "endpoint": "/v1/tasks/banking", "completion_window": "24h"}
        batch = web.post("/v1/batches", json=wanted).json()["id"]
        for _ in range(500):
            found = web.get(f"/v1/batches/{batch}").json()
            if found["status"] == "completed":
                break
            threading.Event().wait(0.02)
        output = web.get(f"/v1/files/{found['output_file_id']}/content").text.splitlines()
        bodies = [json.loads(line)["response"]["body"] for line in output]
        assert [body["answers"]["intent"]["tier"] for body in bodies] == ["cloud"] * 5


def test_a_retry_is_answered_as_before_and_asks_nobody(opened: Open) -> None:
    with upstream() as server, opened(remote("cloud", server.url)) as desk:
        first = desk.ask(x_request_id="once").json()
        server.values["intent"] = "lost_card"
        assert desk.ask(x_request_id="once").json() == first
        assert len(server.calls) == 1
        assert desk.ask().json()["answers"]["intent"]["value"] == "lost_card"


# time


def test_retry_after_is_honoured_where_it_fits(opened: Open) -> None:
    times: list[float] = []

    async def twice(call: Call) -> None:
        times.append(call.writer.transport._loop.time())  # type: ignore[attr-defined]
        wait = status("429 Slow Down", "retry-after: 1\r\n")
        await (wait if call.number == 1 else healthy)(call)

    with upstream(twice) as server, opened(remote("cloud", server.url), routing=PATIENT) as desk:
        assert desk.ask().headers["x-freehold-upstream"] == "cloud;outcome=rate_limited, cloud;outcome=ok"
    assert times[1] - times[0] >= 1.0


def test_who_wants_to_be_left_alone_for_longer_is_left_alone(opened: Open) -> None:
    busy = status("503 Busy", "retry-after: 3600\r\n")
    with upstream(busy) as server, opened(remote("cloud", server.url), routing=PATIENT) as desk:
        desk.ask()
        assert desk.ask("other money now").headers["x-freehold-upstream"] == "cloud;outcome=open"
        assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("fault", "calls"),
    [(status("500 Oops"), 3), (status("400 No"), 1), (status("502 Oops", "retry-after: 0\r\n"), 3)],
)
def test_only_what_may_pass_is_tried_again(opened: Open, fault: Any, calls: int) -> None:
    with upstream(fault) as server, opened(remote("cloud", server.url), routing=PATIENT) as desk:
        assert desk.ask().json()["answers"]["intent"]["abstained"] is True
        assert len(server.calls) == calls


def test_the_next_one_is_asked_too_where_the_first_is_slow_and_the_loser_is_broken_off(
    opened: Open, shelf: Registry
) -> None:
    hedged = Routing(deadline_ms=20_000, retries=0, hedge_ms=100)
    with upstream(stall) as primary, upstream() as backup:
        both = (remote("cloud", primary.url, price=Price(1.0, 1.0)), remote("backup", backup.url))
        with opened(*both, routing=hedged) as desk:
            assert tiers(desk.ask()) == ["backup", "", "backup"]
            assert primary.left.wait(10)
            assert desk.counted() == {("cloud", "cancelled"): 1, ("backup", "ok"): 1}
    assert shelf.spending("banking", month=find_month())["cloud"].cost > 0  # it may have been answered


def test_a_hedge_waits_for_whoever_is_left(opened: Open) -> None:
    hedged = Routing(deadline_ms=20_000, retries=0, hedge_ms=50)
    with ExitStack() as stack:
        primary, backup = (stack.enter_context(upstream(fault)) for fault in (slow, status("500 Oops")))
        both = (remote("cloud", primary.url), remote("backup", backup.url))
        desk = stack.enter_context(opened(*both, routing=hedged))
        assert tiers(desk.ask()) == ["cloud", "", "cloud"]
        assert desk.counted() == {("cloud", "ok"): 1, ("backup", "server_error"): 1}


def test_who_hangs_up_breaks_off_what_is_asked_for_him(opened: Open, shelf: Registry) -> None:
    with (
        upstream(stall) as server,
        opened(remote("cloud", server.url), routing=Routing(deadline_ms=30_000)) as desk,
    ):
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{desk.url}/v1/tasks/banking", json={"text": UNSURE}, timeout=0.5)
        assert server.left.wait(10)
        assert desk.counted() == {("cloud", "cancelled"): 1}
    assert shelf.reviews("banking") == []


def test_nobody_waits_for_who_is_passed_on(opened: Open) -> None:
    with (
        upstream(stall) as server,
        opened(remote("cloud", server.url), routing=Routing(deadline_ms=3_000)) as desk,
    ):
        waiting = [threading.Thread(target=desk.ask, args=(f"{n} money now",)) for n in range(4)]
        for thread in waiting:
            thread.start()
        assert server.come.wait(10)
        assert tiers(desk.ask("surely top up now")) == ["static"] * 3
        assert all(thread.is_alive() for thread in waiting)
        server.fault = healthy
        for thread in waiting:
            thread.join(20)


def test_who_finds_no_place_is_not_asked(opened: Open) -> None:
    short = Routing(deadline_ms=3_000, retries=0)
    with upstream(stall) as server, opened(remote("cloud", server.url), routing=short, upstream_limit=1) as desk:
        first = threading.Thread(target=desk.ask, args=("other money now",))
        first.start()
        assert server.come.wait(10)
        assert desk.ask().headers["x-freehold-upstream"] == "cloud;outcome=busy"
        first.join(20)
        assert len(server.calls) == 1


def test_a_breaker_opens_and_is_seen(opened: Open) -> None:
    with upstream(status("500 Oops")) as server, opened(remote("cloud", server.url)) as desk:
        for number in range(7):
            desk.ask(f"{number} money now")
        assert desk.counted() == {("cloud", "server_error"): 5, ("cloud", "open"): 2}
        assert len(server.calls) == 5
        metrics = httpx.get(f"{desk.url}/metrics").text
        assert 'freehold_upstream_breaker{task="banking",upstream="cloud"} 2.0' in metrics
        assert 'freehold_upstream_seconds_count{task="banking",upstream="cloud"} 5.0' in metrics
