"""Commands that ask the champion: `predict` and `evaluate`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from tests.app.conftest import Type

METRIC = {"value", "low", "high", "n"}


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


# predict


def test_predict_answers_one_input(turned: Path, type_command: Type) -> None:
    said = type_command("predict", turned, "--input", '{"text": "where is my parcel"}')
    assert said.code == 0
    prediction = said.document
    assert (prediction["task"], prediction["model"]) == ("desk", "desk@1")
    answer = prediction["answers"]["area"]
    assert answer["value"] == "delivery"
    assert set(answer) == {"value", "confidence", "probabilities", "abstained"}


def test_predict_answers_good_lines_and_names_bad_ones(
    turned: Path, type_command: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        b'{"text": "my card"}',
        b"",
        b'{"text": 3}',
        b"nope",
        b'{"txt": "a"}',
        b"\xff",
        b"[1]",
        b'{"text": ""}',
    ]
    feed(monkeypatch, b"\n".join([*lines, b'{"text": "login", "more": "x"}', b'{"text": "the login"}']))
    said = type_command("predict", turned, "--json")
    assert said.code == 2
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert [a["answers"]["area"]["value"] for a in answers][::2] == ["billing", "account"]
    named = [line.partition(":")[0] for line in said.err.splitlines()]
    assert named == [f"line {n}" for n in (3, 4, 5, 6, 7, 9)] + ["6 lines could not be answered."]


def test_predict_keeps_requests_that_feedback_can_name(desk: Path, type_command: Type, tmp_path: Path) -> None:
    ask = ("predict", desk, "--input", '{"text": "where is my parcel"}')
    kept = type_command(*ask).document["request"]
    forgotten = type_command(*ask, "--no-record").document["request"]
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(json.dumps({"request": id, "correct": {"area": "billing"}}) + "\n" for id in (kept, forgotten))
    )
    said = type_command("feedback", desk, "--data", rows, "--json")
    assert said.document["accepted"] == 1
    assert [rejected["line"] for rejected in said.document["rejected"]] == [2]


@pytest.mark.parametrize("text", ["", "nope", "[]", '{"text": 1}', "{}"])
def test_predict_refuses_a_bad_input(turned: Path, type_command: Type, text: str) -> None:
    said = type_command("predict", turned, "--json", "--input", text)
    assert said.code == 2
    assert said.document["error"]["type"] == "DataError"
    assert "--input" in said.document["error"]["hint"]


# evaluate


def test_evaluate_scores_the_champion(turned: Path, type_command: Type, tmp_path: Path) -> None:
    data = tmp_path / "new.csv"
    data.write_text(
        "message,desk\nmy invoice has a stain,billing\nwhere did the parcel go,delivery\nx,nonsense\n,\n"
    )
    said = type_command(
        "evaluate", turned, "--data", data, "--fields", '{"text": "message", "area": "desk"}', "--json"
    )
    assert said.code == 0
    document = said.document
    assert (document["n"], document["refused"], document["seen"]) == (3, 1, 0)
    assert document["fields"]["area"]["accuracy"]["n"] == 3
    assert set(document["fields"]["area"]["accuracy"]) == METRIC
    assert f"{data}:5:" in said.err


def test_evaluate_says_where_the_rows_are_known(turned: Path, type_command: Type) -> None:
    said = type_command("evaluate", turned, "--data", turned / "rows.csv")
    assert said.code == 0
    assert "of 160 rows are among those the task learns from" in said.err
    assert said.out.splitlines()[0] == f"desk@1 on {turned / 'rows.csv'} (95 % intervals)"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "/no/such/file"], "There is no file `/no/such/file`"),
        (["--fields", "{"], "which is not JSON"),
        (["--fields", "[1]"], "not an object"),
        (["--fields", '{"colour": "x"}'], "names 'colour'; the task has `text`, `area`, `urgent`"),
        (["--fields", '{"area": "nope"}'], "no column `nope`"),
    ],
)
def test_evaluate_refuses_what_it_cannot_use(
    turned: Path, type_command: Type, words: list[str], message: str
) -> None:
    said = type_command("evaluate", turned, "--data", turned / "rows.csv", *words, "--json")
    assert said.code == 2
    assert message in said.document["error"]["message"]
