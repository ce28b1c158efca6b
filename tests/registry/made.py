"""Small real results for the registry's tests: folders, records, judged artifacts."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from freehold.registry import Recorded, Registry
from freehold.task import (
    Artifact,
    Example,
    Field,
    Judgement,
    LabelledExamples,
    Measured,
    Passport,
    Release,
    Task,
    Verdict,
    canonical,
    digest,
    example_id,
    folder_digest,
    folder_files,
    write_examples,
)

TASK = Task("banking", Path("banking"), {"text": "string"}, (Field("intent", "choice"),))
TRAINED = {"freehold.json": b"{}", "onnx/model.onnx": b"weights" * 100}


def fill(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Writes files, and their folders."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def describe(folder: Path, *, stage: str = "train.fit", inputs: tuple[str, ...] = ()) -> Recorded:
    """Returns the record of a stage that left `folder`."""
    files = folder_files(folder)
    result = folder_digest(files)
    facts = {"rows": 3}
    return Recorded(digest([stage, result]), stage, result, files, facts, seconds=0.5, inputs=inputs)


def record(
    shelf: Registry, files: Mapping[str, bytes], *, stage: str = "train.fit", inputs: tuple[str, ...] = ()
) -> Recorded:
    """Records a stage that wrote `files`."""
    folder = Path(tempfile.mkdtemp(dir=shelf.state.parent))
    try:
        recorded = describe(fill(folder, files), stage=stage, inputs=inputs)
        shelf.record(recorded, folder=folder)
    finally:
        shutil.rmtree(folder)
    return recorded


def correction(number: int) -> Example:
    """Returns an example that came in as feedback on a request."""
    inputs = {"text": f"where is my card {number}"}
    passport = Passport("feedback", f"request:{number}", maker="person:ada")
    return Example(example_id(inputs), inputs, {"intent": "card"}, passport, "train")


def admit(
    shelf: Registry,
    name: str,
    *,
    passed: bool = True,
    against: str = "",
    corrections: Iterable[Example] = (),
    reasons: tuple[str, ...] = ("It is good.",),
) -> Release:
    """Admits the artifact called `name`: the same name, the same artifact."""
    folder = Path(tempfile.mkdtemp(dir=shelf.state.parent))
    write_examples(folder / "examples.jsonl", [*_rows(), *corrections])
    labelled = _record_folder(shelf, folder, stage="label.annotate")
    artifact = record(
        shelf, {**TRAINED, "name": name.encode()}, stage="compress.shrink", inputs=(labelled.digest,)
    )
    metrics = {"intent": {"accuracy": Measured(0.9, 0.8, 0.95, 100)}}
    verdict = Verdict(passed, reasons, metrics, (), against, artifact.digest)
    judged = record(
        shelf,
        {"verdict.json": canonical(verdict.to_json())},
        stage="gate.judge",
        inputs=(artifact.digest, labelled.digest),
    )
    results = shelf.state / "results"
    return shelf.admit(
        TASK,
        Artifact(results / artifact.digest, {"size_mb": 1.5}, artifact.digest),
        Judgement(results / judged.digest, {}, judged.digest),
        LabelledExamples(results / labelled.digest, {}, labelled.digest),
    )


def _record_folder(shelf: Registry, folder: Path, *, stage: str) -> Recorded:
    recorded = describe(folder, stage=stage)
    shelf.record(recorded, folder=folder)
    shutil.rmtree(folder)
    return recorded


def _rows() -> list[Example]:
    texts = (f"{verb} my {noun}" for verb, noun in itertools.product(("block", "find"), ("card", "money")))
    return [
        Example(
            example_id({"text": text}), {"text": text}, {"intent": "card"}, Passport("a.csv", "a.csv:1"), "train"
        )
        for text in texts
    ]


def below(folder: Path) -> set[str]:
    """Returns the names of all files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
