"""Experts' records: against gold, against a consensus, and what their intervals are worth."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy.stats import binomtest

from freehold.errors import UserError
from freehold.label.crowd import Vote, dawid_skene, majority, measure_experts, measure_on_gold, tabulate

ROWS = [
    *(Vote(f"{item}", "ann", "a") for item in range(10)),
    *(Vote(f"{item}", "bob", "ab"[item < 3]) for item in range(10)),
    Vote("not gold", "cy", "b"),
]
GOLD = {f"{item}": "a" for item in range(10)} | {"never asked": "c"}


@pytest.mark.parametrize(("place", "hits"), [(0, 10), (1, 7)])
def test_against_gold_the_interval_is_wilsons(place: int, hits: int) -> None:
    record = measure_on_gold(tabulate(ROWS), GOLD)[place]
    expected = binomtest(hits, 10).proportion_ci(method="wilson")
    assert record.accuracy is not None
    assert record.accuracy == pytest.approx((hits / 10, expected.low, expected.high, 10), abs=1e-8)
    assert record.counts.tolist() == [[hits, 10 - hits], [0, 0]]


def test_who_met_no_gold_has_no_accuracy() -> None:
    record = measure_on_gold(tabulate(ROWS), GOLD)[2]
    assert (record.expert, record.accuracy, record.counts.sum()) == ("cy", None, 0)


def test_a_gold_label_that_nobody_gave_counts_as_wrong() -> None:
    votes = tabulate([Vote("1", "ann", "a"), Vote("2", "ann", "a")])
    [record] = measure_on_gold(votes, {"1": "z", "2": "a"})
    assert record.accuracy is not None
    assert record.accuracy.value == 0.5
    assert record.counts.tolist() == [[1, 0], [1, 0]]


def test_against_a_majority_shares_count_and_what_is_unknown_widens() -> None:
    votes = tabulate([Vote(f"{item}", who, "a") for item in range(8) for who in ("ann", "bob")])
    unknown = votes.with_more([Vote(f"{item}", "cy", "b") for item in range(8)])
    sure = measure_experts(votes, majority(votes))[0].accuracy
    unsure = measure_experts(unknown, majority(unknown))
    found = [each.accuracy.value for each in unsure if each.accuracy]
    assert found == pytest.approx([2 / 3, 2 / 3, 1 / 3], abs=1e-8)
    assert sure is not None
    assert unsure[0].accuracy is not None
    plain = binomtest(8, 12).proportion_ci(method="wilson")
    assert unsure[0].accuracy.high - unsure[0].accuracy.low > plain.high - plain.low
    assert unsure[0].counts.tolist() == [pytest.approx([8 * 2 / 3, 0]), pytest.approx([8 / 3, 0])]


def test_the_truth_must_be_of_the_votes() -> None:
    votes = tabulate(ROWS)
    with pytest.raises(UserError, match="`truth` is not of these votes"):
        measure_experts(votes, majority(votes.with_more([Vote("later", "ann", "b")])))


def test_intervals_from_dawid_and_skene_hold_how_good_experts_are() -> None:
    """Of 240 experts of known accuracy, at least nine in ten have it in their interval; truths are never shown."""
    held, widths = 0, []
    for seed in range(40):
        draw = random.Random(seed)
        skill = {f"e{expert}": draw.uniform(0.5, 0.95) for expert in range(6)}
        truth = {f"i{item}": draw.choice("abc") for item in range(150)}
        votes = tabulate(
            Vote(item, expert, label if draw.random() < good else draw.choice("abc".replace(label, "")))
            for item, label in truth.items()
            for expert, good in skill.items()
        )
        for record in measure_experts(votes, dawid_skene(votes).consensus):
            assert record.accuracy is not None
            held += record.accuracy.low <= skill[record.expert] <= record.accuracy.high
            widths.append(record.accuracy.high - record.accuracy.low)
    assert held / 240 >= 0.9
    assert np.mean(widths) < 0.2
