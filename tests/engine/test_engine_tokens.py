from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from freehold.engine import by_length, join_inputs, pad
from freehold.engine.tokens import pack


@given(st.lists(st.integers(1, 300), max_size=80), st.integers(300, 2000))
def test_batches_hold_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(by_length(lengths, budget=budget, most=16))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert 1 <= len(batch) <= 16
        assert len(batch) * max(lengths[row] for row in batch) <= budget


def test_padding_is_masked() -> None:
    ids, mask = pad([[5, 6, 7], [8]])
    np.testing.assert_array_equal(ids, [[5, 6, 7], [8, 0, 0]])
    np.testing.assert_array_equal(mask, [[1, 1, 1], [1, 0, 0]])


@given(st.lists(st.integers(1, 90), min_size=1, max_size=70))
def test_packed_windows_share_rows_and_come_back_as_they_were(lengths: list[int]) -> None:
    numbers = iter(range(1, sum(lengths) + 1))
    ids, mask = pad([[next(numbers) for _ in range(length)] for length in lengths])
    packed = pack(ids, mask)
    assert sorted(packed.ids[packed.segments > 0]) == list(range(1, sum(lengths) + 1))
    assert not packed.ids[packed.segments == 0].any()
    assert packed.ids.shape[1] <= max(64, *lengths)
    # First fit leaves at most one row that is not half full.
    assert (packed.segments > 0).sum(1).tolist().count(0) == 0
    assert len(packed.ids) <= 1 + 2 * sum(lengths) // max(64, *lengths)
    for row, segments in zip(packed.ids, packed.segments, strict=True):
        for number in set(segments.tolist()) - {0}:
            own = row[segments == number]
            assert (np.diff(own) == 1).all()
            assert len(own) == lengths[number - 1]
    back = packed.unpack(np.stack([packed.ids, -packed.ids], axis=2).astype(np.float32))
    np.testing.assert_array_equal(back, np.stack([ids, -ids], axis=2))


def test_several_inputs_are_joined_with_their_names() -> None:
    assert join_inputs({"text": "hello"}, ["text"]) == "hello"
    assert join_inputs({"b": "2", "a": "1"}, ["a", "b"]) == "a: 1\nb: 2"


def test_what_is_asked_is_read_as_what_was_learned() -> None:
    assert join_inputs({"text": " cafe\u0301\x07 \r\n"}, ["text"]) == "caf\u00e9"
