"""A turn that makes rows: training rows alone, with their maker, weighed on validation rows, or switched off."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.serve.faulty import Call, completion, reply, upstream
from tests.turned import TASK_FILE, write_rows

from freehold.app.cli.entry import run_command
from freehold.errors import TaskFileError, UserError
from freehold.line import TurnRecord, open_state, plan, run_turn, switch_off
from freehold.task import Example, Release, load_task, read_examples

TABLE = """
[synthesis]
templates = "t.txt"
rows = 40
licence = "CC0-1.0"
generators = { "templates.v1" = 40, "rewrite.v1" = 40 }
"""
TEMPLATES = """\
<when> = today | right now please | tomorrow
:: area = delivery; urgent = true
(where is|help with|find) my (parcel|courier) <when>
:: area = billing
who changed my (invoice|receipt) [I am very angry]
"""


def make(turned: Path, tmp_path: Path, table: str) -> Path:
    """Returns a folder with fewer rows, whose encoder's graph is there already."""
    folder = tmp_path / "desk"
    folder.mkdir()
    for name in ("base", ".freehold/cache"):
        shutil.copytree(turned / name, folder / name)
    write_rows(folder / "rows.csv", rows=60)
    (folder / "task.toml").write_text(TASK_FILE.replace("area.accuracy = 0.5", "area.accuracy = 0.1") + table)
    (folder / "t.txt").write_text(TEMPLATES)
    return folder


@pytest.fixture
def folder(turned: Path, tmp_path: Path) -> Path:
    return make(turned, tmp_path, TABLE)


def turn(folder: Path, *, synthetic: bool = True) -> TurnRecord:
    task = load_task(folder)
    with open_state(folder) as shelf:
        return run_turn(task if synthetic else switch_off(task), shelf=shelf)


def rows_of(folder: Path, stage: str) -> list[Example]:
    with open_state(folder) as shelf:
        version = shelf.models("desk")[-1].version
        lineage: Any = shelf.lineage("desk", version)
        key = next(each["key"] for each in lineage["stages"] if each["stage"] == stage)
        recorded = shelf.recall(key)
        assert recorded
        return list(read_examples(shelf.lay_out(recorded) / "examples.jsonl"))


def test_made_rows_are_training_rows_that_carry_their_maker(folder: Path) -> None:
    record = turn(folder)
    real, all_rows = (rows_of(folder, stage) for stage in ("label.annotate", "label.synthesise"))
    made = [row for row in all_rows if row.passport.source.startswith("synthesis:")]
    assert [row for row in all_rows if row not in made] == real, "the real rows stay as they are"
    assert {row.split for row in made} == {"train"}
    assert {row.passport.maker for row in made} == {"rule:templates.v1", "rule:rewrite.v1"}
    assert {row.passport.source for row in made} == {"synthesis:templates.v1", "synthesis:rewrite.v1"}
    assert {row.passport.licence for row in made} == {"CC0-1.0"}
    assert not {row.id for row in made} & {row.id for row in real}
    facts: Any = record.made
    assert facts["made"]["rows"] == len(made) == facts["validation"]["rows"]
    assert facts["made"]["drafts"] == len(made) + sum(each["count"] for each in facts["made"]["refused"].values())
    assert set(facts["test"]["with"]) == set(facts["test"]["without"]) == {"area", "urgent"}
    assert any("ade rows were" in reason for reason in record.verdict.reasons)


def test_a_second_turn_makes_nothing_and_a_plan_says_so(folder: Path) -> None:
    first, second = turn(folder), turn(folder)
    assert all(stage.cached for stage in second.stages)
    assert isinstance(first.outcome, Release)
    assert isinstance(second.outcome, Release)
    assert first.outcome.artifact.digest == second.outcome.artifact.digest
    with open_state(folder) as shelf:
        assert {each.state for each in plan(load_task(folder), shelf=shelf, tell=print)} == {"recorded"}
        (folder / "t.txt").write_text(TEMPLATES + "my login is lost\n")
        planned = {each.name: each.state for each in plan(load_task(folder), shelf=shelf, tell=print)}
    assert planned["label.annotate"] == "recorded"
    assert planned["label.synthesise"] == "out of date", "another file of templates"
    assert planned["train.fit"] == "depends"


def test_one_flag_switches_them_off(folder: Path) -> None:
    off = turn(folder, synthetic=False)
    assert [stage.name for stage in off.stages][:3] == ["data.collect", "label.annotate", "train.fit"]
    assert off.made == {}
    text = (folder / "task.toml").read_text()
    (folder / "task.toml").write_text(text.replace("[synthesis]", "[synthesis]\nenabled = false"))
    assert all(stage.cached for stage in turn(folder).stages), "the same as the flag of the command"


def test_rows_that_do_not_help_are_left_out_and_that_is_said(folder: Path) -> None:
    wrong = (
        ":: area = account; urgent = false\n(where is my|there is no) (parcel|courier) (today|right now please)\n"
    )
    (folder / "t.txt").write_text(wrong)
    text = (folder / "task.toml").read_text()
    (folder / "task.toml").write_text(
        text.replace(', "rewrite.v1" = 40', "").replace("rows = 40", "agreement = 0")
    )
    record = turn(folder)
    facts: Any = record.made
    assert facts["validation"]["rows"] > 0
    assert not facts["validation"]["taken"]
    assert any(reason.startswith("Made rows were left out") for reason in record.verdict.reasons)
    plain = turn(folder, synthetic=False)
    assert record.verdict.artifact == plain.verdict.artifact, "the model of the real rows"


@pytest.mark.parametrize("word", ["--json", ""])
def test_the_command_and_the_report_tell_of_them(
    word: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["run", str(folder), *word.split()]) == 0
    said = capsys.readouterr().out
    assert run_command(["report", str(folder), *word.split()]) == 0
    reported = capsys.readouterr().out
    assert run_command(["data", str(folder), *word.split()]) == 0
    listed = capsys.readouterr().out
    if word == "--json":
        assert json.loads(said)["synthetic"]["made"]["rows"] > 0
        assert json.loads(reported)["facts"]["gate.contrast"]["test"]["with"]
        step = json.loads(listed)["funnel"][-1]
        assert step["name"] == "with synthetic rows"
        assert step["left"] == 60 + json.loads(said)["synthetic"]["made"]["rows"]
    else:
        for text in (said, reported):
            assert "synthetic rows: training rows alone" in text
            assert "synthetic rows: the first rung's score" in text
        assert "with synthetic rows" in listed


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (("rewrite.v1", "rewrit.v1"), UserError, "has no part 'rewrit.v1'"),
        (("area = billing", "area = bill"), TaskFileError, "'bill' is none of its labels"),
    ],
)
def test_mistakes_are_told(change: tuple[str, str], error: type[Exception], message: str, folder: Path) -> None:
    for name in ("task.toml", "t.txt"):
        path = folder / name
        path.write_text(path.read_text().replace(*change))
    with pytest.raises(error) as caught:
        turn(folder)
    assert message in str(caught.value)


async def says(call: Call) -> None:
    """Answers with a row that differs from call to call and has the word that gives the label away."""
    data = json.loads(call.body["messages"][1]["content"])
    word = {"billing": "invoice", "delivery": "parcel", "account": "login"}[data["labels"]["area"]]
    wanted = call.body["response_format"]["json_schema"]["schema"]["required"]
    who, model = data["attributes"]["person"], call.body["model"]
    texts = {name: f"could {who} check the {word} {name} {call.number}, {model} one" for name in wanted}
    await call.send(reply(completion(texts)))


WRITERS = """
[synthesis]
rows = 60
tokens = 2_400_000
generators = { "labelled.v1" = 24 }
[[synthesis.writer]]
name = "strong"
url = "URL"
model = "large"
price = { input = 10, output = 30 }
[[synthesis.writer]]
name = "weak"
url = "URL"
model = "small"
price = { input = 0.1, output = 0.3 }
"""


def test_two_writers_are_compared_and_what_they_wrote_says_how(turned: Path, tmp_path: Path) -> None:
    with upstream(says) as server:
        folder = make(turned, tmp_path, WRITERS.replace("URL", server.url))
        facts: Any = turn(folder).made
    value = facts["made"]["value"]
    assert set(value["writers"]) == {"strong", "weak"}
    for each in value["writers"].values():
        assert each["calls"] == 6
        assert each["tokens"] == 6 * 110
        assert each["drafts"] == 24
        assert 0 <= each["coverage"] <= 1
        assert each["validation"]["n"] > 0
    assert value["writers"]["strong"]["cost"] == pytest.approx(100 * value["writers"]["weak"]["cost"])
    assert value["better"]["writer"] in ("strong", "weak")
    made = [row for row in rows_of(folder, "label.synthesise") if row.passport.making]
    assert {row.passport.maker for row in made} == {"model:strong", "model:weak"}
    assert {row.passport.making["model"] for row in made} == {"large", "small"}
    assert all(row.passport.making["prompt"] for row in made)
    shown = json.dumps([call.body for call in server.calls])
    tests = [row.inputs["text"] for row in rows_of(folder, "label.annotate") if row.split == "test"]
    assert not [text for text in tests if text in shown], "no test row goes to a model"


_RUN = (
    "import sys; from freehold.app.cli.entry import run_command; sys.exit(run_command(['run', sys.argv[1], '-q']))"
)


def test_a_run_that_was_killed_between_calls_goes_on_where_it_was(turned: Path, tmp_path: Path) -> None:
    killed: list[subprocess.Popen[bytes]] = []

    async def deadly(call: Call) -> None:
        if call.number == 5 and killed:
            os.kill(killed[0].pid, signal.SIGKILL)
        await says(call)

    table = WRITERS.partition('[[synthesis.writer]]\nname = "weak"')[0]
    with upstream(deadly) as server:
        folder = make(turned, tmp_path, table.replace("URL", server.url))
        killed.append(subprocess.Popen([sys.executable, "-c", _RUN, str(folder)]))
        assert killed[0].wait(120) == -signal.SIGKILL
        facts: Any = turn(folder).made
        spent = facts["made"]["value"]["writers"]["strong"]
    assert spent["drafts"] == 24, "all rows are there"
    assert len(server.calls) <= 6 + 4, "only what was on its way is asked again"
    assert spent["tokens"] >= 110 * 6, "and what was on its way counts at its worst"
