"""`freehold data`: where rows went, in words, as JSON, as a page, as a datasheet and as Croissant."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from xml.dom import minidom

import pytest
from tests.app.conftest import Type
from tests.app.test_app_report import Outline
from tests.turned import write_rows

TASK = """
[task]
name = "notes"
description = "Which <desk>?"
[input]
text = "string"
[output.desk]
kind = "choice"
[data]
pii = "mask"
forbid = ["GPL-*"]
use = ["changes"]
[[source]]
uri = "a.csv"
licence = "MIT"
[[source]]
uri = "b.csv"
licence = "CC-BY-NC-4.0"
"""
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "task.toml").write_text(TASK)
    rows = [f"{WORDS[i % 7]} {i * 7919} {WORDS[i % 5]} x{i}@example.org,{'xyz'[i % 3]}" for i in range(60)]
    (folder / "a.csv").write_text("\n".join(["text,desk", *rows, rows[0], ",x", "open\0,x"]) + "\n")
    (folder / "b.csv").write_text("text,desk\nanother text of another source,y\n")
    return folder


def test_the_way_of_every_row_is_counted(notes: Path, type_command: Type) -> None:
    found = type_command("data", notes, "--json").document
    funnel = {step["name"]: step for step in found["funnel"]}
    assert (funnel["read"]["left"], funnel["usable"]["gone"], funnel["different"]["gone"]) == (64, 2, 1)
    assert funnel["usable"]["reasons"] == {"input `text` is empty": 1, "the row has a NUL byte": 1}
    assert any("input `text` is empty" in sample for sample in funnel["usable"]["samples"])
    assert found["funnel"][-1]["left"] == found["examples"] == sum(found["splits"].values()) == 61
    assert found["cleaning"]["found"]["pii.email"]["texts"] == 61
    assert found["licences"]["MIT"]["examples"] == 60
    assert found["licences"]["CC-BY-NC-4.0"]["uses"]["commercial"] is False
    assert [each["uri"] for each in found["sources"]] == ["a.csv", "b.csv"]
    assert [each["text"] for each in found["credits"]] == [
        "a.csv, MIT (https://spdx.org/licenses/MIT.html)",
        "b.csv, CC-BY-NC-4.0 (https://spdx.org/licenses/CC-BY-NC-4.0.html)",
    ]
    assert (found["release"], found["releases"], found["notes"]) == (None, [], [])
    assert found["drift"] is None


def test_the_command_says_it_in_words(notes: Path, type_command: Type) -> None:
    said = type_command("data", notes)
    for words in ("from rows to examples", "pii.email", "CC-BY-NC-4.0", "the same inputs (1)", "Next: "):
        assert words in said.out
    assert "x0@example.org" not in said.out
    assert not (notes / ".freehold" / "work" / "notes").exists()


def test_nothing_is_trained_and_a_run_goes_on_from_it(notes: Path, type_command: Type) -> None:
    type_command("data", notes)
    stages = {
        each["name"]: each["state"]
        for each in type_command("run", notes, "--dry-run", "--json").document["stages"]
    }
    assert stages["data.collect"] == "recorded"
    assert stages["train.fit"] != "recorded"


def test_another_list_of_words_collects_the_data_again(notes: Path, type_command: Type) -> None:
    (notes / "task.toml").write_text(TASK.replace("[data]", '[data]\nprofanity = "words.txt"'))
    missing = type_command("data", notes)
    assert missing.code == 2
    assert "`profanity` in `[data]` is 'words.txt': there is no such file" in missing.err
    dropped = {}
    for word in ("birch", "cedar", "zorp"):
        (notes / "words.txt").write_text(f"{word}\n")
        found = type_command("data", notes, "--json").document
        dropped[word] = found["cleaning"]["dropped"].get("profanity", {}).get("texts", 0)
    assert min(dropped["birch"], dropped["cedar"]) > dropped["zorp"] == 0


def test_files_for_others(notes: Path, type_command: Type, tmp_path: Path) -> None:
    names = {"--html": "p.html", "--datasheet": "d.md", "--croissant": "c.json"}
    words = [word for flag, name in names.items() for word in (flag, str(tmp_path / name))]
    written = type_command("data", notes, *words, "--json").document["files"]
    assert [Path(each).name for each in written] == ["p.html", "d.md", "c.json", "examples.jsonl"]
    outline = Outline()
    outline.feed((tmp_path / "p.html").read_text())
    assert "Which &lt;desk&gt;?" in (tmp_path / "p.html").read_text()
    sheet = (tmp_path / "d.md").read_text()
    for line in (
        "Which <desk>?",
        "| `desk` | choice | 3 | 61 |",
        "| CC-BY-NC-4.0 | 1 | no |",
        "forbidden: GPL-*",
        "Every licence must allow: changes.",
    ):
        assert line in sheet


def test_croissant_names_the_file_and_each_column(notes: Path, type_command: Type, tmp_path: Path) -> None:
    type_command("data", notes, "--croissant", str(tmp_path / "c.json"))
    told = json.loads((tmp_path / "c.json").read_text())
    examples = (tmp_path / "examples.jsonl").read_bytes()
    (file,) = told["distribution"]
    assert file["sha256"] == hashlib.sha256(examples).hexdigest()
    assert told["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    row = json.loads(examples.splitlines()[0])
    for field in told["recordSet"][0]["field"]:
        value = row[field["source"]["extract"]["column"]]
        path = field["source"].get("transform", {}).get("jsonPath", "")
        assert (value[path.removeprefix("$.")] if path else value) is not None


def test_a_file_that_cannot_be_written_says_so(notes: Path, type_command: Type) -> None:
    said = type_command("data", notes, "--html", "/nowhere/p.html")
    assert said.code == 2
    assert "`/nowhere/p.html` cannot be written: No such file or directory." in said.err


def test_what_changed_since_the_model_in_service(turned: Path, type_command: Type) -> None:
    drift = type_command("data", turned, "--json").document["drift"]
    assert drift["against"].endswith("@1")
    assert (drift["added"], drift["removed"], drift["relabelled"]) == (0, 0, 0)
    assert all((each["distance"], each["largest"]) == (0, []) for each in drift["fields"].values())
    assert {each["label"] for each in drift["fields"]["urgent"]["shares"]} == {"true", "false"}


def test_what_changed_since_any_version(desk: Path, type_command: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(desk / "rows.csv", rows=170)
    assert type_command("run", desk, "--quiet", "--json").code in (0, 1)
    write_rows(desk / "rows.csv", rows=180)
    drifts = {
        since: type_command("data", desk, "--since", since, "--json").document["drift"]
        for since in ("1", "desk@1", "desk@2")
    }
    assert drifts["1"] == drifts["desk@1"]
    assert (drifts["1"]["against"], drifts["desk@2"]["against"]) == ("desk@1", "desk@2")
    assert drifts["1"]["added"] > drifts["desk@2"]["added"] > 0
    assert "since desk@1: " in type_command("data", desk, "--since", "1").out
    said = {since: type_command("data", desk, "--since", since) for since in ("7", "latest", "mail@1", "9" * 30)}
    assert {each.code for each in said.values()} == {2}
    assert "`desk` has no version 7.\nIt has: 1, 2" in said["7"].err
    for since in ("latest", "mail@1", "9" * 30):
        assert f"{since!r} is not a version of `desk`; it must be a number or `desk@NUMBER`." in said[since].err
    monkeypatch.setenv("FREEHOLD_DB", f"sqlite:///{desk}/.freehold/freehold.db")
    gone = type_command("data", desk, "--since", "1", "--state", desk / "elsewhere")
    assert (gone.code, "the data that `desk@1` was made from is not in" in gone.err) == (2, True), gone.err


def test_a_task_without_a_model_has_no_version_to_compare_with(notes: Path, type_command: Type) -> None:
    said = type_command("data", notes, "--since", "1")
    assert (said.code, "`notes` has no model yet." in said.err) == (2, True)


def test_the_page_has_pictures_and_says_which_data_led_to_which_release(
    turned: Path, type_command: Type, tmp_path: Path
) -> None:
    type_command("data", turned, "--html", tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text()
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    named = [minidom.parseString(each).getElementsByTagName("title")[0].toxml() for each in pictures]
    assert "rows left by step" in named[0]
    assert len(named) > 1
    assert all("share of each label in desk@1" in each for each in named[1:])
    assert "(this data)" in page
    assert "unsafe" not in page
