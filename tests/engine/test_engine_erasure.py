"""What is left out of a text, and that it stays cheap however long the text is."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.compress.graphs import export_encoder
from freehold.engine import Part, Vectoriser, load_encoder, split_words
from freehold.engine.erasure import Erased, Piece, erase
from freehold.engine.pooling import Layers
from freehold.task import normalise


@pytest.fixture(scope="module")
def encoder(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Vectoriser:
    folder = tmp_path_factory.mktemp("encoder")
    shutil.copytree(tiny_base, folder, dirs_exist_ok=True)
    export_encoder(load_encoder(tiny_base), folder / "model.onnx")
    return Vectoriser(folder, threads=1)


@pytest.fixture
def read(encoder: Vectoriser, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collects how many tokens go through the encoder, batch by batch."""
    sizes: list[int] = []
    run = encoder.run

    def counted(ids: np.ndarray, mask: np.ndarray) -> Layers:
        sizes.append(int(mask.sum()))
        return run(ids, mask)

    monkeypatch.setattr(encoder, "run", counted)
    return sizes


def whole(text: str, encoder: Vectoriser) -> Erased:
    return erase(text, parts=[Part("text", 0, len(text))], encoder=encoder)


LEFT = [
    ("where is my parcel", "is", "where my parcel"),
    ("where is my parcel", "where", "is my parcel"),
    ("where is my parcel", "parcel", "where is my"),
    ("it's 5:30, now", "'", "it s 5:30, now"),
    ("it's 5:30, now", ":", "it's 5 30, now"),
    ("it's 5:30, now", ",", "it's 5:30 now"),
    ("pay 5pm", "5", "pay pm"),
    ("卡丢了", "丢", "卡了"),
    ("one", "one", ""),
]


@pytest.mark.parametrize(("text", "word", "left"), LEFT)
def test_a_word_goes_and_its_neighbours_stay(encoder: Vectoriser, text: str, word: str, left: str) -> None:
    erased = whole(text, encoder)
    number = [text[piece.start : piece.end] for piece in erased.pieces].index(word)
    assert erased.kind == "words"
    assert erased.texts[1 + number] == left
    np.testing.assert_allclose(erased.vectors[1 + number], encoder.vectors([left])[0], atol=1e-5)


@settings(deadline=None)
@given(st.text(st.sampled_from("ab9 '-_.é卡ก\u0e34\u0915\u093f\n"), max_size=12))
def test_what_is_left_are_all_the_other_words(encoder: Vectoriser, text: str) -> None:
    text = normalise(text)
    words = split_words(text)
    erased = whole(text, encoder)
    for number, piece in enumerate(erased.pieces):
        left = split_words(erased.texts[1 + number])
        assert [word.text for word in left] == [word.text for word in words[:number] + words[number + 1 :]]
        assert [piece.shift(word.start) for word in words[number + 1 :]] == [word.start for word in left[number:]]


def test_names_of_inputs_are_not_left_out(encoder: Vectoriser) -> None:
    text = "title: Late\nbody: Where is it?"
    erased = erase(text, parts=[Part("title", 7, 11), Part("body", 18, 30)], encoder=encoder)
    assert erased.texts[1:] == [
        "title: \nbody: Where is it?",
        "title: Late\nbody: is it?",
        "title: Late\nbody: Where it?",
        "title: Late\nbody: Where is ?",
        "title: Late\nbody: Where is it",
    ]


def test_a_longer_text_is_cut_into_passages_that_end_with_sentences(encoder: Vectoriser) -> None:
    text = " ".join(f"where is my parcel number {n} today?" for n in range(60))
    erased = whole(text, encoder)
    assert erased.kind == "passages"
    assert 10 < len(erased.pieces) <= 64
    assert all(text[piece.start : piece.end].endswith("?") for piece in erased.pieces)
    assert " ".join(text[piece.start : piece.end] for piece in erased.pieces) == text


def test_a_very_long_text_is_read_once_and_its_windows_are_left_out(encoder: Vectoriser, read: list[int]) -> None:
    text = "where is my parcel, I lost the refund. " * 2_000
    erased = whole(text, encoder)
    tokens = sum(read)
    assert erased.kind == "windows"
    assert len(erased.pieces) == 32
    assert tokens < 1.3 * encoder.count_tokens(text)
    np.testing.assert_allclose(erased.vectors[0], encoder.vectors([text])[0], atol=1e-5)
    assert (erased.pieces[0].start, erased.pieces[-1].end) == (0, len(text.rstrip()))
    assert all(a.end <= b.start for a, b in zip(erased.pieces, erased.pieces[1:], strict=False))


def test_a_window_that_is_left_out_is_not_in_the_vector(encoder: Vectoriser) -> None:
    odd = "refund " * 3_000
    plain, mixed = (
        whole("where is my parcel " * 3_000, encoder),
        whole(odd + "where is my parcel " * 3_000, encoder),
    )
    alike = mixed.vectors[1:] @ plain.vectors[0]
    assert alike[0] > mixed.vectors[0] @ plain.vectors[0] > alike[-1]


@pytest.mark.parametrize("count", [1, 40, 250, 1_000, 8_000, 60_000])
def test_the_cost_is_bounded(encoder: Vectoriser, read: list[int], count: int) -> None:
    text = "parcel " * count
    whole(text, encoder)
    assert sum(read) < max(45_000, 1.4 * count)


def test_nothing_is_left_out_of_nothing(encoder: Vectoriser) -> None:
    assert whole("", encoder).texts == [""]
    assert Piece(2, 4, (2, 5)).shift(1) == 1
