from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize_scalar
from scipy.special import log_softmax

from freehold.engine import Head, answer_rows, field_labels, softmax, to_probabilities
from freehold.task import Field, FieldKind, Label
from freehold.train.confidence import _rising, calibrate, log_losses
from freehold.train.heads import NEVER
from freehold.train.rows import Target

ABCD = tuple(Label(name) for name in "abcd")
CHOICE = Field("f", "choice", labels=ABCD)
TOPICS = Field("f", "choices", labels=ABCD)
NUMBER = Field("f", "number")


def draw(count: int, *, seed: int = 0, scale: float = 0.2, labels: int = 4) -> tuple[NDArray[np.float32], Target]:
    """Returns scores, and labels drawn from the softmax of the scores divided by `scale`."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(count, labels)) * 2
    target = np.array([random.choice(labels, p=row) for row in softmax(logits.astype(np.float32))])
    return (logits * scale).astype(np.float32), target


def separable(count: int, *, labels: int = 4) -> tuple[NDArray[np.float32], Target]:
    """Returns scores near -1 and 1 whose highest is always right."""
    target = np.arange(count) % labels
    noise = np.random.default_rng(0).normal(size=(count, labels)) * 0.1
    return (2.0 * np.eye(labels)[target] - 1 + noise).astype(np.float32), target


def method(head: Head) -> str:
    return "isotonic" if head.knots else "vector" if head.factors else "temperature"


def bent(count: int, *, seed: int = 0) -> tuple[NDArray[np.float32], Target]:
    """Returns scores whose confidence is right up to a height, and far too high above it."""
    random = np.random.default_rng(seed)
    scores, _ = draw(count, seed=seed, scale=1.0)
    chances = softmax(scores)
    top = np.minimum(chances.max(1), 0.6)
    right = random.random(count) < top
    target = np.where(right, chances.argmax(1), (chances.argmax(1) + random.integers(1, 4, count)) % 4)
    return scores, target


def biased(count: int, *, seed: int = 0) -> tuple[NDArray[np.float32], Target]:
    """Returns scores that are too high for one label and count for more in another."""
    scores, target = draw(count, seed=seed, scale=1.0)
    return (scores * np.array([1, 1, 0.2, 1]) + np.array([3, 0, 0, 0])).astype(np.float32), target


CASES = {"temperature": draw(1_000), "vector": biased(2_000), "isotonic": bent(4_000)}


@pytest.mark.parametrize("name", CASES)
def test_the_way_is_chosen_that_fits(name: str) -> None:
    scores, target = CASES[name]
    assert method(calibrate(CHOICE, Head(0, 4), scores=scores, target=target)) == name


@pytest.mark.parametrize("name", CASES)
def test_confidence_is_what_it_says_on_rows_that_were_not_looked_at(name: str) -> None:
    make = {"temperature": draw, "vector": biased, "isotonic": bent}[name]
    head = calibrate(CHOICE, Head(0, 4), scores=CASES[name][0], target=CASES[name][1])
    scores, target = make(6_000, seed=9)
    chances = to_probabilities(CHOICE, head, scores)
    best = scores.argmax(1) if name == "isotonic" else chances.argmax(1)
    confidence, right = chances[np.arange(len(best)), best], best == target
    bins = np.array_split(np.argsort(confidence), 10)
    assert max(abs(confidence[part].mean() - right[part].mean()) for part in bins) < 0.08
    sure = Head(0, 4, temperature=0.01)
    ours, theirs = (log_losses(CHOICE, each, scores=scores, target=target) for each in (head, sure))
    assert ours.mean() < theirs.mean()


@pytest.mark.parametrize("name", CASES)
def test_calibration_never_changes_the_label(name: str) -> None:
    scores, target = CASES[name]
    head = calibrate(CHOICE, Head(0, 4), scores=scores, target=target)
    answers = answer_rows(CHOICE, head, scores, labels="abcd")
    assert [answer.value for answer in answers] == ["abcd"[number] for number in scores.argmax(1)]


@pytest.mark.parametrize("scale", [0.004, 0.02, 0.2, 3.0, 80.0])
@pytest.mark.parametrize("labels", [2, 4, 30])
def test_the_temperature_is_scipys(scale: float, labels: int) -> None:
    scores, target = draw(60, scale=scale, labels=labels)
    wide, rows, doubt = scores.astype(np.float64), np.arange(60), 1 / 62

    def loss(logarithm: float) -> float:
        logs = log_softmax(wide / np.exp(logarithm), axis=1)
        others = (logs.sum(1) - logs[rows, target]) / (labels - 1)
        return float(-((1 - doubt) * logs[rows, target] + doubt * others).mean())

    found = minimize_scalar(loss, bounds=np.log([0.01, 50]), method="bounded", options={"xatol": 1e-9}).x
    field = Field("f", "choice", labels=tuple(Label(str(n)) for n in range(labels)))
    head = calibrate(field, Head(0, labels, 1.0), scores=scores, target=target)
    assert head.temperature == pytest.approx(np.exp(found), rel=1e-4, abs=1e-4)


def test_scores_that_say_nothing_have_a_temperature() -> None:
    head = calibrate(CHOICE, Head(0, 4, 1.0), scores=np.zeros((40, 4), np.float32), target=np.arange(40) % 4)
    assert 0.01 <= head.temperature <= 50


@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(1, 9)), min_size=1, max_size=30))
def test_values_that_rise_are_scipys(pairs: list[tuple[float, int]]) -> None:
    values, weights = zip(*pairs, strict=True)
    expected = isotonic_regression(values, weights=np.array(weights, np.float64)).x
    np.testing.assert_allclose(_rising(values, weights), expected, atol=1e-12)


def test_the_temperature_undoes_a_known_one() -> None:
    scores, target = draw(4_000, scale=0.25)
    assert calibrate(CHOICE, Head(0, 4), scores=scores, target=target).temperature == pytest.approx(0.25, rel=0.1)


@pytest.mark.parametrize("count", [1, 8, 40, 100, 400, 2_000])
@pytest.mark.parametrize("kind", ["choice", "predicate", "score", "choices"])
def test_rows_that_are_all_right_make_nobody_quite_sure(kind: FieldKind, count: int) -> None:
    labels = tuple(Label(str(n)) for n in range(4))
    field = Field("f", kind, labels=None if kind == "predicate" else labels)
    columns = len(field_labels(field))
    scores, target = separable(count, labels=columns)
    if kind == "choices":
        target = np.eye(columns, dtype=np.int8)[target]
    head = calibrate(field, Head(0, columns), scores=scores, target=target)
    confidence = [a.confidence for a in answer_rows(field, head, scores, labels=field_labels(field))]
    assert max(confidence) < 1 - 0.05 / (count + 2)
    if count >= 40:
        assert float(np.mean(confidence)) > 1 - 10 / count


def test_labels_that_are_wrong_throughout_leave_little_confidence() -> None:
    scores, target = separable(400)
    head = calibrate(CHOICE, Head(0, 4), scores=scores, target=(target + 1) % 4)
    assert max(a.confidence for a in answer_rows(CHOICE, head, scores, labels="abcd")) < 0.5


@pytest.mark.parametrize("field", [CHOICE, TOPICS, NUMBER], ids=lambda field: field.kind)
def test_without_labelled_rows_a_head_stays_as_it_is(field: Field) -> None:
    columns = len(field_labels(field))
    empty = {"choice": np.full(5, -1), "choices": np.full((5, 4), -1), "number": np.full(5, np.nan)}
    head, scores = Head(0, columns), np.zeros((5, columns), np.float32)
    assert calibrate(field, head, scores=scores, target=empty[field.kind]) == head
    assert log_losses(field, head, scores=scores, target=empty[field.kind]).shape == (0,)


def test_rows_without_a_label_count_for_nothing() -> None:
    scores, target = draw(600)
    holes = np.concatenate([target, np.full(300, -1)])
    more = np.concatenate([scores, np.full((300, 4), 9, np.float32)])
    ours, theirs = (
        calibrate(CHOICE, Head(0, 4), scores=s, target=t) for s, t in ((more, holes), (scores, target))
    )
    assert ours == theirs
    before, after = (
        log_losses(CHOICE, theirs, scores=scores, target=target),
        log_losses(CHOICE, ours, scores=more, target=holes),
    )
    assert before.tolist() == after.tolist()


def test_a_single_label_is_sure() -> None:
    field = Field("f", "choice", labels=ABCD[:1])
    head = calibrate(field, Head(0, 1), scores=np.zeros((50, 1), np.float32), target=np.zeros(50, np.int64))
    [answer] = answer_rows(field, head, np.zeros((1, 1), np.float32), labels=["a"])
    assert (answer.value, answer.confidence) == ("a", 1.0)


def test_the_order_of_labels_does_not_matter() -> None:
    order = [2, 0, 3, 1]
    for scores, target in CASES.values():
        head = calibrate(CHOICE, Head(0, 4), scores=scores, target=target)
        turned = calibrate(CHOICE, Head(0, 4), scores=scores[:, order], target=np.argsort(order)[target])
        chances = to_probabilities(CHOICE, turned, scores[:, order])
        np.testing.assert_allclose(chances, to_probabilities(CHOICE, head, scores)[:, order], atol=1e-3)
        assert method(head) == method(turned)


def topics(count: int, *, seed: int = 0) -> tuple[NDArray[np.float32], Target]:
    random = np.random.default_rng(seed)
    logits = random.normal(size=(count, 4)) * 2 - 1
    target = (random.random((count, 4)) < 1 / (1 + np.exp(-logits))).astype(np.int8)
    return ((logits + 1) * 0.3).astype(np.float32), target


def test_labels_that_come_together_are_calibrated_one_by_one() -> None:
    scores, target = topics(3_000)
    head = calibrate(TOPICS, Head(0, 4), scores=scores, target=target)
    assert head.temperature == pytest.approx(0.3, rel=0.1)
    assert head.offsets[0] == pytest.approx(-1, abs=0.15)
    unseen, truth = topics(4_000, seed=5)
    chances = to_probabilities(TOPICS, head, unseen).ravel()
    bins = np.array_split(np.argsort(chances), 8)
    assert max(abs(chances[part].mean() - truth.ravel()[part].mean()) for part in bins) < 0.05


def test_the_threshold_of_labels_that_come_together_is_the_best_one() -> None:
    scores, target = topics(3_000)
    head = calibrate(TOPICS, Head(0, 4), scores=scores, target=target)
    f1 = {
        threshold: micro_f1(replace(head, threshold=threshold), scores, target)
        for threshold in (0.1, 0.3, head.threshold, 0.5, 0.7, 0.9)
    }
    assert f1[head.threshold] == max(f1.values())


def micro_f1(head: Head, scores: NDArray[np.float32], target: Target) -> float:
    answers = answer_rows(TOPICS, head, scores, labels="abcd")
    taken = np.array([[label in answer.value for label in "abcd"] for answer in answers])  # type: ignore[operator]
    return float(2 * (taken & (target == 1)).sum() / (taken.sum() + target.sum()))


@pytest.mark.parametrize("value", [0, 1])
def test_labels_that_never_or_always_come_are_calibrated_too(value: int) -> None:
    scores = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    head = calibrate(TOPICS, Head(0, 4), scores=scores, target=np.full((50, 4), value, np.int8))
    for answer in answer_rows(TOPICS, head, scores, labels="abcd"):
        assert 0 <= answer.confidence < 1
        assert answer.value == list("abcd" * value)


def numbers(count: int, *, seed: int = 0) -> tuple[NDArray[np.float32], Target]:
    random = np.random.default_rng(seed)
    scores = random.normal(size=(count, 1)).astype(np.float32)
    return scores, 50 + 10 * scores[:, 0].astype(np.float64) + 4 * random.standard_t(4, count)


@pytest.mark.parametrize("count", [40, 200, 1_000])
def test_the_interval_covers_nine_of_ten_numbers(count: int) -> None:
    covered = []
    for seed in range(20):
        scores, target = numbers(count, seed=seed)
        head = calibrate(NUMBER, Head(0, 1, centre=50.0, spread=10.0), scores=scores, target=target)
        unseen, truth = numbers(500, seed=1_000 + seed)
        answers = answer_rows(NUMBER, head, unseen, labels=["value"])
        bounds = np.array([answer.interval for answer in answers])
        covered.append(((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).mean())
    assert 0.88 < np.mean(covered) < 0.94
    assert min(covered) >= 0.75 if count == 40 else 0.85


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_about_the_stated_share_of_what_fits_is_flagged(share: float) -> None:
    field = replace(CHOICE, false_alarms=share)
    scores, target = draw(2_000)
    head = calibrate(field, Head(0, 4), scores=scores, target=target)
    assert head.scope is not None
    assert (head.scope.alarm, head.scope.n) == (share, 2_000)
    unseen, _ = draw(5_000, seed=7)
    flagged = np.mean([answer.in_scope is False for answer in answer_rows(field, head, unseen, labels="abcd")])
    assert flagged == pytest.approx(share, abs=0.25 * share + 0.003)


@pytest.mark.parametrize("field", [CHOICE, TOPICS], ids=lambda field: field.kind)
def test_a_label_that_the_heads_have_never_seen_says_nothing_of_the_others(field: Field) -> None:
    scores, wanted = draw(300)
    target = np.eye(4, dtype=np.int8)[wanted] if field.kind == "choices" else wanted
    before = calibrate(field, Head(0, 4), scores=scores, target=target)
    more = np.zeros((9, 4), np.float32)
    more[:, 3] = NEVER
    unseen = np.eye(4, dtype=np.int8)[[3] * 9] if field.kind == "choices" else np.full(9, 3)
    after = calibrate(
        field, Head(0, 4), scores=np.concatenate([scores, more]), target=np.concatenate([target, unseen])
    )
    assert after.temperature == pytest.approx(before.temperature, rel=0.2)


@pytest.mark.parametrize("field", [CHOICE, TOPICS], ids=lambda field: field.kind)
def test_heads_that_have_seen_no_label_stay_as_they_are(field: Field) -> None:
    target = np.eye(4, dtype=np.int8)[[3] * 9] if field.kind == "choices" else np.full(9, 3)
    scores = np.full((9, 4), NEVER, np.float32)
    assert calibrate(field, Head(0, 4), scores=scores, target=target) == Head(0, 4)


def test_labels_are_answered_where_each_of_them_is_rare() -> None:
    """Many labels and few rows: no probability comes near a half, and their order is worth something."""
    random, labels = np.random.default_rng(0), 60
    target = (random.random((16, labels)) < 0.02).astype(np.int8)
    scores = (random.normal(size=target.shape) + 1.5 * target).astype(np.float32)
    field = replace(TOPICS, labels=tuple(Label(str(n)) for n in range(labels)))
    head = calibrate(field, Head(0, labels), scores=scores, target=target)
    answers = answer_rows(field, head, scores, labels=[str(n) for n in range(labels)])
    assert head.threshold < 0.3
    assert any(answer.value for answer in answers)


def test_rows_of_the_other_label_do_not_set_the_threshold() -> None:
    field = replace(CHOICE, other="d")
    scores, target = separable(400)
    low = np.where((target == 3)[:, None], scores - 5, scores).astype(np.float32)
    head = calibrate(field, Head(0, 4), scores=low, target=target)
    assert head.scope is not None
    assert head.scope.n == 300
    assert head.scope.threshold > 0
    answers = answer_rows(field, head, low, labels="abcd")
    assert all(answer.in_scope is False and answer.value == "d" for answer in answers[3::4])


def test_few_rows_tell_nothing_of_scope() -> None:
    scores, target = draw(39)
    assert calibrate(CHOICE, Head(0, 4), scores=scores, target=target).scope is None


def test_many_rows_times_labels_are_not_all_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, target = draw(600)
    few = calibrate(CHOICE, Head(0, 4), scores=scores[:100], target=target[:100])
    monkeypatch.setattr("freehold.train.confidence._MOST_CELLS", 400)
    assert calibrate(CHOICE, Head(0, 4), scores=scores, target=target) == few


@pytest.mark.parametrize("labels", [2, 5_000])
def test_two_labels_and_thousands_are_calibrated(labels: int) -> None:
    field = Field("f", "choice", labels=tuple(Label(f"l{n}") for n in range(labels)))
    random = np.random.default_rng(0)
    target = random.integers(0, labels, 60)
    scores = random.normal(size=(60, labels)).astype(np.float32) * 0.1 - 1
    scores[np.arange(60), target] += 1.5
    head = calibrate(field, Head(0, labels), scores=scores, target=target)
    chances = to_probabilities(field, head, scores)
    assert 0.9 < chances.max(1).mean() < 1
