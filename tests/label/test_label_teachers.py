"""Teachers asked for real over HTTP on this machine: what is asked, kept, paid, believed and learned from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.label.fake_endpoint import serving
from tests.small import AREAS, FIELDS, make_desk, make_examples, make_task

from freehold import label
from freehold.errors import UserError
from freehold.label.teach import Taught, estimate, is_taught, survey, teach
from freehold.registry import Registry
from freehold.task import Example, Examples, Price, Task, Teacher, Teaching, read_examples, write_examples

AREA = FIELDS[:1]


def subject(text: str) -> str:
    return next(word for word in text.split() if word in AREAS)


def classify(body: Mapping[str, Any]) -> dict[str, str]:
    """A good teacher."""
    return {"area": AREAS[subject(json.loads(body["messages"][1]["content"])["text"])]}


def confuse(body: Mapping[str, Any]) -> dict[str, str]:
    """One who takes every account for billing."""
    return {"area": classify(body)["area"].replace("account", "billing")}


def make_rows(count: int, *, unlabelled: int) -> list[Example]:
    """Returns rows whose first training rows have no label."""
    rows, left = [], unlabelled
    for row in make_examples(count):
        bare = left > 0 and row.split == "train"
        left -= bare
        outputs = {} if bare else {"area": row.outputs["area"]}
        rows.append(replace(row, outputs=outputs, passport=replace(row.passport, maker="" if bare else "data")))
    return rows


def cloud(url: str, name: str = "cloud", **changes: Any) -> Teacher:
    return replace(Teacher(name, "url", url, model="m", price=Price(1.0, 2.0)), **changes)


def task_with(folder: Path, *teachers: Teacher, **teaching: Any) -> Task:
    task = make_task(folder, base="minilm", fields=AREA)
    return replace(task, teachers=teachers, teaching=Teaching(**teaching))


def run_teachers(folder: Path, task: Task, rows: Sequence[Example], *, desk: str = "desk") -> Taught:
    with Registry.open(folder / "state") as shelf:
        return teach(make_desk(folder / desk), task, rows, shelf=shelf)


def truth(rows: Sequence[Example]) -> dict[str, str]:
    return {row.id: AREAS[subject(row.inputs["text"])] for row in rows}


def test_what_the_committee_is_sure_of_becomes_training_rows_with_a_passport(tmp_path: Path) -> None:
    rows = make_rows(120, unlabelled=30)
    with serving(classify) as good, serving(confuse) as poor:
        task = task_with(tmp_path, cloud(good.url), cloud(poor.url, "poor"), agreement=0.8)
        taught = run_teachers(tmp_path, task, rows)
    wanted = {row.id for row in rows if not row.outputs}
    assert set(taught.rows) <= wanted
    assert len(taught.rows) > 25, "the poor one's errors are known from the rows whose label is known"
    assert all(row.outputs["area"] == truth(rows)[name] for name, row in taught.rows.items())
    assert {row.split for row in taught.rows.values()} == {"train"}
    one = next(iter(taught.rows.values()))
    assert one.passport.maker.startswith("model:cloud")
    by = one.passport.taught["by"]
    assert isinstance(by, list)
    first = by[0]
    assert isinstance(first, dict)
    assert (first["teacher"], first["model"], first["tokens"]) == ("cloud", "m", 110)
    assert first["cost"] == pytest.approx(120e-6)
    assert len(str(first["prompt"])) == 32
    write_examples(tmp_path / "rows.jsonl", [one])
    assert list(read_examples(tmp_path / "rows.jsonl")) == [one]


def test_test_rows_are_shown_to_nobody_and_validation_rows_are_not_taught(tmp_path: Path) -> None:
    rows = [replace(row, outputs={}) if n % 3 == 0 else row for n, row in enumerate(make_rows(90, unlabelled=0))]
    with serving(classify) as good:
        taught = run_teachers(tmp_path, task_with(tmp_path, cloud(good.url)), rows)
    seen = {json.loads(body["messages"][1]["content"])["text"] for body in good.bodies}
    of = {split: {row.inputs["text"] for row in rows if row.split == split} for split in ("validation", "test")}
    assert not seen & of["test"]
    bare = {row.inputs["text"] for row in rows if row.split == "validation" and not row.outputs}
    assert bare
    assert not seen & bare
    assert {row.split for row in taught.rows.values()} == {"train"}


def test_nothing_that_was_answered_is_asked_or_paid_again(tmp_path: Path) -> None:
    rows = make_rows(60, unlabelled=10)
    with serving(classify) as good:
        task = task_with(tmp_path, cloud(good.url, samples=2, temperature=0.5))
        first = run_teachers(tmp_path, task, rows)
        asked = len(good.bodies)
        again = run_teachers(tmp_path, task, rows, desk="later")
        assert len(good.bodies) == asked
        other = replace(task, description="Another prompt.")
        run_teachers(tmp_path, other, rows, desk="other")
        assert len(good.bodies) == 2 * asked
    assert {body["seed"] for body in good.bodies} == {0, 1}
    assert {body["temperature"] for body in good.bodies} == {0.5}
    assert again.rows == first.rows
    assert again.facts["spent"] == {"calls": 0, "tokens": 0, "cost": 0.0}


def test_a_line_that_a_kill_left_by_half_is_asked_again_and_no_other(tmp_path: Path) -> None:
    rows = make_rows(40, unlabelled=5)
    with serving(classify) as good:
        task = task_with(tmp_path, cloud(good.url))
        first = run_teachers(tmp_path, task, rows)
        asked = len(good.bodies)
        [book] = (tmp_path / "cache" / "teachers").iterdir()
        book.write_bytes(book.read_bytes()[:-20])
        again = run_teachers(tmp_path, task, rows)
        assert len(good.bodies) == asked + 1
    assert again.rows.keys() == first.rows.keys()


@pytest.mark.parametrize("limits", [{"budget": 0.005}, {"tokens": 9000}])
def test_a_budget_is_held_exactly_and_the_next_run_goes_on(tmp_path: Path, limits: dict[str, float]) -> None:
    rows = make_rows(100, unlabelled=40)
    with serving(classify) as good:
        task = task_with(tmp_path, cloud(good.url), **limits)
        taught = run_teachers(tmp_path, task, rows)
        spent: Any = taught.facts["spent"]
        assert 0 < spent["calls"] == len(good.bodies)
        assert spent["tokens"] <= limits.get("tokens", 1e9)
        assert spent["cost"] <= limits.get("budget", 1e9)
        assert taught.facts["left"]
        assert not is_taught({"teachers": dict(taught.facts)})
        killed = run_teachers(tmp_path, task, rows)
        again: Any = killed.facts["spent"]
        assert again["tokens"] <= limits.get("tokens", 1e9), "a run that was killed goes on with what it had left"
        before = len(good.bodies)
        run_teachers(tmp_path, task, rows, desk="next")
        assert len(good.bodies) > before, "another run has a budget of its own"


def test_the_worst_case_is_reserved_before_each_call(tmp_path: Path) -> None:
    rows = make_rows(40, unlabelled=10)
    with serving(classify, usage=(1, 1)) as good:
        task = task_with(tmp_path, cloud(good.url, parallel=8), tokens=300)
        taught = run_teachers(tmp_path, task, rows)
        assert good.bodies == [], "one call may take more than there is"
    assert taught.rows == {}
    assert taught.facts["spent"] == {"calls": 0, "tokens": 0, "cost": 0.0}


def test_an_endpoint_that_counts_more_than_it_may_is_told_of(tmp_path: Path) -> None:
    """What was under way when the first such count came is beyond our reach; nothing is asked after it."""
    rows = make_rows(60, unlabelled=30)
    with serving(classify, usage=(100_000, 10)) as greedy:
        task = task_with(tmp_path, cloud(greedy.url, parallel=1), tokens=20_000)
        taught = run_teachers(tmp_path, task, rows)
        assert len(greedy.bodies) == 1
    assert taught.facts["exceeded"] is True
    assert "THE BUDGET WAS EXCEEDED" in taught.note
    with serving(classify) as honest:
        taught = run_teachers(tmp_path, task_with(tmp_path, cloud(honest.url), tokens=20_000), rows, desk="honest")
    assert taught.facts["exceeded"] is False
    assert "EXCEEDED" not in taught.note


def test_a_teacher_that_is_down_takes_nobody_elses_labels(tmp_path: Path) -> None:
    rows = make_rows(60, unlabelled=10)

    def down(body: Mapping[str, Any]) -> Any:
        return 401, {}

    with serving(classify) as good, serving(down) as bad:
        task = task_with(tmp_path, cloud(good.url), cloud(bad.url, "down", parallel=1), agreement=0.5)
        taught = run_teachers(tmp_path, task, rows)
        assert len(bad.bodies) == 5, "given up"
    assert len(taught.rows) == 10
    told: Any = taught.facts["teachers"]
    assert told["down"]["failed"] == {"refused": 5}
    assert taught.facts["left"] == told["down"]["rows"]


def test_retry_after_is_kept_to(tmp_path: Path) -> None:
    rows = make_rows(15, unlabelled=1)
    turns = iter([(429, {"retry-after": 1}), (503, {})])

    def busy(body: Mapping[str, Any]) -> Any:
        return next(turns, None) or classify(body)

    with serving(busy) as good:
        task = task_with(tmp_path, cloud(good.url, parallel=1), agreement=0.5)
        taught = run_teachers(tmp_path, task, rows)
    assert taught.facts["left"] == 0
    assert len(taught.rows) == 1


def test_what_does_not_fit_the_schema_is_counted_paid_and_not_asked_again(tmp_path: Path) -> None:
    rows = make_rows(30, unlabelled=5)
    with serving(lambda body: {"area": "nowhere"}) as bad:
        task = task_with(tmp_path, cloud(bad.url))
        taught = run_teachers(tmp_path, task, rows)
        asked = len(bad.bodies)
        run_teachers(tmp_path, task, rows, desk="later")
        assert len(bad.bodies) == asked
    told: Any = taught.facts["teachers"]
    assert told["cloud"]["misfits"] == asked
    assert taught.rows == {}
    assert taught.facts["spent"] == {"calls": asked, "tokens": 110 * asked, "cost": pytest.approx(120e-6 * asked)}


def test_calls_run_beside_each_other_and_no_more_than_allowed(tmp_path: Path) -> None:
    rows = make_rows(60, unlabelled=10)
    with serving(classify) as good:
        run_teachers(tmp_path, task_with(tmp_path, cloud(good.url, parallel=3)), rows)
    assert 1 <= good.most_at_once <= 3


def test_the_rate_and_the_time_of_a_run_are_kept(tmp_path: Path) -> None:
    rows = make_rows(30, unlabelled=5)
    with serving(classify) as good:
        task = task_with(tmp_path, cloud(good.url, per_minute=1), minutes=0.2)
        taught = run_teachers(tmp_path, task, rows)
        assert len(good.bodies) == 1, "the second one would begin in a minute"
    told: Any = taught.facts["teachers"]
    assert told["cloud"]["unasked"] == {"time": told["cloud"]["rows"] - 1}


def test_a_key_that_is_not_set_is_the_users_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with serving(classify) as good:
        task = task_with(tmp_path, cloud(good.url, key="NO_SUCH_KEY"))
        with pytest.raises(UserError, match="NO_SUCH_KEY"):
            run_teachers(tmp_path, task, make_rows(30, unlabelled=5))
        assert good.bodies == []


def test_a_key_is_in_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "sk-verysecret")
    with serving(classify) as good:
        run_teachers(tmp_path, task_with(tmp_path, cloud(good.url, key="THE_KEY")), make_rows(30, unlabelled=5))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"verysecret" in path.read_bytes()]


def test_verifiers_refuse_and_say_why(tmp_path: Path) -> None:
    (tmp_path / "check.py").write_text(
        "def plausible(inputs, values):\n"
        "    if 'card' in inputs['text']:\n"
        "        raise ValueError('cards are hard')\n"
        "    return 'parcels are odd' if 'parcel' in inputs['text'] else True\n"
    )
    rows = make_rows(120, unlabelled=40)

    def judge(body: Mapping[str, Any]) -> Any:
        said = json.loads(body["messages"][1]["content"])
        return {"right": "login" not in said["inputs"]} if "labels" in said else classify(body)

    with serving(judge) as good:
        verifiers = ("instructions", "rule:check.py:plausible", "judge:cloud")
        task = task_with(tmp_path, cloud(good.url), agreement=0.5, verifiers=verifiers)
        taught = run_teachers(tmp_path, task, rows)
    texts = {row.inputs["text"] for row in taught.rows.values()}
    assert texts
    assert not [text for text in texts if subject(text) in ("card", "parcel", "login")]
    reasons = {guess.reason for guess in taught.guesses}
    assert reasons == {
        "`check.py:plausible` refuses it: ValueError: cards are hard",
        "`check.py:plausible` refuses it: parcels are odd",
        "the judge `cloud` finds it wrong",
    }
    filtered: Any = taught.facts["filtered"]
    assert sum(each["rows"] for each in filtered.values()) == 40 - len(taught.rows)
    assert all(each["samples"] for each in filtered.values())


def test_a_label_has_to_lead_back_to_its_text(tmp_path: Path) -> None:
    rows = make_rows(120, unlabelled=30)

    def way_back(body: Mapping[str, Any]) -> Any:
        said = json.loads(body["messages"][1]["content"])
        if "label" not in said:
            return classify(body)
        fitting = [n for n, text in said.items() if n != "label" and AREAS[subject(text)] == said["label"]]
        return {"text": "1" if "refund" in said[fitting[0]] and fitting[0] != "1" else fitting[0]}

    with serving(way_back) as good:
        task = task_with(tmp_path, cloud(good.url), agreement=0.5, verifiers=("round-trip:cloud",))
        taught = run_teachers(tmp_path, task, rows)
    assert len(taught.rows) > 15
    refused = {guess.example for guess in taught.guesses}
    assert {subject(row.inputs["text"]) for row in rows if row.id in refused} == {"refund"}


def test_the_stage_hands_on_what_was_taught_and_queues_the_rest(tmp_path: Path, tiny_base: Path) -> None:
    rows = make_rows(120, unlabelled=30)
    (tmp_path / "rows").mkdir()
    write_examples(tmp_path / "rows" / "examples.jsonl", rows)
    unsure = {row.id for row in rows if not row.outputs and subject(row.inputs["text"]) == "card"}

    def other(body: Mapping[str, Any]) -> dict[str, str]:
        said = classify(body)
        return {"area": "delivery"} if "card" in body["messages"][1]["content"] else said

    with serving(classify) as good, serving(other) as poor, Registry.open(tmp_path / "state") as shelf:
        task = task_with(tmp_path, cloud(good.url), cloud(poor.url, "poor"), checks=0, agreement=0.9)
        task = replace(task, base=str(tiny_base))
        desk = make_desk(tmp_path / "annotate")
        labelled = label.annotate.function(desk, task, Examples(tmp_path / "rows"), shelf)
        waiting = {row.example: row for row in shelf.reviews("desk") if row.given is None}
    kept = {row.id: row for row in read_examples(labelled.folder / "examples.jsonl")}
    taught = {name for name, row in kept.items() if row.passport.taught}
    assert taught == {row.id for row in rows if not row.outputs} - unsure
    assert set(waiting) == unsure
    assert all(
        row.reason.startswith("teachers disagree: `billing` (1), `delivery` (1)") for row in waiting.values()
    )
    facts: Any = labelled.facts["teachers"]
    assert (facts["taught"], facts["left"]) == (len(taught), 0)


def test_a_survey_counts_against_known_rows_and_asks_nobody(tmp_path: Path) -> None:
    rows = make_rows(200, unlabelled=10)
    with serving(classify) as good, serving(confuse) as poor:
        task = task_with(tmp_path, cloud(good.url), cloud(poor.url, "poor"))
        run_teachers(tmp_path, task, rows)
        asked = len(good.bodies)
        with Registry.open(tmp_path / "state") as shelf:
            found = survey(make_desk(tmp_path / "desk"), task, rows, shelf=shelf)
        assert len(good.bodies) == asked
    by_name = {each.teacher: each for each in found.rows}
    known = sum(bool(row.outputs) and row.split != "test" for row in rows)
    first, second = by_name["cloud"].accuracy, by_name["poor"].accuracy
    assert first is not None
    assert second is not None
    assert (first.value, first.n, found.by_people) == (1.0, known, 0)
    accounts = sum(row.outputs.get("area") == "account" for row in rows if row.split != "test")
    assert second.value == pytest.approx(1 - accounts / known)
    assert second.low < second.value < second.high
    assert by_name["poor"].confused == (("account", "billing", accounts),)
    assert by_name["(committee)"].accuracy == first, "an account that both name is told apart by the good one"
    assert found.totals["cloud"].calls == asked


def test_an_estimate_is_what_asking_then_takes(tmp_path: Path) -> None:
    rows = make_rows(80, unlabelled=20)
    with serving(classify) as good, Registry.open(tmp_path / "state") as shelf:
        task = task_with(tmp_path, cloud(good.url, samples=2), Teacher("near", "similarity", ""))
        desk = make_desk(tmp_path / "desk")
        [before, near] = estimate(desk, task, rows, shelf=shelf)
        assert good.bodies == []
        assert (before.tokens, before.cost, before.seconds) == (None, None, None), "nothing was measured yet"
        assert (near.calls, near.most_cost) == (0, 0.0)
        teach(desk, task, rows, shelf=shelf)
        assert len(good.bodies) == before.calls
        assert before.most_tokens >= 110 * before.calls
        [after, _] = estimate(desk, task, [*rows, *make_rows(140, unlabelled=140)], shelf=shelf)
    assert after.calls
    assert after.tokens == 110 * after.calls
    assert after.cost == pytest.approx(120e-6 * after.calls)
    assert after.seconds is not None
