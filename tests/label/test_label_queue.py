from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.test_strategies import make_pool

from freehold.label.neighbours import find_neighbours
from freehold.label.queue import STRATEGIES, Pool, cover, interleave


def make_kinds(kinds: int, copies: int) -> Pool:
    """Returns texts of some kinds, each with near duplicates, of which the first kind has the most."""
    random = np.random.default_rng(1)
    centres = np.eye(kinds, 2 * kinds, dtype=np.float32)
    counts = [copies + kinds - kind for kind in range(kinds)]
    vectors = np.repeat(centres, counts, axis=0)
    vectors = vectors + 0.01 * random.standard_normal(vectors.shape).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows, pool = len(vectors), make_pool(len(vectors))
    return Pool(
        pool.names, pool.labels, pool.chances, np.zeros(rows), np.zeros(rows), vectors, pool.labelled, pool.seed
    )


@pytest.mark.parametrize("name", ["coverage.v1", "worth.v1"])
def test_the_first_of_a_batch_are_all_of_different_kinds(name: str) -> None:
    pool = make_kinds(12, 10)
    picks = STRATEGIES.get(name)(pool, count=12)
    kinds = [int(pool.vectors[pick.row].argmax()) for pick in picks]
    assert sorted(kinds) == list(range(12)), "no near duplicate before every kind was seen"
    by_chance = STRATEGIES.get("random.v1")(pool, count=12)
    assert len({int(pool.vectors[pick.row].argmax()) for pick in by_chance}) < 12


def test_the_most_typical_rows_come_first() -> None:
    picks = STRATEGIES.get("coverage.v1")(make_kinds(5, 20), count=5)
    assert [int(make_kinds(5, 20).vectors[pick.row].argmax()) for pick in picks] == [0, 1, 2, 3, 4]
    assert picks[0].reason == "typical: 24 other rows are like it"


def test_what_is_unsure_comes_first_and_its_reason_names_the_labels() -> None:
    pool = make_pool(3)
    pool.chances[:] = [[0.9, 0.1, 0], [0.3, 0.4, 0.3], [0.6, 0.3, 0.1]]
    picks = STRATEGIES.get("uncertainty.v1")(pool, count=3)
    assert [pick.row for pick in picks] == [1, 2, 0]
    assert picks[0].reason == "unsure: `b` (0.40) or `a` (0.30)"


def test_what_nothing_labelled_is_like_is_worth_more() -> None:
    pool = make_kinds(2, 10)
    pool.chances[:] = [0.8, 0.1, 0.1]
    pool.strange[-1] = 1.0
    picks = STRATEGIES.get("worth.v1")(pool, count=30)
    reasons = {pick.row: pick.reason for pick in picks}
    assert reasons[len(pool) - 1].startswith("unlike everything that has a label")
    assert sum("unlike" in reason for reason in reasons.values()) == 1


def test_greedy_cover_is_within_its_bound_of_the_best() -> None:
    vectors = make_pool(9).vectors
    graph = find_neighbours(vectors, count=8)
    graph = graph._replace(cosines=np.maximum(graph.cosines, 0))
    full = np.eye(9)
    np.put_along_axis(full, graph.places, graph.cosines, 1)
    best = max(np.maximum(full[a], full[b]).sum() for a in range(9) for b in range(9))
    picked = [each.row for each in cover(graph, np.ones(9), count=2)]
    assert full[picked].max(0).sum() >= (1 - 1 / np.e) * best


@given(
    st.lists(st.lists(st.floats(0, 1), max_size=30), max_size=4),
    st.integers(0, 60),
    st.floats(0, 1),
    st.integers(0, 50),
)
def test_one_list_holds_every_item_once_and_held_ones_at_their_share(
    worths: list[list[float]], held: int, share: float, answered: int
) -> None:
    lists = [[((number, place), worth) for place, worth in enumerate(each)] for number, each in enumerate(worths)]
    drawn = [(-1, place) for place in range(held)]
    before = round(answered * share)
    out = interleave(lists, drawn, share=share, answered=answered, answered_held=before)
    items = [each.item for each in out]
    assert len(set(items)) == len(items)
    assert {item for each in lists for item, _ in each} <= set(items)
    assert [item for item in items if item[0] == -1] == drawn[: sum(item[0] == -1 for item in items)]
    for number, each in enumerate(lists):
        assert [item for item in items if item[0] == number] == [item for item, _ in each], "in its own order"
    assert all(one.worth > two.worth for one, two in pairwise(out))
    drawn_held = sum(item[0] == -1 for item in items)
    if drawn_held < held and any(worths):
        last = max(place for place, item in enumerate(items) if item[0] != -1)
        count = sum(item[0] == -1 for item in items[: last + 1])
        assert abs(before + count - share * (answered + last + 1)) <= 1.5


def test_the_share_holds_however_often_the_list_is_made_anew() -> None:
    answered = held = 0
    for _ in range(100):
        (first, *_) = interleave([[("item", 0.5)]], ["held"], share=0.1, answered=answered, answered_held=held)
        answered, held = answered + 1, held + (first.item == "held")
    assert held == 10
