from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

from freehold.engine import Ngrams

TEXTS = [
    "Where is my card?",
    "My card, it is lost; where is it",
    "Ünïcode and   many spaces\tand tabs",
    "a",
    "where where where is",
]


def dense(ngrams: Ngrams, texts: list[str]) -> np.ndarray:
    sparse = ngrams.transform(texts)
    matrix = csr_matrix((sparse.values, sparse.indices, sparse.starts), shape=(len(texts), len(ngrams)))
    return np.asarray(matrix.toarray())


def test_weights_are_those_of_scikit_learn() -> None:
    ngrams = Ngrams.fit(TEXTS)
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+").fit(TEXTS)
    characters = TfidfVectorizer(ngram_range=(2, 5), sublinear_tf=True, analyzer="char_wb").fit(TEXTS)
    assert list(ngrams.words) == sorted(words.vocabulary_)
    assert list(ngrams.characters) == sorted(characters.vocabulary_)
    unseen = [*TEXTS, "is the card here, or where?"]
    expected = np.hstack([words.transform(unseen).toarray(), characters.transform(unseen).toarray()])
    np.testing.assert_allclose(dense(ngrams, unseen), expected, atol=1e-6)


def test_the_order_of_the_texts_does_not_matter() -> None:
    assert Ngrams.fit(TEXTS) == Ngrams.fit(TEXTS[::-1])


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    ngrams = Ngrams.fit(TEXTS)
    ngrams.save(tmp_path / "ngrams.json")
    loaded = Ngrams.load(tmp_path / "ngrams.json")
    assert loaded == ngrams
    assert list(loaded.words) == list(ngrams.words)


@given(st.lists(st.text(max_size=60), min_size=1, max_size=5))
def test_any_text_gives_finite_features_within_the_vocabulary(texts: list[str]) -> None:
    ngrams = Ngrams.fit(TEXTS)
    sparse = ngrams.transform(texts)
    assert len(sparse.starts) == len(texts) + 1
    assert np.isfinite(sparse.values).all()
    assert ((sparse.indices >= 0) & (sparse.indices < len(ngrams))).all()
    ids, values = sparse.padded()
    assert ids.shape == values.shape
    assert ids.shape[0] == len(texts)
    np.testing.assert_allclose(values.sum(), sparse.values.sum(), rtol=1e-4)
