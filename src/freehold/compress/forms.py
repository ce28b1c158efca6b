"""The forms of one trained reader: made, laid out, and measured against the trained model's own decisions."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from freehold.compress.graphs import Form, assemble, export_encoder, quantise_encoder, recipe
from freehold.engine import (
    GRAPH,
    HELD,
    NGRAMS,
    Description,
    Encoder,
    Ngrams,
    Reader,
    adapter_identity,
    copy_encoder,
    encode_texts,
    find_base,
    join_inputs,
    load_adapter,
    load_encoder,
    load_heads,
    open_folder,
    open_reader,
    write_description,
)
from freehold.task import Desk, Json, Task, file_digest

__all__ = ["Forms", "Tried"]

_SINGLES, _TIMED = 50, 256
_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Tried:
    """One form, measured.

    Attributes:
        size_mb: Size of the files that serving needs, in 10^6 bytes.
        p50_ms: Median time of one request, in milliseconds.
        rows_per_second: In batches.
        parity: Share of the decisions that are the trained model's own.
        n: Decisions compared: rows times fields.
    """

    form: Form
    size_mb: float
    p50_ms: float
    rows_per_second: float
    parity: float
    n: int

    def to_json(self) -> dict[str, Json]:
        """Returns the measurements as plain data."""
        return asdict(self)


class Forms:
    """Makes the forms of a trained model; encoder graphs are kept by content between turns."""

    def __init__(self, desk: Desk, task: Task, trained: Path, inputs: Sequence[Mapping[str, str]]) -> None:
        torch.set_num_threads(desk.threads)
        self._desk, self._trained, self._inputs = desk, trained, inputs
        self._description = open_folder(trained).description
        self._base = find_base(task.base, relative_to=task.folder)
        adapter = trained / "adapter"
        self._adapter = adapter if adapter.is_dir() else None
        self._identity = (
            adapter_identity(self._base, adapter=self._adapter) if self._adapter else self._base.digest
        )
        self._expected: NDArray[np.int64] | None = None

    def describe(self, form: Form) -> Description:
        """Returns the description of the artifact in this form."""
        return replace(self._description, precision=form)

    def measure(self, form: Form) -> Tried:
        """Returns a form's size and speed, and its parity with weights that have not seen the rows."""
        held = self._open(form, weights=self._trained / HELD)
        same = self._decisions(held.scores(self._inputs)) == self._expect()
        reader = self._open(form, weights=self._trained)
        few = self._inputs[:_TIMED]
        start = time.perf_counter()
        reader.scores(few)
        elapsed = time.perf_counter() - start
        size = sum(path.stat().st_size for path in self._place(form).iterdir())
        return Tried(
            form=form,
            size_mb=round(size / _MEGABYTE, 2),
            p50_ms=round(_median_ms(reader, self._inputs[:_SINGLES]), 3),
            rows_per_second=round(len(few) / elapsed, 1),
            parity=float(same.mean()),
            n=int(same.size),
        )

    def _open(self, form: Form, *, weights: Path) -> Reader:
        """Returns a reader of this form with the heads and vocabulary in `weights`."""
        folder = self._place(form)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.write(form, folder, weights=weights)
        shutil.copyfile(self._base.folder / "tokenizer.json", folder / "tokenizer.json")
        write_description(folder, self.describe(form))
        return open_reader(folder, threads=self._desk.threads)

    def _place(self, form: Form) -> Path:
        return self._desk.scratch / "forms" / form

    def write(self, form: Form, folder: Path, *, weights: Path) -> None:
        """Writes `model.onnx` and the vocabulary, from the heads in `weights`."""
        heads = load_heads(weights)
        temperatures = np.ones(len(heads.bias), np.float32)
        for head in self._description.heads.values():
            temperatures[head.start : head.stop] = head.temperature
        assemble(self._graph(form), heads, folder / GRAPH, temperatures=temperatures, form=form)
        shutil.copyfile(weights / NGRAMS, folder / NGRAMS)

    def write_encoder(self, folder: Path) -> None:
        """Writes the encoder, adapter merged, and its tokenizer in Hugging Face layout."""
        copy_encoder(self._base.folder, folder)
        if self._adapter:
            self._load().body.save_pretrained(str(folder))  # type: ignore[operator]

    def _load(self) -> Encoder:
        folder = self._base.folder
        return load_adapter(folder, adapter=self._adapter) if self._adapter else load_encoder(folder)

    def _graph(self, form: Form) -> Path:
        home = self._desk.cache / "graphs" / self._identity[:32] / recipe()[:16]
        path, seal = home / f"{form}.onnx", home / f"{form}.sha256"
        if path.is_file() and seal.is_file() and seal.read_text() == file_digest(path):
            return path
        home.mkdir(parents=True, exist_ok=True)
        new = home / f"{form}.new.onnx"
        if form == "fp32":
            export_encoder(self._load(), new)
        else:
            quantise_encoder(self._graph("fp32"), new, form=form)
        seal.write_text(file_digest(new))
        return new.rename(path)

    def _expect(self) -> NDArray[np.int64]:
        """Returns what the trained model decides: torch's vectors, full-precision heads."""
        if self._expected is None:
            texts = [join_inputs(row, self._description.inputs) for row in self._inputs]
            vectors = encode_texts(
                texts, base=self._base, cache=self._desk.cache, encoder=self._load, identity=self._identity
            )
            held = self._trained / HELD
            grams = Ngrams.load(held / NGRAMS).transform(texts)
            self._expected = self._decisions(load_heads(held).scores(vectors, grams))
        return self._expected

    def _decisions(self, scores: NDArray[np.float32]) -> NDArray[np.int64]:
        """Returns each field's decision, shape (rows, fields)."""
        heads = self._description.heads.values()
        return np.stack([scores[:, head.start : head.stop].argmax(1) for head in heads], axis=1)


def _median_ms(reader: Reader, inputs: Sequence[Mapping[str, str]]) -> float:
    reader.predict(inputs[:1])
    times = []
    for row in inputs:
        start = time.perf_counter()
        reader.predict([row])
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1e3
