"""Peers are fitted and compared on the rows they are given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bench.intervals import Interval
from bench.peers import Outcome, Peer, beside, measure, standing, words_chars_svm, words_logistic
from bench.released import Rows

from freehold.task import Split

TEXTS = {"fruit": "a ripe {} apple", "metal": "a rusty {} nail"}
COLOURS = ("red", "green", "yellow", "brown", "black", "white")


def rows(*colours: str) -> Rows:
    pairs = [(text.format(colour), label) for colour in colours for label, text in TEXTS.items()]
    return Rows(tuple({"text": text} for text, _ in pairs), tuple(label for _, label in pairs))


@pytest.fixture
def split() -> dict[Split, Rows]:
    return {"train": rows(*COLOURS[:4]), "validation": rows(COLOURS[4]), "test": rows(COLOURS[5])}


def test_rows_join_their_inputs_by_name() -> None:
    both = Rows(({"b": "two", "a": "one"},), ("x",)) + Rows(({"a": "three", "b": ""},), ("y",))
    assert both.texts == ["one two", "three "]
    assert both.labels == ("x", "y")


@pytest.mark.parametrize("make", [words_logistic, words_chars_svm])
def test_a_peer_learns_and_is_fitted_twice(make: Callable[[], Peer], split: dict[Split, Rows]) -> None:
    train_only, strongest = measure(make(), split, seed=0)
    assert (train_only.rows, strongest.rows) == (8, 10)
    assert train_only.answers == strongest.answers == list(split["test"].labels)
    assert train_only.setting == strongest.setting
    assert train_only.validation == 1.0
    assert strongest.name == f"{train_only.name} (+ validation)"
    assert strongest.seconds > train_only.seconds


def test_a_peer_stands_beside_ours(split: dict[Split, Rows]) -> None:
    outcome = Outcome("peer", "C=1", 0.5, ["fruit", "fruit"], 8, 0.25)
    row = beside(outcome, split["test"], [True, True])
    assert (row["setting"], row["n"], row["p"]) == ("C=1 (validation 0.5000)", 2, 1.0)
    difference = row["Freehold minus this"]
    assert isinstance(difference, Interval)
    assert difference.value == 0.5
    assert list(row) == list(standing("ours", [True, True], trained=10))
