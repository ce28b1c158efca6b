"""One table over every strategy of the review list: pools that are usual, empty, odd and large."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from freehold.errors import PluginError, UserError
from freehold.label.queue import STRATEGIES, Pick, Pool, Strategy, put_in_order


def make_pool(rows: int, *, labels: int = 3, labelled: int = 4, seed: int = 0) -> Pool:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((rows + labelled, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    chances = random.dirichlet(np.ones(labels), rows) if labels else np.zeros((rows, 0))
    return Pool(
        tuple(hashlib.sha256(f"{row}".encode()).hexdigest()[:32] for row in range(rows)),
        tuple("abcdefgh"[:labels]),
        chances,
        random.random(rows),
        random.random(rows),
        vectors[:rows],
        vectors[rows:],
        seed,
    )


POOLS = {
    "usual": make_pool(200),
    "one row": make_pool(1),
    "two rows": make_pool(2),
    "nothing labelled": make_pool(50, labelled=0),
    "labels not known": make_pool(50, labels=0),
    "one label": make_pool(50, labels=1),
    "all alike": make_pool(50).take([7] * 50),
}


@pytest.mark.parametrize("name", list(STRATEGIES))
@pytest.mark.parametrize("pool", list(POOLS.values()), ids=list(POOLS))
@pytest.mark.parametrize("count", [1, 10, 1_000])
def test_a_strategy_names_rows_once_and_says_why(name: str, pool: Pool, count: int) -> None:
    strategy = STRATEGIES.get(name)
    picks = put_in_order(strategy, pool, count=count, name=name)
    assert 1 <= len(picks) <= min(count, len(pool))
    assert all(pick.reason for pick in picks)
    assert picks == put_in_order(strategy, pool, count=count, name=name), "the same pool gives the same picks"


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_more_rows_begin_with_the_same(name: str) -> None:
    pool, strategy = make_pool(120), STRATEGIES.get(name)
    few, many = (put_in_order(strategy, pool, count=count, name=name) for count in (10, 60))
    assert many[:10] == few


@pytest.mark.parametrize(
    "picks",
    [
        [Pick(0, 0.5, "a"), Pick(0, 0.5, "a")],
        [Pick(3, 0.5, "a")],
        [Pick(-1, 0.5, "a")],
        [Pick(0, 1.5, "a")],
        [Pick(0, float("nan"), "a")],
        [Pick(0, 0.5, "a"), Pick(1, 0.5, "a"), Pick(2, 0.5, "a")],
    ],
    ids=["twice", "beyond", "below", "worth too much", "worth nothing known", "too many"],
)
def test_a_strategy_that_breaks_its_contract_is_named(picks: list[Pick]) -> None:
    broken: Strategy = lambda _pool, *, count: picks  # noqa: E731
    with pytest.raises(PluginError, match=r"The strategy 'mine\.v1' must return up to 2 different rows, 0 to 2"):
        put_in_order(broken, make_pool(3), count=2, name="mine.v1")


def test_an_unknown_strategy_lists_those_that_there_are() -> None:
    with pytest.raises(UserError, match=r"has no part 'best'") as told:
        STRATEGIES.get("best")
    assert "coverage.v1, random.v1, uncertainty.v1, worth.v1" in str(told.value)
