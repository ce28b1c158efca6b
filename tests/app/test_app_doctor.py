from __future__ import annotations

from pathlib import Path

import pytest
from tests.app.conftest import Type


def test_a_well_machine(turned: Path, type_command: Type) -> None:
    said = type_command("doctor", turned, "--json")
    findings = {each["name"]: each for each in said.document["findings"]}
    assert {"python", "cores", "memory", "disk", "torch", "base weights", "state", "database"} <= set(findings)
    assert (said.code == 0) == said.document["well"] == all(each["well"] for each in findings.values())
    assert findings["database"]["value"] == "SQLite: answers"


def test_nothing_is_made_by_looking(type_command: Type, tmp_path: Path) -> None:
    said = type_command("doctor", tmp_path, "--json")
    findings = {each["name"]: each["value"] for each in said.document["findings"]}
    assert "sha256 as published" in findings["base weights"]
    assert "can be made" in findings["state"]
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_is_said(type_command: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEHOLD_THREADS", "many")
    monkeypatch.setenv("FREEHOLD_DB", "postgresql://nobody:secret@127.0.0.1:9/none")
    (tmp_path / "task.toml").write_text(
        '[task]\nname = "x"\nbase = "./gone"\n[input]\ntext = "string"\n[output.y]\nkind = "predicate"\n'
    )
    said = type_command("doctor", tmp_path, "--json")
    wrong = {each["name"]: each["value"] for each in said.document["findings"] if not each["well"]}
    assert said.code == 1
    assert set(wrong) >= {"cores", "base weights", "database"}
    assert "secret" not in said.out + said.err
    assert "WRONG" in type_command("doctor", tmp_path).out
