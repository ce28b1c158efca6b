"""The spans that a trained model's heads find with one form of the encoder. Knows nothing of the forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freehold.engine import (
    Base,
    TagHead,
    find_parts,
    join_inputs,
    load_tokenizer,
    pool_words,
    read_texts,
    split_words,
)
from freehold.task import normalise

if TYPE_CHECKING:
    from freehold.engine import Run, Which

__all__ = ["Places", "SpanFinder"]

_BATCH = 256

Places = list[tuple[int, int, str]]
"""Start, end and label of the spans of a row."""


@dataclass(frozen=True, slots=True)
class SpanFinder:
    """Finds the spans of rows.

    Attributes:
        base: Whose tokenizer and pooling to use.
        names: The task's inputs, in order.
        inputs: The rows.
        heads: Field to its head.
        layer: The layer whose token vectors they read.
    """

    base: Base
    names: Sequence[str]
    inputs: Sequence[Mapping[str, str]]
    heads: Mapping[str, TagHead]
    layer: Which

    def find(self, run: Run) -> dict[str, list[Places]]:
        """Returns each field's spans, row by row.

        Args:
            run: The encoder, in the form that is asked about.
        """
        found: dict[str, list[Places]] = {name: [] for name in self.heads}
        for start in range(0, len(self.inputs), _BATCH):
            for name, places in self._find_some(self.inputs[start : start + _BATCH], run):
                found[name].append(places)
        return found

    def _find_some(self, inputs: Sequence[Mapping[str, str]], run: Run) -> Iterator[tuple[str, Places]]:
        texts = [join_inputs(row, self.names) for row in inputs]
        tokenizer, pooling = load_tokenizer(self.base.folder), self.base.pooling
        reading = read_texts(texts, tokenizer=tokenizer, pooling=pooling, run=run, tokens=self.layer)
        for row, text, tokens in zip(inputs, texts, reading.tokens, strict=True):
            parts = find_parts({name: normalise(row[name]) for name in self.names}, self.names)
            for name, head in self.heads.items():
                words = split_words(text, parts, grain=head.grain)
                answer = head.decode(pool_words(tokens.vectors, offsets=tokens.offsets, words=words), words=words)
                yield name, [(span.start, span.end, span.label) for span in answer.spans]
