from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from freehold.engine import Grams, Ngrams, Sketch, load_grams
from freehold.engine.ngrams import characters_in, words_in
from freehold.engine.sketch import _CHARACTERS, _WORDS, _hash_characters, _hash_words
from freehold.errors import IntegrityError

TEXTS = ["Where is my card?", "where IS my card", "", "日本語 ü \t é", "a a a a", "?!"]
PROGRAM = """
import hashlib
from freehold.engine import Sketch
sparse = Sketch(256).transform(["Where is my card?", "日本語 ü", ""])
print(hashlib.sha256(b"".join(part.tobytes() for part in sparse)).hexdigest())
"""


def dense(grams: Grams, texts: list[str]) -> NDArray[np.float32]:
    sparse = grams.transform(texts)
    matrix = csr_matrix((sparse.values, sparse.indices, sparse.starts), shape=(len(texts), len(grams)))
    return np.asarray(matrix.toarray())


@given(st.lists(st.text("ab \t\x1c\u2003ßé€😀İ'A0_-?", max_size=9), max_size=40))
def test_a_row_has_the_same_features_alone_and_among_many(texts: list[str]) -> None:
    sketch = Sketch(256)
    many = sketch.transform([*texts, *TEXTS, *TEXTS, *TEXTS])
    for row, text in enumerate(texts):
        alone, part = sketch.transform([text]), slice(many.starts[row], many.starts[row + 1])
        assert (many.indices[part] == alone.indices).all()
        assert (many.values[part] == alone.values).all()


@given(st.lists(st.text("ab \t\x1c\u2003ßé€😀İ'A0_-?", max_size=30), max_size=4))
def test_ngrams_have_the_codes_of_their_letters(texts: list[str]) -> None:
    for hashed, grams_in, seed in (
        (_hash_words, words_in, _WORDS),
        (_hash_characters, characters_in, _CHARACTERS),
    ):
        expected = [
            (row, zlib.crc32(gram.encode(), seed)) for row, text in enumerate(texts) for gram in grams_in(text)
        ]
        places, codes = hashed(texts)
        assert list(zip(places.tolist(), codes.tolist(), strict=True)) == expected


def test_features_are_the_same_in_every_process() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert len(found.pop()) == 65


def test_features_of_a_text_do_not_depend_on_its_neighbours() -> None:
    together = dense(Sketch(), TEXTS)
    alone = np.vstack([dense(Sketch(), [text]) for text in TEXTS])
    np.testing.assert_array_equal(together, alone)


def test_products_are_those_of_the_ngrams_on_average() -> None:
    """Hashing into few columns keeps products: no text is like one that it shares nothing with."""
    random = np.random.default_rng(0)
    words = ["".join(random.choice(list("abcdefghijklmnop"), 6)) for _ in range(60)]
    texts = [" ".join(random.choice(words, 8)) for _ in range(60)]
    exact, hashed = dense(Sketch(2**17), texts), dense(Sketch(2_048), texts)
    difference = hashed @ hashed.T - exact @ exact.T
    assert abs(difference.mean()) < 0.002
    assert np.abs(difference).max() < 0.1


def test_a_text_has_two_blocks_of_half_length() -> None:
    found = np.linalg.norm(dense(Sketch(2**20), ["where is my card", "", "?!"]), axis=1)
    np.testing.assert_allclose(found, [np.sqrt(0.5), 0, 0.5], atol=1e-3)


@settings(deadline=None)
@given(st.text(max_size=80), st.sampled_from([1, 2, 1024]))
def test_any_text_has_finite_features_within_the_columns(text: str, columns: int) -> None:
    sparse = Sketch(columns).transform([text, text.upper()])
    assert np.isfinite(sparse.values).all()
    assert ((sparse.indices >= 0) & (sparse.indices < columns)).all()
    assert sparse.starts[-1] == len(sparse.indices) == len(sparse.values)


@pytest.mark.parametrize("grams", [Sketch(512), Ngrams.fit(TEXTS)])
def test_what_is_saved_is_what_is_loaded(grams: Grams, tmp_path: Path) -> None:
    grams.save(tmp_path / "ngrams.json")
    assert load_grams(tmp_path / "ngrams.json") == grams


@pytest.mark.parametrize("content", ["", "[]", "{}", "5", "{bad", json.dumps({"columns": 4, "rows": 1})])
def test_a_damaged_vocabulary_is_named(content: str, tmp_path: Path) -> None:
    path = tmp_path / "ngrams.json"
    path.write_text(content)
    with pytest.raises(IntegrityError, match=r"ngrams\.json` cannot be read"):
        load_grams(path)
