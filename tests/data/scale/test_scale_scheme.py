from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.scale import Scheme
from freehold.errors import DataError


@pytest.mark.parametrize(
    ("threshold", "bands", "rows"), [(0.5, 40, 3), (0.7, 30, 4), (0.8, 20, 6), (0.9, 12, 10), (1.0, 1, 120)]
)
def test_bands_follow_from_the_threshold(threshold: float, bands: int, rows: int) -> None:
    scheme = Scheme.derive(threshold)
    assert (scheme.bands, scheme.rows) == (bands, rows)
    assert scheme.probability(threshold) >= 0.99


@given(st.floats(0.2, 1), st.floats(0, 1), st.floats(0, 1))
def test_more_similar_pairs_meet_more_often(threshold: float, one: float, other: float) -> None:
    scheme = Scheme.derive(threshold)
    assert scheme.probability(min(one, other)) <= scheme.probability(max(one, other))


def test_the_curve_goes_from_never_to_always() -> None:
    curve = Scheme.derive().curve()
    assert (curve[0.0], curve[1.0], len(curve)) == (0.0, 1.0, 21)


@pytest.mark.parametrize(
    ("threshold", "words", "hashes", "told"),
    [
        (0.0, 5, 120, "`threshold` is 0.0"),
        (1.5, 5, 120, "`threshold` is 1.5"),
        (0.8, 0, 120, "`words` is 0"),
        (0.8, 5, 0, "`hashes` 0"),
        (0.1, 5, 3, "3 hashes are too few"),
    ],
)
def test_what_cannot_be_is_refused(threshold: float, words: int, hashes: int, told: str) -> None:
    with pytest.raises(DataError, match=told):
        Scheme.derive(threshold, words=words, hashes=hashes)


def test_numbers_follow_from_seed_and_lane_alone() -> None:
    scheme = Scheme.derive()
    assert scheme.numbers(2, lane=1) == [15430841102956549459, 17024682824661381759]
    assert scheme.numbers(3, lane=2) != scheme.numbers(3, lane=1)
    assert Scheme.derive(seed=8).numbers(3, lane=1) != scheme.numbers(3, lane=1)
