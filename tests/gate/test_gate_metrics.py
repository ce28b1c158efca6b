from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.preprocessing import MultiLabelBinarizer
from tests.gate.gate_rows import answer, pair, pairs, prediction

from freehold.gate import Pair, measure
from freehold.gate.resampling import Statistic, evaluate
from freehold.gate.rouge import common_words, rouge_l
from freehold.gate.scores import measure_pairs, score
from freehold.gate.statistics import area, determination
from freehold.task import FIELD_KINDS, METRICS, Field, FieldKind, Value

N = 300


def random() -> np.random.Generator:
    return np.random.default_rng(7)


def noisy(truths: Sequence[str], labels: Sequence[str], *, keep: float = 0.7) -> list[str]:
    generator = random()
    return [truth if generator.random() < keep else str(generator.choice(labels)) for truth in truths]


def value(kind: FieldKind, rows: Sequence[Pair], metric: str) -> float:
    return measure_pairs(kind, rows, seed=0)[metric].value


def test_choice_is_scikit_learns() -> None:
    labels = ["a", "b", "c", "d", "e"]
    truths = [str(label) for label in random().choice(labels[:4], N)]
    given_labels = noisy(truths, labels)  # "e" is answered and never true
    rows = pairs(truths, given_labels)
    assert value("choice", rows, "accuracy") == pytest.approx(
        reference.accuracy_score(truths, given_labels), abs=1e-6
    )
    expected = reference.f1_score(truths, given_labels, average="macro")
    assert value("choice", rows, "macro_f1") == pytest.approx(expected, abs=1e-6)


def test_choices_are_scikit_learns() -> None:
    generator, labels = random(), ["a", "b", "c", "d"]
    truths = [[label for label in labels if generator.random() < 0.3] for _ in range(N)]
    answers = [[label for label in labels if (label in row) ^ (generator.random() < 0.2)] for row in truths]
    rows = pairs(list(truths), list(answers))
    binary = MultiLabelBinarizer(classes=labels)
    true, answered = binary.fit_transform(truths), binary.transform(answers)
    for metric, average in [("micro_f1", "micro"), ("macro_f1", "macro")]:
        expected = reference.f1_score(true, answered, average=average)
        assert value("choices", rows, metric) == pytest.approx(expected, abs=1e-6)
    expected = reference.accuracy_score(true, answered)
    assert value("choices", rows, "exact") == pytest.approx(expected, abs=1e-6)


def test_predicate_is_scikit_learns() -> None:
    generator = random()
    truths = [bool(generator.random() < 0.3) for _ in range(N)]
    chances = [round(float(np.clip(0.3 * t + 0.7 * generator.random(), 0, 1)), 1) for t in truths]  # many ties
    answers = [chance >= 0.5 for chance in chances]
    rows = [pair(t, a, true=chance) for t, a, chance in zip(truths, answers, chances, strict=True)]
    found = measure_pairs("predicate", rows, seed=0)
    assert found["accuracy"].value == pytest.approx(reference.accuracy_score(truths, answers), abs=1e-6)
    assert found["f1"].value == pytest.approx(reference.f1_score(truths, answers), abs=1e-6)
    assert found["auroc"].value == pytest.approx(reference.roc_auc_score(truths, chances), abs=1e-6)


def test_number_is_scikit_learns() -> None:
    generator = random()
    truths = [float(x) for x in 1e6 + generator.normal(size=N)]
    answers = [t + float(generator.normal(scale=0.5)) for t in truths]
    rows = pairs(truths, answers)
    expected = reference.mean_absolute_error(truths, answers)
    assert value("number", rows, "mae") == pytest.approx(expected, abs=1e-6)
    assert value("number", rows, "r2") == pytest.approx(reference.r2_score(truths, answers), abs=1e-6)


def test_score_is_scikit_learns() -> None:
    generator = random()
    truths = [int(x) for x in generator.integers(1, 6, N)]
    answers = [int(np.clip(t + generator.integers(-1, 2), 1, 5)) for t in truths]
    rows = pairs(truths, answers)
    assert value("score", rows, "accuracy") == pytest.approx(np.mean(np.equal(truths, answers)), abs=1e-6)
    expected = reference.mean_absolute_error(truths, answers)
    assert value("score", rows, "mae") == pytest.approx(expected, abs=1e-6)


def span(label: str, start: int, end: int) -> dict[str, str | int]:
    return {"label": label, "start": start, "end": end, "text": "x" * (end - start)}


def test_spans_must_have_exact_boundaries_and_label() -> None:
    truth: Value = [span("date", 0, 3), span("place", 5, 9)]
    rows = [
        pair(truth, [span("place", 5, 9), span("date", 0, 3)]),  # order does not matter
        pair(truth, [span("date", 0, 4), span("place", 5, 9)]),  # a boundary
        pair(truth, [span("date", 0, 3), span("date", 5, 9)]),  # a label
        pair(truth, []),
    ]
    found = measure_pairs("spans", rows, seed=0)
    assert found["exact"].value == 0.25
    assert found["f1"].value == pytest.approx(2 * 4 / (6 + 8), abs=1e-6)


@pytest.mark.parametrize(
    ("truth", "given_text", "expected"),
    [
        ("police killed the gunman", "police kill the gunman", 0.75),
        ("police killed the gunman", "the gunman kill police", 0.5),
        ("a b c", "A, b: c!", 1.0),
        ("a b c", "", 0.0),
        ("", "", 1.0),
        ("größe", "GRÖSSE", 1.0),
    ],
)
def test_rouge_l(truth: str, given_text: str, expected: float) -> None:
    """The first two are the examples of the paper, in their F-measures."""
    assert rouge_l(truth, given_text) == expected


def table_lcs(first: str, second: str) -> int:
    row = [0] * (len(second) + 1)
    for a in first:
        before = row
        row = [0]
        for place, b in enumerate(second):
            row.append(before[place] + 1 if a == b else max(before[place + 1], row[place]))
    return row[-1]


@given(st.text("abc", max_size=40), st.text("abc", max_size=40))
def test_common_words_are_those_of_the_table(first: str, second: str) -> None:
    assert common_words(first, second) == table_lcs(first, second)


def test_text_forgives_spaces_around_it() -> None:
    rows = pairs(["yes.", "no"], [" yes.\n", "No"])
    found = measure_pairs("text", rows, seed=0)
    assert (found["exact"].value, found["rouge_l"].value) == (0.5, 1.0)


def test_abstained_answers_are_counted() -> None:
    rows = [Pair("a", answer("a", abstained=flag)) for flag in (True, False, False, True)]
    found = measure_pairs("choice", rows, seed=0)
    assert (found["abstained"].value, found["accuracy"].value) == (0.5, 1.0)


@pytest.mark.parametrize("kind", ["choice", "predicate", "score"])
def test_the_error_of_answers_that_are_given_counts_no_others(kind: FieldKind) -> None:
    one, other = PERFECT[kind][0], PERFECT[kind][1]
    rows = [Pair(one, answer(one)), Pair(one, answer(other)), Pair(one, answer(other, abstained=True))]
    found = measure_pairs(kind, rows, seed=0)
    assert (found["error_given_answer"].value, found["error_given_answer"].n) == (0.5, 2)
    assert found["abstained"].value == pytest.approx(1 / 3)
    assert found["abstained"].n == 3


@pytest.mark.parametrize("flag", [False, True])
def test_there_is_no_such_error_where_all_or_none_are_abstained_from(flag: bool) -> None:
    rows = [Pair("a", answer("b", abstained=flag))] * 3
    assert "error_given_answer" not in measure_pairs("choice", rows, seed=0)


PERFECT: dict[FieldKind, list[Value]] = {
    "choice": ["a", "b", "a"],
    "choices": [["a"], [], ["a", "b"]],
    "predicate": [True, False, True],
    "score": [1, 2, 3],
    "number": [0.5, 2.0, 7.0],
    "spans": [[span("a", 0, 1)], [], [span("b", 1, 2)]],
    "text": ["a b", "c", ""],
}
ZERO = {"ece", "brier", "aurc", "abstained", "mae"}
OPTIONAL = {"coverage", "out_of_scope", "error_given_answer"}


@pytest.mark.parametrize("kind", FIELD_KINDS)
def test_perfect_answers_are_perfect_in_every_metric_of_the_contract(kind: FieldKind) -> None:
    found = measure_pairs(kind, pairs(PERFECT[kind], PERFECT[kind]), seed=0)
    optional = OPTIONAL if kind == "choice" else {*OPTIONAL, "abstained"}
    expected = [name for name in METRICS[kind] if name not in optional]
    assert {name: m.value for name, m in found.items()} == {n: 0.0 if n in ZERO else 1.0 for n in expected}
    assert list(found) == expected
    assert all(m.n == 3 for m in found.values())


@pytest.mark.parametrize(
    ("kind", "truths", "undefined"),
    [
        ("predicate", [False, False], {"auroc", "f1"}),
        ("predicate", [True, True], {"auroc"}),
        ("number", [0.1, 0.1, 0.1], {"r2"}),
        ("choices", [[], []], {"micro_f1", "macro_f1"}),
        ("spans", [[]], {"f1"}),
    ],
)
def test_what_the_rows_do_not_define_is_left_out(
    kind: FieldKind, truths: list[Value], undefined: set[str]
) -> None:
    found = measure_pairs(kind, pairs(truths, truths), seed=0)
    assert set(METRICS[kind]) - set(found) - OPTIONAL - {"abstained"} == undefined


def test_measure_counts_only_rows_with_a_truth() -> None:
    fields = [Field("a", "choice"), Field("b", "predicate"), Field("c", "text")]
    truths: list[dict[str, Value]] = [{"a": "x", "b": True}, {"a": "x"}, {}]
    predictions = [prediction({"a": "x", "b": True, "c": ""}) for _ in truths]
    found = measure(fields, truths, predictions)
    assert {name: metrics["accuracy"].n for name, metrics in found.items()} == {"a": 2, "b": 1}


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd"), st.floats(0, 1)), min_size=1, max_size=40),
    st.integers(0, 3),
)
def test_intervals_hold_their_values(rows: list[tuple[str, str, float]], seed: int) -> None:
    made = [pair(truth, value, confidence=confidence) for truth, value, confidence in rows]
    for name, found in measure_pairs("choice", made, seed=seed).items():
        assert 0 <= found.low <= found.value <= found.high <= (2 if name == "brier" else 1)
        assert found.n == len(rows)
    assert measure_pairs("choice", made, seed=seed) == measure_pairs("choice", made, seed=seed)


ROWS: dict[FieldKind, st.SearchStrategy[Value]] = {
    "choice": st.sampled_from("abc"),
    "choices": st.lists(st.sampled_from("abc"), unique=True),
    "predicate": st.booleans(),
    "score": st.integers(1, 3),
    "number": st.integers(-9, 9).map(float),
    "spans": st.lists(st.sampled_from("ab").map(lambda label: span(label, 0, 1)), max_size=1),
    "text": st.sampled_from(["a b", "b c", ""]),
}


@pytest.mark.parametrize("kind", FIELD_KINDS)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_weights_are_repeated_rows(kind: FieldKind, data: st.DataObject) -> None:
    """What the bootstrap relies on: a resample's weights give what its rows would give."""
    row = st.tuples(ROWS[kind], ROWS[kind], st.integers(0, 3))
    rows = data.draw(st.lists(row, min_size=1, max_size=12).filter(lambda rows: any(r[2] for r in rows)))
    weights = np.array([[weight for _, _, weight in rows]], float)
    repeated = [pair(t, a) for t, a, weight in rows for _ in range(weight)]
    weighted = score(kind, [pair(t, a) for t, a, _ in rows]).statistics
    for name, statistic in score(kind, repeated).statistics.items():
        if name != "ece":  # its bins are those of the rows as they are
            expected = evaluate(statistic, len(repeated))
            assert weighted[name](weights)[0] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("statistic", "low", "high"),
    [
        (area([0.1, 0.4, 0.4, 0.9], [False, True, False, True]), 0.0, 1.0),
        (determination([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]), -np.inf, 1.0),
    ],
)
def test_statistics_take_many_resamples_at_once(statistic: Statistic, low: float, high: float) -> None:
    n = 4 if low == 0.0 else 3
    values = statistic(random().integers(0, 3, (50, n)).astype(float) + 0.5)
    assert values.shape == (50,)
    assert ((values >= low) & (values <= high)).all()
