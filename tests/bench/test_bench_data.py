"""The judge of near duplicates, and what is planted, are what they say."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from bench.data.contenders import freehold, shingles_of
from bench.data.corpus import EDITS, edit
from bench.data.planting import WAYS, plant, slip
from bench.data.truth import Judge, count_met, sample_met


def texts(seed: int, *, size: int = 60) -> list[str]:
    draw = random.Random(seed)
    made = [[f"w{draw.randrange(500)}" for _ in range(draw.randint(3, 60))] for _ in range(size)]
    copies = [[*text[:-1], "changed"] for text in made]
    return [" ".join(text) for text in [*made, *copies, *made[:5]]]


def by_comparing_all(collection: list[str], bar: float) -> set[tuple[int, int]]:
    sets = [shingles_of(text) for text in collection]
    return {
        (i, j)
        for j in range(len(sets))
        for i in range(j)
        if len(sets[i] & sets[j]) >= bar * len(sets[i] | sets[j])
    }


@pytest.mark.parametrize("bar", [0.5, 0.8, 1.0])
def test_the_judge_finds_exactly_the_near_pairs(bar: float) -> None:
    collection = texts(1)
    judge = Judge(collection)
    truth = judge.find_all(bar)
    assert set(zip(truth.ones.tolist(), truth.others.tolist(), strict=True)) == by_comparing_all(collection, bar)
    assert truth.values.min() >= bar
    assert judge.similarity(0, 120) == 1


def test_pairs_that_meet_are_counted_and_drawn_evenly() -> None:
    keys = np.array([[1, 1, 2, 2, 2, 3], [1, 1, 5, 6, 7, 8]], np.uint64)
    drawn = Counter(sample_met(keys, size=4_000, seed=0))
    assert set(drawn) == {(0, 1), (2, 3), (2, 4), (3, 4)}
    assert all(abs(count - 1_000) < 150 for count in drawn.values())
    truth = Judge(["a"] * 6).find_all(1.0)
    assert count_met(keys, truth) == 4


def test_what_freehold_signs_meets_where_it_is_near() -> None:
    collection = texts(2)
    truth = Judge(collection).find_all(0.8)
    assert count_met(freehold(collection)(), truth) == len(truth.values)


def test_copies_have_so_many_words_changed() -> None:
    text = " ".join(f"w{number}" for number in range(100))
    for edits in EDITS:
        assert (
            1
            <= len(set(text.split()) ^ set(edit(text, edits, draw=random.Random(edits)).split()) | {"w"})
            <= 2 * edits + 1
        )


def test_each_row_is_planted_in_one_way() -> None:
    rows = [f"Where is the card number {number}?" for number in range(100)]
    planted = plant(rows, share=0.1, draw=random.Random(0))
    assert Counter(each.way for each in planted) == dict.fromkeys(WAYS, 10)
    assert len({each.source for each in planted}) == 50
    assert all(each.text == rows[each.source] for each in planted if each.way == "exact")
    assert all(each.text.casefold() == rows[each.source].casefold() for each in planted if each.way == "recased")
    assert all(abs(len(slip(row, random.Random(number))) - len(row)) <= 1 for number, row in enumerate(rows))
