"""Climbs the ladder: tries each rung on validation rows, keeps what pays, makes the winner from all rows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from freehold.engine import (
    Base,
    Encoder,
    Heads,
    Ngrams,
    adapter_identity,
    encode_texts,
    field_labels,
    find_base,
    load_adapter,
    load_encoder,
)
from freehold.task import Desk, Event, Field, Json, Task
from freehold.train.adapters import Adapters
from freehold.train.ladder import Rung, Trained, beats, finish, try_rung
from freehold.train.rows import Rows

__all__ = ["LEAST_VALIDATION", "Outcome", "Weights", "climb"]

LEAST_VALIDATION = 30
"""Fewer validation rows than this cannot tell two rungs apart."""

_STAGE = "train.fit"


class Weights(NamedTuple):
    """Heads of all fields side by side, and the vocabulary that they belong to."""

    ngrams: Ngrams
    heads: Heads


@dataclass(frozen=True, slots=True)
class Outcome:
    """The trained weights, and how it came to them.

    Attributes:
        rung: `frozen` or `lora`; whether the adapter was made now or before is no part of the model.
        final: Made from training and validation rows: what is shipped.
        held: Made from training rows alone: what is honest to measure on validation rows.
        adapter: Folder of the adapter that the encoder needs; None for the base as it is.
        rungs: What was tried, with seconds, validation accuracy and n: facts, not part of the model.
    """

    rung: str
    dense_weight: float
    final: Weights
    held: Weights
    temperatures: Mapping[str, float]
    adapter: Path | None
    max_tokens: int
    rungs: tuple[dict[str, Json], ...]


def climb(desk: Desk, task: Task, fields: tuple[Field, ...], *, train: Rows, validation: Rows) -> Outcome:
    """Returns the best reader of two rungs."""
    torch.set_num_threads(desk.threads)
    work = _Work(desk, task, fields, train, validation)
    start = time.perf_counter()
    frozen = work.try_rung("frozen", adapter=None)
    reports = [_report(frozen, taken=True, seconds=time.perf_counter() - start)]
    chosen, adapter = frozen, None
    if reason := work.reason_against_lora():
        reports.append({"name": "lora", "taken": False, "seconds": 0.0, "note": reason})
    else:
        start = time.perf_counter()
        tuned = work.try_lora()
        taken = beats(tuned, frozen)
        if taken:
            chosen, adapter = tuned, work.adapters.folder
        else:
            work.adapters.note_lost()
        reports[0]["taken"] = not taken
        reports.append(_report(tuned, taken=taken, seconds=time.perf_counter() - start))
    for report in reports:
        desk.tell(Event(_STAGE, "note", note=_sentence(report)))
    return Outcome(
        rung="lora" if adapter else "frozen",
        dense_weight=chosen.dense_weight,
        final=work.finish(chosen, adapter=adapter),
        held=work.weights(chosen.trained),
        temperatures=chosen.temperatures,
        adapter=adapter,
        max_tokens=work.base.max_tokens,
        rungs=tuple(reports),
    )


class _Work:
    """What every rung works on."""

    def __init__(self, desk: Desk, task: Task, fields: tuple[Field, ...], train: Rows, validation: Rows) -> None:
        self.desk, self.train, self.validation, self.seed = desk, train, validation, task.seed
        self.base: Base = find_base(task.base, relative_to=task.folder)
        names = {field.name: field_labels(field) for field in fields}
        self.labels = {name: len(labels) for name, labels in names.items()}
        self.adapters = Adapters(desk.cache, base=self.base, labels=names, seed=task.seed)

    def reason_against_lora(self) -> str:
        """Returns why the second rung is not worth trying; empty where it is."""
        if len(self.validation) < LEAST_VALIDATION:
            return f"not tried: {len(self.validation)} validation rows cannot tell two rungs apart"
        if self.adapters.lost_on_much_the_same(self.train):
            return "not tried: it did not pay before, and 90 % or more of the rows are the same"
        return ""

    def try_lora(self) -> Rung:
        kept = self.adapters.obtain(
            self.train,
            self.validation,
            scratch=self.desk.scratch,
            tell=lambda done, total, note: self._tell(done, total, f"LoRA {note}".strip()),
        )
        return self.try_rung("lora (kept adapter)" if kept else "lora", adapter=self.adapters.folder)

    def try_rung(self, name: str, *, adapter: Path | None) -> Rung:
        train = self._encode(self.train.texts, adapter)
        held = self._encode(self.validation.texts, adapter) if len(self.validation) else train[:0]
        vectors = {"train": train, "validation": held}
        self._tell(0, 0, f"{name}: heads")
        return try_rung(name, self.train, self.validation, vectors=vectors, labels=self.labels, seed=self.seed)

    def finish(self, rung: Rung, *, adapter: Path | None) -> Weights:
        """Returns the rung made again from training and validation rows together."""
        self._tell(0, 0, "final heads")
        rows = self.train + self.validation
        vectors = self._encode(rows.texts, adapter)
        return self.weights(finish(rung, rows, vectors=vectors, labels=self.labels, seed=self.seed))

    def weights(self, trained: Trained) -> Weights:
        """Returns the fields' heads side by side, in the task's order."""
        heads = [trained.heads[name] for name in self.labels]
        dense, ngrams, bias = (
            np.hstack(parts) for parts in zip(*((h.dense, h.ngrams, h.bias) for h in heads), strict=True)
        )
        return Weights(trained.ngrams, Heads(dense, ngrams, bias))

    def _encode(self, texts: tuple[str, ...], adapter: Path | None) -> NDArray[np.float32]:
        def load() -> Encoder:
            return load_adapter(self.base.folder, adapter=adapter) if adapter else load_encoder(self.base.folder)

        return encode_texts(
            texts,
            base=self.base,
            cache=self.desk.cache,
            encoder=load,
            identity=adapter_identity(self.base, adapter=adapter) if adapter else "",
            tell=lambda done, total: self._tell(done, total, "encoding"),
        )

    def _tell(self, done: int, total: int, note: str) -> None:
        self.desk.tell(Event(_STAGE, "progress", done=done, total=total, note=note))


def _report(rung: Rung, *, taken: bool, seconds: float) -> dict[str, Json]:
    return {**rung.to_json(), "taken": taken, "seconds": round(seconds, 2)}


def _sentence(report: Mapping[str, Json]) -> str:
    if "validation" not in report:
        return f"rung {report['name']}: {report['note']}"
    accuracy, n = report["validation"], report["n"]
    assert isinstance(accuracy, dict)
    assert isinstance(n, dict)
    shown = ", ".join(f"{field} {value:.3f} (n = {n[field]})" for field, value in accuracy.items())
    taken = "taken" if report["taken"] else "not taken"
    return f"rung {report['name']}: validation accuracy {shown}; {report['seconds']} s; {taken}"
