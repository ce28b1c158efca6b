"""Heads of spans fields on some encoder: words are read once, in parts, and lie in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from freehold.engine import TokenVectors, split_words
from freehold.task import Example, Field, Label, Passport, Value, example_id
from freehold.train import span_fields
from freehold.train.rows import Rows, to_rows
from freehold.train.span_fields import fit_span_fields
from freehold.train.word_file import store_words

CITIES, THINGS = ("Paris", "Rome", "Oslo", "Lima"), ("a map", "a train", "the museum")
FIELDS = (Field("city", "spans", labels=(Label("place"),)), Field("thing", "spans", labels=(Label("what"),)))


def mark(text: str, label: str, part: str) -> dict[str, str | int]:
    start = text.index(part)
    return {"label": label, "start": start, "end": start + len(part), "text": part}


def make_rows(count: int, *, seed: int) -> Rows:
    random = np.random.default_rng(seed)
    examples = []
    for number in range(count):
        city, thing = CITIES[random.integers(4)], THINGS[random.integers(3)]
        text = f"number {number} wants {thing} in {city}"
        spans: dict[str, Value] = {
            name: [mark(text, label, part)]
            for name, label, part in (("city", "place", city), ("thing", "what", thing))
        }
        inputs = {"text": text}
        examples.append(Example(example_id(inputs), inputs, spans, Passport("made", str(number)), "train"))
    return to_rows(examples, FIELDS, inputs=("text",))


class Encoder:
    """Gives every word a drawn vector, and remembers how many texts were asked about."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, texts: Sequence[str]) -> list[TokenVectors]:
        self.asked.append(len(texts))
        return [self._read(text) for text in texts]

    def _read(self, text: str) -> TokenVectors:
        words = split_words(text)
        draws = [np.random.default_rng(sum(word.text.encode())).normal(size=8) for word in words]
        return TokenVectors(np.array(draws, np.float32), np.array([(word.start, word.end) for word in words]))


def test_words_are_read_once_for_all_fields_and_a_part_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(span_fields, "_PART", 32)
    encoder, told = Encoder(), list[tuple[int, int, str]]()
    made = fit_span_fields(
        FIELDS,
        make_rows(60, seed=0),
        make_rows(20, seed=1),
        inputs=("text",),
        tokens=encoder,
        quick=True,
        seed=0,
        scratch=tmp_path,
        tell=lambda done, total, what: told.append((done, total, what)),
    )
    assert encoder.asked == [32, 28, 20]
    assert {name: round(value, 2) for name, value in made.merit.headline.items()} == {"city": 1.0, "thing": 1.0}
    assert [each[:2] for each in told if each[2] == "reading words"] == [(32, 60), (60, 60), (20, 20)]
    assert {each[2] for each in told} == {"reading words", "steps for `city`", "steps for `thing`"}
    assert list(tmp_path.iterdir()) == []


def test_what_lies_in_a_file_is_what_was_given(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = [random.normal(size=(count, 6)).astype(np.float32) for count in (3, 0, 1, 5)]
    found = store_words(iter(rows), folder=tmp_path)
    assert [each.shape for each in found] == [row.shape for row in rows]
    for each, row in zip(found, rows, strict=True):
        np.testing.assert_allclose(each, row, rtol=1e-3, atol=1e-6)
    assert list(tmp_path.iterdir()) == []


def test_no_rows_and_rows_without_words_need_no_file(tmp_path: Path) -> None:
    assert store_words([], folder=tmp_path) == []
    [nothing] = store_words([np.zeros((0, 4), np.float32)], folder=tmp_path)
    assert nothing.shape == (0, 4)


def test_a_number_too_large_for_the_file_is_cut_to_the_largest(tmp_path: Path) -> None:
    [[row]] = [store_words([np.array([[1e6, -1e6]], np.float32)], folder=tmp_path)]
    assert np.isfinite(row).all()
    assert row[0, 0] > 6e4
