from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.engine import Grain, Part, Word, find_parts, join_inputs, pool_words, split_words, token_ranges
from freehold.task import normalise

TEXT = st.text(st.sampled_from("ab Z9_-'.,\n\té\u0301日本กำहिन्दी🙂²"), max_size=30)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Call me at 5ish!", ["Call", "me", "at", "5", "ish", "!"]),
        ("o'clock 9:05pm a_b", ["o", "'", "clock", "9", ":", "05", "pm", "a", "_", "b"]),
        ("naïve e\u0301tude", ["naïve", "e\u0301tude"]),
        ("明日の会議", ["明", "日", "の", "会", "議"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("กำ 🙂", ["ก", "ำ", "🙂"]),
        (" \n\t", []),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert [word.text for word in split_words(text)] == words


def test_characters_can_be_words() -> None:
    assert [word.text for word in split_words("ab e\u0301 5", grain="character")] == ["a", "b", "e\u0301", "5"]


@settings(deadline=None)
@given(TEXT, st.sampled_from(["word", "character"]))
def test_each_character_but_white_space_is_in_one_word(text: str, grain: Grain) -> None:
    words = split_words(text, grain=grain)
    places = [place for word in words for place in range(word.start, word.end)]
    assert places == [place for place, character in enumerate(text) if not character.isspace()]
    assert all(text[word.start : word.end] == word.text for word in words)


@settings(deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=3))
def test_parts_are_where_inputs_were_joined(texts: list[str]) -> None:
    inputs = {f"input{number}": text for number, text in enumerate(texts)}
    joined = join_inputs(inputs, list(inputs))
    parts = find_parts(inputs, list(inputs))
    assert [joined[part.start : part.end] for part in parts] == [normalise(text) for text in texts]


def test_the_names_of_inputs_are_no_words() -> None:
    inputs = {"title": "Late", "body": "title: no"}
    words = split_words(join_inputs(inputs, list(inputs)), find_parts(inputs, list(inputs)))
    assert words == [
        Word("Late", 7, 11, 0),
        Word("title", 18, 23, 1),
        Word(":", 23, 24, 1),
        Word("no", 25, 27, 1),
    ]


def test_a_part_ends_its_words() -> None:
    assert [word.text for word in split_words("abcd", [Part("x", 0, 2), Part("y", 2, 4)])] == ["ab", "cd"]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), max_size=8),
)
def test_pooling_is_the_mean_of_the_tokens_that_share_a_character(
    tokens: list[tuple[int, int]], pieces: list[tuple[int, int]]
) -> None:
    offsets = _laid_out(tokens)
    words = [Word("x", int(start), int(end)) for start, end in _laid_out(pieces)]
    vectors = np.random.default_rng(0).normal(size=(len(offsets), 3)).astype(np.float32)
    found = pool_words(vectors, offsets=offsets, words=words)
    for word, vector in zip(words, found, strict=True):
        own = [
            number
            for number, (start, end) in enumerate(offsets)
            if end > start and start < word.end and end > word.start
        ]
        expected = vectors[own[0] : own[-1] + 1].mean(0) if own else np.zeros(3)
        np.testing.assert_allclose(vector, expected, atol=1e-5)


def _laid_out(pieces: list[tuple[int, int]]) -> np.ndarray:
    """Turns gaps and widths into places one behind the other."""
    places, at = [], 0
    for gap, width in pieces:
        places.append((at + gap, at + gap + width))
        at = places[-1][1]
    return np.array(places, np.int64).reshape(-1, 2)


def test_special_tokens_belong_to_no_word() -> None:
    offsets = np.array([(0, 0), (0, 2), (2, 5), (0, 0)])
    assert token_ranges(offsets, [Word("ab", 0, 2), Word("cde", 2, 5), Word("x", 6, 7)]).tolist() == [
        [1, 2],
        [2, 3],
        [0, 0],
    ]
