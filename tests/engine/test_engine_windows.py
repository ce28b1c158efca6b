"""Long texts as windows: nothing is lost, nothing counts twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.engine import Tokenizer, Windows, load_tokenizer, split
from freehold.errors import DataError

TEXTS = st.lists(st.text(st.sampled_from("parcel invoice 12é\n"), max_size=80), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def tokenizer(tiny_base: Path) -> Tokenizer:
    return load_tokenizer(tiny_base)


def counted(windows: Windows, row: int) -> Iterator[int]:
    """Yields a text's ids that count, in order."""
    for ids, owner, (start, stop) in zip(windows.ids, windows.row, windows.counted, strict=True):
        if owner == row:
            yield from ids[start:stop]


@given(TEXTS, st.integers(3, 40))
def test_every_token_counts_exactly_once(tokenizer: Tokenizer, texts: list[str], limit: int) -> None:
    short = replace(tokenizer, max_tokens=limit)
    whole = tokenizer.library.encode_batch(texts)
    windows = split(short, texts)
    assert [list(counted(windows, row)) for row in range(len(texts))] == [each.ids for each in whole]
    assert all(0 < len(ids) <= limit for ids in windows.ids)
    assert all(ids[0] == tokenizer.before[0] and ids[-1] == tokenizer.after[0] for ids in windows.ids)


@given(TEXTS, st.integers(3, 40))
def test_offsets_name_the_characters_of_each_token(tokenizer: Tokenizer, texts: list[str], limit: int) -> None:
    short = replace(tokenizer, max_tokens=limit)
    windows = split(short, texts, offsets=True)
    plain = split(short, texts)
    assert (windows.ids, windows.row, windows.counted) == (plain.ids, plain.row, plain.counted)
    assert windows.offsets is not None
    for row, encoding in enumerate(tokenizer.library.encode_batch(texts)):
        found = [
            place
            for owner, (start, stop), offsets in zip(windows.row, windows.counted, windows.offsets, strict=True)
            for place in offsets[start:stop]
            if owner == row
        ]
        assert found == encoding.offsets


def test_neighbours_overlap_and_share_the_overlap(tokenizer: Tokenizer) -> None:
    short = replace(tokenizer, max_tokens=34)
    windows = split(short, ["parcel " * 100])
    assert [len(ids) for ids in windows.ids] == [34] * len(windows.ids)
    assert windows.counted[0] == (0, 31)
    assert windows.counted[1] == (3, 31)
    assert windows.counted[-1][1] == 34


def test_a_text_that_fits_is_one_window(tokenizer: Tokenizer) -> None:
    windows = split(tokenizer, ["where is my parcel", ""])
    assert windows.row == [0, 1]
    assert windows.counted == [(0, len(ids)) for ids in windows.ids]
    assert windows.ids == [each.ids for each in tokenizer.library.encode_batch(["where is my parcel", ""])]


def test_a_window_without_room_for_text_is_refused(tiny_base: Path) -> None:
    with pytest.raises(DataError, match="window of 2 tokens leaves no room"):
        load_tokenizer(tiny_base, max_tokens=2)


def test_a_tokenizer_without_special_tokens_gives_an_empty_text_one_token(tokenizer: Tokenizer) -> None:
    library = type(tokenizer.library).from_str(tokenizer.library.to_str())
    library.post_processor = None
    bare = replace(tokenizer, library=library, before=(), after=())
    windows = split(bare, ["", "parcel"], offsets=True)
    assert windows.ids[0] == [tokenizer.pad_id]
    assert windows.counted == [(0, 1), (0, 1)]
