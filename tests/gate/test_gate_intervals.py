from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from freehold.gate import Pairs, mcnemar, paired_difference, wilson
from freehold.gate.intervals import measured

COUNTS = st.integers(0, 400)
PAIRS = st.builds(Pairs, COUNTS, COUNTS, COUNTS, COUNTS).filter(lambda pairs: pairs.n > 0)


def swapped(pairs: Pairs) -> Pairs:
    return pairs._replace(candidate=pairs.champion, champion=pairs.candidate)


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (9, 10), (10, 10), (711, 845), (2_900, 3_080)])
def test_wilson_is_scipys(hits: int, n: int) -> None:
    expected = binomtest(hits, n).proportion_ci(method="wilson")
    found = wilson(hits, n)
    assert found.n == n
    assert found[:3] == pytest.approx((hits / n, expected.low, expected.high), abs=1e-6)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_is_a_share(counts: tuple[int, int]) -> None:
    hits, n = counts
    found = wilson(hits, n)
    assert 0 <= found.low <= found.value <= found.high <= 1
    mirrored = wilson(n - hits, n)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - found.high, 1 - found.low), abs=2e-6)


@pytest.mark.parametrize(("ours", "theirs"), [(0, 0), (1, 9), (9, 1), (5, 5), (60, 90), (2_000, 2_200)])
def test_mcnemar_is_the_binomial_test(ours: int, theirs: int) -> None:
    expected = binomtest(ours, ours + theirs).pvalue if ours + theirs else 1.0
    assert mcnemar(Pairs(50, ours, theirs, 7)) == pytest.approx(expected, rel=1e-9)


@given(PAIRS)
def test_mcnemar_does_not_care_who_is_who(pairs: Pairs) -> None:
    assert mcnemar(pairs) == mcnemar(swapped(pairs))
    assert 0 <= mcnemar(pairs) <= 1


@pytest.mark.parametrize(
    ("cells", "low", "high"),
    [
        ((36, 12, 2, 0), 0.0569, 0.3404),
        ((20, 12, 2, 16), 0.0562, 0.3292),
        ((18, 12, 2, 18), 0.0562, 0.3290),
        ((36, 14, 0, 0), 0.1528, 0.4167),
        ((35, 14, 0, 1), 0.1461, 0.4175),
        ((18, 14, 0, 18), 0.1441, 0.3963),
        ((2, 97, 1, 0), 0.8721, 0.9854),
    ],
)
def test_paired_difference_is_newcombes_table(cells: tuple[int, int, int, int], low: float, high: float) -> None:
    """Values of table III, method 10, of the paper."""
    assert paired_difference(Pairs(*cells))[1:3] == pytest.approx((low, high), abs=6e-5)


@given(PAIRS)
def test_paired_difference_turns_its_sign(pairs: Pairs) -> None:
    ours, theirs = paired_difference(pairs), paired_difference(swapped(pairs))
    assert -1 <= ours.low <= ours.value <= ours.high <= 1
    assert ours[:3] == pytest.approx((-theirs.value, -theirs.high, -theirs.low), abs=2e-6)


def test_measured_rounds_and_holds_its_value() -> None:
    assert measured(1 / 3, 0.5, 0.6, n=3) == (0.333333, 0.333333, 0.6, 3)
    assert str(measured(-1e-9, -1e-9, 0.0, n=1).value) == "0.0"
