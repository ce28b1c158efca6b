"""The forms of one trained reader: made, laid out, and measured against the trained model's own decisions."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.compress.graphs import export_encoder, recipe
from freehold.compress.quantise import Form, quantise_encoder
from freehold.compress.spans import Places, SpanFinder
from freehold.engine import (
    GRAPH,
    HEADS,
    HELD,
    NGRAMS,
    STATIC,
    TAGS,
    Description,
    Heads,
    Vectoriser,
    answer_rows,
    copy_encoder,
    encode_texts,
    encoder_identity,
    field_labels,
    find_base,
    graph_home,
    is_sealed,
    join_inputs,
    load_grams,
    load_heads,
    load_static,
    load_tags,
    open_folder,
    open_reader,
    save_heads,
    write_description,
)
from freehold.task import TIERED_KINDS, Answer, Desk, Event, Json, Task, canonical, file_digest

if TYPE_CHECKING:
    from freehold.engine import Encoder, Run

__all__ = ["Forms", "Tried"]

_SINGLES, _TIMED = 50, 256
_MEGABYTE = 1e6
_CLOSE = 0.01
"""Numbers are the same where they differ by less than this share of their spread."""


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


class _Decided(NamedTuple):
    """What was decided about the rows: an array for each field with columns, lists of spans for the others."""

    columns: list[NDArray[Any]]
    spans: dict[str, list[Places]]


class Forms:
    """Makes the forms of a trained model.

    Encoder graphs, their vectors and their speed are kept between turns: only new heads are new.
    """

    def __init__(self, desk: Desk, task: Task, trained: Path, inputs: Sequence[Mapping[str, str]]) -> None:
        self._desk, self._trained, self._inputs = desk, trained, inputs
        self._description = open_folder(trained).description
        self._base = find_base(task.base, relative_to=task.folder)
        tuned = trained / "tuned"
        self._tuned = tuned if tuned.is_dir() else None
        self._identity = encoder_identity(self._base, tuned=self._tuned)
        self._texts = [join_inputs(row, self._description.inputs) for row in inputs]
        self._grams = load_grams(trained / HELD / NGRAMS).transform(self._texts)
        fields = [field.name for field in self._description.fields if field.kind == "spans"]
        tags = {name: load_tags(trained / HELD / TAGS / f"{name}.safetensors") for name in fields}
        self._spans: SpanFinder | None = None
        if tags:
            layer = self._description.spans_layer
            self._spans = SpanFinder(self._base, self._description.inputs, inputs, tags, layer)
        self._expected: _Decided | None = None

    def describe(self, form: Form) -> Description:
        """Returns the description of the artifact in this form."""
        return replace(self._description, precision=form)

    def measure(self, form: Form) -> Tried:
        """Returns a form's size and speed, and its parity with heads that have not seen the rows."""
        if self._expected is None:
            self._expected = self._decide(self._run, self._identity, form="fp32")
        found = self._decide(lambda: self._encoder(form).run, self._graph_name(form), form=form)
        same = [_same(a, b) for a, b in zip(found.columns, self._expected.columns, strict=True)]
        for name, rows in self._expected.spans.items():
            same.append(np.array([a == b for a, b in zip(found.spans[name], rows, strict=True)]))
        every = np.concatenate(same) if same else np.ones(0, bool)
        speed = self._speed(form)
        return Tried(
            form=form,
            size_mb=round(self._size(form) / _MEGABYTE, 2),
            p50_ms=round(speed["p50_ms"], 3),
            rows_per_second=round(speed["rows_per_second"], 1),
            parity=float(every.mean()) if every.size else 1.0,
            n=int(every.size),
        )

    def write(self, form: Form, folder: Path) -> None:
        """Writes what serving needs besides the encoder's own files: graph, heads, vocabulary, tags."""
        shutil.copyfile(self._graph(form), folder / GRAPH)
        save_heads(folder, _in_form(load_heads(self._trained), form))
        shutil.copyfile(self._trained / NGRAMS, folder / NGRAMS)
        if (self._trained / TAGS).is_dir():
            shutil.copytree(self._trained / TAGS, folder / TAGS)

    def write_encoder(self, folder: Path) -> None:
        """Writes the encoder, with what it learned, and its tokenizer in Hugging Face layout."""
        copy_encoder(self._base.folder, folder)
        if self._tuned:
            self._load().bare.save_pretrained(str(folder))

    def tiers(self, form: Form, folder: Path) -> list[list[dict[str, Answer]]]:
        """Returns what each tier of the artifact would answer to the rows, in the order in which they are asked.

        The static tier is the shipped one, made of training rows; the heads behind the encoder are in this form
        and have not seen the rows either. Fields without columns are left out; nothing is abstained from.
        """
        closed = [field for field in self._description.fields if field.kind in TIERED_KINDS]
        fields = [replace(field, abstain_below=0.0) for field in closed]
        static = load_static(folder / STATIC)
        heads = _in_form(load_heads(self._trained / HELD), form)
        vectors = self._vectors(lambda: self._encoder(form).run, self._graph_name(form))
        scores = heads.scores(vectors, self._grams)
        read: list[dict[str, Answer]] = [{} for _ in self._texts]
        for field in fields:
            head = self._description.heads.get(field.name)
            if head is None or head.start == head.stop:
                continue
            columns = scores[:, head.start : head.stop]
            answers = answer_rows(field, head, columns, labels=field_labels(field))
            for row, answer in zip(read, answers, strict=True):
                row[field.name] = answer
        return [static.answer(self._texts, fields), read] if static is not None and static.is_on else [read]

    def _run(self) -> Run:
        """Returns the trained model's own encoder."""
        from freehold.engine import run_encoder

        return run_encoder(self._load())

    def _load(self) -> Encoder:
        import torch

        from freehold.engine import load_encoder, load_tuned

        torch.set_num_threads(self._desk.threads)
        folder = self._base.folder
        return load_tuned(folder, tuned=self._tuned) if self._tuned else load_encoder(folder)

    def _encoder(self, form: Form) -> Vectoriser:
        """Returns the encoder in this form, ready to run."""
        folder = self._desk.scratch / "forms" / form
        if not (folder / GRAPH).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            copy_encoder(self._base.folder, folder, weights=False)
            shutil.copyfile(self._graph(form), folder / GRAPH)
        return Vectoriser(folder, threads=self._desk.threads)

    def _vectors(self, run: Any, identity: str) -> NDArray[np.float32]:
        return encode_texts(self._texts, base=self._base, cache=self._desk.cache, run=run, identity=identity)

    def _decide(self, run: Callable[[], Run], identity: str, *, form: Form) -> _Decided:
        """Returns what heads in this form, which have not seen the rows, decide with an encoder."""
        heads = _in_form(load_heads(self._trained / HELD), form)
        spans = self._spans.find(run()) if self._spans else {}
        return _Decided(self._decide_columns(self._vectors(run, identity), heads), spans)

    def _decide_columns(self, vectors: NDArray[np.float32], heads: Heads) -> list[NDArray[Any]]:
        """Returns decisions from scores before calibration: labels, sets of labels, numbers; none without rows."""
        if not len(vectors):
            return []
        scores = heads.scores(vectors, self._grams)
        decisions: list[NDArray[Any]] = []
        for field in self._description.fields:
            head = self._description.heads.get(field.name)
            if head is None or head.start == head.stop:
                continue
            columns = scores[:, head.start : head.stop]
            if field.kind == "choices":
                offset = head.offsets[0] if head.offsets else 0.0
                bar = head.temperature * (float(np.log(head.threshold / (1 - head.threshold))) - offset)
                decisions.append(columns >= bar)
            else:
                decisions.append(columns[:, 0] if field.kind == "number" else columns.argmax(1))
        return decisions

    def _speed(self, form: Form) -> dict[str, float]:
        """Returns the times of this graph under heads of this size, measured once on this machine."""
        columns = max((head.stop for head in self._description.heads.values()), default=0)
        path = self._graph(form).with_suffix(f".{columns}-{self._desk.threads}.json")
        try:
            found: dict[str, float] = json.loads(path.read_bytes())
            return {name: float(found[name]) for name in ("p50_ms", "rows_per_second")}
        except (OSError, ValueError, KeyError):
            found = self._time(form)
            path.write_bytes(canonical(found))
            return found

    def _time(self, form: Form) -> dict[str, float]:
        folder = self._desk.scratch / "timed"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        copy_encoder(self._base.folder, folder, weights=False)
        self.write(form, folder)
        write_description(folder, self.describe(form))
        reader = open_reader(folder, threads=self._desk.threads)
        few = list(self._inputs[:_TIMED]) or [dict.fromkeys(self._description.inputs, self._description.task)]
        start = time.perf_counter()
        reader.predict(few)
        elapsed = time.perf_counter() - start
        times = []
        for row in few[:_SINGLES]:
            start = time.perf_counter()
            reader.predict([row])
            times.append(time.perf_counter() - start)
        return {"p50_ms": float(np.median(times)) * 1e3, "rows_per_second": len(few) / elapsed}

    def _size(self, form: Form) -> int:
        """Returns the bytes of the files that serving needs."""
        folder = self._desk.scratch / "size"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        save_heads(folder, _in_form(load_heads(self._trained), form))
        tags = [path for path in (self._trained / TAGS).glob("*") if path.is_file()]
        parts = [
            self._graph(form),
            folder / HEADS,
            self._trained / NGRAMS,
            self._base.folder / "tokenizer.json",
            *tags,
        ]
        return sum(path.stat().st_size for path in parts)

    def _graph_name(self, form: Form) -> str:
        return f"{file_digest(self._graph(form))[:24]}-{form}"

    def _graph(self, form: Form) -> Path:
        home = graph_home(self._desk.cache, self._identity) / recipe()[:16]
        path = home / f"{form}.onnx"
        if is_sealed(path):
            return path
        home.mkdir(parents=True, exist_ok=True)
        new = home / f"{form}.new.onnx"
        if form == "fp32":
            if reason := export_encoder(self._load(), new):
                self._desk.tell(Event("compress.shrink", "note", note=f"texts do not share rows: {reason}"))
        else:
            quantise_encoder(self._graph("fp32"), new, form=form)
        path.with_suffix(".sha256").write_text(file_digest(new))
        return new.rename(path)


def _same(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    if one.dtype.kind == "f":
        return np.asarray(np.abs(one - other) < _CLOSE)
    return np.asarray((one == other).all(1) if one.ndim == 2 else one == other)


def _in_form(heads: Heads, form: Form) -> Heads:
    return heads if form == "fp32" else heads.shrunk()
