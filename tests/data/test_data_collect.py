from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.workplace import Shelf, Work

from freehold.data import fingerprint
from freehold.errors import DataError
from freehold.task import SPLITS, Field, Json, Label, Source, Task, load_task

if TYPE_CHECKING:
    from freehold.registry import Registry

WORDS = ("amber", "brick", "cloud", "delta", "ember", "frost", "grape", "honey", "ivory", "jolly", "koala")


def sentences(count: int, *, seed: int = 0) -> list[tuple[str, str]]:
    chance = random.Random(seed)
    return [(" ".join(chance.choices(WORDS, k=8)) + f" {i * i}", chance.choice("xy")) for i in range(count)]


def key(work: Work, *sources: Source) -> dict[str, Json]:
    task = replace(work.task, sources=sources or (Source("a.jsonl", {}),))
    return dict(fingerprint(task, cast("Registry", work.shelf)))


def test_collecting_writes_examples_and_says_what_it_found(work: Work) -> None:
    rows = sentences(200)
    work.put_rows("a.jsonl", [*rows, rows[0], (rows[1][0], "other")])
    with (work.folder / "a.jsonl").open("a") as file:
        file.write("[]\n")
    made = work.collect(Source("a.jsonl", {}, licence="MIT"))
    assert [example.id for example in made.examples] == sorted(example.id for example in made.examples)
    assert len(made.examples) == 200
    assert made.report["rows"] == 203
    assert made.report["refused"] == 1
    assert made.report["duplicates"] == 2
    assert made.report["conflicts"]["count"] == 1
    assert made.report["conflicts"]["examples"][0] == made.conflicts[0]
    assert made.conflicts[0]["kept_at"] == "a.jsonl:2"
    assert made.conflicts[0]["other_at"] == "a.jsonl:202"
    assert sum(made.report["splits"].values()) == 200
    assert made.report["fields"] == {"intent": {"labelled": 200, "unlabelled": 0}}
    assert made.refused == (
        {"source": "a.jsonl", "line": 203, "reason": "the row is a list, not a JSON object", "text": "[]"},
    )
    assert {example.passport.licence for example in made.examples} == {"MIT"}
    assert work.shelf.fixed == {example.id: example.split for example in made.examples}
    assert [(uri, licence, rows) for uri, _, licence, rows in work.shelf.noted] == [("a.jsonl", "MIT", 202)]
    notes = [event.note for event in made.events if event.kind == "note"]
    assert notes[0].startswith("200 examples from 203 rows: ")
    assert [note for note in notes if note.startswith("1 row refused; refused.jsonl says which and why.")]
    assert made.report["labels"]["intent"]["count"] == 2
    assert [warning["kind"] for warning in made.report["warnings"]] == ["refused", "conflict"]
    assert [warning["message"] for warning in made.report["warnings"]] == notes[1:3]


def test_the_same_inputs_give_the_same_bytes_again_and_elsewhere(work: Work, tmp_path: Path) -> None:
    work.put_rows("a.jsonl", sentences(300))
    first = work.collect("a.jsonl")
    assert work.collect("a.jsonl").files == first.files
    elsewhere = Work(tmp_path / "other", Shelf())
    elsewhere.put_rows("a.jsonl", sentences(300))
    assert elsewhere.collect("a.jsonl").files == first.files


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 150), st.integers(0, 150))
def test_growing_data_never_moves_a_test_row(
    tmp_path_factory: pytest.TempPathFactory, seed: int, n: int, m: int
) -> None:
    work = Work(tmp_path_factory.mktemp("grow"), Shelf())
    rows = sentences(n + m, seed=seed)
    work.put_rows("a.jsonl", rows[:n])
    before = work.collect("a.jsonl")
    changed = [(text.replace("amber", "Amber!") + " now", label) for text, label in rows[:n:3]]
    work.put_rows("a.jsonl", [*changed, *reversed(rows)])
    after = work.collect("a.jsonl")
    assert before.texts("test") <= after.texts("test")
    assert not before.texts("train") & after.texts("test")
    assert work.collect("a.jsonl").files == after.files


def test_rows_near_a_test_row_are_kept_apart(work: Work) -> None:
    work.put_rows("train.jsonl", [*sentences(50), ("Where is my new card, please?", "x"), ("the same", "x")])
    work.put_rows("test.jsonl", [("where is my new card please", "x"), ("the same", "x"), ("the same", "x")])
    made = work.collect(Source("train.jsonl", {}, split="train"), Source("test.jsonl", {}, split="test"))
    assert made.texts("test") == {"where is my new card please", "the same"}
    assert made.apart == tuple(
        {**row, "source": "train.jsonl", "id": made.apart[i]["id"]}
        for i, row in enumerate(
            [
                {"locator": "train.jsonl:52", "reason": "the same as a test row", "near": "test.jsonl:2"},
                {"locator": "train.jsonl:51", "reason": "near a test row", "near": "test.jsonl:1"},
            ]
        )
    )
    assert made.report["kept_apart"]["reasons"] == {"near a test row": 1, "the same as a test row": 1}
    counted = made.report["duplicates"] + made.report["kept_apart"]["count"] + made.report["refused"]
    assert made.report["rows"] == counted + made.report["examples"]
    assert made.report["splits"]["validation"] > 0


def test_a_correction_becomes_a_training_example_with_its_maker(work: Work) -> None:
    rows = sentences(100)
    work.put_rows("a.jsonl", rows)
    before = work.collect("a.jsonl")
    wrong = next(example for example in before.examples if example.split == "validation")
    work.shelf.correct(wrong.inputs, {"intent": "y"}, request="r1")
    work.shelf.correct(wrong.inputs, {"intent": "z"}, request="r2")
    work.shelf.correct({"text": "something  never seen\r\n"}, {"intent": "z"}, maker="person:bob")
    work.shelf.correct({"text": "a rating"}, {"stars": 5}, kind="rating")
    after = work.collect("a.jsonl")
    by_text = {example.inputs["text"]: example for example in after.examples}
    corrected = by_text[wrong.inputs["text"]]
    assert (corrected.split, corrected.outputs) == ("train", {"intent": "z"})
    assert corrected.passport.source == "feedback"
    assert corrected.passport.locator == "request:r2"
    new = by_text["something  never seen"]
    assert (new.split, new.passport.maker, new.passport.locator) == ("train", "person:bob", "request:f2")
    assert new.passport.time == "2030-01-01T00:00:02Z"
    used = {"given": 3, "used": 2, "kept_apart": 0, "refused": 0, "ignored": 0}
    assert after.report["corrections"] == used
    assert work.collect("a.jsonl").files == after.files


def test_corrections_of_test_rows_are_kept_apart_and_change_nothing(work: Work) -> None:
    work.put_rows("a.jsonl", sentences(100))
    before = work.collect("a.jsonl")
    for text in sorted(before.texts("test")):
        work.shelf.correct({"text": text}, {"intent": "absurd"})
        work.shelf.correct({"text": text + "!"}, {"intent": "absurd"})
    after = work.collect("a.jsonl")
    assert after.examples == before.examples
    assert after.report["corrections"]["kept_apart"] == 2 * len(before.texts("test"))


def test_corrections_that_no_longer_fit_the_task(work: Work) -> None:
    work.put_rows("a.jsonl", sentences(50))
    work.shelf.correct({"text": "a"}, {"gone": "x"})
    work.shelf.correct({"question": "a"}, {"intent": "x"})
    work.shelf.correct({"text": "b"}, {"intent": "x", "gone": "x"})
    work.shelf.correct({"text": "c"}, {"intent": "v"}, request="r9")
    field = Field("intent", "choice", labels=(Label("x"), Label("y")))
    made = work.collect("a.jsonl", fields=(field,))
    used = {"given": 1, "used": 1, "kept_apart": 0, "refused": 1, "ignored": 2}
    assert made.report["corrections"] == used
    assert made.refused[0]["source"] == "feedback"
    assert made.refused[0]["reason"].startswith("request:r9: `intent` has no label 'v'")


def test_a_correction_that_is_no_text_is_refused(work: Work) -> None:
    work.put_rows("a.jsonl", sentences(50))
    work.shelf.correct({"text": "half \ud800"}, {"intent": "x"})
    made = work.collect("a.jsonl")
    assert made.report["corrections"]["refused"] == 1
    assert "half of a surrogate pair" in made.refused[0]["reason"]


def test_all_sources_that_cannot_be_used_are_named_at_once(work: Work) -> None:
    work.put("empty.csv", "")
    work.put("wrong.csv", "question,intent\na,x\n")
    work.put("broken.jsonl", "{\n{\n")
    work.put_rows("good.jsonl", sentences(3))
    uris = ("missing.csv", "empty.csv", "good.jsonl", "wrong.csv", "broken.jsonl", "s3://bucket/a.csv")
    with pytest.raises(DataError) as caught:
        work.collect(*uris)
    message = str(caught.value)
    assert message.startswith("5 sources cannot be used:")
    assert [uri for uri in uris if f"- source `{uri}`" in message] == [u for u in uris if u != "good.jsonl"]
    assert "`question`, `intent`" in message
    assert "broken.jsonl:1: the row is not JSON" in message
    assert key(work, Source("missing.csv", {}))["sources"] == [["missing.csv", ""]]


def test_a_task_without_sources_says_what_to_do(work: Work) -> None:
    with pytest.raises(DataError, match=r"task `t` has no source\.\nAdd a \[\[source\]\]"):
        work.collect()


def test_labels_from_the_data_need_some_label(work: Work) -> None:
    work.put("a.csv", "text\na\nb\n")
    with pytest.raises(DataError, match="field `intent` takes its labels from the data, and no row has one"):
        work.collect("a.csv")
    made = work.collect("a.csv", fields=(Field("intent", "choice", labels=(Label("x"), Label("y"))),))
    assert [(dict(example.outputs), example.passport.maker) for example in made.examples] == [({}, "")] * 2
    assert made.report["fields"]["intent"] == {"labelled": 0, "unlabelled": 2}


def test_the_key_changes_with_contents_and_corrections(work: Work) -> None:
    work.put_rows("a.jsonl", sentences(5))
    work.put("all/x/1.txt", "one")
    sources = (Source("a.jsonl", {}), Source("all", {}), Source("python:stdlib", {}))
    keys = [key(work, *sources)]
    assert key(work, *sources) == keys[0]
    os.utime(work.folder / "a.jsonl", (1, 1))
    assert key(work, *sources) == keys[0]
    work.put_rows("a.jsonl", sentences(6))
    keys.append(key(work, *sources))
    (work.folder / "all/x/1.txt").rename(work.folder / "all/x/2.txt")
    keys.append(key(work, *sources))
    work.shelf.correct({"text": "a"}, {"intent": "x"})
    keys.append(key(work, *sources))
    work.shelf.correct({"text": "a"}, {"stars": 1}, kind="rating")
    assert key(work, *sources) == keys[-1]
    assert len({str(each) for each in keys}) == 4


def test_progress_is_told(work: Work) -> None:
    work.put_rows("a.jsonl", sentences(2_500))
    made = work.collect("a.jsonl")
    reading = [event for event in made.events if event.note == "reading a.jsonl"]
    assert [event.done for event in reading] == [1_000, 2_000]
    assert {event.stage for event in made.events} == {"data.collect"}


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "numpy rensa pyarrow zstandard sqlalchemy torch sklearn"
    code = f"import sys, freehold.data; print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def banking() -> Task:
    folder = Path(os.environ.get("FREEHOLD_DATA") or Path(__file__).parents[3] / "shared/data") / "banking77"
    if not (folder / "train.csv").is_file():
        pytest.skip(f"no Banking77 in {folder}; FREEHOLD_DATA names the folder that holds it")
    train, test = (
        Source(f"{name}.csv", {"intent": "category"}, licence="CC-BY-4.0", split=name)
        for name in (SPLITS[0], SPLITS[2])
    )
    return Task("t", folder, {"text": "string"}, (Field("intent", "choice"),), (train, test))


def test_banking77_keeps_its_published_test_set(work: Work, banking: Task) -> None:
    made = work.collect(*banking.sources, folder=banking.folder)
    assert made.report["rows"] == 13_083
    assert made.report["refused"] == 0
    assert made.report["splits"]["test"] == 3_079, "one of the 3,080 published rows is there twice"
    assert 150 < made.report["kept_apart"]["count"] < 300
    assert made.report["near_duplicates"]["largest"] < 20
    assert len({example.outputs["intent"] for example in made.examples}) == 77
    assert len(work.shelf.fixed) == made.report["examples"]


def test_the_example_task_is_about_the_standard_library(work: Work) -> None:
    task = load_task(Path(__file__).parents[2] / "examples" / "stdlib")
    made = work.collect(*task.sources, folder=task.folder, fields=task.fields)
    assert made.report["refused"] == 0
    assert 5_000 < made.report["examples"] < 7_000
    assert made.report["near_duplicates"]["largest"] < 100
    assert {example.passport.licence for example in made.examples} == {"PSF-2.0"}
    assert all(set(example.outputs) == {"module", "kind"} for example in made.examples)


def test_the_real_registry_remembers_the_splits(work: Work, tmp_path: Path) -> None:
    from freehold.registry import Registry

    work.put_rows("a.jsonl", sentences(60))
    with Registry.open(tmp_path / "state") as shelf:
        work.shelf = cast(Shelf, shelf)
        made = work.collect("a.jsonl")
        assert shelf.splits("t") == {example.id: example.split for example in made.examples}
        assert work.collect("a.jsonl").files == made.files
