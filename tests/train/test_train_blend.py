from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.train.plain_rows import FIELDS, make_rows, make_vectors

from freehold.train.blend import SHARES, blend, choose_shares
from freehold.train.heads import Trained
from freehold.train.ladder import judge_rung
from freehold.train.ridge import Ridge
from freehold.train.rows import Rows
from freehold.train.svm import fit_svm

ROWS, HELD = make_rows(200), make_rows(120, seed=1)


@pytest.fixture(scope="module")
def pair() -> tuple[Trained, Trained]:
    ridge = Ridge(FIELDS, make_vectors, "encoder", Path("nowhere")).fit(ROWS, ROWS.take([]))[0]
    return ridge, fit_svm(ROWS, FIELDS, vectors=make_vectors(ROWS.texts))


def score(trained: Trained, rows: Rows) -> NDArray[np.float32]:
    vectors = make_vectors(rows.texts)
    return trained.heads(dense=vectors.shape[1]).scores(vectors, trained.grams.transform(rows.texts))


def shares(pair: tuple[Trained, Trained], rows: Rows, *, noise: float = 0.0) -> dict[str, tuple[float, float]]:
    """Returns the shares where the machine's scores are as they are, or spoiled."""
    scores = [score(each, rows) for each in pair]
    scores[1] = scores[1] + np.random.default_rng(0).normal(size=scores[1].shape).astype(np.float32) * noise
    heads = [judge_rung(FIELDS, each, scores=s, rows=rows)[0] for each, s in zip(pair, scores, strict=True)]
    return choose_shares(FIELDS, rows, ridge=scores[0], machine=scores[1], heads=heads[0], others=heads[1])


def test_the_scores_of_the_blend_are_the_sum(pair: tuple[Trained, Trained]) -> None:
    chosen = {field.name: (0.25, 0.75) for field in FIELDS}
    found = score(blend(*pair, shares=chosen), HELD)
    np.testing.assert_allclose(found, 0.25 * score(pair[0], HELD) + 0.75 * score(pair[1], HELD), atol=1e-5)


def test_what_errs_more_counts_less(pair: tuple[Trained, Trained]) -> None:
    honest, spoiled = shares(pair, HELD), shares(pair, HELD, noise=30.0)
    for field in FIELDS:
        assert sum(spoiled[field.name]) == pytest.approx(1)
        assert spoiled[field.name][1] < max(0.26, honest[field.name][1])


def test_without_rows_both_count_as_much(pair: tuple[Trained, Trained]) -> None:
    found = shares(pair, HELD.take([]))
    assert all(share == pytest.approx((SHARES[0], 1 - SHARES[0])) for share in found.values())
