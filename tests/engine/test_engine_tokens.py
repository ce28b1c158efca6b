from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from freehold.engine import by_length, join_inputs, pad


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


def test_several_inputs_are_joined_with_their_names() -> None:
    assert join_inputs({"text": "hello"}, ["text"]) == "hello"
    assert join_inputs({"b": "2", "a": "1"}, ["a", "b"]) == "a: 1\nb: 2"


def test_what_is_asked_is_read_as_what_was_learned() -> None:
    assert join_inputs({"text": " cafe\u0301\x07 \r\n"}, ["text"]) == "caf\u00e9"
