"""Fields of kind `spans` on one encoder: words, their vectors, a head for each field, and how good it is.

Knows nothing of which encoder is the best one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.engine import (
    Grain,
    Span,
    TagHead,
    TokenVectors,
    Word,
    choose_grain,
    field_labels,
    find_parts,
    pool_words,
    split_words,
)
from freehold.task import Field, normalise
from freehold.train.ladder import Merit
from freehold.train.rows import Rows
from freehold.train.spans import TagSettings, fit_tags
from freehold.train.tag_trials import TagTrial, calibrate_tags, try_tags

__all__ = ["SpanHeads", "Tokens", "fit_span_fields", "split_rows"]

Tokens = Callable[[Sequence[str]], list[TokenVectors]]
"""Texts to their token vectors."""

_QUICK = TagSettings(epochs=6, most=1_200)


class SpanHeads(NamedTuple):
    """Heads made from training rows alone, heads made from all rows, and what the former are worth."""

    held: dict[str, TagHead]
    final: dict[str, TagHead]
    merit: Merit


class _Read(NamedTuple):
    """Rows as a head sees them."""

    vectors: list[NDArray[np.float32]]
    words: list[list[Word]]
    gold: Sequence[list[Span] | None]


def split_rows(rows: Rows, inputs: Sequence[str], *, grain: Grain) -> list[list[Word]]:
    """Returns the words of each row's text."""
    found = []
    for text, given in zip(rows.texts, rows.inputs, strict=True):
        clean = {name: normalise(given[name]) for name in inputs}
        found.append(split_words(text, find_parts(clean, inputs), grain=grain))
    return found


def fit_span_fields(
    fields: Sequence[Field],
    train: Rows,
    validation: Rows,
    *,
    inputs: Sequence[str],
    tokens: Tokens,
    quick: bool,
    seed: int,
    tell: Callable[[int, int], None],
) -> SpanHeads:
    """Returns the heads of all spans fields.

    Args:
        inputs: The task's inputs, in order.
        tokens: Returns token vectors of texts.
        quick: Whether to spend less time.
    """
    found = {}
    for field in fields:
        grain = choose_grain(split_rows(train, inputs, grain="word"), train.spans[field.name])
        sides = [_read(rows, field, inputs, grain=grain, tokens=tokens) for rows in (train, validation)]
        settings, labels = _QUICK if quick else TagSettings(), field_labels_of(field)
        fitting = partial(fit_tags, labels=labels, grain=grain, settings=settings, seed=seed, tell=tell)
        found[field.name] = _fit(sides, fitting)
    tried = {name: each.trial for name, each in found.items() if each.trial is not None}
    merit = Merit({n: _overlap(t) for n, t in tried.items()}, {n: t.f1 for n, t in tried.items()})
    return SpanHeads({n: e.held for n, e in found.items()}, {n: e.final for n, e in found.items()}, merit)


class _Fitted(NamedTuple):
    """One field's heads, and what the one made from training rows alone is worth."""

    held: TagHead
    final: TagHead
    trial: TagTrial | None


def _fit(sides: Sequence[_Read], fitting: Callable[..., TagHead]) -> _Fitted:
    made = [fitting(part.vectors, part.words, gold=part.gold) for part in (sides[0], _joined(sides))]
    watched = sides[1]
    if all(spans is None for spans in watched.gold):
        return _Fitted(made[0], made[1], None)
    cooled = calibrate_tags(made[0], watched.vectors, words=watched.words, gold=watched.gold)
    trial = try_tags(cooled, watched.vectors, words=watched.words, gold=watched.gold)
    return _Fitted(cooled, made[1].with_temperature(cooled.temperature), trial)


def _overlap(trial: TagTrial) -> NDArray[np.float64]:
    """Returns for each row how much of its spans, right or answered, is both."""
    either = trial.given + trial.true - trial.hits
    return np.where(either > 0, trial.hits / np.maximum(either, 1), 1.0)


def field_labels_of(field: Field) -> tuple[str, ...]:
    """Returns the names of a spans field's labels."""
    return tuple(label.name for label in field.labels or ()) or field_labels(field)


def _joined(sides: Sequence[_Read]) -> _Read:
    first, second = sides
    return _Read(first.vectors + second.vectors, first.words + second.words, [*first.gold, *second.gold])


def _read(rows: Rows, field: Field, inputs: Sequence[str], *, grain: Grain, tokens: Tokens) -> _Read:
    words = split_rows(rows, inputs, grain=grain)
    found = tokens(rows.texts) if len(rows) else []
    vectors = [
        pool_words(each.vectors, offsets=each.offsets, words=row) for each, row in zip(found, words, strict=True)
    ]
    return _Read(vectors, words, rows.spans[field.name])
