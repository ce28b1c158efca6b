from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from freehold.label.suspects import LEAST, UNKNOWN, find_flipped, find_suspects

Chances = NDArray[np.float64]
Labels = NDArray[np.int64]


def draw(
    rows: int, columns: int, *, wrong: float, seed: int, skill: float = 3.0
) -> tuple[Chances, Labels, Labels]:
    """Returns chances of a model that knows the true labels with some noise, the given labels, the true ones."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, columns, rows)
    said = np.where(random.random(rows) < wrong, (truth + random.integers(1, columns, rows)) % columns, truth)
    scores = random.standard_normal((rows, columns)) + skill * (np.arange(columns) == truth[:, None])
    chances = np.exp(scores)
    return chances / chances.sum(1, keepdims=True), said, truth


def test_planted_errors_are_found_and_their_share_is_told() -> None:
    chances, said, truth = draw(2_000, 6, wrong=0.1, seed=0, skill=6)
    share, suspects = find_suspects(chances, said)
    wrong = set(np.flatnonzero(said != truth).tolist())
    found = {each.row for each in suspects}
    assert share is not None
    assert share.low < len(wrong) / 2_000 < share.high
    assert share.n == 2_000
    assert len(found & wrong) > 0.95 * len(wrong)
    assert len(found & wrong) > 0.95 * len(found)
    assert all(each.likely == truth[each.row] for each in suspects if each.row in wrong)
    trusts = [each.trust for each in suspects]
    assert trusts == sorted(trusts), "the most suspect comes first"


def test_the_joint_by_hand() -> None:
    """Thirty rows of each label, two of label 0 sure to be 1, one of label 1 that is neither: not in the joint."""
    said = np.repeat([0, 1], 30)
    chances = np.where(said[:, None] == [0, 1], 0.8, 0.2)
    chances[:2] = [0.1, 0.9]
    chances[30] = [0.55, 0.45]
    # Thresholds are 0.753 and 0.788: row 30 reaches neither, so that label 1 has no wrong row of 29.
    share, suspects = find_suspects(chances, said)
    assert share is not None
    assert share.value == pytest.approx(30 / 60 * 2 / 30)
    assert [each.row for each in suspects] == [0, 1]
    assert suspects[0] == (0, 0, 1, 0.1, 0.9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_names_of_labels_and_order_of_rows_change_nothing(seed: int, columns: int) -> None:
    count = 80 * columns  # a label with fewer than 20 rows is not judged
    chances, said, _ = draw(count, columns, wrong=0.15, seed=seed)
    random = np.random.default_rng(seed)
    names, order = random.permutation(columns), random.permutation(count)
    share, suspects = find_suspects(chances, said)
    renamed_chances = np.empty_like(chances)
    renamed_chances[:, names] = chances
    renamed = find_suspects(renamed_chances, names[said])
    assert [each.row for each in renamed.suspects] == [each.row for each in suspects]
    assert [each.likely for each in renamed.suspects] == [names[each.likely] for each in suspects]
    moved = find_suspects(chances[order], said[order])
    assert [order[each.row] for each in moved.suspects] == [each.row for each in suspects]
    assert share is not None
    for other in (renamed.share, moved.share):
        assert other == pytest.approx(share)


@pytest.mark.parametrize(
    ("chances", "said"),
    [
        (np.ones((60, 1)), np.zeros(60, np.int64)),
        (np.tile([0.1, 0.9], (60, 1)), np.zeros(60, np.int64)),
        (np.array([[0.1, 0.9], [0.9, 0.1]]), np.array([0, 1])),
        (np.zeros((0, 2)), np.zeros(0, np.int64)),
        (np.tile([0.1, 0.9], (60, 1)), np.full(60, UNKNOWN)),
    ],
    ids=["one label", "one label has rows", "two rows", "no row", "nothing is known"],
)
def test_where_there_is_nothing_to_compare_nothing_is_said(chances: Chances, said: Labels) -> None:
    assert find_suspects(chances, said) == (None, ())


def test_rows_without_a_label_are_passed_over() -> None:
    chances, said, _ = draw(200, 3, wrong=0.1, seed=1)
    with_gaps = np.concatenate([said, np.full(50, UNKNOWN)])
    share, suspects = find_suspects(np.vstack([chances, np.full((50, 3), 1 / 3)]), with_gaps)
    assert (share, suspects) == find_suspects(chances, said)


def test_a_rare_label_is_neither_judged_nor_what_others_look_like() -> None:
    chances, said, _ = draw(200, 3, wrong=0.0, seed=2, skill=8)
    wide = np.hstack([chances, np.zeros((200, 1))])
    wide[: 2 * LEAST] = [0, 0, 0, 1]
    said[: LEAST - 1] = 3
    share, suspects = find_suspects(wide, said)
    assert share is not None
    assert share.n == 200 - (LEAST - 1)
    assert not {each.row for each in suspects} & set(range(LEAST - 1))
    assert share.value < 5 / 200


def test_rows_that_may_not_be_suspected_never_are() -> None:
    chances, said, _ = draw(500, 4, wrong=0.2, seed=3, skill=6)
    open = np.arange(500) % 2 == 0
    share, suspects = find_suspects(chances, said, open=open)
    assert suspects
    assert all(each.row % 2 == 0 for each in suspects)
    assert share is not None
    assert share.n == 250


def test_rows_that_depend_on_each_other_widen_the_interval() -> None:
    chances, said, _ = draw(300, 3, wrong=0.1, seed=4, skill=6)
    alone = find_suspects(chances, said).share
    copies = find_suspects(np.repeat(chances, 4, axis=0), np.repeat(said, 4), groups=np.repeat(np.arange(300), 4))
    assert alone is not None
    assert copies.share is not None
    assert copies.share[:3] == pytest.approx(alone[:3])


def test_the_interval_holds_the_share_as_often_as_it_says() -> None:
    """300 draws of 400 rows; the truth is what 200,000 rows of the same model say."""
    settled = find_suspects(*draw(200_000, 4, wrong=0.1, seed=5)[:2]).share
    assert settled is not None
    held = 0
    for seed in range(300):
        share = find_suspects(*draw(400, 4, wrong=0.1, seed=100 + seed)[:2]).share
        assert share is not None
        held += share.low <= settled.value <= share.high
    assert 0.90 <= held / 300 <= 1.0


def test_several_labels_are_judged_one_by_one() -> None:
    random = np.random.default_rng(6)
    truth = (random.random((400, 3)) < [0.5, 0.3, 0.2]).astype(np.int64)
    chances = np.where(truth == 1, 0.9, 0.1)
    said = truth.copy()
    flipped = [(5, 0), (9, 2), (40, 1), (41, 1)]
    for row, column in flipped:
        said[row, column] = 1 - said[row, column]
    said[300:] = UNKNOWN
    share, suspects = find_flipped(chances, said)
    assert sorted((each.row, each.column) for each in suspects) == flipped
    assert all(each.likely == truth[each.row, each.column] for each in suspects)
    assert share is not None
    assert share.n == 3 * 300
    assert share.value == pytest.approx(4 / 900, rel=0.1)


def test_a_label_that_nobody_has_is_not_looked_for() -> None:
    assert find_flipped(np.full((30, 2), 0.9), np.zeros((30, 2), np.int64)) == (None, ())
