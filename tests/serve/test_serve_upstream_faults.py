"""Whatever an upstream does, the next one answers rightly in time, or the answer is cleanly abstained; counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.serve.faulty import FAULTS, certificate, flapping, nobody, upstream
from tests.serve.routed import Desk, remote, routed

from freehold.registry import Registry
from freehold.serve.rim import Rim
from freehold.task import Routing, Task

DEADLINE = 1.6
"""Seconds, of which the first of two upstreams has half."""
MARGIN = 5.0
"""What a slow machine may take besides."""


@pytest.fixture
def expired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an upstream with a trusted certificate that has expired."""
    context, path = certificate(tmp_path / "tls", until="20200102000000Z")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with upstream(tls=context) as server:
        yield server.url
        assert server.calls == []


@contextmanager
def broken(name: str, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Gives the URL of an upstream with a fault, and what that is counted as."""
    if name == "connection refused":
        with nobody() as url:
            yield url, "unreachable"
    elif name == "expired certificate":
        yield request.getfixturevalue("expired"), "untrusted"
    else:
        fault, outcome = FAULTS[name]
        with upstream(fault) as server:
            yield server.url, outcome


NAMES = [*FAULTS, "connection refused", "expired certificate"]


def test_there_are_at_least_sixteen() -> None:
    assert len(NAMES) >= 16


@pytest.mark.parametrize("name", NAMES)
def test_the_next_one_answers_within_the_deadline(
    name: str, shelf: Registry, task: Task, make_app: Callable[..., Rim], request: pytest.FixtureRequest
) -> None:
    routing = Routing(deadline_ms=int(1000 * DEADLINE), retries=0)
    with ExitStack() as stack:
        url, outcome = stack.enter_context(broken(name, request))
        backup = stack.enter_context(upstream())
        both = [remote("cloud", url), remote("backup", backup.url)]
        desk = stack.enter_context(routed(shelf, task, make_app, upstreams=both, routing=routing))
        begun = time.monotonic()
        response = desk.ask(x_request_id="r1")
        assert time.monotonic() - begun < DEADLINE + MARGIN
        assert response.status_code == 200
        intent, mood = (response.json()["answers"][each] for each in ("intent", "mood"))
        assert (intent["value"], intent["abstained"], intent["tier"]) == ("top_up", False, "backup")
        assert (intent["confidence"], mood["value"], mood["tier"]) == (0.9, 3, "backup")
        assert response.headers["x-freehold-upstream"] == f"cloud;outcome={outcome}, backup;outcome=ok"
        assert desk.counted() == {("cloud", outcome): 1.0, ("backup", "ok"): 1.0}
        recorded = shelf.request("r1")
        assert recorded is not None
        assert dict(recorded.answers) == response.json()["answers"]
        assert shelf.reviews("banking") == []


@pytest.mark.parametrize("name", NAMES)
def test_without_a_next_one_the_answer_is_abstained_and_waits_for_a_person(
    name: str, shelf: Registry, task: Task, make_app: Callable[..., Rim], request: pytest.FixtureRequest
) -> None:
    routing = Routing(deadline_ms=800, retries=0)
    with ExitStack() as stack:
        url, outcome = stack.enter_context(broken(name, request))
        alone = [remote("cloud", url)]
        desk = stack.enter_context(routed(shelf, task, make_app, upstreams=alone, routing=routing))
        begun = time.monotonic()
        response = desk.ask()
        assert time.monotonic() - begun < 0.8 + MARGIN
        assert response.status_code == 200
        answers = response.json()["answers"]
        assert [answers[each]["abstained"] for each in ("intent", "urgent", "mood")] == [True, False, True]
        assert answers["intent"]["value"] == "transfer"
        assert "tier" not in answers["intent"]
        assert "error" not in response.text
        assert desk.counted() == {("cloud", outcome): 1.0}
        waiting = {
            (each.field, each.suggestion, each.confidence, each.origin) for each in shelf.reviews("banking")
        }
        assert waiting == {("intent", "transfer", 0.8, "request"), ("mood", 2, 0.5, "request")}


def test_one_that_flaps_is_asked_again_or_passed_over(
    shelf: Registry, task: Task, make_app: Callable[..., Rim]
) -> None:
    with upstream(flapping) as primary, upstream() as backup:
        both = [remote("cloud", primary.url), remote("backup", backup.url)]
        with routed(shelf, task, make_app, upstreams=both) as desk:
            tiers = [desk.ask(f"{n} money now").json()["answers"]["intent"]["tier"] for n in range(6)]
            assert tiers == ["backup", "cloud"] * 3
            assert desk.counted() == {("cloud", "server_error"): 3, ("cloud", "ok"): 3, ("backup", "ok"): 3}
    with upstream(flapping) as primary:
        patient = Routing(deadline_ms=8_000, retries=1)
        with routed(shelf, task, make_app, upstreams=[remote("cloud", primary.url)], routing=patient) as desk:
            assert [_tier(desk, n) for n in range(3)] == ["cloud"] * 3
            assert desk.counted() == {("cloud", "server_error"): 3, ("cloud", "ok"): 3}


def _tier(desk: Desk, number: int) -> str:
    return str(desk.ask(f"{number} money now").json()["answers"]["intent"]["tier"])


def test_a_certificate_is_checked(
    shelf: Registry, task: Task, make_app: Callable[..., Rim], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same one works while it is good and trusted, and not where nobody trusts it."""
    context, path = certificate(tmp_path / "tls", until="21000101000000Z")
    with upstream(tls=context) as server:
        with routed(shelf, task, make_app, upstreams=[remote("cloud", server.url)]) as desk:
            desk.ask()
            assert desk.counted() == {("cloud", "untrusted"): 1}
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with routed(shelf, task, make_app, upstreams=[remote("cloud", server.url)]) as desk:
            assert _tier(desk, 1) == "cloud"
