"""Opens models for the gate so that what an encoder made of a text once, it need not make again.

A turn that learned new heads on the same encoder asks the encoder nothing: the vectors of the test rows come from
the feature cache, named by the artifact's own graph, tokenizer and settings. From there on a model answers as it
does in service.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from freehold.engine import GRAPH, Base, Reader, Reading, encode_texts, open_reader, read_settings
from freehold.task import Desk, Field, Prediction, digest, file_digest

__all__ = ["Rereading", "open_model"]

_TOKENIZER = "tokenizer.json"


def open_model(folder: Path, desk: Desk) -> Reader | Rereading:
    """Returns the reader of an artifact; one that keeps vectors, where its fields need no more than them.

    Raises:
        IntegrityError: A file is missing or damaged.
    """
    reader = open_reader(folder, threads=desk.threads)
    return (
        reader if any(field.kind == "spans" for field in reader.fields) else Rereading(reader, folder, desk.cache)
    )


class Rereading:
    """A reader whose vectors are kept in the feature cache.

    Attributes:
        inputs: Names of the inputs.
        fields: Output fields with their labels.
    """

    def __init__(self, reader: Reader, folder: Path, cache: Path) -> None:
        self.inputs: tuple[str, ...] = reader.inputs
        self.fields: tuple[Field, ...] = reader.fields
        self._reader = reader
        self._cache = cache
        settings = read_settings(folder)
        name = digest([file_digest(folder / GRAPH), file_digest(folder / _TOKENIZER), list(settings)])
        self._encoder = Base("", folder, name, "", settings.max_tokens, settings.pooling, settings.middle)

    def predict(self, inputs: Sequence[Mapping[str, str]], /, *, requests: Sequence[str]) -> list[Prediction]:
        """Returns one prediction an input, in order."""
        reader = self._reader
        found = reader.ask_tiers(inputs, read=self._read)
        return [Prediction(reader.task, reader.digest, id, each) for id, each in zip(requests, found, strict=True)]

    def _read(self, texts: Sequence[str]) -> Reading:
        encoder = self._reader.encoder
        return Reading(encode_texts(texts, base=self._encoder, cache=self._cache, run=lambda: encoder.run), [])
