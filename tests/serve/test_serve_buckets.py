"""How often a key may ask: the arithmetic of buckets, by a clock that only moves when it is told to."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.serve import buckets
from freehold.serve.buckets import Allowance, Buckets


@dataclass
class Clock:
    """Seconds."""

    time: float = 1000.0

    def __call__(self) -> float:
        return self.time


def test_a_bucket_empties_waits_and_fills() -> None:
    clock = Clock()
    limited = Buckets(rate=2, burst=3, clock=clock)
    assert [limited.take("a") for _ in range(3)] == [
        Allowance(3, 2, 0.5, 0),
        Allowance(3, 1, 1.0, 0),
        Allowance(3, 0, 1.5, 0),
    ]
    assert limited.take("a") == limited.take("a") == Allowance(3, 0, 1.5, 0.5)
    assert limited.take("b").remaining == 2
    clock.time += 0.5
    assert limited.take("a") == Allowance(3, 0, 1.5, 0)
    clock.time += 3600
    assert limited.take("a") == Allowance(3, 2, 0.5, 0)


@given(
    steps=st.lists(st.floats(0, 5), max_size=60),
    rate=st.floats(0.01, 50),
    burst=st.integers(1, 20),
)
def test_no_more_come_through_than_the_burst_and_the_rate(steps: list[float], rate: float, burst: int) -> None:
    clock = Clock(0.0)
    limited = Buckets(rate=rate, burst=burst, clock=clock)
    passed = 0
    for step in steps:
        clock.time += step
        allowance = limited.take("a")
        passed += not allowance.wait
        assert 0 <= allowance.remaining <= burst
        assert passed <= burst + rate * clock.time + 1e-6


def test_few_buckets_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "_MOST_BUCKETS", 2)
    limited = Buckets(rate=1, burst=5, clock=Clock())
    for id in ("a", "b", "a", "c"):
        limited.take(id)
    assert len(limited) == 2
    assert limited.take("a").remaining == 2
    assert limited.take("b").remaining == 4


@pytest.mark.parametrize(
    ("allowance", "headers"),
    [
        (Allowance(200, 199, 0.005, 0), ("200", "199", "5ms", None)),
        (Allowance(9, 0, 1.2, 0.01), ("9", "0", "2s", "1")),
        (Allowance(9, 0, 360, 40), ("9", "0", "6m0s", "40")),
    ],
)
def test_headers_are_those_of_openai(allowance: Allowance, headers: tuple[str | None, ...]) -> None:
    found = allowance.headers()
    names = [f"x-ratelimit-{name}-requests" for name in ("limit", "remaining", "reset")]
    assert tuple(found.get(name) for name in (*names, "retry-after")) == headers
