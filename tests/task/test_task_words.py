from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import replace
from io import BufferedReader
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import freehold.task as words
from freehold.task import (
    ARTIFACT_METRICS,
    FIELD_KINDS,
    METRICS,
    SMALLER_IS_BETTER,
    Answer,
    Artifact,
    Comparison,
    Desk,
    Event,
    Example,
    Field,
    Goal,
    Judgement,
    Label,
    Measured,
    Passport,
    Prediction,
    Release,
    Source,
    Task,
    Value,
    Verdict,
    canonical,
    digest,
    example_id,
    file_digest,
    folder_digest,
    folder_files,
    headline_first,
    read_examples,
    reading_once,
    stage,
    write_examples,
)

VERDICT = Verdict(
    passed=False,
    reasons=("because",),
    fields={"intent": {"accuracy": Measured(0.5, 0.25, 0.75, 8)}},
    comparisons=(
        Comparison("intent", "accuracy", 0.5, 0.75, Measured(-0.25, -0.5, 0.0, 8), "mcnemar", 0.5, worse=False),
    ),
    against="banking@1",
    artifact="ab",
)


def test_all_is_sorted_and_there() -> None:
    assert all(hasattr(words, name) for name in words.__all__)
    assert len(set(words.__all__)) == len(words.__all__)


def test_canonical_has_one_form() -> None:
    assert canonical({"b": [1, 0.5, None], "a": "é"}) == '{"a":"é","b":[1,0.5,null]}'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(float("nan"))


@given(st.dictionaries(st.text(), st.integers()))
def test_a_digest_does_not_depend_on_order(value: dict[str, int]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))


def test_folders_are_named_by_their_files(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.txt").write_bytes(b"c")
    (tmp_path / "a.txt").write_bytes(b"")
    files = folder_files(tmp_path)
    assert list(files) == ["a.txt", "b/c.txt"]
    assert files["b/c.txt"] == file_digest(tmp_path / "b" / "c.txt")
    assert folder_digest(files) == digest(files)


def change(path: Path, content: bytes, *, ago: float) -> None:
    """Writes a file as if that had been so many seconds ago."""
    path.write_bytes(content)
    when = path.stat().st_mtime_ns - int(ago * 1e9)
    os.utime(path, ns=(when, when))


def test_a_file_that_stays_as_it_is_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(tmp_path / "a", b"a", ago=60)
    os.link(tmp_path / "a", tmp_path / "b")
    module = sys.modules["freehold.task.canonical"]
    read, real = [], module._sha256

    def digest_of(file: BufferedReader) -> object:
        read.append(file.name)
        return real(file)

    monkeypatch.setattr(module, "_sha256", digest_of)
    with reading_once():
        assert file_digest(tmp_path / "a") == file_digest(tmp_path / "b") == hashlib.sha256(b"a").hexdigest()
        assert len(read) == 1
    for times in (2, 3):
        assert file_digest(tmp_path / "a") == hashlib.sha256(b"a").hexdigest()
        assert len(read) == times


def test_a_large_file_is_read_to_its_end(tmp_path: Path) -> None:
    data = bytes(range(256)) * 70_000  # more than is read at once
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "empty").touch()
    assert file_digest(tmp_path / "a") == hashlib.sha256(data).hexdigest()
    assert file_digest(tmp_path / "empty") == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("ago", [60, 1.5, 0, -60])
def test_a_file_that_changes_is_read_again(ago: float, tmp_path: Path) -> None:
    with reading_once():
        change(tmp_path / "a", b"a", ago=ago)
        assert file_digest(tmp_path / "a") == hashlib.sha256(b"a").hexdigest()
        (tmp_path / "a").write_bytes(b"b")
        assert file_digest(tmp_path / "a") == hashlib.sha256(b"b").hexdigest()
        (tmp_path / "c").write_bytes(b"c")
        (tmp_path / "c").replace(tmp_path / "a")
        assert file_digest(tmp_path / "a") == hashlib.sha256(b"c").hexdigest()


def test_a_change_within_the_tick_of_the_clock_is_seen(tmp_path: Path) -> None:
    with reading_once():
        (tmp_path / "a").write_bytes(b"a")
        status = (tmp_path / "a").stat()
        file_digest(tmp_path / "a")
        (tmp_path / "a").write_bytes(b"b")
        os.utime(tmp_path / "a", ns=(status.st_atime_ns, status.st_mtime_ns))
        assert file_digest(tmp_path / "a") == hashlib.sha256(b"b").hexdigest()


def test_examples_come_back_as_written(tmp_path: Path) -> None:
    inputs = {"text": "Ünïcode\u2028 line"}
    passport = Passport("train.csv", "train.csv:2", licence="MIT")
    spans: list[dict[str, str | int]] = [{"label": "x", "start": 0}]
    outputs: dict[str, Value] = {"intent": "a", "spans": spans}
    rows = [
        Example(example_id(inputs), inputs, outputs, passport, "train"),
        Example("2", {"text": ""}, {}, passport, "test", cluster="1"),
    ]
    assert write_examples(tmp_path / "examples.jsonl", rows) == 2
    assert list(read_examples(tmp_path / "examples.jsonl")) == rows
    assert len(rows[0].id) == 32


def test_a_prediction_has_the_shape_of_the_contract() -> None:
    answer = Answer("a", 0.75, {"a": 0.75, "b": 0.25})
    assert Prediction("t", "t@1", "r", {"intent": answer}).to_json() == {
        "task": "t",
        "model": "t@1",
        "request": "r",
        "answers": {
            "intent": {
                "value": "a",
                "confidence": 0.75,
                "probabilities": {"a": 0.75, "b": 0.25},
                "abstained": False,
            }
        },
    }


def test_an_answer_says_what_else_it_knows_where_it_does() -> None:
    plain = Answer(2.5, 0.9, {})
    assert {"in_scope", "interval"}.isdisjoint(plain.to_json())
    shown = replace(plain, in_scope=False, interval=(1.5, 3.5)).to_json()
    assert (shown["in_scope"], shown["interval"]) == (False, [1.5, 3.5])
    assert json.loads(canonical(shown)) == shown


def test_a_verdict_comes_back_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_bytes(canonical(VERDICT.to_json()))
    assert Judgement(tmp_path).verdict() == VERDICT
    assert Verdict.from_json(json.loads(canonical(VERDICT.to_json()))) == VERDICT


def test_every_kind_has_metrics_and_each_a_direction() -> None:
    assert set(METRICS) == set(FIELD_KINDS)
    known = {metric for metrics in METRICS.values() for metric in metrics} | set(ARTIFACT_METRICS)
    assert known >= SMALLER_IS_BETTER


def test_metrics_come_back_from_json_headline_first() -> None:
    for metrics in METRICS.values():
        fields = {"x": {name: Measured(0.5, 0.4, 0.6, 9) for name in metrics}}
        verdict = Verdict(True, (), fields, (), "", "")
        again = Verdict.from_json(json.loads(canonical(verdict.to_json())))
        assert tuple(again.fields["x"]) == metrics
    assert headline_first(["later", "ece", "accuracy"]) == ["accuracy", "ece", "later"]


def test_a_task_tells_its_parts_as_plain_data(tmp_path: Path) -> None:
    field = Field("intent", "choice", labels=(Label("a", "A."),))
    source = Source("a.csv", {"text": "t"})
    task = Task("t", tmp_path, {"text": "string"}, (field,), (source,), (Goal("intent", "accuracy", 0.9),))
    assert task.field("intent") is field
    with pytest.raises(KeyError):
        task.field("other")
    assert task.part("inputs") == {"text": "string"}
    assert task.part("folder") == str(tmp_path)
    assert task.part("goals") == [{"field": "intent", "metric": "accuracy", "value": 0.9}]
    assert task.part("sources") == [{"uri": "a.csv", "fields": {"text": "t"}, "licence": "", "split": "auto"}]
    assert task.part("fields") == [
        {
            "name": "intent",
            "kind": "choice",
            "description": "",
            "labels": [{"name": "a", "description": "A."}],
            "abstain_below": 0.0,
            "other": "",
            "false_alarms": 0.05,
        }
    ]


def test_a_stage_is_a_function_with_what_its_key_is_made_of(tmp_path: Path) -> None:
    told: list[Event] = []

    @stage("gate.nod", version=2, result=Artifact, reads=("goals",))
    def nod(desk: Desk, task: Task) -> Artifact:
        desk.tell(Event("gate.nod", "note", note=task.name))
        return Artifact(desk.folder)

    task = Task("t", tmp_path, {"text": "string"}, ())
    desk = Desk(tmp_path, tmp_path, tmp_path, 1, told.append)
    assert (nod.name, nod.version, nod.reads, nod.state(task)) == ("gate.nod", 2, ("goals",), {})
    assert nod.function(desk, task) == Artifact(tmp_path)
    assert [event.note for event in told] == ["t"]


def test_a_stage_reads_only_what_a_task_has() -> None:
    with pytest.raises(ValueError, match="colour"):
        stage("gate.nod", version=1, result=Artifact, reads=("colour",))


def test_a_release_is_named_by_task_and_version(tmp_path: Path) -> None:
    release = Release("banking", 3, Artifact(tmp_path), VERDICT, "2026-01-01T00:00:00Z", "champion")
    assert release.name == "banking@3"
