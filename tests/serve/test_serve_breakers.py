"""The small parts of the router: breakers, recollection, pauses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.engine import RemoteFault, RemoteQuestion, pause_before, write_request
from freehold.serve.breakers import Breaker
from freehold.serve.recollection import Recollection, name_question
from freehold.task import Field, Upstream


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def state(breaker: Breaker) -> str:
    return breaker.state


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        assert breaker.take()
        breaker.note(False)


def test_a_breaker_opens_lets_one_try_and_heals() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    fail(breaker, 4)
    assert breaker.take()
    breaker.note(True)
    fail(breaker, 5)
    assert not breaker.take()
    clock.now += 5
    assert (state(breaker), breaker.take(), breaker.take()) == ("half_open", True, False)
    breaker.note(False)
    clock.now += 9
    assert state(breaker) == "open"
    clock.now += 1
    assert breaker.take()
    breaker.note(None)  # broken off: nothing is known
    assert (state(breaker), breaker.take()) == ("half_open", True)
    breaker.note(True)
    assert state(breaker) == "closed"
    fail(breaker, 4)
    assert state(breaker) == "closed"


def test_a_breaker_rests_a_minute_at_most_and_as_long_as_it_is_asked_to() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    fail(breaker, 5)
    for _ in range(10):
        clock.now += 60
        fail(breaker, 1)
    clock.now += 60
    assert state(breaker) == "half_open"
    breaker.rest(7)
    assert not breaker.take()
    breaker.rest(10_000)
    clock.now += 300
    assert breaker.take()


def test_answers_are_kept_for_a_while_and_not_too_many() -> None:
    clock = Clock()
    kept = Recollection(10, most=2, clock=clock)
    for name in (b"a", b"b"):
        kept.keep(name, {"x": name.decode()})
    assert kept.find(b"a") == {"x": "a"}
    kept.keep(b"c", {"x": "c"})
    assert (kept.find(b"b"), kept.find(b"a"), len(kept)) == (None, {"x": "a"}, 2)
    clock.now += 10
    assert (kept.find(b"a"), kept.find(b"c"), len(kept)) == (None, None, 0)
    never = Recollection(0, clock=clock)
    never.keep(b"a", {"x": 1})
    assert never.find(b"a") is None


CLOUD = Upstream("cloud", "https://a.b/v1", "m", 0.9, ("x",))


@given(st.text(), st.text(), st.text(), st.text())
def test_a_question_is_known_by_who_asks_and_all_that_is_sent(one: str, other: str, text: str, more: str) -> None:
    def name(caller: str, text: str) -> bytes:
        question = RemoteQuestion("t", "", (Field("x", "predicate"),), {"text": text})
        return name_question(CLOUD, write_request(CLOUD, question), caller=caller)

    assert (name(one, text) == name(other, text)) == (one == other)
    assert (name(one, text) == name(one, more)) == (text == more)
    assert text.encode("utf-8", "replace") not in name(one, text) or len(text) < 4


@pytest.mark.parametrize("attempt", range(8))
def test_pauses_are_random_and_bounded(attempt: int) -> None:
    found = {pause_before(attempt, RemoteFault("server_error")) for _ in range(50)}
    assert len(found) > 10
    assert all(each is not None and 0 <= each <= min(2.0, 0.1 * 2**attempt) for each in found)
    kept = pause_before(attempt, RemoteFault("rate_limited", retry_after=3.0))
    assert kept is not None
    assert 3.0 <= kept <= 3.5
    assert pause_before(attempt, RemoteFault("wrong_answer")) is None
