"""The nearest training rows: where they come from, what may not be shown, what is said where there are none."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.artifacts import FIELDS, make_artifact, make_encoder

from freehold.engine import Reader, open_reader
from freehold.engine.pooling import Layers
from freehold.line import Explainer, Reasons
from freehold.registry import Feedback, Recorded, Registry
from freehold.task import (
    Artifact,
    Event,
    Example,
    Json,
    Judgement,
    LabelledExamples,
    Passport,
    Release,
    Split,
    Task,
    Verdict,
    canonical,
    example_id,
    folder_digest,
    folder_files,
    write_examples,
)

TEXTS = [
    "where is my parcel",
    "I lost my card",
    "my refund is late",
    "the courier was here",
    "please close my login",
]
SPLITS: Sequence[Split] = ("train", "train", "validation", "test", "train")
CORRECTED = "2026-02-01T10:00:00+00:00"


def make_rows(count: int = 40) -> list[Example]:
    """Returns rows of which one in five is a test row, and a correction."""
    rows = []
    for number in range(count):
        inputs = {"text": f"{TEXTS[number % 5]} number {number}" if number >= 5 else TEXTS[number]}
        passport = Passport("rows.csv", f"rows.csv:{number + 2}", licence="CC0-1.0")
        rows.append(Example(example_id(inputs), inputs, {"area": "billing"}, passport, SPLITS[number % 5]))
    inputs = {"text": "my money never came back"}
    passport = Passport("feedback", "request:r1", maker="person:ana", time=CORRECTED)
    return [*rows, Example(example_id(inputs), inputs, {"area": "delivery"}, passport, "train")]


def said(value: str = "delivery", *, id: str = "f1", request: str = "r1", created: str = CORRECTED) -> Feedback:
    inputs = {"text": " my money never came back\r\n"}
    return Feedback(id, "desk", request, inputs, "correction", {"area": value}, "person:ana", created)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_artifact(make_encoder(tmp_path_factory.mktemp("artifact")))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(tmp_path / "state") as opened:
        yield opened


@pytest.fixture
def release(shelf: Registry, artifact: Path, tmp_path: Path) -> Release:
    return admit(shelf, artifact, make_rows(), folder=tmp_path / "made")


@pytest.fixture
def reader(release: Release) -> Reader:
    return open_reader(release.artifact.folder, threads=1)


def admit(shelf: Registry, artifact: Path, rows: Sequence[Example], *, folder: Path) -> Release:
    """Records rows and an artifact made from them, and puts it in service."""
    labelled, judged, shipped = (folder / name for name in ("labelled", "judged", "shipped"))
    for path in (labelled, judged):
        path.mkdir(parents=True)
    write_examples(labelled / "examples.jsonl", rows)
    shutil.copytree(artifact, shipped)
    examples = LabelledExamples(*record(shelf, "label.annotate", labelled))
    made = Artifact(*record(shelf, "compress.shrink", shipped, inputs=(examples.digest,)))
    verdict = Verdict(True, ("Good.",), {}, (), "", made.digest)
    (judged / "verdict.json").write_bytes(canonical(verdict.to_json()))
    judgement = Judgement(*record(shelf, "gate.judge", judged))
    task = Task("desk", folder, {"text": "string"}, FIELDS)
    return shelf.promote(shelf.admit(task, made, judgement, examples), because=verdict)


def record(
    shelf: Registry, stage: str, folder: Path, *, inputs: tuple[str, ...] = ()
) -> tuple[Path, dict[str, Json], str]:
    files = folder_files(folder)
    digest = folder_digest(files)
    recorded = Recorded(key=f"{stage}-{digest}", stage=stage, digest=digest, files=files, inputs=inputs)
    return shelf.record(recorded, folder=folder), {}, digest


def ask(explainer: Explainer, reader: Reader, text: str, *, release: Release, shelf: Registry) -> Reasons:
    inputs = {"text": text}
    [prediction] = reader.predict([inputs], model=release.name)
    return explainer.explain(reader, inputs, prediction=prediction, release=release, shelf=shelf)


def test_the_nearest_rows_come_with_where_they_are_from(reader: Reader, release: Release, shelf: Registry) -> None:
    found = ask(Explainer(), reader, "where is my parcel", release=release, shelf=shelf).nearest
    assert (found.searched, found.total, found.note, len(found.rows)) == (33, 33, "", 5)
    first = found.rows[0]
    assert first.similarity == pytest.approx(1, abs=1e-5)
    assert first.example.passport == Passport("rows.csv", "rows.csv:2", licence="CC0-1.0")
    assert [row.similarity for row in found.rows] == sorted((row.similarity for row in found.rows), reverse=True)
    texts = [row.inputs["text"] for row in make_rows() if row.split != "test"]
    alike = reader.encoder.vectors(texts) @ reader.encoder.vectors(["where is my parcel"])[0]
    best = sorted(alike.tolist(), reverse=True)[:5]
    assert [row.similarity for row in found.rows] == pytest.approx(best, abs=1e-5)


def test_test_rows_are_never_shown(reader: Reader, release: Release, shelf: Registry) -> None:
    found = ask(Explainer(), reader, "the courier was here", release=release, shelf=shelf).nearest
    assert "test" not in {row.example.split for row in found.rows}
    assert "the courier was here" not in {row.example.inputs["text"] for row in found.rows}


def test_training_rows_are_encoded_once_and_kept(reader: Reader, release: Release, shelf: Registry) -> None:
    events: list[Event] = []
    explainer = Explainer(tell=events.append)
    for _ in range(2):
        ask(explainer, reader, "card", release=release, shelf=shelf)
    assert {event.total for event in events} == {33}
    first = len(events)
    ask(Explainer(tell=events.append), reader, "card", release=release, shelf=shelf)
    assert len(events) == first


def test_a_correction_says_who_made_it(reader: Reader, release: Release, shelf: Registry) -> None:
    shelf.add_feedback([said()])
    found = ask(Explainer(), reader, "my money never came back", release=release, shelf=shelf)
    document = found.to_json()["nearest"]
    assert isinstance(document, dict)
    rows = document["rows"]
    assert isinstance(rows, list)
    first = rows[0]
    assert isinstance(first, dict)
    assert first["correction"] is True
    assert first["outputs"] == {"area": "delivery"}
    assert first["passport"] == {
        "source": "feedback",
        "locator": "request:r1",
        "licence": "",
        "maker": "person:ana",
        "time": CORRECTED,
        "consent": "",
        "author": "",
    }


WITHDRAWN: list[tuple[list[Feedback], bool]] = [
    ([said()], False),
    # A later correction of the same inputs, with another passport, kept a label of the one that was taken back.
    ([said(id="f0", request="r0", created="2026-01-01T00:00:00+00:00")], False),
    ([said("account", id="f0", request="r0")], True),
]


@pytest.mark.parametrize(("rows", "shown"), WITHDRAWN)
def test_what_was_withdrawn_is_not_shown(
    reader: Reader, release: Release, shelf: Registry, rows: list[Feedback], shown: bool
) -> None:
    explainer = Explainer()
    shelf.add_feedback(rows)
    text = "my money never came back"
    before = ask(explainer, reader, text, release=release, shelf=shelf).nearest
    assert before.rows[0].example.inputs == {"text": text}
    shelf.withdraw("desk", ids=[row.id for row in rows])
    after = ask(explainer, reader, text, release=release, shelf=shelf).nearest
    assert (text in {row.example.inputs["text"] for row in after.rows}) is shown
    assert len(after.rows) == 5


def test_what_another_correction_says_too_stays(reader: Reader, release: Release, shelf: Registry) -> None:
    shelf.add_feedback([said(), said(id="f0", request="r0")])
    shelf.withdraw("desk", ids=["f0"])
    found = ask(Explainer(), reader, "my money never came back", release=release, shelf=shelf).nearest
    assert found.rows[0].example.passport.locator == "request:r1"


def test_rows_that_are_gone_are_named_and_tokens_are_given(
    reader: Reader, release: Release, shelf: Registry
) -> None:
    lineage = shelf.lineage("desk", 1)
    recorded = shelf.recall(f"label.annotate-{lineage['examples']}")
    assert recorded is not None
    blob = shelf.blobs.path(recorded.files["examples.jsonl"])
    blob.chmod(0o644)
    blob.write_bytes(b"damaged")
    found = ask(Explainer(), reader, "card", release=release, shelf=shelf)
    assert found.nearest.note == "The training rows of `desk@1` are not recorded here any more."
    assert found.nearest.rows == ()
    assert found.explanation.fields["area"][0].moved


def test_patience_has_an_end_and_reading_goes_on(
    reader: Reader, release: Release, shelf: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, run, mine = threading.Event(), reader.encoder.run, threading.get_ident()

    def slow(ids: np.ndarray, mask: np.ndarray) -> Layers:
        if threading.get_ident() != mine:
            gate.wait(10)
        return run(ids, mask)

    monkeypatch.setattr(reader.encoder, "run", slow)
    explainer = Explainer(patience=0.01)
    early = ask(explainer, reader, "card", release=release, shelf=shelf)
    assert early.nearest.note.startswith("The training rows of `desk@1` are being read, 0 of")
    assert early.explanation.fields["area"][0].moved
    gate.set()
    while ask(explainer, reader, "card", release=release, shelf=shelf).nearest.note:
        threading.Event().wait(0.02)
    assert len(ask(explainer, reader, "card", release=release, shelf=shelf).nearest.rows) == 5
    explainer.close()


def test_closing_ends_what_is_being_read(
    reader: Reader, release: Release, shelf: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, gate, run, mine = threading.Event(), threading.Event(), reader.encoder.run, threading.get_ident()

    def slow(ids: np.ndarray, mask: np.ndarray) -> Layers:
        if threading.get_ident() != mine:
            begun.set()
            gate.wait(10)
        return run(ids, mask)

    monkeypatch.setattr(reader.encoder, "run", slow)
    explainer = Explainer(patience=0.01)
    ask(explainer, reader, "card", release=release, shelf=shelf)
    assert begun.wait(10)
    threading.Timer(0.05, gate.set).start()
    explainer.close()
    assert not list((shelf.state / "cache" / "features").rglob("*.safetensors"))


def test_of_very_many_rows_some_are_searched_and_all_corrections(
    reader: Reader, release: Release, shelf: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("freehold.line.explain._MOST", 6)
    found = ask(Explainer(), reader, "my money never came back", release=release, shelf=shelf).nearest
    assert (found.searched, found.total) == (6, 33)
    assert found.rows[0].example.passport.source == "feedback"


def test_a_model_without_training_rows_has_no_neighbours(shelf: Registry, artifact: Path, tmp_path: Path) -> None:
    rows = [replace(row, split="test") for row in make_rows(3)]
    release = admit(shelf, artifact, rows, folder=tmp_path / "made")
    reader = open_reader(release.artifact.folder, threads=1)
    found = ask(Explainer(), reader, "card", release=release, shelf=shelf).nearest
    assert (found.rows, found.total, found.note) == ((), 0, "")
