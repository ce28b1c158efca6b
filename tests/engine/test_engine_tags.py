from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.engine import (
    NEVER,
    Chain,
    Span,
    best_path,
    choose_grain,
    count_tags,
    decode_spans,
    encode_spans,
    find_limits,
    find_nested,
    path_score,
    split_words,
    sum_paths,
    total_score,
)

LABELS = {"date": 0, "amount": 1}
TEXT = "pay 20 pounds on 3rd May"


def spans(*texts: str, text: str = TEXT) -> list[Span]:
    return [Span(text.index(each), text.index(each) + len(each), "date") for each in texts]


@pytest.mark.parametrize(
    ("gold", "tags", "cut"),
    [
        ([], [0, 0, 0, 0, 0, 0, 0], 0),
        (spans("20 pounds"), [0, 1, 2, 0, 0, 0, 0], 0),
        (spans("20", "pounds"), [0, 1, 1, 0, 0, 0, 0], 0),
        (spans("rd May"), [0, 0, 0, 0, 0, 1, 2], 0),
        (spans("pound"), [0, 0, 1, 0, 0, 0, 0], 1),
        (spans(" 20 "), [0, 1, 0, 0, 0, 0, 0], 0),
        ([Span(3, 4, "date")], [0, 0, 0, 0, 0, 0, 0], 0),
    ],
)
def test_tags(gold: list[Span], tags: list[int], cut: int) -> None:
    encoded = encode_spans(gold, split_words(TEXT), labels=LABELS)
    assert encoded is not None
    assert (encoded.tags.tolist(), encoded.cut) == (tags, cut)


@pytest.mark.parametrize(
    "gold", [spans("20 pounds", "pounds on"), spans("pou", "nds"), [Span(0, 3, "colour")]], ids=str
)
def test_what_tags_cannot_tell(gold: list[Span]) -> None:
    assert encode_spans(gold, split_words(TEXT), labels=LABELS) is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from(["date", "amount"]))))
def test_spans_come_back_from_their_tags(pieces: list[tuple[int, int, str]]) -> None:
    words = split_words("w " * 60)
    found, at = [], 0
    for gap, length, label in pieces[:10]:
        found.append(Span(words[at + gap].start, words[at + gap + length - 1].end, label))
        at += gap + length
    encoded = encode_spans(found, words, labels=LABELS)
    assert encoded is not None
    names = list(LABELS)
    again = [Span(words[a].start, words[b - 1].end, names[k]) for a, b, k in decode_spans(encoded.tags)]
    assert again == found


def test_nested_spans_are_found_and_named() -> None:
    nested = find_nested([Span(17, 24, "date"), Span(4, 13, "amount"), Span(4, 6, "number")])
    assert str(nested) == (
        "the span of `number` from 4 to 6 overlaps the span of `amount` from 4 to 13; "
        "spans of one field must not share characters"
    )
    assert find_nested([Span(0, 3, "a"), Span(3, 5, "b")]) is None
    assert find_nested([Span(0, 3, "a"), Span(0, 3, "b")]) is not None


def test_characters_where_spans_cut_words() -> None:
    words = split_words(TEXT)
    assert choose_grain([words], [spans("20 pounds")]) == "word"
    assert choose_grain([words, words], [spans("pound"), None]) == "character"
    assert choose_grain([words], [None]) == "word"


def test_what_may_follow_what() -> None:
    limits = find_limits(2, present=[1])
    assert count_tags(2) == len(limits.start) == 5
    assert np.flatnonzero(limits.start == 0).tolist() == [0, 3]
    assert np.flatnonzero(limits.end == 0).tolist() == [0, 3, 4]
    assert [np.flatnonzero(limits.moves[tag] == 0).tolist() for tag in (0, 3, 4)] == [[0, 3], [0, 3, 4], [0, 3, 4]]


def random_chain(words: int, *, seed: int, labels: int = 1) -> Chain:
    random = np.random.default_rng(seed)
    tags = count_tags(labels)
    limits = find_limits(labels, present=range(labels))
    start, end = random.normal(size=(2, tags)) * 2
    moves = random.normal(size=(tags, tags)) * 2
    scores = random.normal(size=(words, tags)) * 3
    return Chain(scores, start + limits.start, end + limits.end, moves + limits.moves)


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(0, 1000))
def test_best_path_and_sums_are_those_of_all_paths_tried_out(words: int, seed: int) -> None:
    chain = random_chain(words, seed=seed)
    paths = [np.array(path) for path in itertools.product(range(3), repeat=words)]
    scores = np.array([path_score(chain, path) for path in paths])
    total = np.logaddexp.reduce(scores)
    assert best_path(chain).tolist() == paths[int(scores.argmax())].tolist()
    assert total_score(chain) == pytest.approx(total)
    sums = sum_paths(chain)
    assert sums.total == pytest.approx(total)
    shares = np.exp(scores - total)
    for word, tag in itertools.product(range(words), range(3)):
        share = sum(share for share, path in zip(shares, paths, strict=True) if path[word] == tag)
        assert sums.places[word, tag] == pytest.approx(share, abs=1e-9)


def test_a_temperature_keeps_what_is_forbidden() -> None:
    chain = random_chain(3, seed=1).divided(50.0)
    assert chain.moves[0, 2] == NEVER
    assert sum_paths(chain).places[0, 2] == 0


def test_extreme_scores_and_long_chains_stay_finite() -> None:
    chain = random_chain(3_000, seed=2, labels=3)
    chain = chain._replace(words=(chain.words * 300).astype(np.float32))
    sums = sum_paths(chain)
    assert np.isfinite(sums.total)
    np.testing.assert_allclose(sums.places.sum(1), 1)
