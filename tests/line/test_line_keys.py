"""A key names everything that a stage depends on, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from freehold import compress, label, train
from freehold.errors import PluginError
from freehold.line.keys import input_digests, stage_key
from freehold.registry import Registry
from freehold.task import (
    Artifact,
    Desk,
    Examples,
    Field,
    Json,
    Judgement,
    LabelledExamples,
    Release,
    Task,
    TrainedModel,
    Verdict,
    stage,
)

TASK = Task("toy", Path("/nowhere"), {"text": "string"}, (Field("kind", "predicate"),), description="A", seed=1)
EXAMPLES = Examples(Path("/a"), digest="d1")
VERDICT = Verdict(True, (), {}, (), "", "")


def release(digest: str, version: int = 1) -> Release:
    return Release("toy", version, Artifact(Path("/r"), digest=digest), VERDICT, "2030-01-01", "champion")


@stage("toy.judge", version=1, result=Judgement, reads=("seed",))
def judge(desk: Desk, task: Task, examples: Examples, *, against: Release | None, top: int = 1) -> Judgement:
    return Judgement(desk.folder)


def key(task: Task = TASK, examples: Examples = EXAMPLES, against: Release | None = None, top: int = 1) -> str:
    return stage_key(judge, task, examples, against=against, top=top)


@pytest.mark.parametrize(
    "other",
    [
        key(task=replace(TASK, seed=2)),
        key(examples=Examples(Path("/a"), digest="d2")),
        key(against=release("d3")),
        key(top=2),
        stage_key(replace(judge, version=2), TASK, EXAMPLES, against=None, top=1),
        stage_key(replace(judge, name="toy.other"), TASK, EXAMPLES, against=None, top=1),
        stage_key(replace(judge, reads=("seed", "name")), TASK, EXAMPLES, against=None, top=1),
        stage_key(replace(judge, state=lambda *a, **k: {"more": 1}), TASK, EXAMPLES, against=None, top=1),
    ],
    ids=["seed", "input", "champion", "plain", "version", "name", "reads", "state"],
)
def test_key_changes_with_what_matters(other: str) -> None:
    assert other != key()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (key(), key(task=replace(TASK, description="B", folder=Path("/elsewhere")))),
        (key(), key(examples=Examples(Path("/b"), facts={"seconds": 3.0}, digest="d1"))),
        (key(against=release("d3")), key(against=release("d3", version=7))),
    ],
    ids=["parts that are not read", "folders and facts", "a champion's version"],
)
def test_key_stays_where_nothing_matters(one: str, other: str) -> None:
    assert one == other


def test_state_is_asked_with_the_same_arguments() -> None:
    def state(task: Task, text: str) -> Mapping[str, Json]:
        return {"length": len(text)}

    @stage("toy.read", version=1, result=Examples, state=state)
    def read(desk: Desk, task: Task, text: str) -> Examples:
        return Examples(desk.folder)

    assert stage_key(read, TASK, "aa") != stage_key(read, TASK, "aaa")


def test_a_result_without_a_digest_has_no_place_in_a_key() -> None:
    with pytest.raises(PluginError, match=r"`toy.judge` was given a Examples that no runner recorded"):
        key(examples=Examples(Path("/a")))


def test_input_digests_are_the_edges_of_the_lineage() -> None:
    assert input_digests(TASK, EXAMPLES, None, 3, against=release("d3")) == ("d1", "d3")


def test_keys_change_with_the_content_of_a_base(tiny_base: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_base, tmp_path / "base")
    task = replace(TASK, folder=tmp_path, base="base")
    labelled, trained = LabelledExamples(tmp_path, digest="l"), TrainedModel(tmp_path, digest="t")

    def keys() -> tuple[str, ...]:
        shelf = Registry.open(tmp_path / "state")
        with shelf:
            return (
                stage_key(label.annotate, task, EXAMPLES, shelf),
                stage_key(train.fit, task, labelled),
                stage_key(compress.shrink, task, trained, labelled),
            )

    before = keys()
    (tmp_path / "base" / "model.safetensors").write_bytes(b"fine-tuned since")
    assert not set(before) & set(keys())
