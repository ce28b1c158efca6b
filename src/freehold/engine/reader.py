"""Answers closed questions in one forward pass, with ONNX Runtime and without torch."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.engine.inputs import join_inputs
from freehold.engine.layout import GRAPH, NGRAMS, Description, field_labels, open_folder
from freehold.engine.ngrams import Ngrams
from freehold.engine.tokens import by_length, load_tokenizer, pad, tokenize
from freehold.errors import IntegrityError
from freehold.task import Answer, Field, Prediction, Value

__all__ = ["Reader", "open_reader", "softmax"]

_BUDGET = 4_096


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns the softmax over the last axis, in double precision."""
    shifted = np.exp(scores.astype(np.float64) - scores.max(-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(-1, keepdims=True))


def open_reader(folder: Path, *, threads: int = 0) -> Reader:
    """Returns the reader of an artifact's folder, checked against its own digests.

    Args:
        threads: Threads for one forward pass; 0 lets ONNX Runtime choose.

    Raises:
        IntegrityError: A file is missing or damaged.
    """
    return Reader(folder, threads=threads)


class Reader:
    """A task's model, ready to answer.

    Attributes:
        task: The task's name.
        digest: The artifact's digest.
        inputs: Names of the inputs.
        fields: Output fields with their labels.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        description, self.digest = open_folder(folder)
        self._description: Description = description
        self.task = description.task
        self.inputs = description.inputs
        self.fields: tuple[Field, ...] = description.fields
        self._labels = {field.name: field_labels(field) for field in description.fields}
        self._tokenizer = load_tokenizer(folder, max_tokens=description.max_tokens)
        self._ngrams = Ngrams.load(folder / NGRAMS)
        self._session = _open_session(folder / GRAPH, threads=threads)

    def predict(
        self,
        inputs: Sequence[Mapping[str, str]],
        *,
        model: str = "",
        requests: Sequence[str] = (),
    ) -> list[Prediction]:
        """Returns one prediction an input, in order.

        Args:
            inputs: The task's inputs, all of them present.
            model: Name to put on the predictions; the digest where empty.
            requests: One id an input; made up where empty.
        """
        scores = self.scores(inputs)
        ids = list(requests) or [uuid.uuid4().hex for _ in inputs]
        answers: list[dict[str, Answer]] = [{} for _ in inputs]
        for field in self.fields:
            head = self._description.heads[field.name]
            for row, probabilities in enumerate(softmax(scores[:, head.start : head.stop])):
                answers[row][field.name] = _answer(field, self._labels[field.name], probabilities)
        name = model or self.digest
        return [Prediction(self.task, name, i, a) for i, a in zip(ids, answers, strict=True)]

    def scores(self, inputs: Sequence[Mapping[str, str]]) -> NDArray[np.float32]:
        """Returns calibrated logits of all fields side by side, shape (inputs, columns)."""
        texts = [join_inputs(row, self.inputs) for row in inputs]
        columns = max(head.stop for head in self._description.heads.values())
        out = np.zeros((len(texts), columns), np.float32)
        ids = tokenize(self._tokenizer, texts)
        for batch in by_length([len(row) for row in ids], budget=_BUDGET, most=64):
            input_ids, mask = pad([ids[i] for i in batch])
            gram_ids, gram_values = self._ngrams.transform([texts[i] for i in batch]).padded()
            feeds = {
                "input_ids": input_ids,
                "attention_mask": mask,
                "ngram_ids": gram_ids,
                "ngram_values": gram_values,
            }
            out[batch] = self._session.run(["logits"], feeds)[0]
        return out

    def count_tokens(self, inputs: Mapping[str, str]) -> int:
        """Returns how many tokens the encoder reads for one input."""
        return len(tokenize(self._tokenizer, [join_inputs(inputs, self.inputs)])[0])


def _answer(field: Field, labels: Sequence[str], probabilities: NDArray[np.float64]) -> Answer:
    best = int(probabilities.argmax())
    confidence = float(probabilities[best])
    return Answer(
        value=_value(field, labels[best]),
        confidence=confidence,
        probabilities=dict(zip(labels, probabilities.tolist(), strict=True)),
        abstained=confidence < field.abstain_below,
    )


def _value(field: Field, label: str) -> Value:
    if field.kind == "predicate":
        return label == "true"
    return int(label) if field.kind == "score" else label


def _open_session(path: Path, *, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that spin between requests take the cores from whoever works; waiting costs nothing measurable.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # ONNX Runtime's exceptions share no public root.
        raise IntegrityError(f"`{path}` is no graph that ONNX Runtime can open: {error}") from error
