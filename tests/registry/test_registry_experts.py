"""What experts are handed, by several processes at once too; what it comes to; what is owed."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from freehold.registry import Asking, Assignment, LedgerRow, Registry, Review, Said, Taken, reckon
from freehold.registry.address import read_address
from freehold.registry.reviews import row_name
from freehold.registry.settlements import Decision, Look, decide
from freehold.task import ReviewRules

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
ONE = ReviewRules()
TWO = ReviewRules(overlap=2)


def waiting(count: int, *, origin: Any = "line") -> list[Review]:
    inputs = [{"text": f"message {number}"} for number in range(count)]
    return [Review(row_name(each), "banking", "intent", each, "card", 0.5, origin=origin) for each in inputs]


def take(
    shelf: Registry, expert: str, *, rules: ReviewRules = ONE, limit: int = 1, now: datetime = NOW
) -> Sequence[Assignment]:
    return ask(shelf, expert, rules=rules, limit=limit, now=now).assignments


def ask(shelf: Registry, expert: str, *, rules: ReviewRules, limit: int, now: datetime = NOW) -> Taken:
    return shelf.experts.take(Asking("banking", expert, rules, now), limit=limit)


def say(
    shelf: Registry,
    held: Sequence[Assignment],
    value: str | None,
    *,
    rules: ReviewRules = ONE,
    now: datetime = NOW,
    seconds: int = 1,
) -> list[str]:
    said = [
        Said(each.id, None if value is None else {"intent": value}, milliseconds=1000 * seconds) for each in held
    ]
    expert = held[0].expert
    return [each.result for each in shelf.experts.answer("banking", said, expert=expert, rules=rules, now=now)]


PROGRAM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from freehold.registry import Asking, Registry, Said
from freehold.task import ReviewRules
state, url, expert = sys.argv[1:]
rules = ReviewRules(overlap=2)
with Registry.open(Path(state), url=url) as shelf:
    while True:
        now = datetime.now(UTC)
        held = shelf.experts.take(Asking("banking", expert, rules, now), limit=3).assignments
        if not held:
            break
        said = [Said(each.id, {"intent": "card"}) for each in held]
        shelf.experts.answer("banking", said, expert=expert, rules=rules, now=now)
"""


def test_processes_that_race_never_get_the_same_slot(shelf: Registry, database_url: str) -> None:
    shelf.queue_reviews("banking", waiting(40))
    words = [sys.executable, "-c", PROGRAM, str(shelf.state), database_url]
    running = [subprocess.Popen([*words, expert]) for expert in ("ann", "bob", "cy")]
    assert [each.wait(120) for each in running] == [0, 0, 0]
    looks = Counter(row.example for row in shelf.experts.ledger("banking"))
    assert set(looks.values()) == {2}
    assert len(looks) == len(shelf.feedback("banking")) == 40
    assert shelf.reviews("banking") == []


def test_an_item_that_nobody_answers_goes_to_others_and_a_late_answer_is_refused(shelf: Registry) -> None:
    shelf.queue_reviews("banking", waiting(1))
    held = take(shelf, "ann")
    assert take(shelf, "bob", now=NOW + timedelta(minutes=29)) == ()
    later = NOW + timedelta(minutes=31)
    assert [each.kind for each in take(shelf, "bob", now=later)] == ["first"]
    assert say(shelf, held, "card", now=later) == ["lapsed"]
    assert shelf.experts.ledger("banking") == []


def test_a_late_answer_to_an_item_that_is_free_is_kept(shelf: Registry) -> None:
    shelf.queue_reviews("banking", waiting(1))
    held = take(shelf, "ann")
    assert say(shelf, held, "card", now=NOW + timedelta(days=3)) == ["kept"]


def test_what_is_skipped_goes_to_others_and_comes_back_to_nobody(shelf: Registry) -> None:
    shelf.queue_reviews("banking", waiting(1))
    say(shelf, take(shelf, "ann"), None)
    assert take(shelf, "ann") == ()
    assert len(take(shelf, "bob")) == 1


def test_what_an_expert_is_at_work_on_stays_when_the_line_replaces_its_queue(shelf: Registry) -> None:
    shelf.queue_reviews("banking", waiting(3))
    say(shelf, take(shelf, "ann", rules=TWO), "card", rules=TWO)
    held = take(shelf, "bob", rules=TWO)
    shelf.queue_reviews("banking", [])
    assert [each.example for each in shelf.reviews("banking")] == [held[0].example]
    say(shelf, held, "card", rules=TWO)
    shelf.queue_reviews("banking", waiting(3))
    asked_again = {each.example for each in shelf.reviews("banking")}
    assert asked_again == {each.example for each in waiting(3)} - {held[0].example}


def test_a_correction_that_is_withdrawn_is_asked_anew(shelf: Registry) -> None:
    shelf.queue_reviews("banking", waiting(1))
    say(shelf, take(shelf, "ann"), "card")
    [correction] = shelf.feedback("banking")
    shelf.withdraw("banking", ids=[correction.id])
    shelf.queue_reviews("banking", waiting(1))
    again = take(shelf, "ann")
    assert say(shelf, again, "cash") == ["kept"]
    assert [row.value for row in shelf.feedback("banking")] == [{"intent": "cash"}]


def test_fewer_experts_an_item_settle_what_waited_for_more(shelf: Registry) -> None:
    shelf.queue_reviews("banking", waiting(1))
    say(shelf, take(shelf, "ann", rules=TWO), "card", rules=TWO)
    assert shelf.feedback("banking") == []
    take(shelf, "bob")
    assert [row.maker for row in shelf.feedback("banking")] == ["person:ann"]


def test_more_experts_an_item_do_not_open_what_is_settled(shelf: Registry) -> None:
    shelf.queue_reviews("banking", waiting(1))
    say(shelf, take(shelf, "ann"), "card")
    assert take(shelf, "bob", rules=TWO) == ()
    assert len(shelf.feedback("banking")) == 1


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_gold_is_what_others_settled_and_never_a_row_that_measures_models(shelf: Registry, split: Any) -> None:
    shelf.queue_reviews("banking", waiting(2))
    rules = ReviewRules(gold=0.5)
    settled = take(shelf, "ann", rules=rules)
    say(shelf, settled, "card", rules=rules)
    shelf.fix_splits("banking", {settled[0].example: split})
    shelf.experts.draw = lambda: 0.0
    held = take(shelf, "bob", rules=rules, limit=2)
    assert [each.kind for each in held] == (["gold", "first"] if split == "train" else ["first"])
    shelf.experts.draw = lambda: 0.9
    assert all(each.kind == "first" for each in take(shelf, "ann", rules=rules, limit=2))


def test_nobody_gets_gold_alone_and_gold_settles_nothing(shelf: Registry) -> None:
    shelf.queue_reviews("banking", waiting(1))
    rules = ReviewRules(gold=0.5)
    say(shelf, take(shelf, "ann", rules=rules), "card", rules=rules)
    shelf.experts.draw = lambda: 0.0
    assert take(shelf, "bob", rules=rules, limit=5) == ()
    shelf.add_reviews("banking", waiting(2))
    gold = [each for each in take(shelf, "bob", rules=rules, limit=5) if each.kind == "gold"]
    assert say(shelf, gold, "cash", rules=rules) == ["kept"]
    assert [row.value for row in shelf.feedback("banking")] == [{"intent": "card"}]
    [judgement] = shelf.experts.ledger("banking", expert="bob")
    assert (judgement.kind, judgement.known) == ("gold", {"intent": "card"})
    undone = shelf.experts.undo("banking", expert="bob", rules=rules, now=NOW)
    assert undone is not None
    assert undone.again is not None
    assert undone.again.kind == "gold"
    assert len(shelf.feedback("banking")) == 1


@pytest.mark.parametrize("statement", ["UPDATE judgements SET milliseconds = 0", "DELETE FROM judgements"])
def test_the_database_itself_keeps_the_ledger_as_it_is(shelf: Registry, database_url: str, statement: str) -> None:
    shelf.queue_reviews("banking", waiting(1))
    say(shelf, take(shelf, "ann"), "card")
    engine = sa.create_engine(read_address(shelf.state, url=database_url))
    with pytest.raises(sa.exc.DBAPIError, match="only ever added to"), engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
    assert shelf.experts.ledger("banking")[0].milliseconds == 1000


def test_another_task_is_another_world(shelf: Registry) -> None:
    shelf.queue_reviews("banking", waiting(1))
    held = take(shelf, "ann")
    said = [Said(held[0].id, {"intent": "card"})]
    [answered] = shelf.experts.answer("mail", said, expert="ann", rules=ONE, now=NOW)
    assert answered.result == "unknown"
    assert shelf.experts.take(Asking("mail", "ann", ONE, NOW), limit=5) == Taken((), 0, 0)
    assert shelf.experts.undo("mail", expert="ann", rules=ONE, now=NOW) is None


LOOKS = [Look("ann", ["a", "b"]), Look("bob", ["a", "b"])]


@pytest.mark.parametrize(
    ("looks", "adjudicated", "overlap", "decision"),
    [
        ([], None, 1, Decision("waiting")),
        (LOOKS[:1], None, 2, Decision("waiting")),
        (LOOKS, None, 2, Decision("settled", ["a", "b"], ("ann", "bob"))),
        ([*LOOKS, Look("cy", ["a"])], None, 3, Decision("disputed")),
        ([Look("ann", 1.0), Look("bob", 1.5)], None, 2, Decision("disputed")),
        ([*LOOKS, Look("cy", ["a"])], Look("dan", ["c"]), 3, Decision("settled", ["c"], ("dan",))),
        (LOOKS[:1], Look("dan", ["c"]), 2, Decision("settled", ["c"], ("dan",))),
    ],
)
def test_what_looks_come_to(looks: list[Look], adjudicated: Look | None, overlap: int, decision: Decision) -> None:
    assert decide(looks, adjudicated, overlap=overlap) == decision
    assert decide(looks[::-1], adjudicated, overlap=overlap) == decision


def row(number: int, **changes: Any) -> LedgerRow:
    plain = LedgerRow(
        "banking", f"e{number}", "ann", "first", "answer", f"a{number}", {"intent": "card"}, {}, {}, "", False, "",
        1_000, "0.035", "item", "EUR", "2026-05-01", id=number,
    )  # fmt: skip
    return replace(plain, **changes)


def test_what_is_owed_is_exact_to_the_cent() -> None:
    rows = [row(number) for number in range(1, 1_001)]
    [account] = reckon(rows)
    assert account.owed == {"EUR": Decimal("35.00")}, "1,000 times 0.035 in binary is less"
    by_hour = [row(number, rate="10", rate_per="hour", milliseconds=1) for number in range(1, 1_081)]
    assert reckon(by_hour)[0].owed == {"EUR": Decimal("0.00")}, "1.08 s of 10 an hour are 0.003"
    thirds = [row(number, rate="10", rate_per="hour", milliseconds=1_200) for number in range(1, 301)]
    assert reckon(thirds)[0].owed == {"EUR": Decimal("1.00")}, "no row is rounded by itself"


def test_what_was_taken_back_is_owed_nothing_and_rates_are_those_of_their_time() -> None:
    rows = [
        row(1),
        row(2, rate="1"),
        row(3, act="undo", assignment="a2", undoes=2, milliseconds=0, rate="1"),
        row(4, act="skip", answers={}, flag=True),
        row(5, rate="2", currency="CHF"),
        row(6, expert="bob", rate="6", rate_per="hour", act="skip", answers={}, milliseconds=600_000),
    ]
    ann, bob = reckon(rows)
    assert (ann.items, ann.skipped, ann.undone, ann.flagged, ann.milliseconds) == (2, 1, 1, 1, 3_000)
    assert ann.owed == {"CHF": Decimal("2.00"), "EUR": Decimal("0.04")}
    assert (bob.items, bob.median_milliseconds, bob.owed) == (0, None, {"EUR": Decimal("1.00")})
