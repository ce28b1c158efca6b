"""Fields of kind `spans` on one encoder: words, their vectors, a head for each field, and how good it is.

Knows nothing of which encoder is the best one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
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
    in_parts,
    pool_words,
    split_words,
)
from freehold.task import Field, normalise
from freehold.train.ladder import Merit
from freehold.train.rows import Rows
from freehold.train.spans import TagSettings, fit_tags
from freehold.train.tag_trials import TagTrial, calibrate_tags, try_tags
from freehold.train.word_file import store_words

__all__ = ["SpanHeads", "Tokens", "fit_span_fields", "split_rows"]

Tokens = Callable[[Sequence[str]], list[TokenVectors]]
"""Texts to their token vectors."""

Tell = Callable[[int, int, str], None]

_QUICK = TagSettings(epochs=6, most=1_200)
_PART, _CHARACTERS = 4_096, 250_000
"""So many texts, or characters of them, are read before their token vectors are let go (about 100 MB)."""


class SpanHeads(NamedTuple):
    """Heads made from training rows alone, heads made from all rows, and what the former are worth."""

    held: dict[str, TagHead]
    final: dict[str, TagHead]
    merit: Merit


class _Read(NamedTuple):
    """Rows as a head sees them; the vectors lie in a file."""

    vectors: list[NDArray[np.float16]]
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
    scratch: Path,
    tell: Tell,
) -> SpanHeads:
    """Returns the heads of all spans fields.

    Args:
        inputs: The task's inputs, in order.
        tokens: Returns token vectors of texts.
        quick: Whether to spend less time.
        scratch: Folder for the words' vectors, which are too many for memory.
        tell: Called with what is done, what there is to do, and what it is.
    """
    found, known = {}, dict[Grain, list[_Words]]()
    for field in fields:
        grain = choose_grain(split_rows(train, inputs, grain="word"), train.spans[field.name])
        if grain not in known:
            reading = partial(_read_words, inputs=inputs, grain=grain, tokens=tokens, scratch=scratch, tell=tell)
            known[grain] = [reading(rows) for rows in (train, validation)]
        rows_of = zip(known[grain], (train, validation), strict=True)
        sides = [_Read(each.vectors, each.words, rows.spans[field.name]) for each, rows in rows_of]
        settings, labels = _QUICK if quick else TagSettings(), field_labels_of(field)
        steps = partial(_tell_steps, tell, field.name)
        fitting = partial(fit_tags, labels=labels, grain=grain, settings=settings, seed=seed, tell=steps)
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


def _tell_steps(tell: Tell, name: str, done: int, total: int) -> None:
    tell(done, total, f"steps for `{name}`")


class _Words(NamedTuple):
    """What does not depend on the field, but on its grain."""

    vectors: list[NDArray[np.float16]]
    words: list[list[Word]]


def _read_words(
    rows: Rows, *, inputs: Sequence[str], grain: Grain, tokens: Tokens, scratch: Path, tell: Tell
) -> _Words:
    words = split_rows(rows, inputs, grain=grain)

    def pooled() -> Iterator[NDArray[np.float32]]:
        done = 0
        for part in in_parts(rows.texts, most=_PART, characters=_CHARACTERS):
            for each, row in zip(tokens(part), words[done : done + len(part)], strict=True):
                yield pool_words(each.vectors, offsets=each.offsets, words=row)
            done += len(part)
            tell(done, len(words), "reading words")

    return _Words(store_words(pooled(), folder=scratch), words)
