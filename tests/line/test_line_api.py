"""The line from Python: a turn, a plan, a model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import freehold
from freehold.errors import DataError, NotFoundError, OperatorError, TaskFileError
from freehold.line import STAGES, Planned, open_state, plan, run_turn
from freehold.task import Event, load_task


def test_run_returns_the_release_in_service(turned: Path) -> None:
    events: list[Event] = []
    outcome = freehold.run(turned, tell=events.append)
    assert isinstance(outcome, freehold.Release)
    assert (outcome.name, outcome.state) == ("desk@1", "champion")
    assert [(event.stage, event.kind) for event in events] == [(name, "cached") for name in STAGES]


def test_a_turn_writes_down_what_happened(turned: Path) -> None:
    with open_state(turned) as shelf:
        record = run_turn(load_task(turned), shelf=shelf)
    assert tuple(stage.name for stage in record.stages) == STAGES
    assert all(stage.cached for stage in record.stages)
    assert sum(stage.seconds for stage in record.stages) <= record.seconds
    assert record.verdict.passed
    assert (record.labelled.folder / "examples.jsonl").is_file()


def test_the_state_may_lie_elsewhere(turned: Path, tmp_path: Path) -> None:
    state = shutil.copytree(turned / ".freehold", tmp_path / "state")
    model = freehold.load(str(turned), state=str(state))
    assert model.release.artifact.folder.is_relative_to(state)


def test_one_run_at_a_time(turned: Path) -> None:
    task = load_task(turned)
    with (
        open_state(turned) as shelf,
        shelf.lock(),
        open_state(turned) as other,
        pytest.raises(OperatorError, match="Another run is at work"),
    ):
        run_turn(task, shelf=other)


def test_a_plan_says_what_is_out_of_date(turned: Path, tmp_path: Path) -> None:
    task = load_task(turned)
    with open_state(turned) as shelf:
        assert plan(task, shelf=shelf, tell=print) == tuple(Planned(name, "recorded") for name in STAGES)
    with open_state(tmp_path) as empty:
        first, *others = plan(task, shelf=empty, tell=print)
        assert first == Planned("data.collect", "out of date")
        assert others == [Planned(name, "depends") for name in STAGES[1:]]
        assert empty.models("desk") == []


def test_load_answers(turned: Path) -> None:
    model = freehold.load(turned)
    assert repr(model) == "<Model desk@1>"
    first, second = model.predict([{"text": "where is my parcel"}, {"text": "my invoice"}], requests=["a", "b"])
    assert (first.model, first.request, second.request) == ("desk@1", "a", "b")
    assert first.answers["area"].value == "delivery"
    assert model.predict([]) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, "Input 1 has no `text`"),
        ({"text": 3}, "Input 1: `text` is 3, not text"),
        ({"text": "a", "more": "b"}, "Input 1 has `more`, which the task does not take"),
        ({"text": "\ud800"}, "half of a surrogate pair"),
        ("text", "Input 1 is 'text', not an object"),
    ],
)
def test_predict_says_which_input_is_wrong(turned: Path, row: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        freehold.load(turned).predict([{"text": "fine"}, row])


def test_load_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="No folder"):
        freehold.load(tmp_path / "nowhere")
    (tmp_path / "task.toml").write_text("[task]\nnme = 1\n")
    with pytest.raises(TaskFileError):
        freehold.run(tmp_path)
    (tmp_path / "task.toml").write_text(
        '[task]\nname = "new"\n[input]\ntext = "string"\n[output.sort]\nkind = "predicate"\n'
    )
    with pytest.raises(NotFoundError, match="`new` has no model in service yet"):
        freehold.load(tmp_path)
