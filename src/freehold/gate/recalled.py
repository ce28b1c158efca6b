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
    """Writes answers down where they can be: each field with the same labels on every row, and not too many."""
    packed = _pack(answered)
    if not artifact or packed is None:
        return
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


def _pack(answered: Answered) -> bytes | None:
    predictions = list(answered.predictions.values())
    labels = {field.name: _shared_labels(field.name, predictions) for field in answered.fields}
    if None in labels.values() or len(predictions) * sum(len(each or ()) for each in labels.values()) > _LARGEST:
        return None
    tensors = {
        f"{_PROBABILITIES}{name}": np.array(
            [list(each.answers[name].probabilities.values()) for each in predictions], np.float64
        )
        for name, names in labels.items()
        if names
    }
    head = {
        "format": _FORMAT,
        "freehold": _release(),
        "inputs": answered.inputs,
        "fields": [asdict(field) for field in answered.fields],
        "labels": labels,
        "rows": [[id, each.task, each.model, each.request] for id, each in answered.predictions.items()],
        "answers": {name: [_plain(each.answers[name]) for each in predictions] for name in labels},
    }
    text = np.frombuffer(json.dumps(head).encode(), np.uint8)
    return bytes(save({_TEXT: text, **tensors}))


def _shared_labels(field: str, predictions: Sequence[Prediction]) -> list[str] | None:
    """Returns the labels of a field's probabilities in their order; None where rows differ."""
    found = {tuple(each.answers[field].probabilities) for each in predictions}
    return list(found.pop()) if len(found) == 1 else None


def _plain(answer: Answer) -> dict[str, Any]:
    """Returns all of an answer but its probabilities."""
    names = (name for name in Answer.__dataclass_fields__ if name != "probabilities")
    return {name: getattr(answer, name) for name in names}


def _unpack(head: dict[str, Any], probabilities: Mapping[str, Any]) -> Answered:
    columns = {
        name: [
            dict(zip(head["labels"][name], row, strict=True)) for row in _rows(probabilities.get(name), answers)
        ]
        for name, answers in head["answers"].items()
    }
    predictions = {}
    for place, (id, task, model, request) in enumerate(head["rows"]):
        answers = {name: _answer(head["answers"][name][place], columns[name][place]) for name in columns}
        predictions[id] = Prediction(task, model, request, answers)
    return Answered(tuple(head["inputs"]), tuple(map(_field, head["fields"])), predictions)


def _rows(table: Any, answers: Sequence[object]) -> Sequence[Sequence[float]]:
    return [()] * len(answers) if table is None else table.tolist()


def _answer(plain: Mapping[str, Any], probabilities: Mapping[str, float]) -> Answer:
    rest: dict[str, Any] = {
        name: tuple(each) if name == "interval" and each else each for name, each in plain.items()
    }
    return Answer(probabilities=probabilities, **rest)


def _field(plain: dict[str, Any]) -> Field:
    labels = plain["labels"]
    return Field(**{**plain, "labels": None if labels is None else tuple(Label(*each) for each in labels)})
