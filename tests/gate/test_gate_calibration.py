"""How far confidence may be believed: calibration error, Brier score, risk against coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from freehold.gate import Pair, wilson
from freehold.gate.calibration import BINS, brier, calibration_error, risk_coverage_area
from freehold.gate.resampling import evaluate
from freehold.gate.scores import measure_pairs
from freehold.task import Answer, FieldKind, Value

N = 300


def random() -> np.random.Generator:
    return np.random.default_rng(7)


def value(kind: FieldKind, rows: Sequence[Pair], metric: str) -> float:
    return measure_pairs(kind, rows, seed=0)[metric].value


def plain_ece(confidences: list[float], hits: list[bool]) -> float:
    """Equal-mass bins by slicing, for confidences without ties."""
    order = np.argsort(confidences)
    edges = [k * len(order) // BINS for k in range(BINS + 1)]
    bins = [order[low:high] for low, high in pairwise(edges) if high > low]
    conf, hit = np.array(confidences), np.array(hits, float)
    return float(sum(abs(conf[b].mean() - hit[b].mean()) * len(b) for b in bins) / len(order))


@pytest.mark.parametrize("n", [1, 14, 15, 16, 300])
def test_calibration_error_has_bins_of_equal_mass(n: int) -> None:
    generator = random()
    confidences = [float(x) for x in generator.random(n)]
    hits = [bool(generator.random() < c**2) for c in confidences]
    found = evaluate(calibration_error(confidences, hits), n)
    assert found == pytest.approx(plain_ece(confidences, hits))


def test_equal_confidences_share_a_bin() -> None:
    hits = [True] * 90 + [False] * 10
    assert evaluate(calibration_error([0.9] * 100, hits), 100) == pytest.approx(0.0)
    assert evaluate(calibration_error([1.0] * 100, hits), 100) == pytest.approx(0.1)


def test_brier_is_the_squared_distance_over_all_labels() -> None:
    generator, labels = random(), ["a", "b", "c"]
    chances = generator.dirichlet(np.ones(3), N)
    truths = [str(label) for label in generator.choice(labels, N)]
    rows = [
        Pair(t, Answer("a", 0.5, dict(zip(labels, map(float, p), strict=True))))
        for t, p in zip(truths, chances, strict=True)
    ]
    expected = reference.brier_score_loss(truths, chances, labels=labels, scale_by_half=False)
    assert value("choice", rows, "brier") == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("truth", "chances", "expected"),
    [("a", {"a": 1.0, "b": 0.0}, 0.0), ("b", {"a": 1.0, "b": 0.0}, 2.0), ("new", {"a": 0.5, "b": 0.5}, 1.5)],
)
def test_a_truth_without_a_chance_costs_most(truth: str, chances: dict[str, float], expected: float) -> None:
    assert brier(chances, truth) == expected


def test_the_labels_of_choices_are_answers_of_their_own() -> None:
    generator, labels = random(), ["a", "b", "c"]
    chances = generator.random((N, 3))
    true = generator.random((N, 3)) < chances**2
    rows = [
        Pair(
            [label for label, there in zip(labels, row, strict=True) if there],
            Answer([], 0.5, dict(zip(labels, map(float, p), strict=True))),
        )
        for row, p in zip(true, chances, strict=True)
    ]
    expected = plain_ece(list(chances.ravel()), list(true.ravel()))
    assert value("choices", rows, "ece") == pytest.approx(expected, abs=1e-6)
    expected = float(((chances - true) ** 2).mean())
    assert value("choices", rows, "brier") == pytest.approx(expected, abs=1e-6)


def test_probabilities_are_not_measured_where_there_are_none() -> None:
    rows = [Pair(["a"], Answer(["a"], 0.5, {})), Pair(["b"], Answer([], 0.5, {}))]
    assert set(measure_pairs("choices", rows, seed=0)) == {"micro_f1", "macro_f1", "exact"}
    assert "brier" not in measure_pairs("choice", [Pair("a", Answer("a", 0.5, {}))], seed=0)


def plain_aurc(confidences: Sequence[float], hits: Sequence[bool]) -> float:
    """The mean over the rows of the share wrong among those that are at least as confident."""
    conf, wrong = np.array(confidences), ~np.array(hits)
    return float(np.mean([wrong[conf >= one].mean() for one in conf]))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.4, 0.5, 0.9]) | st.floats(0, 1), st.booleans()), min_size=1))
def test_the_area_under_risk_and_coverage_is_the_mean_risk(rows: list[tuple[float, bool]]) -> None:
    confidences, hits = zip(*rows, strict=True)
    found = evaluate(risk_coverage_area(confidences, hits), len(rows))
    assert found == pytest.approx(plain_aurc(confidences, hits))


def test_knowing_what_one_does_not_know_makes_the_area_small() -> None:
    hits = [True] * 90 + [False] * 10
    order = list(np.linspace(1, 0, 100))
    knowing = evaluate(risk_coverage_area(order, hits), 100)
    guessing = evaluate(risk_coverage_area([0.5] * 100, hits), 100)
    deluded = evaluate(risk_coverage_area(order[::-1], hits), 100)
    assert knowing < guessing < deluded
    assert guessing == pytest.approx(0.1)


class Scoped(NamedTuple):
    """An answer of a model that also tells intervals and scope."""

    value: Value
    confidence: float = 0.5
    probabilities: Mapping[str, float] = MappingProxyType({"a": 1.0})
    abstained: bool = False
    interval: tuple[float, float] | None = None
    in_scope: bool | None = None


def test_intervals_are_measured_by_what_they_cover() -> None:
    rows = [Pair(truth, Scoped(1.0, interval=(0.0, 2.0))) for truth in (1.0, 0.0, 2.0, 2.5)]  # type: ignore[arg-type]
    found = measure_pairs("number", rows, seed=0)
    assert found["coverage"] == wilson(3, 4)
    assert list(found) == ["mae", "r2", "coverage"]


def test_rows_taken_for_out_of_scope_are_counted() -> None:
    rows = [Pair("a", Scoped("a", in_scope=flag)) for flag in (True, False, True)]  # type: ignore[arg-type]
    assert measure_pairs("choice", rows, seed=0)["out_of_scope"] == wilson(1, 3)
    some = [*rows, Pair("a", Scoped("a"))]  # type: ignore[arg-type]
    assert "out_of_scope" not in measure_pairs("choice", some, seed=0)
