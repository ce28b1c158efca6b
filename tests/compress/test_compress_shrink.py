from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.small import make_desk, make_examples, make_labelled, make_task

from freehold import compress, train
from freehold.engine import open_reader
from freehold.errors import IntegrityError
from freehold.task import Artifact, Event, LabelledExamples, Task, TrainedModel, folder_digest, folder_files

shrink = compress.shrink.function


@dataclass
class Made:
    task: Task
    labelled: LabelledExamples
    trained: TrainedModel
    artifact: Artifact
    folder: Path


@pytest.fixture(scope="module")
def made(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("shrink")
    task = replace(make_task(folder, base=str(tiny_base)), effort="quick")
    labelled = make_labelled(folder / "labelled", make_examples())
    trained = train.fit.function(make_desk(folder / "fit"), task, labelled)
    return Made(task, labelled, trained, shrink(make_desk(folder / "shrink"), task, trained, labelled), folder)


def test_an_artifact_is_whole(made: Made) -> None:
    names = {path.name for path in made.artifact.folder.iterdir()}
    needed = {
        "model.onnx",
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "freehold.json",
        "README.md",
    }
    assert needed <= names
    card = (made.artifact.folder / "README.md").read_text()
    assert "| `urgent` | predicate | 2 |" in card


def test_what_new_heads_need_does_not_load_torch() -> None:
    """A turn that kept its encoder, graphs and vectors must not wait for it."""
    program = "import sys, freehold.train.climb, freehold.compress.forms; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert told.stdout == "False\n"


def test_three_fields_are_answered_in_one_pass(made: Made) -> None:
    reader = open_reader(made.artifact.folder)
    [prediction] = reader.predict(
        [{"text": "where is my parcel right now please"}], model="desk@1", requests=["r"]
    )
    assert prediction.request == "r"
    assert prediction.answers["area"].value == "delivery"
    assert prediction.answers["tone"].value == "calm"
    assert prediction.answers["urgent"].value is True
    for answer in prediction.answers.values():
        assert sum(answer.probabilities.values()) == pytest.approx(1)
        assert answer.confidence == max(answer.probabilities.values())


def test_answers_do_not_depend_on_the_batch(made: Made) -> None:
    reader = open_reader(made.artifact.folder)
    inputs = [e.inputs for e in make_examples(90)]
    together = [p.answers["area"].value for p in reader.predict(inputs)]
    alone = [reader.predict([row])[0].answers["area"].value for row in inputs]
    assert sum(a == b for a, b in zip(together, alone, strict=True)) > 0.98 * len(inputs)


def test_parity_is_proven_and_every_form_that_was_tried_is_reported(made: Made) -> None:
    facts: Any = made.artifact.facts
    parity = facts["parity"]
    assert parity["value"] >= compress.PARITY
    assert parity["n"] == 48 * 3
    names = [form["form"] for form in facts["forms"]]
    every = ["int8", "int8-weights", "fp32"]
    assert names == every[: every.index(facts["precision"]) + 1]


def test_without_parity_fp32_is_shipped_and_said(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The stage `compress.shrink` hides the module of the same name.
    monkeypatch.setattr(importlib.import_module("freehold.compress.shrink"), "PARITY", 1.01)
    events: list[Event] = []
    desk = make_desk(tmp_path / "shrink", tell=events.append)
    artifact = shrink(desk, made.task, made.trained, made.labelled)
    assert artifact.facts["precision"] == "fp32"
    notes = [event.note for event in events if event.kind == "note"]
    assert len(notes) == 3
    assert notes[0].endswith("not taken")
    assert notes[2].endswith("; taken")


def test_the_same_model_gives_the_same_artifact(made: Made, tmp_path: Path) -> None:
    again = shrink(make_desk(tmp_path / "shrink"), made.task, made.trained, made.labelled)
    assert folder_files(again.folder) == folder_files(made.artifact.folder)
    assert open_reader(again.folder).digest == folder_digest(folder_files(again.folder))


@pytest.mark.parametrize("name", ["model.onnx", "ngrams.json", "freehold.json"])
def test_a_damaged_file_is_named(made: Made, tmp_path: Path, name: str) -> None:
    shutil.copytree(made.artifact.folder, tmp_path, dirs_exist_ok=True)
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / name).write_bytes(content)
    with pytest.raises(IntegrityError, match=name):
        open_reader(tmp_path)


def test_a_kept_graph_is_not_used_again_where_graphs_are_made_otherwise(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk(tmp_path / "a")
    shrink(desk, made.task, made.trained, made.labelled)
    kept = {path: path.stat().st_mtime_ns for path in desk.cache.rglob("fp32.onnx")}
    monkeypatch.setattr("freehold.compress.graphs._RECIPE", "another")
    shrink(replace(make_desk(tmp_path / "b"), cache=desk.cache), made.task, made.trained, made.labelled)
    now = {path: path.stat().st_mtime_ns for path in desk.cache.rglob("fp32.onnx")}
    assert len(kept) == 1
    assert len(now) == 2
    assert kept.items() <= now.items()


def test_a_damaged_graph_in_the_cache_is_made_again(made: Made, tmp_path: Path) -> None:
    desk = make_desk(tmp_path / "shrink")
    first = shrink(desk, made.task, made.trained, made.labelled)
    digests = folder_files(first.folder)
    graphs = list(desk.cache.rglob("*.onnx"))
    assert graphs
    for path in graphs:
        path.write_bytes(path.read_bytes()[:1000])
    shutil.rmtree(desk.folder)
    again = shrink(make_desk(tmp_path / "shrink"), made.task, made.trained, made.labelled)
    assert folder_files(again.folder) == digests


def test_label_names_alone_are_shipped_in_the_full_form(tiny_base: Path, tmp_path: Path) -> None:
    """Without a row nothing shows that a smaller form decides alike."""
    area = [field for field in make_task(tmp_path, base="").fields if field.name == "area"]
    task = make_task(tmp_path, base=str(tiny_base), fields=tuple(area))
    tests = [example for example in make_examples() if example.split == "test"]
    labelled = make_labelled(tmp_path / "labelled", tests)
    trained = train.fit.function(make_desk(tmp_path / "fit"), task, labelled)
    notes: list[str] = []
    desk = make_desk(tmp_path / "shrink", tell=lambda event: notes.append(event.note))
    artifact = shrink(desk, task, trained, labelled)
    facts: Any = artifact.facts
    assert (facts["precision"], facts["parity"]["n"]) == ("fp32", 0)
    assert any("no row to compare decisions on; taken" in note for note in notes)
    answer = open_reader(artifact.folder).predict([{"text": "billing"}])[0].answers["area"]
    assert answer.value in ("account", "billing", "delivery")
