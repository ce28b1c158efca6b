"""Why a reader answered as it did: how much each part of the input moved each answer.

A part moves an answer by as much as the answer's score falls when the part is left out (Li, Monroe and Jurafsky
2016, Understanding Neural Networks through Representation Erasure). Each part is left out alone, so that the
figures of all parts need not add up to the score: two words that say the same move little each. Knows nothing of
training rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from freehold.engine.calibration import to_probabilities
from freehold.engine.erasure import Erased, Piece, Pieces, erase
from freehold.engine.layout import Head, field_labels
from freehold.engine.places import restore_spans
from freehold.engine.reader import Reader
from freehold.engine.spans import TagHead
from freehold.engine.tags import Span
from freehold.engine.words import Part, find_parts, pool_words, split_words
from freehold.task import Answer, Field, Json, Value, normalise

__all__ = ["Explained", "Explanation", "Moved", "explain"]

Unit: TypeAlias = Literal["log-odds", "value"]

_MOST_LABELS, _MOST_SPANS = 10, 50
_LIMIT = 30.0
"""Log-odds beyond this are certain either way."""


class Moved(NamedTuple):
    """A part of an input, and what leaving it out does to an answer.

    Attributes:
        input: The input that it lies in.
        start, end: Its characters in the input as it was sent, end exclusive.
        effect: By how much the answer's score falls without it: more than 0 speaks for the answer.
        without: What is left without it: the answer's calibrated probability, or the number.
    """

    input: str
    start: int
    end: int
    text: str
    effect: float
    without: float


@dataclass(frozen=True, slots=True)
class Explained:
    """One value that was answered: a label, a number or a span.

    Attributes:
        unit: Of effects: log-odds of the calibrated probability (before the last, isotonic step where a field has
            one, since that can be flat), or the number's own unit.
        whole: The value's calibrated probability, or the number, with nothing left out.
        moved: The parts in the order of the text.
    """

    value: Value | Mapping[str, str | int]
    unit: Unit
    whole: float
    moved: tuple[Moved, ...]

    def to_json(self) -> dict[str, Json]:
        """Returns it in the shape of the contract."""
        tokens: list[Json] = [
            {**each._asdict(), "effect": round(each.effect, 6), "without": round(each.without, 6)}
            for each in self.moved
        ]
        return {"value": self.value, "unit": self.unit, "whole": round(self.whole, 6), "tokens": tokens}  # type: ignore[dict-item]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What moved the answers to one input.

    Attributes:
        pieces: What was left out each time: words, passages of a longer text, windows of a very long one.
        fields: Field to its values: one, or each label of `choices` (the ten surest), or each span (the first
            fifty).
    """

    pieces: Pieces
    fields: Mapping[str, tuple[Explained, ...]]

    def to_json(self) -> dict[str, Json]:
        """Returns it in the shape of the contract."""
        fields: dict[str, Json] = {name: [each.to_json() for each in all_] for name, all_ in self.fields.items()}
        return {"pieces": self.pieces, "fields": fields}


def explain(reader: Reader, inputs: Mapping[str, str], *, answers: Mapping[str, Answer]) -> Explanation:
    """Returns how much each part of one input moved each of its answers.

    The cost is bounded: about 32,000 tokens for texts of up to a few thousand, one more pass for longer ones; see
    `erase`. Spans of texts that are read in windows have no parts.

    Args:
        inputs: The task's inputs.
        answers: What the reader answered.
    """
    text, clean = reader.text(inputs), {name: normalise(inputs[name]) for name in reader.inputs}
    parts = find_parts(clean, reader.inputs)
    spans = any(answers[name].value for name in reader.tags)
    layer = reader.spans_layer if spans else None
    erased = erase(text, parts=parts, encoder=reader.encoder, tokens=layer)
    scores = reader.scores(erased.texts, erased.vectors)
    sight = _Sight(reader, inputs, parts=parts, erased=erased)
    fields: dict[str, tuple[Explained, ...]] = {}
    for field in reader.fields:
        answer = answers[field.name]
        if field.kind == "spans":
            fields[field.name] = tuple(sight.explain_spans(reader.tags[field.name], answer))
            continue
        head = reader.heads[field.name]
        columns = scores[:, head.start : head.stop]
        if field.kind == "number":
            fields[field.name] = (sight.explain_number(head, columns, answer),)
        else:
            fields[field.name] = tuple(sight.explain_labels(field, head, columns, answer=answer))
    return Explanation(erased.kind, fields)


class _Sight:
    """One input, erased: turns scores of all its texts into what was explained."""

    def __init__(
        self, reader: Reader, inputs: Mapping[str, str], *, parts: Sequence[Part], erased: Erased
    ) -> None:
        self._reader, self._inputs, self._parts, self._erased = reader, inputs, parts, erased
        self._places = _places(inputs, reader.inputs, parts=parts, pieces=erased.pieces)

    def explain_labels(
        self, field: Field, head: Head, columns: NDArray[np.float32], *, answer: Answer
    ) -> Iterator[Explained]:
        """Yields the answered label, or labels: where none was answered, the one that came nearest."""
        names = field_labels(field)
        chances = to_probabilities(field, head, columns)
        smooth = to_probabilities(field, replace(head, knots=()), columns)
        for label, value in _answered(field, answer, names=names, columns=columns[0]):
            odds = _log_odds(smooth, label, alone=field.kind == "choices")
            moved = self._moved(odds[0] - odds[1:], chances[1:, label])
            yield Explained(value, "log-odds", answer.probabilities[names[label]], moved)

    def explain_number(self, head: Head, columns: NDArray[np.float32], answer: Answer) -> Explained:
        """Returns what moved a number, in its own unit."""
        values = head.centre + head.spread * columns[:, 0].astype(np.float64)
        assert isinstance(answer.value, int | float)
        return Explained(answer.value, "value", answer.value, self._moved(values[0] - values[1:], values[1:]))

    def explain_spans(self, head: TagHead, answer: Answer) -> Iterator[Explained]:
        """Yields each span, with the probability that exactly its words are a span of its label."""
        assert isinstance(answer.value, list)
        values = [each for each in answer.value if isinstance(each, dict)][:_MOST_SPANS]
        spans = self._find(values, head=head) if self._erased.tokens else []
        rows = [self._chances(head, row, spans) for row in range(len(self._erased.tokens))]
        for number, value in enumerate(values):
            chances = [row[number] for row in rows]
            whole = chances[0] if chances else None
            if whole is None:
                whole = answer.probabilities.get(str(value["label"]), answer.confidence)
                yield Explained(value, "log-odds", whole, ())
                continue
            told = [place for place, chance in enumerate(chances[1:]) if chance is not None]
            odds = _chance_odds(np.array([whole, *(chances[1 + place] for place in told)], np.float64))
            without = np.array([chances[1 + place] for place in told], np.float64)
            yield Explained(value, "log-odds", whole, self._moved(odds[0] - odds[1:], without, told=told))

    def _moved(
        self, effects: NDArray[np.float64], without: NDArray[np.float64], *, told: Sequence[int] | None = None
    ) -> tuple[Moved, ...]:
        """Puts effects beside the pieces that they are of: all, or those that are `told`."""
        places = self._places if told is None else [self._places[place] for place in told]
        found = zip(places, effects.tolist(), without.tolist(), strict=True)
        return tuple(Moved(*place, effect, left) for place, effect, left in found)

    def _find(self, values: Sequence[Mapping[str, str | int]], *, head: TagHead) -> list[Span | None]:
        """Returns answered spans in the joined text; None where one cannot be found there."""
        words = split_words(self._erased.texts[0], self._parts, grain=head.grain)
        places = restore_spans(
            [Span(word.start, word.end, "") for word in words], inputs=self._inputs, names=self._reader.inputs
        )
        begins = {(word.part, place["start"]): word.start for word, place in zip(words, places, strict=True)}
        ends = {(word.part, place["end"]): word.end for word, place in zip(words, places, strict=True)}
        found: list[Span | None] = []
        for value in values:
            homes = [
                part
                for part in range(len(self._parts))
                if (part, value["start"]) in begins and (part, value["end"]) in ends
                and self._said(part, value) == value["text"]
            ]  # fmt: skip
            where = [Span(begins[at, value["start"]], ends[at, value["end"]], str(value["label"])) for at in homes]
            found.append(where[0] if where else None)
        return found

    def _said(self, part: int, value: Mapping[str, str | int]) -> str:
        return self._inputs[self._parts[part].name][int(value["start"]) : int(value["end"])]

    def _chances(self, head: TagHead, row: int, spans: Sequence[Span | None]) -> list[float | None]:
        """Returns the probability of each span in one of the erased texts; None where nothing of it is left."""
        text, tokens = self._erased.texts[row], self._erased.tokens[row]
        piece = self._erased.pieces[row - 1] if row else Piece(0, 0, (0, 0))
        parts = [Part(part.name, piece.shift(part.start), piece.shift(part.end)) for part in self._parts]
        words = split_words(text, parts, grain=head.grain)
        vectors = pool_words(tokens.vectors, offsets=tokens.offsets, words=words)
        wanted = [_trimmed(span, piece, text) if span else Span(0, 0, head.labels[0]) for span in spans]
        return head.chances(vectors, words=words, spans=wanted)


def _trimmed(span: Span, piece: Piece, text: str) -> Span:
    """Returns what is left of a span in the text without a piece."""
    start, end = piece.shift(span.start), piece.shift(span.end)
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return Span(start, end, span.label)


def _places(
    inputs: Mapping[str, str], names: Sequence[str], *, parts: Sequence[Part], pieces: Sequence[Piece]
) -> list[tuple[str, int, int, str]]:
    """Returns each piece's input, characters and text as they were sent; of two inputs the one it has most of."""
    homes, spans = [], []
    for piece in pieces:
        shares = [(min(piece.end, part.end) - max(piece.start, part.start), -n) for n, part in enumerate(parts)]
        part = parts[-max(shares)[1]]
        homes.append(part.name)
        start = max(piece.start, part.start)
        spans.append(Span(start, max(start, min(piece.end, part.end)), ""))
    found = restore_spans(spans, inputs=inputs, names=names)
    return [
        (home, int(place["start"]), int(place["end"]), str(place["text"]))
        for home, place in zip(homes, found, strict=True)
    ]


def _answered(
    field: Field, answer: Answer, *, names: Sequence[str], columns: NDArray[np.float32]
) -> list[tuple[int, Value]]:
    """Returns the columns to explain, each with its value."""
    if field.kind == "choices":
        assert isinstance(answer.value, list)
        taken = [str(label) for label in answer.value] or [max(names, key=lambda name: answer.probabilities[name])]
        taken.sort(key=lambda name: -answer.probabilities[name])
        return [(names.index(label), label) for label in taken[:_MOST_LABELS]]
    if answer.in_scope is False:  # what was answered is that no label fits
        best = int(columns.argmax())
        return [(best, names[best])]
    name = str(answer.value).lower() if field.kind == "predicate" else str(answer.value)
    return [(names.index(name) if name in names else int(columns.argmax()), answer.value)]


def _log_odds(chances: NDArray[np.float64], label: int, *, alone: bool) -> NDArray[np.float64]:
    """Returns the log-odds of one label, shape (rows,).

    Args:
        alone: Whether each label has a probability of its own; else they sum to 1.
    """
    if alone:
        return _chance_odds(chances[:, label])
    others = np.delete(chances, label, axis=1).sum(1)
    odds = np.log(np.maximum(chances[:, label], 1e-300)) - np.log(np.maximum(others, 1e-300))
    return np.asarray(np.clip(odds, -_LIMIT, _LIMIT))


def _chance_odds(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    odds = np.log(np.maximum(chances, 1e-300)) - np.log(np.maximum(1 - chances, 1e-300))
    return np.asarray(np.clip(odds, -_LIMIT, _LIMIT))
