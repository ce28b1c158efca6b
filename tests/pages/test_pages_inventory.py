"""What is known of the data behind a release: from what a turn left, and plainly said where it left nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.serve.bank import make_task, release

from freehold.line import collect_data
from freehold.pages import Inventory, tabulate, take_release, write_data_page
from freehold.pages.funnel import find_steps, hide_passwords
from freehold.registry import Recorded, Registry
from freehold.task import Examples, Release, Source, Task, folder_digest, folder_files

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove")


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(tmp_path / "state") as opened:
        yield opened


@pytest.fixture
def task(tmp_path: Path) -> Task:
    made = make_task(tmp_path / "ban king")
    made.folder.mkdir()
    source = Source("rows.csv", {"text": "text", "intent": "intent"}, licence="CC-BY-4.0")
    return replace(made, sources=(source,))


def make(task: Task, shelf: Registry, labels: str, *, rows: int = 60) -> Release:
    """Makes a release from rows whose labels are these letters, in turns."""
    cells = [f"{WORDS[i % 7]} {i * 7919} {WORDS[i % 5]},{labels[i % len(labels)]}" for i in range(rows)]
    (task.folder / "rows.csv").write_text("\n".join(["text,intent", *cells, ",x"]) + "\n")
    examples = collect_data(task, shelf=shelf).examples
    return release(shelf, task, favourite=f"{labels}{rows}", examples=examples)


def test_a_release_says_what_it_was_made_from_and_what_changed(task: Task, shelf: Registry) -> None:
    first, second = make(task, shelf, "xy"), make(task, shelf, "xyyy", rows=70)
    before, now = (take_release(task, each, shelf=shelf) for each in (first, second))
    assert (before.release, before.drift, before.notes) == ("banking@1", None, ())
    assert now.drift is not None
    assert (now.drift["against"], now.drift["added"], now.drift["removed"]) == ("banking@1", 10, 0)
    shares = {each["label"]: each for each in now.drift["fields"]["intent"]["shares"]}
    assert shares["x"]["before"] == pytest.approx(0.5)
    assert shares["x"]["now"] < 0.3
    assert [step.left for step in now.funnel] == [71, 70, 70, 70]
    assert now.credits[0]["text"] == "rows.csv, CC-BY-4.0 (https://spdx.org/licenses/CC-BY-4.0.html)"
    assert [each["release"] for each in now.releases] == ["banking@2", "banking@1"]
    assert [each["digest"] for each in now.releases] == [now.digest, before.digest]
    assert json.loads(json.dumps(now.to_json()))["release"] == "banking@2"


def test_sources_are_those_of_the_release_even_where_they_went_back(task: Task, shelf: Registry) -> None:
    digests = [
        take_release(task, make(task, shelf, *each), shelf=shelf).sources[0]["digest"]
        for each in (("xy",), ("xz",))
    ]
    (task.folder / "other.csv").write_text("text,intent\nanother row,x\n")
    both = replace(task, sources=(*task.sources, replace(task.sources[0], uri="other.csv")))
    back = take_release(both, make(both, shelf, "xy"), shelf=shelf)
    assert [each["digest"] == digests[0] for each in back.sources] == [True, False]


def test_the_data_is_found_behind_the_stages_between(task: Task, shelf: Registry) -> None:
    make(task, shelf, "xy")
    (task.folder / "rows.csv").write_text("text,intent\n" + "".join(f"{i} {i * 31} new,x\n" for i in range(40)))
    examples = collect_data(task, shelf=shelf).examples
    folder = shelf.state / "made" / "annotated"
    folder.mkdir()
    (folder / "examples.jsonl").write_bytes((examples.folder / "examples.jsonl").read_bytes())
    files = folder_files(folder)
    digest = folder_digest(files)
    recorded = Recorded("k", "label.annotate", digest, files, inputs=(examples.digest,))
    labelled = Examples(shelf.record(recorded, folder=folder), digest=digest)
    found = take_release(task, release(shelf, task, favourite="z", examples=labelled), shelf=shelf)
    assert (found.digest, found.notes) == (examples.digest, ())


def told(found: Inventory) -> str:
    return " ".join(found.notes)


def test_what_is_not_recorded_is_said(task: Task, shelf: Registry) -> None:
    gone = take_release(task, release(shelf, task), shelf=shelf)
    assert "What `banking@1` was made from is not recorded" in told(gone)
    assert f"`freehold data '{task.folder}'`" in told(gone)
    assert (gone.digest, gone.funnel) == ("", ())
    assert told(gone) in write_data_page(gone).replace("&#x27;", "'")
    assert list(tabulate(gone)) == ["releases"]
    assert "is not in this state folder, or damaged" in told(
        take_release(task, make(task, shelf, "xy"), shelf=shelf)
    )


def test_an_older_record_says_what_it_lacks(task: Task, shelf: Registry) -> None:
    made = make(task, shelf, "xy")
    stages = shelf.lineage("banking", 1)["stages"]
    assert isinstance(stages, list)
    key = next(each["key"] for each in stages if isinstance(each, dict) and each["stage"] == "data.collect")
    recorded = shelf.recall(str(key))
    assert recorded is not None
    less = {name: recorded.facts[name] for name in ("rows", "refused", "examples", "duplicates", "sources")}
    shelf.record(replace(recorded, facts=less), folder=shelf.lay_out(recorded))
    found = take_release(task, made, shelf=shelf)
    assert "recorded nothing of: licences, cleaning, warnings." in told(found)
    assert [step.left for step in found.funnel] == [61, 60, 60, 60]
    assert found.sources[0]["uri"] == "rows.csv"
    assert "rows.csv" in write_data_page(found)


def test_damaged_files_leave_the_counts(task: Task, shelf: Registry) -> None:
    made = make(task, shelf, "xy")
    for blob in (shelf.state / "blobs").rglob("*"):
        if blob.is_file() and b'"cluster"' in blob.read_bytes():
            blob.chmod(0o644)
            blob.write_bytes(b"{}")
    found = take_release(task, made, shelf=shelf)
    assert "freehold verify" in told(found)
    assert (found.funnel[0].left, found.funnel[1].samples, found.drift) == (61, (), None)


def test_without_rows_there_is_what_takes_no_reading(task: Task, shelf: Registry) -> None:
    made = make(task, shelf, "xy")
    found = take_release(task, made, shelf=shelf, rows=False)
    assert "being read" in told(found)
    assert (found.funnel[-1].left, found.sources[0]["rows"], found.credits) == (60, 60, ())


class EnoughError(Exception):
    pass


def test_a_reading_can_be_ended(task: Task, shelf: Registry) -> None:
    def end() -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        take_release(task, make(task, shelf, "xy"), shelf=shelf, step=end)


def test_what_people_said_is_no_sample(tmp_path: Path) -> None:
    rows = [
        {"source": "feedback", "line": 0, "reason": "request:1: 'secret' is no label", "text": "secret"},
        {"source": "https://me:pw@host/a.csv", "line": 2, "reason": "cleaning: rule.a: 1 of 2", "text": "b"},
        {"source": "a.csv", "line": 3, "reason": "`a.pdf` cannot be read", "text": ""},
    ]
    (tmp_path / "refused.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = {"rows": 2, "refused": 2, "duplicates": 0, "examples": 0, "corrections": {"used": 0}}
    steps = list(find_steps({**report, "kept_apart": {"reasons": {}, "examples": []}}, tmp_path))
    assert steps[1].reasons == {"cleaning: rule.a": 1, "cannot be read": 1}
    assert steps[1].samples[0] == "https://me:***@host/a.csv:2: cleaning: rule.a: 1 of 2: 'b'"
    assert "secret" not in str(steps)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:p:w@host/mail", "postgresql://me:***@host/mail"),
        ("https://:pw@host", "https://:***@host"),
        ("https://host:8080/a@b", "https://host:8080/a@b"),
        ("a.csv", "a.csv"),
        ("postgresql://me:pa/ss@host/mail", "postgresql://me:***@host/mail"),
        ("postgresql://me:p@ss@host/mail", "postgresql://me:***@host/mail"),
        ("https://token@host/a", "https://***@host/a"),
        ("sqlite:///x.db?mode=ro&password=hunter2", "sqlite:///x.db?mode=ro&password=***"),
        ("https://host/a?API_KEY=abc&page=2", "https://host/a?API_KEY=***&page=2"),
    ],
)
def test_addresses_are_shown_without_their_passwords(text: str, shown: str) -> None:
    assert hide_passwords(text) == shown
