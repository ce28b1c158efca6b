"""Alpha and kappas: published examples, scikit-learn's figures, the definition, and what is undefined."""

from __future__ import annotations

import itertools
import math
import random
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from tests.label.published import diagnoses, krippendorff

from freehold.errors import DataError, NotFoundError, UserError
from freehold.label.crowd import (
    Agreement,
    Coefficient,
    Level,
    Vote,
    Votes,
    Weights,
    alpha,
    cohen,
    fleiss,
    tabulate,
)

LABELS = "1234"
CELLS = st.dictionaries(
    st.tuples(st.integers(0, 9), st.integers(0, 3)), st.sampled_from(LABELS), min_size=1, max_size=40
)
"""Item and expert to label."""


def votes_of(cells: dict[tuple[int, int], str]) -> list[Vote]:
    return [Vote(f"i{item}", f"e{expert}", label) for (item, expert), label in cells.items()]


def value(found: Coefficient) -> float:
    assert found.measured is not None, found.why
    assert found.measured.low <= found.measured.value <= found.measured.high
    return found.measured.value


def by_definition(votes: Votes, distance: Callable[[str, str], float]) -> float | None:
    """Returns one less the mean difference within items over that between all answers, if that is defined."""
    items: dict[str, list[str]] = {}
    for row in votes.rows():
        items.setdefault(row.item, []).append(str(row.label))
    shared = [each for each in items.values() if len(each) > 1]
    answers = [label for each in shared for label in each]
    within = sum(
        distance(one, other) / (len(each) - 1) for each in shared for one, other in itertools.permutations(each, 2)
    )
    between = sum(distance(one, other) for one, other in itertools.permutations(answers, 2))
    if len(shared) < 2 or not between:
        return None
    return 1 - (within / len(answers)) / (between / (len(answers) * (len(answers) - 1)))


def ordinal(votes: Votes) -> Callable[[str, str], float]:
    """Returns the squared number of answers from one label to another, half of those at either end."""
    sizes: dict[str, int] = {}
    for row in votes.rows():
        sizes[row.item] = sizes.get(row.item, 0) + 1
    given = [row.label for row in votes.rows() if sizes[row.item] > 1]
    counts = {label: given.count(label) for label in votes.labels}

    def distance(one: str, other: str) -> float:
        low, high = sorted((votes.labels.index(one), votes.labels.index(other)))
        between = sum(counts[label] for label in votes.labels[low : high + 1])
        return (between - (counts[one] + counts[other]) / 2) ** 2

    return distance


def against_others(label: str) -> Callable[[str, str], float]:
    return lambda one, other: float((one == label) != (other == label))


DISTANCES: dict[Level, Callable[[Votes], Callable[[str, str], float]]] = {
    "nominal": lambda _: lambda one, other: float(one != other),
    "ordinal": ordinal,
    "interval": lambda _: lambda one, other: (float(one) - float(other)) ** 2,
}


@pytest.mark.parametrize(("level", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_krippendorffs(level: Level, expected: float) -> None:
    found = alpha(tabulate(krippendorff()), level=level).overall
    assert value(found) == pytest.approx(expected, abs=0.0005)
    assert found.measured is not None
    assert found.measured.n == 11


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@given(cells=CELLS)
@settings(max_examples=50, deadline=None)
def test_alpha_is_its_definition(level: Level, cells: dict[tuple[int, int], str]) -> None:
    votes = tabulate(votes_of(cells), labels=LABELS)
    found, expected = alpha(votes, level=level), by_definition(votes, DISTANCES[level](votes))
    if expected is None:
        assert found.overall.measured is None
        assert found.overall.why
    else:
        assert value(found.overall) == pytest.approx(expected, abs=1e-8)
    for label, one in found.labels.items():
        against = by_definition(votes, against_others(label))
        assert bool(one.measured) == (against is not None)
        assert one.measured is None or value(one) == pytest.approx(against, abs=1e-8)


def test_fleiss_is_fleiss() -> None:
    """Section 3 of the paper: 0.430 over all, and each diagnosis; it rounds on the way."""
    found = fleiss(tabulate(diagnoses()))
    assert value(found.overall) == pytest.approx(0.430, abs=0.0005)
    assert [value(found.labels[label]) for label in "12345"] == pytest.approx(
        [0.248, 0.248, 0.517, 0.470, 0.566], abs=0.004
    )


def test_alpha_is_fleiss_with_a_correction_for_few_answers() -> None:
    votes = tabulate(diagnoses())
    kappa, n = value(fleiss(votes).overall), len(votes)
    assert value(alpha(votes).overall) == pytest.approx(kappa + (1 - kappa) / n, abs=1e-8)


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
@pytest.mark.parametrize("seed", range(5))
def test_cohen_is_scikit_learns(weights: Weights, seed: int) -> None:
    draw = random.Random(seed)
    pairs = [(one := draw.choice(LABELS), one if draw.random() < 0.6 else draw.choice(LABELS)) for _ in range(80)]
    rows = [
        Vote(f"{item}", who, label)
        for item, pair in enumerate(pairs)
        for who, label in zip("ab", pair, strict=True)
    ]
    found = cohen(tabulate([*rows, Vote("alone", "a", "1")]), weights=weights)
    ones, others = zip(*pairs, strict=True)
    expected = cohen_kappa_score(ones, others, weights=None if weights == "none" else weights)
    assert value(found.overall) == pytest.approx(expected, abs=1e-8)
    for label in LABELS:
        expected = cohen_kappa_score([each == label for each in ones], [each == label for each in others])
        assert value(found.labels[label]) == pytest.approx(expected, abs=1e-8)


def test_cohen_of_two_among_several() -> None:
    votes = tabulate(krippendorff())
    found = cohen(votes, experts=("observer 0", "observer 3"))
    ones, others = ["1", "2", "3", "3", "2", "1", "4", "1", "2"], ["1", "2", "3", "3", "2", "4", "4", "1", "2"]
    assert value(found.overall) == pytest.approx(cohen_kappa_score(ones, others), abs=1e-8)
    assert cohen(votes).overall.why == "Cohen's kappa is of two experts, and 4 have judged."
    with pytest.raises(NotFoundError, match="'nobody'"):
        cohen(votes, experts=("observer 0", "nobody"))


MEASURES: dict[str, Callable[[Votes], Agreement]] = {
    "alpha": alpha,
    "ordinal": lambda votes: alpha(votes, level="ordinal"),
    "interval": lambda votes: alpha(votes, level="interval"),
    "cohen": cohen,
    "weighted": lambda votes: cohen(votes, weights="quadratic"),
    "fleiss": fleiss,
}


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "Nobody has judged anything."),
        ([("1", "ann", "1"), ("2", "ann", "2")], "Only `ann` has judged: agreement takes two experts."),
        ([("1", "ann", "1"), ("2", "bob", "2")], "No item was judged by two experts."),
        (
            [("1", "ann", "1"), ("1", "bob", "2"), ("2", "bob", "2")],
            "Only one item was judged by two experts: agreement takes two items.",
        ),
        (
            [(item, who, "1") for item in "12" for who in ("ann", "bob")],
            "Every answer is the same, so that nothing can be confused.",
        ),
    ],
)
def test_what_is_not_defined_says_why(name: str, rows: list[tuple[str, str, str]], why: str) -> None:
    found = MEASURES[name](tabulate(Vote(*row) for row in rows))
    assert found.overall == Coefficient(None, why)
    assert all(each.measured is None and each.why for each in found.labels.values())


def test_a_label_that_nobody_gave_has_no_agreement() -> None:
    rows = [Vote(item, who, item) for item in "12" for who in ("ann", "bob")]
    found = alpha(tabulate(rows, labels="123"))
    assert value(found.labels["1"]) == 1.0
    assert found.labels["3"] == Coefficient(
        None, "`3` was given always or never, so that nothing can be confused."
    )


def test_fleiss_takes_as_many_answers_to_each_item() -> None:
    found = fleiss(tabulate(krippendorff())).overall
    assert found == Coefficient(None, "Fleiss' kappa takes as many answers to each item; here are 2 to 4.")


def test_one_expert_twice_is_no_agreement() -> None:
    votes = tabulate([Vote("1", "ann", "1"), Vote("1", "ann", "2"), Vote("1", "bob", "2")], repeats="count")
    for measure in MEASURES.values():
        with pytest.raises(UserError, match="'ann' judged item '1' more than once"):
            measure(votes)


@pytest.mark.parametrize("label", ["many", "nan", "inf"])
def test_numbers_must_be_numbers(label: str) -> None:
    votes = tabulate([Vote(item, who, label) for item in "12" for who in ("ann", "bob")])
    with pytest.raises(DataError, match=label):
        alpha(votes, level="interval")


def test_numbers_far_from_nought_lose_nothing() -> None:
    draw = random.Random(0)
    near = [(f"{item}", who, item + draw.random()) for item in range(50) for who in ("ann", "bob", "cy")]
    found = [
        value(alpha(tabulate(Vote(item, who, repr(far + x)) for item, who, x in near), level="interval").overall)
        for far in (0.0, 1e9)
    ]
    assert found[1] == pytest.approx(found[0], abs=1e-6)


@given(cells=CELLS, seed=st.integers(0, 1_000))
@settings(max_examples=40, deadline=None)
def test_order_and_names_change_nothing(cells: dict[tuple[int, int], str], seed: int) -> None:
    draw = random.Random(seed)
    rows = votes_of(cells)
    labels = dict(zip(LABELS, draw.sample("wxyz", 4), strict=True))
    experts = dict(zip(["e0", "e1", "e2", "e3"], draw.sample("pqrs", 4), strict=True))
    renamed = [Vote(row.item, experts[row.expert], labels[str(row.label)]) for row in rows]
    draw.shuffle(renamed)
    for measure in (alpha, fleiss):
        ours, theirs = measure(tabulate(rows)), measure(tabulate(renamed))
        assert measure(tabulate(draw.sample(rows, len(rows)))) == ours
        assert bool(ours.overall.measured) == bool(theirs.overall.measured)
        if ours.overall.measured and theirs.overall.measured:
            assert theirs.overall.measured == pytest.approx(ours.overall.measured, abs=1e-8)
        assert {labels[label] for label in ours.labels} == set(theirs.labels)
        assert [bool(each.measured) for each in ours.labels.values()] == [
            bool(theirs.labels[labels[label]].measured) for label in ours.labels
        ]


def test_the_bootstrap_is_over_items() -> None:
    """Its interval is that of resampling the rows item by item, slowly; and the same for the same seed."""
    rows, draw = diagnoses(), np.random.default_rng(1)
    by_item: dict[str, list[Vote]] = {}
    for row in rows:
        by_item.setdefault(row.item, []).append(row)
    items, slow = list(by_item.values()), []
    for _ in range(400):
        drawn = [items[place] for place in draw.integers(0, len(items), len(items))]
        again = [row._replace(item=str(number)) for number, each in enumerate(drawn) for row in each]
        slow.append(by_definition(tabulate(again), DISTANCES["nominal"](tabulate(again))) or math.nan)
    votes = tabulate(rows)
    found = alpha(votes, seed=3).overall.measured
    assert found is not None
    assert found[1:3] == pytest.approx(np.percentile(slow, [2.5, 97.5]), abs=0.03)
    assert alpha(votes, seed=3).overall.measured == found
    assert alpha(votes, seed=4).overall.measured != found


def test_the_interval_holds_the_agreement_of_all_items() -> None:
    """Of 100 samples of 60 items, about 95 have an interval with the alpha of 6,000 items in it."""
    draw, held = random.Random(0), 0
    pool = [
        [one := draw.choice("ab"), *(one if draw.random() < 0.8 else draw.choice("ab") for _ in "xy")]
        for _ in range(6_000)
    ]

    def measure(items: list[list[str]]) -> Coefficient:
        return alpha(
            tabulate(Vote(f"{i}", f"e{e}", label) for i, each in enumerate(items) for e, label in enumerate(each))
        ).overall

    whole = value(measure(pool))
    for _ in range(100):
        found = measure(draw.sample(pool, 60)).measured
        assert found is not None
        held += found.low <= whole <= found.high
    assert 88 <= held <= 100


def test_no_heavy_library_is_loaded() -> None:
    program = "import sys, freehold.label.crowd as c; c.alpha(c.tabulate([])); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert not {"scipy", "sklearn", "torch", "pandas"} & set(done.stdout.split())
