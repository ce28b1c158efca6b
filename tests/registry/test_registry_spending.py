"""What upstreams cost is held within a budget, whoever spends at the same moment; reviews of requests stay."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from freehold.registry import Budget, Feedback, Registry, Review, Spent
from freehold.registry.reviews import row_name

MONTH = "2026-11"
CALL = Spent(1, 10, 100)


def reserve(shelf: Registry, budget: Budget = Budget(), amount: Spent = CALL, month: str = MONTH) -> bool:  # noqa: B008
    return shelf.reserve_spending("banking", amount, upstream="cloud", month=month, budget=budget)


@pytest.mark.parametrize("budget", [Budget(tokens=25), Budget(cost=299), Budget(25, 10_000)])
def test_a_budget_is_never_exceeded_and_a_new_month_has_its_own(shelf: Registry, budget: Budget) -> None:
    assert [reserve(shelf, budget) for _ in range(4)] == [True, True, False, False]
    assert shelf.spending("banking", month=MONTH) == {"": Spent(2, 20, 200), "cloud": Spent(2, 20, 200)}
    assert reserve(shelf, budget, month="2026-12")
    assert not reserve(shelf, Budget(tokens=9), month="2027-01")
    assert shelf.spending("banking", month="2027-01") == {}


def test_the_budget_is_that_of_all_upstreams_together(shelf: Registry) -> None:
    assert reserve(shelf, Budget(cost=150))
    assert not shelf.reserve_spending("banking", CALL, upstream="backup", month=MONTH, budget=Budget(cost=150))
    assert shelf.reserve_spending("mail", CALL, upstream="cloud", month=MONTH, budget=Budget(cost=150))


def test_what_was_reserved_is_settled(shelf: Registry) -> None:
    reserve(shelf)
    reserve(shelf)
    shelf.settle_spending("banking", CALL, Spent(1, 4, 30), upstream="cloud", month=MONTH)
    assert shelf.spending("banking", month=MONTH) == {"": Spent(2, 14, 130), "cloud": Spent(2, 14, 130)}
    shelf.settle_spending("banking", CALL, Spent(), upstream="cloud", month=MONTH)
    assert shelf.spending("banking", month=MONTH)["cloud"] == Spent(1, 4, 30)


def test_threads_of_two_registries_never_overspend(shelf: Registry, database_url: str) -> None:
    budget = Budget(cost=1_050)
    with Registry.open(shelf.state, url=database_url) as other, ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda n: reserve((shelf, other)[n % 2], budget), range(40)))
    assert taken.count(True) == 10
    assert shelf.spending("banking", month=MONTH)[""] == Spent(10, 100, 1_000)


PROGRAM = """
import sys
from pathlib import Path
from freehold.registry import Budget, Registry, Spent
with Registry.open(Path(sys.argv[1]), url=sys.argv[2]) as shelf:
    budget = Budget(tokens=155)
    call = Spent(1, 10, 100)
    words = {"upstream": "cloud", "month": "2026-11", "budget": budget}
    print(sum(shelf.reserve_spending("banking", call, **words) for _ in range(12)))
"""


def test_processes_never_overspend_and_it_is_known_afterwards(shelf: Registry, database_url: str) -> None:
    words = [sys.executable, "-c", PROGRAM, str(shelf.state), database_url]
    running = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sum(int(each.communicate(timeout=60)[0]) for each in running) == 15
    with Registry.open(shelf.state, url=database_url) as reopened:
        assert reopened.spending("banking", month=MONTH)[""] == Spent(15, 150, 1_500)
        assert not reserve(reopened, Budget(tokens=155))


def waiting(text: str, *, origin: str = "request", confidence: float = 0.3) -> Review:
    inputs = {"text": text}
    made = Review(row_name(inputs), "banking", "intent", inputs, "card", confidence)
    return dataclasses.replace(made, origin=origin)  # type: ignore[arg-type]


def test_what_a_request_put_into_the_queue_is_there_once_and_stays_when_the_line_replaces_its_own(
    shelf: Registry,
) -> None:
    shelf.add_reviews("banking", [waiting("a"), waiting("a", confidence=0.2)])
    shelf.add_reviews("banking", [waiting(" a ", confidence=0.1)])
    shelf.add_reviews("banking", [])
    shelf.queue_reviews("banking", [waiting("b", origin="line"), waiting("a", origin="line", confidence=0.9)])
    assert {(each.inputs["text"], each.origin) for each in shelf.reviews("banking")} == {
        ("a", "request"),
        ("b", "line"),
    }
    shelf.queue_reviews("banking", [])
    assert shelf.reviews("banking") == [waiting("a", confidence=0.2)]


def test_what_a_person_answered_waits_no_longer(shelf: Registry) -> None:
    shelf.add_reviews("banking", [waiting("a"), dataclasses.replace(waiting("a"), field="mood"), waiting("b")])
    said = Feedback("f", "banking", "", {"text": " a"}, "rating", {"rating": "up"}, "person:ada", "2026-01-01")
    shelf.add_feedback([said])
    assert len(shelf.reviews("banking")) == 3
    shelf.add_feedback([dataclasses.replace(said, id="g", kind="correction", value={"intent": "card"})])
    assert {(each.inputs["text"], each.field) for each in shelf.reviews("banking")} == {
        ("a", "mood"),
        ("b", "intent"),
    }
