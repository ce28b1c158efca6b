"""The head of a spans field: word vectors and grams to non-overlapping spans, each with its probability.

A layer over the vectors of a word, its neighbours and its surroundings and over its grams, then a linear chain of
tags (Lafferty et al. 2001). Numpy only; how its weights are found is for training to know.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from freehold.engine.chains import Chain, Sums, best_path, path_score, sum_paths
from freehold.engine.tags import Span, decode_spans, find_chains
from freehold.engine.word_grams import WordGrams
from freehold.engine.words import Grain, Word
from freehold.errors import IntegrityError
from freehold.task import canonical

__all__ = ["REACH", "SpanAnswer", "TagHead", "load_tags", "save_tags", "surroundings"]

REACH = 32
"""How many words on each side count as a word's surroundings."""


class SpanAnswer(NamedTuple):
    """A row's spans in order, and the calibrated probability that the list is right as a whole."""

    spans: list[Span]
    confidence: float


def surroundings(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the mean of the vectors within `REACH` words of each word, shape (words, dimension)."""
    count = len(vectors)
    if count <= REACH + 1:
        return np.broadcast_to(vectors.mean(0, keepdims=True), vectors.shape) if count else vectors
    sums = np.zeros((count + 1, vectors.shape[1]), np.float64)
    np.cumsum(vectors, axis=0, out=sums[1:], dtype=np.float64)
    low = np.maximum(np.arange(count) - REACH, 0)
    high = np.minimum(np.arange(count) + REACH + 1, count)
    return np.asarray((sums[high] - sums[low]) / (high - low)[:, None], np.float32)


@dataclass(frozen=True)
class TagHead:
    """A trained head.

    Attributes:
        labels: Names of the labels, in the order of their tags.
        grain: What `split_words` must be told.
        grams: The vocabulary.
        table: One row a gram, shape (grams, width), 8-bit.
        scales: What each row of `table` is multiplied by, shape (grams, 1).
        lift: From a word's sum of rows to the hidden layer, shape (width, hidden).
        centre: Mean vector of words, and of surroundings, shape (2, dimension).
        dense: From the vectors of the word before, the word, the word behind and the mean of the surroundings,
            each without its mean, to the hidden layer, shape (4, dimension, hidden).
        dense_bias: Shape (hidden,).
        out: Shape (hidden, tags).
        out_bias: Shape (tags,).
        start: Score of each tag at the first word of an input, shape (tags,).
        end: The same at the last word.
        moves: Score of the column's tag behind the row's, shape (tags, tags).
        temperature: What all scores are divided by before they become probabilities.
    """

    labels: tuple[str, ...]
    grain: Grain
    grams: WordGrams
    table: NDArray[np.int8]
    scales: NDArray[np.float32]
    lift: NDArray[np.float32]
    centre: NDArray[np.float32]
    dense: NDArray[np.float32]
    dense_bias: NDArray[np.float32]
    out: NDArray[np.float32]
    out_bias: NDArray[np.float32]
    start: NDArray[np.float32]
    end: NDArray[np.float32]
    moves: NDArray[np.float32]
    temperature: float = 1.0

    def with_temperature(self, temperature: float) -> TagHead:
        """Returns the same head, as sure of itself as `temperature` says."""
        return replace(self, temperature=temperature)

    def scores(self, vectors: NDArray[np.float32], *, words: Sequence[Word]) -> NDArray[np.float32]:
        """Returns the score of each tag for each word, shape (words, tags), before the temperature.

        Args:
            vectors: One a word (`pool_words`), shape (words, dimension).
            words: Of the whole row.
        """
        gathered = self.grams.gather(words)
        used, places = np.unique(gathered.rows, return_inverse=True)
        rows = self.table[used] * self.scales[used]
        lexical = gathered._replace(rows=places.astype(np.int64)).sums(rows) @ self.lift
        before, own, behind, around = self.dense
        even = vectors - self.centre[0]
        hidden = even @ own + (surroundings(vectors) - self.centre[1]) @ around + lexical + self.dense_bias
        hidden[1:] += even[:-1] @ before
        hidden[:-1] += even[1:] @ behind
        hidden = np.maximum(hidden, 0)
        return np.asarray(hidden @ self.out + self.out_bias, np.float32)

    def chains(self, vectors: NDArray[np.float32], *, words: Sequence[Word]) -> list[Chain]:
        """Returns the chain of each input of a row that has words."""
        scores = self.scores(vectors, words=words) if words else np.zeros((0, len(self.out_bias)), np.float32)
        return [Chain(scores[a:b], self.start, self.end, self.moves) for a, b in find_chains(words)]

    def decode(self, vectors: NDArray[np.float32], *, words: Sequence[Word]) -> SpanAnswer:
        """Returns the best spans of a row, none of which overlap, with their calibrated probabilities.

        Args:
            vectors: One a word (`pool_words`), shape (words, dimension).
            words: Of the whole row: `split_words(..., grain=head.grain)`.
        """
        spans, log_confidence, first = [], 0.0, 0
        for chain in self.chains(vectors, words=words):
            path = best_path(chain)
            cooled = chain.divided(self.temperature)
            sums = sum_paths(cooled)
            log_confidence += path_score(cooled, path) - sums.total
            for begin, behind, label in decode_spans(path):
                chance = _span_chance(sums, cooled, begin=begin, behind=behind, label=label)
                start, end = words[first + begin].start, words[first + behind - 1].end
                spans.append(Span(start, end, self.labels[label], chance))
            first += len(path)
        return SpanAnswer(spans, float(np.exp(min(log_confidence, 0.0))))

    def chances(
        self, vectors: NDArray[np.float32], *, words: Sequence[Word], spans: Sequence[Span]
    ) -> list[float | None]:
        """Returns the calibrated probability of each span, answered or not; None where no words are the span.

        Args:
            vectors: As for `decode`.
            words: As for `decode`.
            spans: Each inside one input, of labels that the head knows.
        """
        found: list[float | None] = [None] * len(spans)
        chains = zip(find_chains(words), self.chains(vectors, words=words), strict=True)
        for (first, last), chain in chains:
            cooled = chain.divided(self.temperature)
            sums = sum_paths(cooled)
            begins = {word.start: place for place, word in enumerate(words[first:last])}
            ends = {word.end: place for place, word in enumerate(words[first:last], start=1)}
            for number, span in enumerate(spans):
                begin, behind = begins.get(span.start), ends.get(span.end)
                if begin is not None and behind is not None and begin < behind:
                    label = self.labels.index(span.label)
                    found[number] = _span_chance(sums, cooled, begin=begin, behind=behind, label=label)
        return found


def _span_chance(sums: Sums, chain: Chain, *, begin: int, behind: int, label: int) -> float:
    """Returns the probability that exactly these words are a span of this label."""
    tag, inside = 1 + 2 * label, 2 + 2 * label
    chance = sums.places[begin, tag]
    for place in range(begin + 1, min(behind + 1, len(sums.places))):
        onward = np.exp(chain.moves[tag]) * sums.onward[place]
        goes_on = onward[inside] / onward.sum()
        chance *= goes_on if place < behind else 1 - goes_on
        tag = inside
    return float(np.clip(chance, 0.0, 1.0))


_TENSORS = (
    "table", "scales", "lift", "centre", "dense", "dense_bias", "out", "out_bias", "start", "end", "moves",
)  # fmt: skip


def save_tags(path: Path, head: TagHead) -> None:
    """Writes a head as one safetensors file; its vocabulary is a tensor of bytes, one gram a line."""
    tensors = {name: np.ascontiguousarray(getattr(head, name)) for name in _TENSORS}
    grams = "\n".join(head.grams.grams).encode()
    tensors["grams"] = np.frombuffer(grams, np.uint8)
    about = {"labels": list(head.labels), "grain": head.grain, "temperature": head.temperature}
    # One key only: safetensors writes several in no fixed order, and equal heads must be equal files.
    save_file(tensors, path, metadata={"head": canonical(about).decode()})


def load_tags(path: Path) -> TagHead:
    """Returns what `save_tags` wrote.

    Raises:
        IntegrityError: The file is no head.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads(file.metadata()["head"])
            tensors = {name: file.get_tensor(name) for name in (*_TENSORS, "grams")}
    except (OSError, SafetensorError, LookupError, TypeError, ValueError) as error:
        raise IntegrityError(f"`{path}` is no head of a spans field: {error}") from error
    text = tensors.pop("grams").tobytes().decode()
    return TagHead(
        labels=tuple(about["labels"]),
        grain=cast(Grain, about["grain"]),
        grams=WordGrams(tuple(text.split("\n")) if text else ()),
        temperature=float(about["temperature"]),
        **tensors,
    )
