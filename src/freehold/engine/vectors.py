"""Texts to vectors in one pass over their windows, and an artifact's encoder in ONNX Runtime, without torch.

Owns how windows are batched and put together again, for whatever runs the encoder. Memory grows with the batch
and with what is asked for, not with the length of a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from freehold.engine.layout import GRAPH, MIDDLE, PACKS
from freehold.engine.pooling import Layers, Pooled
from freehold.engine.settings import Pooling, read_settings
from freehold.engine.tokens import Tokenizer, Windows, by_length, load_tokenizer, pack, pad, split
from freehold.errors import IntegrityError

__all__ = ["Graph", "Reading", "Run", "TokenVectors", "Vectoriser", "Which", "in_parts", "read_texts"]

Run: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], Layers]
"""An encoder: ids and mask, shape (windows, tokens), to token vectors."""
Which: TypeAlias = Literal["last", "middle"]

_BUDGET = 1_024
_PART = 1_000_000
_FULL = 0.9
"""The share of real tokens from which on padding costs less than packing."""


class TokenVectors(NamedTuple):
    """One text's own tokens, without special ones.

    Attributes:
        vectors: Shape (tokens, dimension).
        offsets: Characters (start, end) of each token in the text, shape (tokens, 2).
    """

    vectors: NDArray[np.float32]
    offsets: NDArray[np.int64]


class Reading(NamedTuple):
    """What an encoder makes of texts: one vector a text, and its tokens' vectors where asked for."""

    vectors: NDArray[np.float32]
    tokens: list[TokenVectors]


def read_texts(
    texts: Sequence[str],
    *,
    tokenizer: Tokenizer,
    pooling: Pooling,
    run: Run,
    tokens: Which | None = None,
    most: int = 256,
    tell: Callable[[int], None] = lambda _done: None,
) -> Reading:
    """Returns the vectors of at least one text, long ones read window by window.

    Args:
        run: The encoder.
        tokens: Which layer's token vectors to keep; the last one's where there is none in the middle.
        most: Windows in a batch, at most.
        tell: Called with texts done.
    """
    readings, done = [], 0
    for part in in_parts(texts, most=len(texts)):
        windows, pooled = split(tokenizer, part, offsets=tokens is not None), Pooled(len(part), pooling=pooling)
        kept: list[NDArray[np.float32] | None] = [None] * len(windows.ids)
        read = 0
        for batch in by_length([len(ids) for ids in windows.ids], budget=_BUDGET, most=most):
            found = run(*pad([windows.ids[i] for i in batch], fill=tokenizer.pad_id))
            pooled.add(found, counted=[windows.counted[i] for i in batch], row=[windows.row[i] for i in batch])
            if tokens:
                seen = found.middle if tokens == "middle" else None
                _keep(found.last if seen is None else seen, windows, batch=batch, kept=kept)
            read += len(batch)
            tell(done + len(part) * read // len(windows.ids))
        readings.append(Reading(pooled.vectors(), _join(windows, kept, rows=len(part))))
        done += len(part)
    if len(readings) == 1:
        return readings[0]
    vectors = np.concatenate([reading.vectors for reading in readings])
    return Reading(vectors, [each for reading in readings for each in reading.tokens])


def in_parts(texts: Sequence[str], *, most: int, characters: int = _PART) -> Iterator[Sequence[str]]:
    """Yields the texts in order, in parts of at most `most` texts and `characters`; a longer text is alone."""
    start = size = 0
    for stop, text in enumerate(texts):
        if stop > start and (stop - start == most or size + len(text) > characters):
            yield texts[start:stop]
            start, size = stop, 0
        size += len(text)
    if start < len(texts):
        yield texts[start:]


def _keep(
    found: NDArray[np.float32],
    windows: Windows,
    *,
    batch: Sequence[int],
    kept: list[NDArray[np.float32] | None],
) -> None:
    for place, number in enumerate(batch):
        start, stop = windows.counted[number]
        kept[number] = found[place, start:stop].copy()


def _join(windows: Windows, kept: Sequence[NDArray[np.float32] | None], *, rows: int) -> list[TokenVectors]:
    """Returns each text's counted tokens in order, without those that are no part of the text."""
    if windows.offsets is None:
        return []
    parts: list[list[NDArray[np.float32]]] = [[] for _ in range(rows)]
    places: list[list[tuple[int, int]]] = [[] for _ in range(rows)]
    for row, (start, stop), offsets, vectors in zip(
        windows.row, windows.counted, windows.offsets, kept, strict=True
    ):
        assert vectors is not None
        parts[row].append(vectors)
        places[row] += offsets[start:stop]
    return [_own(np.concatenate(part), place) for part, place in zip(parts, places, strict=True)]


def _own(vectors: NDArray[np.float32], places: list[tuple[int, int]]) -> TokenVectors:
    offsets = np.asarray(places, np.int64).reshape(-1, 2)
    own = offsets[:, 1] > offsets[:, 0]
    return TokenVectors(vectors[own], offsets[own])


class Vectoriser:
    """The encoder of an artifact's folder: `model.onnx`, the tokenizer and the base's own settings.

    Args:
        folder: The artifact.
        threads: Threads for one forward pass; 0 lets ONNX Runtime choose.

    Raises:
        IntegrityError: The graph cannot be opened.
        DataError: Tokenizer or settings cannot be read.

    Attributes:
        tokenizer: The base's tokenizer.
        pooling: How its token vectors become one.
        run: The graph.
        dimension: Of the vectors.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        self.tokenizer = load_tokenizer(folder)
        self.pooling = read_settings(folder).pooling
        self.run = Graph(folder / GRAPH, threads=threads)
        self.dimension = self.run.dimension * len(self.pooling) * len(self.run.outputs)

    def read(self, texts: Sequence[str], *, tokens: Which | None = None) -> Reading:
        """Returns the vectors of texts and, where asked for, of their tokens, from one pass.

        Args:
            tokens: Which layer's token vectors to return.
        """
        if not texts:
            return Reading(np.zeros((0, self.dimension), np.float32), [])
        return read_texts(
            texts,
            tokenizer=self.tokenizer,
            pooling=self.pooling,
            run=self.run,
            tokens=tokens,
            most=64,
        )

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns one vector of unit length a text, shape (texts, dimension)."""
        return self.read(texts).vectors

    def token_vectors(self, texts: Sequence[str], *, layer: Which = "last") -> list[TokenVectors]:
        """Returns each text's token vectors with their places in the text."""
        return self.read(texts, tokens=layer).tokens

    def count_tokens(self, text: str) -> int:
        """Returns how many tokens the encoder reads for one text, special ones included."""
        return sum(stop - start for start, stop in split(self.tokenizer, [text]).counted)


class Graph:
    """An encoder's graph in ONNX Runtime, as a `Run`.

    Where the graph lets several texts share a row, padded windows are packed on the way in and padded again on
    the way out: what is padding is not computed. Packed or not, a window's vectors are the same.

    Args:
        threads: Threads for one forward pass; 0 lets ONNX Runtime choose.

    Raises:
        IntegrityError: The graph cannot be opened.

    Attributes:
        outputs: The layers that it gives.
        dimension: Of a token's vector in each.
    """

    def __init__(self, path: Path, *, threads: int) -> None:
        self._session = _open_session(path, threads=threads)
        shapes = {out.name: out.shape for out in self._session.get_outputs()}
        self.outputs = [name for name in ("tokens", MIDDLE) if name in shapes]
        self.dimension = int(shapes["tokens"][-1])
        self._packs = PACKS in self._session.get_modelmeta().custom_metadata_map

    def __call__(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Layers:
        """Returns token vectors of padded windows, shape (windows, tokens, dimension) each."""
        if not self._packs or mask.mean() > _FULL:
            return Layers(*self._session.run(self.outputs, {"input_ids": ids, "attention_mask": mask}))
        packed = pack(ids, mask)
        found = self._session.run(self.outputs, {"input_ids": packed.ids, "attention_mask": packed.segments})
        return Layers(*(packed.unpack(each) for each in found))


def _open_session(path: Path, *, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that spin between requests take the cores from whoever works; waiting costs nothing measurable.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Weights that are stored as int8 become fp32 once, when the graph is opened, and not again in every pass.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    # The fused kernel takes ten times as long as the two that it stands for: a sixth of a pass.
    slow = ["SkipLayerNormFusion"]
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=slow
        )
    except Exception as error:
        # ONNX Runtime's exceptions share no public root.
        raise IntegrityError(f"`{path}` is no graph that ONNX Runtime can open: {error}") from error
