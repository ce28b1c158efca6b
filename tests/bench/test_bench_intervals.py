"""The arithmetic of the benchmarks, against published or independent values."""

from __future__ import annotations

import math
import random

import pytest
from bench.intervals import mcnemar, ratio, slope, wilson
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_agrees_with_newcombe(right: int, n: int, low: float, high: float) -> None:
    interval = wilson(right, n)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)
    assert interval.value == right / n


@pytest.mark.parametrize("n", [0, -3])
def test_wilson_refuses_nothing(n: int) -> None:
    with pytest.raises(ValueError, match=f"not {n}"):
        wilson(0, n)


def pairs(both: int, ours: int, theirs: int, neither: int) -> tuple[list[bool], list[bool]]:
    kinds = [(True, True)] * both + [(True, False)] * ours + [(False, True)] * theirs
    kinds += [(False, False)] * neither
    return [a for a, _ in kinds], [b for _, b in kinds]


@pytest.mark.parametrize(
    ("ours", "theirs", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (10, 0, 2 / 1024), (1, 9, 22 / 1024), (8, 2, 112 / 1024)],
)
def test_mcnemar_is_the_exact_binomial_test(ours: int, theirs: int, p: float) -> None:
    result = mcnemar(*pairs(50, ours, theirs, 20))
    assert result.p == pytest.approx(p)
    assert (result.ours, result.theirs) == (ours, theirs)
    assert result.difference.value == pytest.approx((ours - theirs) / (70 + ours + theirs))


def test_mcnemar_survives_many_differences() -> None:
    assert mcnemar(*pairs(0, 2000, 1500, 0)).p < 1e-16


def test_mcnemar_needs_the_same_items() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        mcnemar([True, False], [True])


def test_paired_interval_is_bonett_and_price() -> None:
    # The paper's formula by hand: (12 + 1 - 3 - 1) / 102 +- z sqrt((p12 + p21 - (p12 - p21)^2) / 102).
    high, low = 13 / 102, 4 / 102
    half = 1.959963984540054 * math.sqrt((high + low - (high - low) ** 2) / 102)
    interval = mcnemar(*pairs(60, 12, 3, 25)).difference
    assert (interval.low, interval.high) == pytest.approx((high - low - half, high - low + half))


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(1, 40))
def test_swapping_the_models_mirrors_the_result(both: int, ours: int, theirs: int, neither: int) -> None:
    a, b = pairs(both, ours, theirs, neither)
    one, other = mcnemar(a, b), mcnemar(b, a)
    assert one.p == other.p
    assert one.difference.low == pytest.approx(-other.difference.high)


def test_ratio_of_constant_times_is_exact() -> None:
    assert ratio([1.0] * 5, [2.0] * 5, seed=0) == (0.5, 0.5, 0.5, 5)


@given(st.lists(st.floats(0.1, 10), min_size=2, max_size=9), st.integers(0, 3))
def test_ratio_lies_in_its_interval(times: list[float], seed: int) -> None:
    interval = ratio(times, list(reversed(times)), seed=seed, resamples=200)
    assert interval.low <= interval.high
    assert interval == ratio(times, list(reversed(times)), seed=seed, resamples=200)


@pytest.mark.parametrize("rise", [0.0, 2.0])
def test_a_slope_is_found_through_noise_that_lasts(rise: float) -> None:
    dice = random.Random(3)
    noise, values = 0.0, []
    for time in range(100):
        noise = 0.7 * noise + dice.gauss(0, 3)
        values.append(300 + rise * time + noise)
    found = slope(range(100), values, seed=0)
    assert found.low <= rise <= found.high
    assert found.low < found.value < found.high
    assert found.n == 100


def test_a_slope_without_noise_is_itself() -> None:
    found = slope([0, 1, 2, 3], [5, 7, 9, 11], seed=0)
    assert found.value == pytest.approx(2)
    assert found.high - found.low == pytest.approx(0)


def test_a_slope_needs_values() -> None:
    with pytest.raises(ValueError, match="not 2"):
        slope([0, 1], [0, 1], seed=0)
