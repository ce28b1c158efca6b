"""Majority and Dawid-Skene: published results, planted truth, ties, gold; order and names change nothing."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.label.published import anaesthetists

from freehold.errors import DataError, UserError
from freehold.label.crowd import SMOOTHINGS, Consensus, Smoothing, Vote, Votes, dawid_skene, majority, tabulate

LABELS = "abcd"
CELLS = st.dictionaries(
    st.tuples(st.integers(0, 11), st.integers(0, 4)), st.sampled_from(LABELS), min_size=1, max_size=60
)
"""Item and expert to label."""


def votes_of(cells: dict[tuple[int, int], str]) -> list[Vote]:
    return [Vote(f"i{item:02}", f"e{expert}", label) for (item, expert), label in cells.items()]


def planted(
    seed: int, *, items: int = 300, accuracies: tuple[float, ...] = (0.95, 0.9, 0.55, 0.5, 0.5)
) -> tuple[list[Vote], dict[str, str]]:
    """Returns votes of experts who are right so often, and otherwise say any other label; and the truth."""
    draw = random.Random(seed)
    truth = {f"i{number}": draw.choice(LABELS) for number in range(items)}
    return [
        Vote(item, f"e{expert}", label if draw.random() < accuracy else draw.choice(LABELS.replace(label, "")))
        for item, label in truth.items()
        for expert, accuracy in enumerate(accuracies)
    ], truth


def right(consensus: Consensus, truth: dict[str, str]) -> float:
    return float(np.mean([each.value == truth[each.item] for each in consensus.settle("random")]))


def test_dawid_and_skene_get_what_they_published() -> None:
    """Tables 2 to 4 of the paper: how common classes are, observer 1's errors, patients whose votes are split."""
    fitted = dawid_skene(tabulate(anaesthetists(), repeats="count"), smoothing="none")
    assert fitted.converged
    assert fitted.prior == pytest.approx([0.40, 0.42, 0.11, 0.07], abs=0.005)
    expected = [[0.89, 0.11, 0, 0], [0.07, 0.88, 0.05, 0], [0, 0.34, 0.66, 0], [0, 0, 0.56, 0.44]]
    assert fitted.confusion("1") == pytest.approx(np.array(expected), abs=0.0051)
    settled = {each.item: each.value for each in fitted.consensus.settle()}
    assert [settled[item] for item in ("01", "03", "10", "14", "36", "11")] == ["1", "2", "2", "2", "4", "4"]
    by_majority = {each.item: each.value for each in majority(tabulate(anaesthetists(), repeats="count")).settle()}
    assert by_majority["36"] == "3"


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@given(cells=CELLS, gold=st.dictionaries(st.integers(0, 11), st.sampled_from(LABELS), max_size=4))
@settings(max_examples=60, deadline=None)
def test_every_round_is_likelier(
    smoothing: Smoothing, cells: dict[tuple[int, int], str], gold: dict[int, str]
) -> None:
    known = {f"i{item:02}": label for item, label in gold.items()}
    fitted = dawid_skene(tabulate(votes_of(cells), labels=LABELS), gold=known, smoothing=smoothing)
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(fitted.likelihoods))
    assert np.isfinite(fitted.consensus.chances).all()
    assert fitted.consensus.chances.sum(1) == pytest.approx(1.0)
    for each in fitted.consensus.settle():
        assert each.item not in known or (each.value, each.confidence) == (known[each.item], 1.0)


def likelihood(votes: Votes, prior: list[float], confusions: list[NDArray[np.float64]]) -> float:
    """Returns the logarithm of the likelihood, by the definition."""
    joint = {item: np.array(prior) for item in range(len(votes.items))}
    for item, expert, label in zip(votes.item, votes.expert, votes.label, strict=True):
        joint[int(item)] = joint[int(item)] * confusions[int(expert)][:, int(label)]
    return float(sum(np.log(each.sum()) for each in joint.values()))


def test_the_fit_is_a_summit() -> None:
    """No step away from the fitted parameters is likelier; and what is said of the likelihood is true."""
    votes = tabulate(planted(3, items=80)[0])
    fitted = dawid_skene(votes, smoothing="none")
    confusions = [fitted.confusion(expert) for expert in fitted.experts]
    best = likelihood(votes, fitted.prior.tolist(), confusions)
    assert best == pytest.approx(fitted.likelihoods[-1], abs=1e-6)
    draw = np.random.default_rng(0)
    for _ in range(20):
        moved = [0.98 * each + 0.02 * draw.dirichlet(np.ones(4), 4) for each in confusions]
        assert likelihood(votes, fitted.prior.tolist(), moved) < best


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_good_experts_are_found_out(smoothing: Smoothing) -> None:
    rows, truth = planted(7)
    votes = tabulate(rows)
    fitted = dawid_skene(votes, smoothing=smoothing)
    found = [float(np.trace(fitted.confusion(expert))) / 4 for expert in fitted.experts]
    assert found == pytest.approx([0.95, 0.9, 0.55, 0.5, 0.5], abs=0.08)
    assert right(fitted.consensus, truth) > right(majority(votes), truth) + 0.03


def test_confidence_is_how_often_it_is_right() -> None:
    rows, truth = planted(11, items=2_000)
    settled = dawid_skene(tabulate(rows)).consensus.settle()
    for low, high in ((0.4, 0.7), (0.7, 0.9), (0.9, 0.99)):
        some = [each for each in settled if low <= each.confidence < high]
        hits = np.mean([each.value == truth[each.item] for each in some])
        assert len(some) > 50
        assert hits == pytest.approx(np.mean([each.confidence for each in some]), abs=0.1)


def test_gold_turns_a_crowd_that_is_wrong_together() -> None:
    """Three experts who always say the other label outvote two who do not, until some items are known."""
    truth = {f"i{number:02}": "ab"[number % 2] for number in range(40)}
    other = {"a": "b", "b": "a"}
    votes = tabulate(
        Vote(item, f"e{expert}", label if expert < 2 else other[label])
        for item, label in truth.items()
        for expert in range(5)
    )
    gold = {f"i{number:02}": "ab"[number % 2] for number in range(8)}
    assert right(dawid_skene(votes).consensus, truth) == 0
    assert right(dawid_skene(votes, gold=gold).consensus, truth) == 1


def test_votes_that_come_later_count_as_if_they_had_come_at_once() -> None:
    rows, _ = planted(5, items=60)
    random.Random(0).shuffle(rows)
    whole, streamed = tabulate(rows), tabulate(rows[:40])
    for start in range(40, len(rows), 65):
        streamed = streamed.with_more(rows[start : start + 65])
    assert streamed.rows() == whole.rows()
    assert streamed.labels == whole.labels
    ours, theirs = dawid_skene(streamed), dawid_skene(whole)
    assert (ours.consensus.chances == theirs.consensus.chances).all()
    assert ours.likelihoods == theirs.likelihoods


@given(cells=CELLS, seed=st.integers(0, 1_000))
@settings(max_examples=60, deadline=None)
def test_order_and_names_change_nothing(cells: dict[tuple[int, int], str], seed: int) -> None:
    rows = votes_of(cells)
    draw = random.Random(seed)
    labels = dict(zip(LABELS, draw.sample(["w", "x", "y", "z"], 4), strict=True))
    experts = {row.expert: name for row, name in zip(rows, draw.sample(range(100), len(rows)), strict=True)}
    renamed = [Vote(row.item, f"{experts[row.expert]:03}", labels[str(row.label)]) for row in rows]
    draw.shuffle(renamed)
    again = tabulate(draw.sample(rows, len(rows)))
    assert (dawid_skene(again).consensus.chances == dawid_skene(tabulate(rows)).consensus.chances).all()
    for method in (majority, lambda votes: dawid_skene(votes).consensus):
        ours, theirs = method(tabulate(rows, labels=LABELS)), method(tabulate(renamed, labels="wxyz"))
        columns = [theirs.labels.index(labels[name]) for name in ours.labels]
        assert theirs.chances[:, columns] == pytest.approx(ours.chances, abs=1e-5)


def test_a_tie_is_no_answer_unless_a_rule_is_given() -> None:
    rows = [("1", "ann", "b"), ("1", "bob", "a"), ("2", "ann", "b"), ("2", "bob", "b")]
    consensus = majority(tabulate(Vote(*row) for row in rows))
    assert consensus.settle() == [("1", None, 0.5, ("a", "b")), ("2", "b", 1.0, ())]
    assert consensus.settle("first")[0] == ("1", "a", 0.5, ("a", "b"))
    drawn = {seed: consensus.settle("random", seed=seed)[0].value for seed in range(20)}
    assert set(drawn.values()) == {"a", "b"}
    more = majority(tabulate(Vote(*row) for row in [*rows, ("0", "ann", "a"), ("0", "bob", "b")]))
    assert {seed: more.settle("random", seed=seed)[1].value for seed in range(20)} == drawn
    with pytest.raises(UserError, match=r"`rule` is 'last'; it must be one of 'none', 'first', 'random'"):
        consensus.settle("last")  # type: ignore[arg-type]


def test_two_experts_who_differ_are_tied_for_dawid_and_skene_too() -> None:
    [found] = dawid_skene(tabulate([Vote("1", "ann", "a"), Vote("1", "bob", "b")])).consensus.settle()
    assert (found.value, found.tied) == (None, ("a", "b"))
    assert found.confidence == pytest.approx(0.5)


def test_who_passed_has_not_voted_and_nobody_is_no_error() -> None:
    votes = tabulate([Vote("1", "ann", "a"), Vote("1", "bob", None), Vote("2", "bob", None)])
    assert (votes.items, votes.experts, len(votes)) == (("1",), ("ann",), 1)
    for nobody in (tabulate([]), tabulate([], labels=["a", "b"])):
        fitted = dawid_skene(nobody)
        assert fitted.converged
        assert (majority(nobody).settle(), fitted.consensus.settle()) == ([], [])


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        ([("1", "ann", "a"), ("1", "ann", "b")], (), r"Expert 'ann' judged item '1' more than once"),
        ([("1", "ann", "c")], ("a", "b"), r"Expert 'ann' gave item '1' the label 'c', .* `a`, `b`"),
    ],
)
def test_what_is_no_vote_is_refused(
    rows: list[tuple[str, str, str]], labels: tuple[str, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        tabulate([Vote(*row) for row in rows], labels=labels)


def test_a_closed_table_stays_closed() -> None:
    votes = tabulate([Vote("1", "ann", "a")], labels=["b", "a"])
    assert votes.with_more([Vote("2", "ann", "b")]).labels == ("b", "a")
    with pytest.raises(DataError, match="'c'"):
        votes.with_more([Vote("2", "ann", "c")])
    with pytest.raises(DataError, match="more than once"):
        votes.with_more([Vote("1", "ann", "a")])


def test_gold_that_nobody_may_choose_and_unknown_smoothings_are_refused() -> None:
    votes = tabulate([Vote("1", "ann", "a")])
    with pytest.raises(DataError, match=r"gold label of item '1' is 'z'"):
        dawid_skene(votes, gold={"1": "z", "not asked": "y"})
    with pytest.raises(UserError, match=r"`smoothing` is 'much'; it must be one of 'none', 'perks'"):
        dawid_skene(votes, smoothing="much")  # type: ignore[arg-type]
