"""Answers closed questions from one pass of the encoder, with ONNX Runtime and without torch."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from freehold.engine.calibration import answer_rows
from freehold.engine.heads import load_heads
from freehold.engine.inputs import join_inputs
from freehold.engine.layout import NGRAMS, TAGS, Head, field_labels, open_folder
from freehold.engine.places import restore_spans
from freehold.engine.side_by_side import load_grams
from freehold.engine.spans import TagHead, load_tags
from freehold.engine.static import STATIC, StaticTier, load_static
from freehold.engine.vectors import Reading, TokenVectors, Vectoriser, Which
from freehold.engine.words import find_parts, pool_words, split_words
from freehold.task import Answer, Field, Prediction, normalise

__all__ = ["Reader", "open_reader"]

CHAMPION = "champion"
"""The tier of answers that took a forward pass."""

_BATCH = 1_024


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
        heads: Field to its columns of the scores and what they mean; none for spans.
        tags: Field to its head, for spans.
        spans_layer: The layer whose token vectors these heads read.
        encoder: From texts to vectors.
        dimension: Of the vectors that `embed` returns.
        precision: The form of its weights.
        static: The tier that answers before the encoder is asked; None where there is none.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        description, self.digest = open_folder(folder)
        self.task = description.task
        self.inputs = description.inputs
        self.fields: tuple[Field, ...] = description.fields
        self.precision = description.precision
        self._labels = {field.name: field_labels(field) for field in description.fields}
        self.heads: Mapping[str, Head] = description.heads
        self.spans_layer: Which = description.spans_layer
        self._weights = load_heads(folder)
        self._grams = load_grams(folder / NGRAMS)
        self.tags: Mapping[str, TagHead] = {
            field.name: load_tags(folder / TAGS / f"{field.name}.safetensors")
            for field in description.fields
            if field.kind == "spans"
        }
        self.static: StaticTier | None = load_static(folder / STATIC)
        self.encoder = Vectoriser(folder, threads=threads)
        self.dimension = self.encoder.dimension

    def predict(
        self,
        inputs: Sequence[Mapping[str, str]],
        *,
        model: str = "",
        requests: Sequence[str] = (),
        given: Sequence[Mapping[str, Answer]] | None = None,
    ) -> list[Prediction]:
        """Returns one prediction an input, in order.

        Args:
            inputs: The task's inputs, all of them present.
            model: Name to put on the predictions; the digest where empty.
            requests: One id an input; made up where empty.
            given: What `answer_at_once` said of these inputs, so that it is not asked again.
        """
        ids = list(requests) or [uuid.uuid4().hex for _ in inputs]
        name = model or self.digest
        predictions = []
        for start in range(0, len(inputs), _BATCH):
            rows = inputs[start : start + _BATCH]
            known = None if given is None else given[start : start + _BATCH]
            for n, answers in enumerate(self.ask_tiers(rows, read=self._read, given=known)):
                predictions.append(Prediction(self.task, name, ids[start + n], answers))
        return predictions

    def answer_at_once(self, inputs: Sequence[Mapping[str, str]]) -> list[dict[str, Answer]]:
        """Returns what the static tier is sure enough of, of each input; nothing where there is no such tier."""
        if self.static is None or not self.static.is_on:
            return [{} for _ in inputs]
        return self.static.answer([self.text(row) for row in inputs], self.fields)

    def ask_tiers(
        self,
        inputs: Sequence[Mapping[str, str]],
        *,
        read: Callable[[Sequence[str]], Reading],
        given: Sequence[Mapping[str, Answer]] | None = None,
    ) -> list[dict[str, Answer]]:
        """Returns each input's answers: the static tier's where it is sure enough, field by field.

        Args:
            read: The encoder's way with texts; with token vectors where the task has spans.
            given: What `answer_at_once` said of these inputs; asked where None.
        """
        found = [dict(answers) for answers in (self.answer_at_once(inputs) if given is None else given)]
        left = [n for n, answers in enumerate(found) if len(answers) < len(self.fields)]
        rows = [inputs[n] for n in left]
        encoded = self.answers(rows, read([self.text(row) for row in rows])) if left else []
        tier = CHAMPION if self.static is not None and self.static.is_on else ""
        for n, answers in zip(left, encoded, strict=True):
            passed = {name: replace(each, tier=tier) for name, each in answers.items()} if tier else answers
            found[n] = {name: found[n].get(name, each) for name, each in passed.items()}
        return found

    def _read(self, texts: Sequence[str]) -> Reading:
        return self.encoder.read(texts, tokens=self.spans_layer if self.tags else None)

    def answers(self, inputs: Sequence[Mapping[str, str]], reading: Reading) -> list[dict[str, Answer]]:
        """Returns each input's answers, from what the encoder made of its text; the static tier is not asked.

        Args:
            reading: Of the inputs' texts; with token vectors where the task has spans.
        """
        texts = [self.text(row) for row in inputs]
        scores = self.scores(texts, reading.vectors)
        answers: list[dict[str, Answer]] = [{} for _ in inputs]
        for field in self.fields:
            if field.kind == "spans":
                found = [self._find_spans(field, row, n) for row, n in zip(inputs, reading.tokens, strict=True)]
            else:
                head = self.heads[field.name]
                columns = scores[:, head.start : head.stop]
                found = answer_rows(field, head, columns, labels=self._labels[field.name])
            for row, answer in zip(answers, found, strict=True):
                row[field.name] = answer
        return answers

    def text(self, inputs: Mapping[str, str]) -> str:
        """Returns the text that is read for one input."""
        return join_inputs(inputs, self.inputs)

    def scores(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns scores before calibration of all fields side by side, shape (texts, columns)."""
        return self._weights.scores(vectors, self._grams.transform(texts))

    def embed(self, inputs: Sequence[Mapping[str, str]]) -> NDArray[np.float32]:
        """Returns what the heads read of each input: the encoder's pooled vector, of unit length.

        A text that is longer than the encoder's window is read window by window and pooled over all of it.

        Args:
            inputs: The task's inputs, all of them present.

        Returns:
            Shape (inputs, dimension), in order.
        """
        return self.encoder.vectors([self.text(row) for row in inputs])

    def count_tokens(self, inputs: Mapping[str, str]) -> int:
        """Returns how many tokens the encoder reads for one input."""
        return self.encoder.count_tokens(self.text(inputs))

    def _find_spans(self, field: Field, inputs: Mapping[str, str], tokens: TokenVectors) -> Answer:
        head, text = self.tags[field.name], self.text(inputs)
        clean = {name: normalise(inputs[name]) for name in self.inputs}
        words = split_words(text, find_parts(clean, self.inputs), grain=head.grain)
        found = head.decode(pool_words(tokens.vectors, offsets=tokens.offsets, words=words), words=words)
        chances: dict[str, float] = {}
        for span in found.spans:
            chances[span.label] = max(chances.get(span.label, 0.0), span.chance)
        return Answer(
            value=restore_spans(found.spans, inputs=inputs, names=self.inputs),
            confidence=found.confidence,
            probabilities=chances,
            abstained=found.confidence < field.abstain_below,
        )
