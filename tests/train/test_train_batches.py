from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.small import make_examples

from freehold.engine import (
    Encoder,
    Pooling,
    Tokenizer,
    Word,
    load_encoder,
    load_tokenizer,
    read_texts,
    run_encoder,
    split,
    split_words,
)
from freehold.engine import pool_words as pool_words_once
from freehold.train.batches import Texts, balanced_plan, plan
from freehold.train.tuned_model import pool_windows, pool_words

SHORT = ["where is my parcel", "", "I lost the card today it is broken"]
LONG = [*SHORT, " ".join(["who changed my password right now please"] * 13)]


@pytest.fixture(scope="module")
def encoder(tiny_base: Path) -> Encoder:
    return load_encoder(tiny_base)


@pytest.fixture(scope="module")
def tokenizer(tiny_base: Path) -> Tokenizer:
    return load_tokenizer(tiny_base, max_tokens=16)


def to_words(text: str) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.array([(word.start, word.end) for word in split_words(text)], np.int64).reshape(-1, 2)


@pytest.mark.parametrize("pooling", [("mean",), ("cls",), ("max",), ("mean_sqrt_len_tokens",), ("cls", "mean")])
def test_texts_are_pooled_as_the_engine_pools_them(
    encoder: Encoder, tokenizer: Tokenizer, pooling: Pooling
) -> None:
    batch = Texts(tokenizer, LONG, windows=1_000).batch([3, 0, 1, 2])
    with torch.inference_mode():
        found = pool_windows(encoder(batch.ids, batch.mask), batch, pooling=pooling).numpy()
    wanted = read_texts(LONG, tokenizer=tokenizer, pooling=pooling, run=run_encoder(Encoder(encoder.body))).vectors
    assert np.allclose(found, wanted[[3, 0, 1, 2]], atol=1e-5)


def test_words_are_pooled_as_the_engine_pools_them(encoder: Encoder, tokenizer: Tokenizer) -> None:
    words = [to_words(text) for text in LONG]
    batch = Texts(tokenizer, LONG, windows=1_000, words={"slots": words}).batch([0, 3, 1])
    with torch.inference_mode():
        found = pool_words(encoder(batch.ids, batch.mask), batch.words["slots"], rows=3).numpy()
    readings = read_texts(LONG, tokenizer=tokenizer, pooling=("mean",), run=run_encoder(encoder), tokens="last")
    for place, row in enumerate([0, 3, 1]):
        tokens = readings.tokens[row]
        named = [Word("", int(start), int(end)) for start, end in words[row]]
        wanted = pool_words_once(tokens.vectors, offsets=tokens.offsets, words=named)
        assert np.allclose(found[place, : len(named)], wanted, atol=1e-5)
        assert not found[place, len(named) :].any()


def test_a_token_counts_for_every_word_it_touches(tokenizer: Tokenizer) -> None:
    halves = np.array([[0, 2], [2, 5]])
    batch = Texts(tokenizer, ["where"], windows=1, words={"slots": [halves]}).batch([0])
    found = batch.words["slots"]
    assert found.most == 2
    assert set(zip(found.token.tolist(), found.word.tolist(), strict=True)) == {(1, 0), (1, 1)}


def test_long_texts_are_read_in_windows_spread_over_them(tokenizer: Tokenizer) -> None:
    every = split(tokenizer, LONG)
    some = Texts(tokenizer, LONG, windows=3)
    assert some.lengths[:3] == [len(ids) for ids in every.ids[:3]]
    batch = some.batch([3])
    of_long = [ids for ids, row in zip(every.ids, every.row, strict=True) if row == 3]
    assert [ids[mask > 0].tolist() for ids, mask in zip(batch.ids, batch.mask, strict=True)] == [
        of_long[0],
        of_long[round((len(of_long) - 1) / 2)],
        of_long[-1],
    ]
    assert batch.row.tolist() == [0, 0, 0]
    assert some.windows_of([2, 3]) == [2, 3, 4, 5]
    assert some.thinned == 1
    assert Texts(tokenizer, LONG, windows=len(of_long)).thinned == 0


LENGTHS = [len(example.inputs["text"].split()) for example in make_examples(100)]


def test_an_epoch_is_every_row_once_in_another_order_each_time() -> None:
    batches = plan(LENGTHS, batch=16, epochs=2, tokens=10**9, seed=0)
    first, second = batches[:7], batches[7:]
    for epoch in (first, second):
        assert sorted(chain.from_iterable(epoch)) == list(range(100))
    assert first != second
    assert batches == plan(LENGTHS, batch=16, epochs=2, tokens=10**9, seed=0)
    assert batches != plan(LENGTHS, batch=16, epochs=2, tokens=10**9, seed=1)


@pytest.mark.parametrize("tokens", [1, 100, 250])
def test_the_budget_is_kept_but_for_the_first_batch(tokens: int) -> None:
    batches = plan(LENGTHS, batch=16, epochs=4, tokens=tokens, seed=0)
    spent = sum(LENGTHS[row] for batch in batches for row in batch)
    assert spent <= max(tokens, sum(LENGTHS[row] for row in batches[0]))
    assert len(batches) >= 1


def test_balanced_batches_have_as_many_rows_of_each_label() -> None:
    targets = np.array([0] * 90 + [1] * 8 + [2] + [-1])
    batches = balanced_plan(LENGTHS, targets, batch=6, each=2, epochs=1, tokens=10**9, seed=0)
    assert len(batches) == 17
    for batch in batches:
        assert len({*batch}) == len(batch)
        assert np.bincount(targets[batch], minlength=3).tolist() == [2, 2, 1]
    rare = [row for batch in batches[:4] for row in batch if targets[row] == 1]
    assert sorted(rare) == list(range(90, 98))  # all of them have their turn before one comes again


def test_balanced_batches_take_turns_where_not_all_labels_fit() -> None:
    targets = np.arange(100) % 25
    batches = balanced_plan(LENGTHS, targets, batch=8, each=2, epochs=1, tokens=10**9, seed=0)
    assert all(len({*targets[batch].tolist()}) == 4 for batch in batches)
    assert {label for batch in batches for label in targets[batch].tolist()} == set(range(25))


def test_nothing_labelled_is_nothing_to_balance() -> None:
    assert balanced_plan([3], np.array([-1]), batch=8, each=2, epochs=1, tokens=9, seed=0) == []
