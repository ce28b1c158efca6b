"""Every command: what it answers as JSON, what it says to people, how it exits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.app.conftest import Type
from tests.turned import write_rows

from freehold.app.cli.entry import _COMMANDS
from freehold.engine import open_reader

METRIC = {"value", "low", "high", "n"}


# run


def test_run_again_computes_nothing(turned: Path, type_command: Type) -> None:
    said = type_command("run", turned, "--json")
    document = said.document
    assert said.code == 0
    assert set(document) == {"task", "release", "verdict", "suspected", "stages", "seconds"}
    assert document["task"] == "desk"
    assert document["release"]["version"] == 1
    assert document["release"]["champion"] is True
    assert document["verdict"]["passed"] is True
    assert set(document["verdict"]["fields"]["area"]["accuracy"]) == METRIC
    assert [stage["cached"] for stage in document["stages"]] == [True] * 5
    assert "data.collect: recorded already" in said.err


def test_run_reports_to_people(turned: Path, type_command: Type) -> None:
    said = type_command("run", turned, "--quiet")
    assert said.err == ""
    for words in ("accuracy", "Passed:", "train.fit", "a test row and its answer", "nothing had changed"):
        assert words in said.out
    assert f"Next: freehold predict {turned}" in said.out


def test_dry_run_runs_nothing(desk: Path, type_command: Type) -> None:
    def states() -> dict[str, str]:
        document = type_command("run", desk, "--dry-run", "--json").document
        return {stage["name"]: stage["state"] for stage in document["stages"]}

    assert set(states().values()) == {"recorded"}
    rows = desk / "rows.csv"
    rows.write_text(rows.read_text() + "one more about the parcel,delivery,false\n")
    assert list(states().values()) == ["out of date", *["depends"] * 4]
    assert len(type_command("models", desk, "--json").document["models"]) == 1
    assert "would run" in type_command("run", desk, "--dry-run").out


def test_a_refused_model_exits_with_1_and_the_champion_stays(desk: Path, type_command: Type) -> None:
    task_file = desk / "task.toml"
    task_file.write_text(task_file.read_text().replace("area.accuracy = 0.5", "area.accuracy = 0.999"))
    said = type_command("run", desk, "--json", "--quiet")
    assert said.code == 1
    assert said.document["release"] is None
    assert said.document["verdict"]["passed"] is False
    assert "0.999" in said.document["verdict"]["reasons"][0]
    people = type_command("run", desk, "--quiet")
    assert people.code == 1
    assert "The gate refused this model" in people.out
    assert type_command("status", desk, "--json").document["champion"]["version"] == 1


# models, promote, rollback, export


def second_model(desk: Path, type_command: Type) -> None:
    write_rows(desk / "rows.csv", rows=200)
    assert type_command("run", desk, "--quiet").code == 0


def test_versions_come_and_go(desk: Path, type_command: Type) -> None:
    second_model(desk, type_command)
    listed = type_command("models", desk, "--json").document["models"]
    assert [(m["version"], m["champion"], m["state"]) for m in listed] == [
        (1, False, "released"),
        (2, True, "champion"),
    ]
    assert {"version", "digest", "champion", "created", "verdict"} <= set(listed[0])
    assert listed[0]["digest"] != listed[1]["digest"]

    back = type_command("rollback", desk, "--why", "it shouted", "--who", "ada", "--json")
    assert (back.code, back.document["release"]["version"]) == (0, 1)
    kept = type_command("run", desk, "--quiet")
    assert kept.code == 0
    assert "This model was withdrawn before, so desk@1 stays in service." in kept.out
    history = type_command("report", desk, "--version", "2", "--json").document["history"]
    assert [(entry["action"], entry["who"], entry["why"]) for entry in history][-1] == (
        "withdraw",
        "ada",
        "it shouted",
    )

    there = type_command("promote", "desk@2", desk, "--why", "it was not so bad")
    assert there.code == 0
    assert "desk@2 is in service now" in there.out
    assert "champion" in type_command("models", desk).out
    assert type_command("rollback", desk, "--to", "1", "--json").document["release"]["name"] == "desk@1"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["promote", "7"], "7"),
        (["promote", "latest"], "'latest' is not a version of `desk`"),
        (["promote", "other@1"], "'other@1' is not a version of `desk`"),
        (["rollback", "--to", "x"], "'x' is not a version"),
        (["rollback"], "desk"),
        (["export", "--version", "9", "--to", "/tmp/never"], "9"),
        (["report", "--version", "0"], "0"),
    ],
)
def test_versions_that_are_not_there(turned: Path, type_command: Type, words: list[str], message: str) -> None:
    words = [*words[:2], str(turned), *words[2:]] if words[0] == "promote" else [words[0], str(turned), *words[1:]]
    said = type_command(*words, "--json")
    assert said.code == 2
    assert message in said.document["error"]["message"]


def test_export_copies_the_artifact(turned: Path, type_command: Type, tmp_path: Path) -> None:

    said = type_command("export", turned, "--to", tmp_path / "out", "--json")
    assert said.code == 0
    assert {"model.onnx", "freehold.json", "README.md", "config.json"} <= set(said.document["files"])
    assert said.document["digest"]
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| `area` | accuracy |" in card, "the model card has the verdict's numbers"
    assert "## Verdict on desk@1" in card
    assert open_reader(tmp_path / "out").predict([{"text": "where is my parcel"}])
    (tmp_path / "out" / "README.md").write_text("mine now")
    again = type_command("export", turned, "--to", tmp_path / "out")
    assert again.code == 2
    assert "exists and is not empty" in again.err
    assert (tmp_path / "out" / "README.md").read_text() == "mine now"


# verify


def test_verify_finds_damage_and_run_mends_it(desk: Path, type_command: Type) -> None:
    clean = type_command("verify", desk, "--json")
    assert clean.code == 0
    assert clean.document["checked"] > 10
    assert clean.document["damaged"] == []
    largest = max(
        (p for p in (desk / ".freehold" / "blobs").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size
    )
    largest.chmod(0o644)
    largest.write_bytes(b"tampered")
    found = type_command("verify", desk, "--json")
    assert found.code == 1
    assert found.document["damaged"] != []
    assert "damaged" in type_command("verify", desk).out
    mended = type_command("run", desk, "--json")
    assert mended.code == 0
    assert "It is made again." in mended.err
    assert not all(stage["cached"] for stage in mended.document["stages"])
    assert type_command("verify", desk, "--json").code == 0


def test_damaged_weights_do_not_answer(desk: Path, type_command: Type) -> None:
    state = desk / ".freehold"
    graph = next((state / "results").rglob("model.onnx"))
    content = graph.read_bytes()
    for path in (graph, *(p for p in (state / "blobs").rglob("*") if p.is_file() and p.read_bytes() == content)):
        path.chmod(0o644)
        path.write_bytes(content + b"x")
    said = type_command("predict", desk, "--input", '{"text": "a"}', "--json")
    assert said.code == 1
    assert said.document["error"]["type"] == "IntegrityError"
    assert "model.onnx" in said.document["error"]["message"]


# feedback, status, report


def test_feedback_is_taken_listed_and_taken_back(desk: Path, type_command: Type, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    good = {"inputs": {"text": "my crate is lost"}, "correct": {"area": "delivery"}}
    typo = {"inputs": {"text": "my crate"}, "correct": {"area": "delivry"}}
    lines = [json.dumps(good), "", "{", json.dumps(typo), "\udcff"]
    rows.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    said = type_command("feedback", desk, "--data", rows, "--who", "ada", "--json")
    assert said.code == 2
    assert said.document["accepted"] == 1
    assert [rejected["line"] for rejected in said.document["rejected"]] == [3, 4, 5]
    assert "delivery" in said.document["rejected"][1]["reason"]
    assert type_command("status", desk, "--json").document["unlearned"] == 1

    [row] = type_command("feedback", desk, "--list", "--json").document["feedback"]
    assert (row["maker"], row["value"]) == ("person:ada", {"area": "delivery"})
    assert "person:ada" in type_command("feedback", desk, "--list").out

    assert type_command("feedback", desk, "--withdraw", said.document["batch"], "--json").document == {
        "withdrawn": 1
    }
    assert type_command("feedback", desk, "--withdraw", said.document["batch"]).code == 2
    assert type_command("feedback", desk, "--list", "--json").document["feedback"][0]["withdrawn"] is True
    assert type_command("status", desk, "--json").document["unlearned"] == 0


@pytest.mark.parametrize(
    "words", [[], ["--list", "--withdraw", "x"], ["--data", "/no/such"], ["--data", "/dev/null"], ["--data", "/"]]
)
def test_feedback_refuses_what_it_cannot_do(turned: Path, type_command: Type, words: list[str]) -> None:
    assert type_command("feedback", turned, *words).code == 2


def test_feedback_says_which_format_it_takes(turned: Path, type_command: Type, tmp_path: Path) -> None:
    row = {"inputs": {"text": "my crate is lost"}, "correct": {"area": "delivery"}}
    for name, content in (("x.csv", "text,area\nlost,delivery\n"), ("x.json", json.dumps([row], indent=1))):
        (tmp_path / name).write_text(content)
        said = type_command("feedback", turned, "--data", tmp_path / name)
        assert said.code == 2
        assert f"{name}` is not JSON Lines, one object a line. Line 1: This is not JSON" in said.err
        assert 'a line is {"inputs": {INPUT: "..."}, "correct": {FIELD: VALUE}}' in said.err


def test_a_correction_is_learned_by_the_next_run(desk: Path, type_command: Type, tmp_path: Path) -> None:
    text = "the gizmo is wobbly"
    rows = tmp_path / "rows.jsonl"
    given = [f"{text}{end}" for end in ("", " today", " from last week", " thanks", " it is broken")]
    rows.write_text(
        "".join(json.dumps({"inputs": {"text": t}, "correct": {"area": "account"}}) + "\n" for t in given)
    )
    assert type_command("feedback", desk, "--data", rows).code == 0
    run = type_command("run", desk, "--json", "--quiet").document
    assert run["release"]["version"] == 2
    answer = type_command("predict", desk, "--input", json.dumps({"text": text})).document
    assert (answer["model"], answer["answers"]["area"]["value"]) == ("desk@2", "account")
    status = type_command("status", desk, "--json").document
    assert (status["corrections"], status["unlearned"]) == (5, 0)
    assert len(type_command("report", desk, "--json").document["lineage"]["corrections"]) == 5


def test_status(turned: Path, type_command: Type) -> None:
    document = type_command("status", turned, "--json").document
    assert document["champion"]["name"] == "desk@1"
    assert document["last"]["verdict"]["passed"] is True
    assert sum(document["rows"].values()) == 160
    assert (document["corrections"], document["unlearned"]) == (0, 0)
    assert document["reviews"] == document["suspected"], "no label is missing"
    assert "desk@1" in type_command("status", turned).out


def test_report(turned: Path, type_command: Type) -> None:
    document = type_command("report", turned, "--json").document
    assert {"release", "verdict", "lineage", "facts", "refused", "history"} <= set(document)
    assert next(stage["stage"] for stage in document["lineage"]["stages"]) == "data.collect"
    assert document["refused"]["count"] == 0
    assert Path(document["refused"]["path"]).is_file()
    assert {rung["name"] for rung in document["facts"]["train.fit"]["rungs"]} >= {"ridge"}
    out = type_command("report", turned).out
    for words in ("where the time went", "lineage", "training", "forms", "desk@1 is champion"):
        assert words in out


# what holds for every command


def empty_task(tmp_path: Path) -> Path:
    folder = tmp_path / "fresh"
    folder.mkdir()
    (folder / "task.toml").write_text(
        '[task]\nname = "fresh"\n[input]\ntext = "string"\n[output.sort]\nkind = "predicate"\n'
    )
    return folder


BEFORE_A_MODEL: dict[str, tuple[list[str], int]] = {
    "status": ([], 0),
    "models": ([], 0),
    "verify": ([], 0),
    "feedback": (["--list"], 0),
    "doctor": ([], 0),
    "report": ([], 2),
    "predict": (["--input", '{"text": "a"}'], 2),
    "evaluate": (["--data", "DATA"], 2),
    "export": (["--to", "OUT"], 2),
    "rollback": ([], 2),
    "run": (["--quiet"], 2),
}


@pytest.mark.parametrize("name", BEFORE_A_MODEL)
def test_before_there_is_a_model(name: str, type_command: Type, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("text,sort\na,true\n")
    words, code = BEFORE_A_MODEL[name]
    words = [
        word.replace("DATA", str(tmp_path / "data.csv")).replace("OUT", str(tmp_path / "out")) for word in words
    ]
    folder = empty_task(tmp_path)
    said = type_command(name, folder, *words, "--json")
    assert said.code == code
    assert ("error" in said.document) == (code == 2)
    people = type_command(name, folder, *words)
    assert people.code == code
    assert "Traceback" not in people.err


def names() -> list[str]:
    return [function.__name__ for _, functions in _COMMANDS for function in functions]


@pytest.mark.parametrize("name", names())
def test_every_command_has_json_and_a_sentence(name: str, type_command: Type) -> None:
    said = type_command(name, "--help")
    assert said.code == 0
    assert "--json" in said.out


@pytest.mark.parametrize("name", sorted(set(names()) - {"init", "dedupe"}))
def test_a_folder_without_a_task_is_a_users_mistake(name: str, type_command: Type, tmp_path: Path) -> None:
    more: dict[str, list[Any]] = {
        "promote": ["1", tmp_path],
        "evaluate": [tmp_path, "--data", tmp_path / "x.csv"],
        "export": [tmp_path, "--to", tmp_path / "out"],
        "feedback": [tmp_path, "--list"],
        "client": [tmp_path, "--language", "python"],
    }
    said = type_command(name, *more.get(name, [tmp_path]), "--json")
    if name == "doctor":
        assert said.code == 0
    else:
        assert said.code == 2
        assert "no task.toml" in said.document["error"]["message"]
        assert "init" in said.document["error"]["hint"]
