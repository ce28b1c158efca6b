"""`predict --explain`: why an answer is as it is, as JSON and as tables."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from tests.app.conftest import Type
from tests.turned import make_folder

ASK = ("--input", '{"text": "where is my parcel  please"}')


def test_the_document_says_what_moved_the_answers_and_shows_rows(turned: Path, type_command: Type) -> None:
    said = type_command("predict", turned, *ASK, "--explain", "--json")
    assert said.code == 0
    told = said.document["explanation"]
    assert list(told) == ["pieces", "fields", "nearest"]
    [area] = told["fields"]["area"]
    assert area["value"] == said.document["answers"]["area"]["value"]
    assert area["whole"] == pytest.approx(said.document["answers"]["area"]["confidence"], abs=1e-5)
    assert [(each["start"], each["text"]) for each in area["tokens"]] == [
        (0, "where"),
        (6, "is"),
        (9, "my"),
        (12, "parcel"),
        (20, "please"),
    ]
    assert max(area["tokens"], key=lambda token: token["effect"])["text"] == "parcel"
    nearest = told["nearest"]
    assert len(nearest["rows"]) == 5
    for row in nearest["rows"]:
        assert row["passport"]["source"] == "rows.csv"
        assert row["passport"]["licence"] == "CC0-1.0"
        assert row["split"] in ("train", "validation")
        assert not row["correction"]


def test_without_the_flag_nothing_is_explained(turned: Path, type_command: Type) -> None:
    assert "explanation" not in type_command("predict", turned, *ASK, "--json").document


def test_each_line_is_explained(turned: Path, type_command: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = b'{"text": "my card"}\n{"text": ""}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    said = type_command("predict", turned, "--explain")
    told = [json.loads(line)["explanation"] for line in said.out.splitlines()]
    assert [len(each["fields"]["area"][0]["tokens"]) for each in told] == [2, 0]
    assert [len(each["nearest"]["rows"]) for each in told] == [5, 5]


def test_people_see_tables(turned: Path, type_command: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    said = type_command("predict", turned, *ASK, "--explain")
    assert said.code == 0
    for words in (
        "what moved the answers: words, left out one at a time",
        "parcel",
        "the nearest training rows, of",
    ):
        assert words in said.out
    assert "rows.csv:" in said.out
    assert "CC0-1.0" in said.out


def test_without_a_champion_it_is_said_what_to_do(tmp_path: Path, type_command: Type) -> None:
    said = type_command("predict", make_folder(tmp_path / "desk"), *ASK, "--explain", "--json")
    assert said.code == 2
    assert said.document["error"]["type"] == "NotFoundError"
    assert "freehold run" in said.document["error"]["hint"]
