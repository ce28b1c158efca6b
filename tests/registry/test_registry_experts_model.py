"""Whatever experts do in whatever order, the registry does what a plain model of the rules does."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.registry import Asking, Registry, Review, Said
from freehold.task import ReviewRules

EXPERTS = ("ann", "bob", "cy", "dan")
LEASE = 30
_numbers = itertools.count()
_shelf: list[Registry] = []


def shelf() -> Registry:
    """One registry for all examples: each has a task of its own in it."""
    if not _shelf:
        _shelf.append(Registry.open(Path(tempfile.mkdtemp()) / "state"))
    return _shelf[0]


def teardown_module() -> None:
    while _shelf:
        _shelf.pop().close()


@dataclass
class Held:
    """What the model knows of an assignment."""

    id: str
    expert: str
    item: str
    kind: str
    until: datetime
    state: str = "open"
    value: str | None = None


class Rules:
    """The registry beside the model."""

    def __init__(self, overlap: int, items: int) -> None:
        self.task = f"task-{next(_numbers)}"
        self.rules = ReviewRules(overlap=overlap, lease_minutes=LEASE)
        self.overlap = overlap
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.items = [f"item-{number}" for number in range(items)]
        self.held: list[Held] = []
        self.acts: list[Held] = []
        self.settled: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.disputed: set[str] = set()
        shelf().queue_reviews(
            self.task, [Review(item, self.task, "intent", {"text": item}, "card", 0.5) for item in self.items]
        )

    # The model

    def _of(self, item: str, kind: str, *states: str) -> list[Held]:
        return [each for each in self.held if (each.item, each.kind) == (item, kind) and each.state in states]

    def _live(self, each: Held) -> bool:
        return each.state == "answered" or (each.state == "open" and each.until > self.now)

    def _free(self, mine: Held) -> bool:
        others = [
            each for each in self.held if each.item == mine.item and each.kind == mine.kind and each is not mine
        ]
        live = sum(self._live(each) for each in others)
        if mine.kind == "adjudication":
            return mine.item in self.disputed and not live
        return mine.item not in self.disputed and mine.item not in self.settled and live < self.overlap

    def _first(self, expert: str) -> set[str]:
        return {
            item
            for item in self.items
            if item not in self.settled
            and item not in self.disputed
            and sum(self._live(each) for each in self._of(item, "first", "open", "answered")) < self.overlap
            and not any(e.expert == expert for e in self._of(item, "first", "open", "answered", "skipped"))
        }

    def _second(self, expert: str) -> set[str]:
        found = set()
        for item in self.disputed:
            passed = {each.expert for each in self._of(item, "adjudication", "skipped")}
            open_ = self._of(item, "adjudication", "open")
            against = {each.expert for each in self._of(item, "first", "answered")}
            others = {each.expert for each in self.held} - against - passed
            if (
                expert not in passed
                and not any(each.until > self.now or each.expert == expert for each in open_)
                and (expert not in against or not others)
            ):
                found.add(item)
        return found

    def _settle(self, item: str) -> None:
        looks = self._of(item, "first", "answered")
        judged = self._of(item, "adjudication", "answered")
        said = {(each.expert, each.value) for each in [*looks, *judged[-1:]]}
        if item in self.settled:
            value, makers = self.settled[item]
            if all((maker, value) in said for maker in makers):
                return
        self.settled.pop(item, None)
        self.disputed.discard(item)
        if judged:
            self.settled[item] = (str(judged[-1].value), (judged[-1].expert,))
        elif len(looks) >= self.overlap:
            if len({each.value for each in looks}) > 1:
                self.disputed.add(item)
            else:
                self.settled[item] = (str(looks[0].value), tuple(sorted(each.expert for each in looks)))

    # What happens

    def wait(self, number: int) -> None:
        self.now += timedelta(minutes=31 if number % 3 == 0 else 5)

    def take(self, expert: str, limit: int) -> None:
        taken = shelf().experts.take(Asking(self.task, expert, self.rules, self.now), limit=limit)
        kept = []
        for each in self.held:
            if each.expert == expert and each.state == "open":
                if each.item in self.settled or (each.until <= self.now and not self._free(each)):
                    each.state = "lapsed"
                else:
                    each.until = self.now + timedelta(minutes=LEASE)
                    kept.append(each)
        room = max(0, limit - len(kept))
        second, first = self._second(expert), self._first(expert)
        known = {each.id for each in self.held}
        new = [each for each in taken.assignments if each.id not in known]
        assert {each.id for each in taken.assignments} - {each.id for each in new} <= {each.id for each in kept}
        assert len(new) == min(room, len(second | first))
        assert len([each for each in new if each.kind == "adjudication"]) == min(room, len(second))
        for one in new:
            assert one.example in (second if one.kind == "adjudication" else first)
            until = datetime.fromisoformat(one.until)
            assert until == self.now + timedelta(minutes=LEASE)
            self.held.append(Held(one.id, expert, one.example, one.kind, until))
        waiting = len(self._first(expert) | self._second(expert))
        assert taken.waiting == waiting + sum(e.expert == expert and e.state == "open" for e in self.held)
        assert taken.done == sum(e.expert == expert and e.state == "answered" for e in self.held)

    def say(self, number: int) -> None:
        open_ = [each for each in self.held if each.state == "open"]
        among = open_ if open_ and number % 4 else self.held
        if not among:
            return
        each, wrong = among[number % len(among)], number % 29 == 0
        value = ("card", "cash", "card", "cash", None)[number % 5]
        expert = "eve" if wrong else each.expert
        said = Said(each.id, None if value is None else {"intent": value}, milliseconds=1000)
        [answered] = shelf().experts.answer(self.task, [said], expert=expert, rules=self.rules, now=self.now)
        assert answered.result == self._expect(each, value, wrong=wrong)
        if answered.result == "kept":
            each.state, each.value = ("skipped" if value is None else "answered"), value
            self.acts.append(each)
            if value is not None:
                self._settle(each.item)

    def _expect(self, each: Held, value: str | None, *, wrong: bool) -> str:
        if wrong:
            return "unknown"
        if each.state in ("answered", "skipped"):
            return "repeated" if (each.state == "skipped") == (value is None) and each.value == value else "closed"
        if each.state == "undone":
            return "closed"
        if each.state == "open" and each.until <= self.now and not self._free(each):
            each.state = "lapsed"
            return "lapsed"
        return "kept" if each.state == "open" else "lapsed"

    def undo(self, expert: str) -> None:
        undone = shelf().experts.undo(self.task, expert=expert, rules=self.rules, now=self.now)
        mine = [each for each in self.acts if each.expert == expert]
        if not mine:
            assert undone is None
            return
        last = mine[-1]
        assert undone is not None
        assert undone.judgement.assignment == last.id
        self.acts.remove(last)
        was, last.state = last.state, "undone"
        if was == "answered":
            self._settle(last.item)
        again = Held("", expert, last.item, last.kind, self.now + timedelta(minutes=LEASE))
        assert (undone.again is not None) == (last.item not in self.settled and self._free(again))
        if undone.again is not None:
            assert undone.again.draft is not None
            again.id = undone.again.id
            self.held.append(again)

    # What always holds

    def what_is_settled_is_a_correction_and_nothing_else_is(self) -> None:
        kept = shelf().feedback(self.task, kind="correction")
        found = {row.inputs["text"]: (row.value["intent"], row.maker) for row in kept}
        assert len(found) == len(kept)
        wanted = {item: (value, f"person:{', '.join(makers)}") for item, (value, makers) in self.settled.items()}
        assert found == wanted
        waiting = {each.example for each in shelf().reviews(self.task)}
        assert waiting == set(self.items) - set(self.settled)

    def nobody_looks_twice_and_no_more_than_the_overlap(self) -> None:
        for item in self.items:
            live = [each for each in self._of(item, "first", "open", "answered") if self._live(each)]
            assert len(live) <= self.overlap
            assert len({each.expert for each in live}) == len(live)

    def the_ledger_has_every_act_once(self) -> None:
        ledger = shelf().experts.ledger(self.task)
        undone = {row.undoes for row in ledger}
        standing = [row.assignment for row in ledger if row.act != "undo" and row.id not in undone]
        assert sorted(standing) == sorted(each.id for each in self.acts)


ACTIONS = ("take", "take", "take", "say", "say", "say", "say", "undo", "wait")
STEPS = 50


@given(overlap=st.integers(1, 3), items=st.integers(1, 3), random=st.randoms(use_true_random=True))
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
def test_experts_do_as_the_rules_say(overlap: int, items: int, random: Random) -> None:
    rules = Rules(overlap, items)
    for _ in range(STEPS):
        action, expert, number = random.choice(ACTIONS), random.choice(EXPERTS), random.randrange(1_000)
        if action == "take":
            rules.take(expert, 1 + number % 3)
        elif action == "say":
            rules.say(number)
        elif action == "undo":
            rules.undo(expert)
        else:
            rules.wait(number)
        rules.what_is_settled_is_a_correction_and_nothing_else_is()
        rules.nobody_looks_twice_and_no_more_than_the_overlap()
        rules.the_ledger_has_every_act_once()
