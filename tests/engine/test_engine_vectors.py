"""The exported encoder gives what torch gives, for texts of any length."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from freehold.compress.graphs import export_encoder
from freehold.engine import (
    Base,
    Vectoriser,
    encode_texts,
    find_base,
    load_encoder,
    load_tokenizer,
    pad,
    read_texts,
    run_encoder,
    split,
)
from freehold.engine.pooling import Layers
from freehold.engine.vectors import Which
from freehold.errors import IntegrityError

LONG = "where is my parcel from last week " * 40
TEXTS = ["Where is my card?", "", LONG, "naïve 日本語 parcel", "hello", f"{LONG} it is broken"]


@pytest.fixture(scope="module")
def artifact(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifact")
    shutil.copytree(tiny_base, folder, dirs_exist_ok=True)
    export_encoder(load_encoder(tiny_base), folder / "model.onnx")
    return folder


@pytest.fixture(scope="module")
def vectoriser(artifact: Path) -> Vectoriser:
    return Vectoriser(artifact, threads=1)


@pytest.fixture
def base(tiny_base: Path) -> Base:
    return find_base(str(tiny_base), relative_to=tiny_base)


def test_the_graph_gives_the_vectors_of_torch(base: Base, vectoriser: Vectoriser, tmp_path: Path) -> None:
    expected = encode_texts(TEXTS, base=base, cache=tmp_path, run=lambda: run_encoder(load_encoder(base.folder)))
    found = vectoriser.vectors(TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_a_vector_does_not_depend_on_the_batch(vectoriser: Vectoriser) -> None:
    alone = np.concatenate([vectoriser.vectors([text]) for text in TEXTS])
    np.testing.assert_allclose(vectoriser.vectors(TEXTS), alone, atol=1e-5)


def test_the_end_of_a_long_text_is_read(vectoriser: Vectoriser) -> None:
    first, last = vectoriser.vectors([LONG, f"{LONG} it is broken"])
    assert np.abs(first - last).max() > 1e-4


def test_a_long_text_is_the_mean_of_what_counts_in_its_windows(base: Base, vectoriser: Vectoriser) -> None:
    windows = split(load_tokenizer(base.folder), [LONG])
    ids, mask = pad(windows.ids)
    halves = []
    for tokens in run_encoder(load_encoder(base.folder))(ids, mask):
        assert tokens is not None
        mean = np.concatenate([t[slice(*c)] for t, c in zip(tokens, windows.counted, strict=True)]).mean(0)
        halves.append(mean / np.linalg.norm(mean))
    assert len(windows.ids) > 3
    np.testing.assert_allclose(vectoriser.vectors([LONG])[0], np.concatenate(halves) / np.sqrt(2), atol=1e-5)


def test_token_vectors_lie_on_the_texts_own_characters(vectoriser: Vectoriser) -> None:
    found = vectoriser.token_vectors(TEXTS)
    for text, (vectors, offsets) in zip(TEXTS, found, strict=True):
        assert vectors.shape == (len(offsets), vectoriser.dimension // 2)
        assert (offsets[:, 0] < offsets[:, 1]).all()
        assert (offsets[1:, 0] >= offsets[:-1, 1]).all()
        spelled = {i for start, stop in offsets.tolist() for i in range(start, stop)}
        assert spelled == {i for i, character in enumerate(text) if not character.isspace()}


@pytest.mark.parametrize("layer", ["last", "middle"])
def test_one_pass_gives_both(vectoriser: Vectoriser, layer: Which) -> None:
    both = vectoriser.read(TEXTS, tokens=layer)
    np.testing.assert_array_equal(both.vectors, vectoriser.vectors(TEXTS))
    for ours, theirs in zip(both.tokens, vectoriser.token_vectors(TEXTS, layer=layer), strict=True):
        np.testing.assert_array_equal(ours.vectors, theirs.vectors)


def test_the_layers_differ(vectoriser: Vectoriser) -> None:
    last, middle = (vectoriser.token_vectors(TEXTS[:1], layer=layer)[0].vectors for layer in ("last", "middle"))
    assert np.abs(last - middle).max() > 1e-3


def test_no_texts_have_no_vectors(vectoriser: Vectoriser) -> None:
    assert vectoriser.vectors([]).shape == (0, vectoriser.dimension)
    assert vectoriser.token_vectors([]) == []


def test_tokens_are_counted_whole(vectoriser: Vectoriser) -> None:
    assert vectoriser.count_tokens("") == 2
    assert vectoriser.count_tokens("parcel " * 1_000) == 1_002


def test_a_hundred_thousand_tokens_are_read_to_the_end(base: Base, vectoriser: Vectoriser, tmp_path: Path) -> None:
    text = "parcel refund " * 50_000
    assert vectoriser.count_tokens(text) == 100_002
    found = vectoriser.vectors([text, "hello"])
    assert np.isfinite(found).all()
    expected = encode_texts([text], base=base, cache=tmp_path, run=lambda: run_encoder(load_encoder(base.folder)))
    np.testing.assert_allclose(found[:1], expected, atol=1e-4)


def test_memory_follows_the_batch_not_the_text(base: Base) -> None:
    largest = 0

    def run(ids: np.ndarray, mask: np.ndarray) -> Layers:
        nonlocal largest
        largest = max(largest, ids.size)
        return Layers(np.ones((*ids.shape, 4), np.float32))

    texts = ["parcel " * 30_000, *["hello"] * 500]
    read_texts(texts, tokenizer=load_tokenizer(base.folder), pooling=("mean",), run=run)
    assert largest <= 4_096


def test_a_graph_that_is_damaged_is_refused(artifact: Path, tmp_path: Path) -> None:
    shutil.copytree(artifact, tmp_path / "artifact")
    (tmp_path / "artifact" / "model.onnx").write_bytes(b"garbage")
    with pytest.raises(IntegrityError, match=r"model\.onnx` is no graph"):
        Vectoriser(tmp_path / "artifact")
