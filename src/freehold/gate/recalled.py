"""What a model answered to test rows before, so that nobody asks it twice.

Owns the files below `answers/` in the cache: whole predictions, every bit of their probabilities, by the
digest of the artifact that gave them and the ids of the rows. A row's id is the digest of its inputs, so that
the same id is the same question. A file is named by its content too; one that is not what its name says is
thrown away, and the model is asked again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors.numpy import load, save

from freehold.task import Answer, Example, Field, Label, Prediction

__all__ = ["Answered", "forget", "keep", "recall"]

_FORMAT = 1
"""Raised whenever a reader would give other answers with the same artifact; another release always asks anew."""

_LARGEST = 20_000_000
"""So many probabilities (160 MB) are kept of a model, not more."""

_TEXT = "answers"
_PROBABILITIES = "probabilities."


class Answered(NamedTuple):
    """What a model reads and answers, and its answers by row id."""

    inputs: tuple[str, ...]
    fields: tuple[Field, ...]
    predictions: Mapping[str, Prediction]

    def of(self, rows: Sequence[Example]) -> list[Prediction]:
        """Returns the answers to these rows, in their order; none where the model answers nothing."""
        return [self.predictions[row.id] for row in rows] if self.predictions else []


def recall(folder: Path, artifact: str) -> Answered | None:
    """Returns what an artifact answered before, or None where nothing whole is kept."""
    for path in sorted(folder.glob(f"{artifact}-*.safetensors")) if artifact else ():
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != path.stem.rpartition("-")[2]:
            path.unlink(missing_ok=True)  # cut short, or changed by somebody
            continue
        tensors = load(content)
        head = json.loads(tensors.pop(_TEXT).tobytes())
        if (head["format"], head["freehold"]) == (_FORMAT, _release()):
            return _unpack(head, {name.removeprefix(_PROBABILITIES): each for name, each in tensors.items()})
    return None


def keep(folder: Path, artifact: str, answered: Answered) -> None:
    """Writes answers down, unless there are too many probabilities."""
    count = sum(len(each.probabilities) for row in answered.predictions.values() for each in row.answers.values())
    if not artifact or not answered.predictions or count > _LARGEST:
        return
    packed = _pack(answered)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{artifact}-{hashlib.sha256(packed).hexdigest()}.safetensors"
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(packed)
    unfinished.replace(path)
    for older in folder.glob(f"{artifact}-*.safetensors"):
        if older != path:
            older.unlink(missing_ok=True)


def forget(folder: Path, *, but: Collection[str]) -> None:
    """Throws away the answers of all artifacts except some: a task has one champion at a time."""
    for path in folder.glob("*.safetensors"):
        if path.stem.rpartition("-")[0] not in but:
            path.unlink(missing_ok=True)


def _release() -> str:
    try:
        return version("freehold")
    except PackageNotFoundError:  # run from a folder that was never installed
        return ""


def _pack(answered: Answered) -> bytes:
    predictions = list(answered.predictions.values())
    names = [field.name for field in answered.fields]
    labels = {name: _shared_labels(name, predictions) for name in names}
    tensors = {
        f"{_PROBABILITIES}{name}": np.array(
            [list(each.answers[name].probabilities.values()) for each in predictions], np.float64
        )
        for name in names
        if labels[name]
    }
    head = {
        "format": _FORMAT,
        "freehold": _release(),
        "inputs": answered.inputs,
        "fields": [asdict(field) for field in answered.fields],
        "labels": labels,
        "rows": [[id, each.task, each.model, each.request] for id, each in answered.predictions.items()],
        "answers": {name: [_plain(each.answers[name], labels[name]) for each in predictions] for name in names},
    }
    text = np.frombuffer(json.dumps(head).encode(), np.uint8)
    return bytes(save({_TEXT: text, **tensors}))


def _shared_labels(field: str, predictions: Sequence[Prediction]) -> list[str]:
    """Returns the labels of a field's probabilities, in their order; none where rows have labels of their own."""
    found = {tuple(each.answers[field].probabilities) for each in predictions}
    return list(found.pop()) if len(found) == 1 else []


def _plain(answer: Answer, labels: Sequence[str]) -> dict[str, Any]:
    """Returns an answer as plain data, without probabilities where they are in a table."""
    plain = {name: getattr(answer, name) for name in Answer.__dataclass_fields__ if name != "probabilities"}
    return plain if labels else {**plain, "probabilities": dict(answer.probabilities)}


def _unpack(head: dict[str, Any], probabilities: Mapping[str, Any]) -> Answered:
    columns = {name: _answers(head, name, probabilities.get(name)) for name in head["answers"]}
    predictions = {
        id: Prediction(task, model, request, {name: answers[place] for name, answers in columns.items()})
        for place, (id, task, model, request) in enumerate(head["rows"])
    }
    return Answered(tuple(head["inputs"]), tuple(map(_field, head["fields"])), predictions)


def _answers(head: dict[str, Any], name: str, probabilities: Any) -> list[Answer]:
    """Returns a field's answer to each row."""
    answers: list[dict[str, Any]] = head["answers"][name]
    if probabilities is not None:
        for answer, row in zip(answers, probabilities.tolist(), strict=True):
            answer["probabilities"] = dict(zip(head["labels"][name], row, strict=True))
    for answer in answers:
        if answer.get("interval"):
            answer["interval"] = tuple(answer["interval"])
    return [Answer(**answer) for answer in answers]


def _field(plain: dict[str, Any]) -> Field:
    labels = plain["labels"]
    return Field(**{**plain, "labels": None if labels is None else tuple(Label(*each) for each in labels)})
