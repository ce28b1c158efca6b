"""Long texts are cut where they pause, and nothing is lost or doubled."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.cleaning import cut_chunks

TEXTS = st.text("ab. \n!\u3002", max_size=120)


@given(st.one_of(TEXTS, st.text(max_size=80)), st.integers(1, 9))
def test_pieces_laid_end_to_end_are_the_text(text: str, words: int) -> None:
    pieces = cut_chunks(text, words=words)
    assert "".join(piece.text for piece in pieces) == text
    assert all(text[piece.start : piece.end] == piece.text and piece.text for piece in pieces)
    assert all(len(piece.text.split()) <= words for piece in pieces)


@given(TEXTS, st.integers(2, 9), st.integers(1, 8))
def test_pieces_overlap_by_the_words_asked_for(text: str, words: int, overlap: int) -> None:
    overlap = min(overlap, words - 1)
    pieces = cut_chunks(text, words=words, overlap=overlap)
    for one, other in pairwise(pieces):
        assert one.start < other.start <= one.end < other.end
        assert len(text[other.start : one.end].split()) == overlap
        assert len(other.text.split()) <= words
    if pieces:
        assert (pieces[0].start, pieces[-1].end) == (0, len(text))


@pytest.mark.parametrize(
    ("text", "words", "pieces"),
    [
        ("One two. Three.\n\nFour five.", 4, ["One two. Three.\n\n", "Four five."]),
        ("One two three. Four five six.", 5, ["One two three. ", "Four five six."]),
        ("a b c d e", 2, ["a b ", "c d ", "e"]),
        ("a b. c d e f g h i j", 8, ["a b. c d e f g h ", "i j"]),
        ("", 3, []),
        (" \n ", 3, [" \n "]),
        ("x" * 450, 1, ["x" * 200, "x" * 200, "x" * 50]),
    ],
)
def test_cuts_are_where_a_text_pauses(text: str, words: int, pieces: list[str]) -> None:
    assert [piece.text for piece in cut_chunks(text, words=words)] == pieces


@pytest.mark.parametrize(("words", "overlap"), [(0, 0), (3, 3), (3, -1)])
def test_overlaps_that_cannot_be_are_refused(words: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="must be at least 0 and less than words"):
        cut_chunks("a b", words=words, overlap=overlap)
