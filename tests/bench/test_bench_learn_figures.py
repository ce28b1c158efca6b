"""The arithmetic of the learning goals, against other implementations and by hand; and the pictures."""

from __future__ import annotations

import math
import random
from statistics import fmean
from xml.etree import ElementTree

import pytest
from bench.intervals import Interval
from bench.learn.figures import (
    Counts,
    auroc,
    brier,
    calibration_error,
    count,
    coverage,
    f1,
    mean_of_figures,
    mean_of_runs,
    micro_f1,
    paired_mean,
    span_set,
)
from bench.learn.plan import Goal, Misses, goals_table
from bench.learn.turns import TurnError
from bench.picture import Point, draw, trace


@pytest.mark.parametrize(("n", "quantile"), [(2, 12.706), (3, 4.303), (5, 2.776), (20, 2.093), (40, 1.960)])
def test_a_mean_of_runs_has_students_interval(n: int, quantile: float) -> None:
    values = [0.5 + 0.01 * (i % 2) for i in range(n)]
    middle = fmean(values)
    spread = math.sqrt(sum((v - middle) ** 2 for v in values) / (n - 1))
    found = mean_of_runs(values)
    assert isinstance(found, Interval)
    assert found.value == pytest.approx(middle)
    assert found.high - found.value == pytest.approx(quantile * spread / math.sqrt(n), rel=1e-3)
    assert found.n == n


def test_one_run_has_no_interval_but_its_own() -> None:
    assert mean_of_runs([0.7]) == 0.7
    assert mean_of_figures([Interval(0.7, 0.6, 0.8, 90)]) == Interval(0.7, 0.6, 0.8, 90)
    both = mean_of_figures([Interval(0.7, 0.6, 0.8, 90), Interval(0.8, 0.7, 0.9, 90)])
    assert both.value == pytest.approx(0.75)
    assert both.n == 2


def test_micro_f1_is_scikit_learns() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    dice = random.Random(1)
    labels = list(range(6))
    truths = [set(dice.sample(labels, dice.randint(0, 3))) for _ in range(80)]
    found = [set(dice.sample(labels, dice.randint(0, 3))) for _ in range(80)]
    tables = [[[int(label in row) for label in labels] for row in rows] for rows in (truths, found)]
    ours = f1([count(a, b) for a, b in zip(truths, found, strict=True)], seed=3)
    assert ours.value == pytest.approx(metrics.f1_score(*tables, average="micro"))
    assert ours.low < ours.value < ours.high


def test_nothing_wanted_and_nothing_found_is_right() -> None:
    assert micro_f1([Counts(0, 0, 0)]) == 1.0
    assert micro_f1([Counts(0, 1, 0)]) == 0.0


def test_a_span_is_its_label_and_both_ends() -> None:
    one = {"label": "date", "start": 0, "end": 5, "text": "today"}
    assert span_set([one, one]) == {("date", 0, 5)}
    found = count(span_set([one]), span_set([{**one, "end": 4}, {**one, "label": "time"}]))
    assert found == Counts(0, 2, 1)


@pytest.mark.parametrize("ties", [False, True])
def test_auroc_is_scikit_learns(ties: bool) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    dice = random.Random(2)
    known = [round(dice.gauss(1, 1), 1 if ties else 9) for _ in range(120)]
    unknown = [round(dice.gauss(0, 1), 1 if ties else 9) for _ in range(70)]
    found = auroc(known, unknown)
    truth = metrics.roc_auc_score([1] * 120 + [0] * 70, known + unknown)
    assert found.value == pytest.approx(truth)
    assert 0 < found.low < found.value < found.high < 1
    assert found.high - found.low == pytest.approx(2 * 1.96 * _hanley(truth, 120, 70), rel=0.15)


def _hanley(area: float, known: int, unknown: int) -> float:
    """Returns the standard error by J. A. Hanley and B. J. McNeil, 1982: another road to about the same place."""
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    total = area * (1 - area) + (known - 1) * (one - area**2) + (unknown - 1) * (two - area**2)
    return math.sqrt(total / (known * unknown))


@pytest.mark.parametrize(("known", "unknown", "area"), [([1, 2], [0, 0], 1.0), ([1], [1], 0.5), ([0], [1], 0.0)])
def test_auroc_at_its_ends(known: list[float], unknown: list[float], area: float) -> None:
    assert auroc(known, unknown).value == area


def test_auroc_needs_both_groups() -> None:
    with pytest.raises(ValueError, match="0 unknown"):
        auroc([1.0], [])


def test_calibration_error_by_hand() -> None:
    confidence = [0.5, 0.6, 0.9, 1.0]
    right = [False, True, True, True]
    assert calibration_error(confidence, right, bins=2) == pytest.approx(0.5 * 0.05 + 0.5 * 0.05)
    assert calibration_error(confidence, right, bins=1) == pytest.approx(0.0)
    assert calibration_error([1.0] * 30, [False] * 30) == pytest.approx(1.0)


def test_calibration_error_is_small_where_confidence_is_honest() -> None:
    dice = random.Random(5)
    confidence = [dice.random() for _ in range(20_000)]
    right = [dice.random() < share for share in confidence]
    assert calibration_error(confidence, right) < 0.02
    assert calibration_error([min(1.0, share + 0.1) for share in confidence], right) > 0.07


def test_brier_by_hand() -> None:
    rows = [{"a": 0.8, "b": 0.2}, {"a": 1.0, "b": 0.0}, {"a": 1.0}]
    assert brier(rows, ["a", "b", "b"]).value == pytest.approx((0.08 + 2.0 + 2.0) / 3)


def test_coverage_keeps_the_surest() -> None:
    confidence, right = [0.9, 0.2, 0.8, 0.4], [True, False, True, False]
    assert coverage(confidence, right, share=0.5) == 1.0
    assert coverage(confidence, right, share=1.0) == 0.5


def test_paired_runs_are_compared_row_by_row() -> None:
    ours = [[True] * 60 + [False] * 40] * 3
    found = paired_mean(ours, [[True] * 50 + [False] * 50])
    assert found.value == pytest.approx(0.1)
    assert 0 < found.low < 0.1 < found.high
    assert paired_mean(ours, ours) == Interval(0.0, 0.0, 0.0, 100)
    with pytest.raises(ValueError, match="same ones"):
        paired_mean(ours, [[True]])


def test_a_picture_has_a_point_for_each_run() -> None:
    points = [
        Point("ours", "quick & new", 12.0, Interval(0.94, 0.93, 0.95, 100)),
        Point("peer", "0.914", 800.0, Interval(0.914, 0.90, 0.92, 100)),
    ]
    root = ElementTree.fromstring(draw(points, title="a < b"))
    dots = [each for each in root.iter() if each.tag.endswith("circle") and len(each)]
    assert len(dots) == 2
    assert float(dots[0].get("cx", "")) < float(dots[1].get("cx", ""))
    assert float(dots[0].get("cy", "")) < float(dots[1].get("cy", ""))


def test_a_picture_needs_points() -> None:
    with pytest.raises(ValueError, match="at least one point"):
        draw([], title="")
    with pytest.raises(ValueError, match="two values"):
        trace([(0.0, 1.0)], title="", across="", up="")


def test_a_line_goes_through_its_values_from_nothing_up() -> None:
    root = ElementTree.fromstring(trace([(0, 100), (5, 200), (10, 50)], title="a < b", across="x", up="y"))
    [line] = [each.get("d", "") for each in root.iter() if each.get("stroke-width")]
    places = [tuple(map(float, place.split())) for place in line[1:].split("L")]
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert places[1][1] < places[0][1] < places[2][1]


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (Goal("a", 0.9, 0.9), "yes"),
        (Goal("a", 0.9, Interval(0.89, 0.8, 0.95, 5)), "no"),
        (Goal("a", 0.02, 0.03, way="at most"), "no"),
        (Goal("a", 0.9, None), "not measured"),
    ],
)
def test_a_goal_is_met_by_the_measured_value(goal: Goal, met: str) -> None:
    assert goals_table([goal], rehearsal=False).rows[0]["met"] == met
    assert goals_table([goal], rehearsal=True).rows[0]["met"] == "rehearsal"


def test_a_failed_turn_leaves_a_line() -> None:
    misses = Misses()
    assert misses.tables() == ()
    with misses.noted("seed 3"):
        raise TurnError("x" * 900 + " the reason")
    [row] = misses.tables()[0].rows
    assert row["what"] == "seed 3"
    assert str(row["said"]).endswith("the reason")
