"""Fields of each kind: how far experts agree, what they take for what, and one answer to each item."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from typing import Any

import pytest

from freehold.errors import DataError, UserError
from freehold.label.crowd import (
    NOT_MARKED,
    Annotation,
    Coefficient,
    FieldAgreement,
    Means,
    Vote,
    alpha,
    cohen,
    find_confusions,
    measure_agreement,
    settle,
    tabulate,
)
from freehold.task import Field, Label, Value

MAJORITY = Means("majority")


def rows_of(table: Mapping[str, Mapping[str, Any]], field: str = "f") -> list[Annotation]:
    """Returns item to expert to value as rows."""
    return [Annotation(item, who, field, value) for item, each in table.items() for who, value in each.items()]


def measure(field: Field, rows: list[Annotation]) -> FieldAgreement:
    return measure_agreement([field], rows)[field.name]


def value(found: Coefficient) -> float:
    assert found.measured is not None, found.why
    return found.measured.value


def span(label: str, start: int, end: int) -> dict[str, str | int]:
    return {"label": label, "start": start, "end": end}


def test_choices_of_one_label_and_predicates() -> None:
    draw = random.Random(0)
    table = {
        f"{item}": {who: draw.random() < 0.3 + 0.4 * (item % 2) for who in ("ann", "bob")} for item in range(40)
    }
    found = measure(Field("f", "predicate"), rows_of(table))
    votes = tabulate(
        Vote(item, who, str(said).lower()) for item, each in table.items() for who, said in each.items()
    )
    assert found.overall["alpha"] == alpha(votes).overall
    assert found.overall["cohen"] == cohen(votes).overall
    assert found.labels["true"]["alpha"] == alpha(votes).labels["true"]
    assert (found.items, found.shared, found.experts, found.judgements) == (40, 40, 2, 80)
    assert list(found.overall) == ["alpha", "cohen", "fleiss"]
    assert found.confusions[0].labels == ("false", "true")


def test_scores_are_in_the_order_of_their_numbers() -> None:
    draw = random.Random(1)
    table = {
        f"{item}": {who: max(1, min(11, item % 12 + draw.randint(-1, 1))) for who in ("ann", "bob")}
        for item in range(60)
    }
    for field in (Field("f", "score"), Field("f", "score", labels=tuple(Label(f"{n}") for n in range(1, 12)))):
        found = measure(field, rows_of(table))
        assert value(found.overall["alpha"]) > value(found.overall["fleiss"]) + 0.3
        assert value(found.overall["cohen_weighted"]) > value(found.overall["cohen"]) + 0.3
        assert list(found.labels) == [f"{n}" for n in range(1, 12)]


def test_numbers_have_interval_alpha_alone() -> None:
    table = {"1": {"ann": 1, "bob": 1.5}, "2": {"ann": 10.0, "bob": 9}, "3": {"ann": 4.0}}
    found = measure(Field("f", "number"), rows_of(table))
    assert list(found.overall) == ["alpha"]
    answers = [1, 1.5, 10, 9]
    between = sum((one - other) ** 2 for one, other in itertools.permutations(answers, 2)) / 12
    assert value(found.overall["alpha"]) == pytest.approx(1 - 2 * (0.25 + 1) / 4 / between, abs=1e-8)
    assert (found.labels, found.confusions, found.items, found.shared) == ({}, (), 3, 2)


def test_several_labels_differ_by_those_that_one_expert_alone_gave() -> None:
    draw = random.Random(2)
    table: dict[str, dict[str, list[str]]] = {}
    for item in range(30):
        own = {label for label in "abc" if draw.random() < 0.4}
        table[f"{item}"] = {
            who: sorted(own ^ {label for label in "abc" if draw.random() < 0.15})
            for who in ("ann", "bob", "cy")[: 2 + item % 2]
        }
    found = measure(Field("f", "choices", labels=tuple(map(Label, "abcd"))), rows_of(table))
    answers = [said for each in table.values() for said in each.values()]
    within = sum(
        len({*one} ^ {*other}) / (len(each) - 1)
        for each in table.values()
        for one, other in itertools.permutations(each.values(), 2)
    )
    between = sum(len({*one} ^ {*other}) for one, other in itertools.permutations(answers, 2))
    expected = 1 - within / between * (len(answers) - 1)
    assert value(found.overall["alpha"]) == pytest.approx(expected, abs=1e-8)
    for label in "abc":
        votes = tabulate(
            Vote(item, who, str(label in said)) for item, each in table.items() for who, said in each.items()
        )
        assert value(found.labels[label]["alpha"]) == pytest.approx(value(alpha(votes).labels["True"]), abs=1e-8)
    assert found.labels["d"]["alpha"].measured is None
    assert "label by label" in found.overall["cohen"].why
    assert {each.labels for each in found.confusions} == {(NOT_MARKED, label) for label in "abc"}
    assert sum(each.excess for each in found.confusions) == pytest.approx(0, abs=1e-5)


def test_several_labels_of_two_experts_have_cohens_kappa_label_by_label() -> None:
    table = {f"{item}": {"ann": ["a"] if item % 2 else [], "bob": ["a"] if item % 3 else []} for item in range(12)}
    found = measure(Field("f", "choices"), rows_of(table))
    votes = tabulate(
        Vote(item, who, str(bool(said))) for item, each in table.items() for who, said in each.items()
    )
    assert found.labels["a"]["cohen"].measured == cohen(votes).overall.measured


def test_spans_have_f1_between_experts() -> None:
    draw = random.Random(3)
    table = {
        f"{item}": {
            who: [span(draw.choice("xy"), start, start + 3) for start in (0, 10, 20) if draw.random() < 0.7]
            for who in ("ann", "bob", "cy")[: 2 + item % 2]
        }
        for item in range(25)
    }
    found = measure(Field("f", "spans", labels=(Label("x"), Label("y"))), rows_of(table))
    for label, one in (("", found.overall["f1"]), ("x", found.labels["x"]["f1"])):
        both = marked = 0
        for each in table.values():
            sets = [
                {tuple(mark.values()) for mark in said if label in ("", mark["label"])} for said in each.values()
            ]
            for ours, theirs in itertools.combinations(sets, 2):
                both, marked = both + 2 * len(ours & theirs), marked + len(ours) + len(theirs)
        assert value(one) == pytest.approx(both / marked, abs=1e-8)
    assert {each.labels for each in found.confusions} == {("x", "y"), (NOT_MARKED, "x"), (NOT_MARKED, "y")}
    assert all(item in table for each in found.confusions for item in each.items)


def test_fields_are_told_apart_and_who_passed_is_left_out() -> None:
    rows = [Annotation(item, who, name, "x") for item in "12" for who in ("ann", "bob") for name in ("f", "g")]
    rows += [Annotation("1", "cy", "f", None), Annotation("1", "cy", "h", None)]
    found = measure_agreement([Field(name, "choice") for name in "fgh"], rows)
    assert list(found) == ["f", "g"]
    assert found["f"].experts == 2


def test_the_pair_that_is_confused_comes_first_with_its_items() -> None:
    draw, rows = random.Random(4), []
    for item in range(200):
        truth = "abcd"[item % 4]
        for who in ("ann", "bob", "cy"):
            said = draw.choice("ab") if truth in "ab" else truth
            rows.append(Vote(f"{item:03}", who, draw.choice("abcd") if draw.random() < 0.04 else said))
    votes = tabulate(rows)
    found = find_confusions(votes, examples=3)
    assert found[0].labels == ("a", "b")
    assert found[0].excess > 5 * max(each.excess for each in found[1:])
    assert len(found[0].items) == 3
    by_item = {item: {row.label for row in rows if row.item == item} for item in found[0].items}
    assert all({"a", "b"} <= labels for labels in by_item.values())
    observed, expected = sum(each.observed for each in found), sum(each.expected for each in found)
    assert 1 - observed / expected == pytest.approx(value(alpha(votes).overall), abs=1e-6)
    assert len(find_confusions(votes, most=2)) == 2
    assert find_confusions(tabulate(rows[:1])) == []


CASES: list[tuple[Field, list[Value], Means, Value | None, float]] = [
    (Field("f", "choice"), ["x", "y", "x"], MAJORITY, "x", 2 / 3),
    (Field("f", "choice"), ["x", "y"], MAJORITY, None, 0.5),
    (Field("f", "choice"), ["x", "y"], Means("majority", "first"), "x", 0.5),
    (Field("f", "predicate"), [True, False, True], MAJORITY, True, 2 / 3),
    (Field("f", "score"), [10, 9, 10], MAJORITY, 10, 2 / 3),
    (Field("f", "number"), [1, 2.5, 9], MAJORITY, 2.5, 1 / 3),
    (Field("f", "number"), [1, 2], MAJORITY, 1.5, 0.0),
    (Field("f", "choices"), [["x"], ["x", "y"], ["x"]], MAJORITY, ["x"], 2 / 3),
    (Field("f", "choices"), [[], []], MAJORITY, [], 1.0),
    (Field("f", "choices"), [["x"], ["x", "y"]], MAJORITY, None, 0.5),
    (Field("f", "choices"), [["x"], ["x", "y"]], Means("majority", "first"), ["x"], 0.5),
    (
        Field("f", "spans"),
        [[span("x", 5, 7), span("y", 0, 2)], [span("y", 0, 2)], [span("x", 4, 7), span("y", 0, 2)]],
        MAJORITY,
        [span("y", 0, 2)],
        2 / 3,
    ),
    (Field("f", "spans"), [[span("x", 0, 2)], []], MAJORITY, None, 0.5),
    (Field("f", "spans"), [[span("x", 0, 2)], []], Means("majority", "first"), [], 0.5),
]


@pytest.mark.parametrize(("field", "values", "means", "expected", "confidence"), CASES)
def test_values_are_settled(
    field: Field, values: list[Value], means: Means, expected: Value | None, confidence: float
) -> None:
    rows = rows_of({"1": {f"e{number}": each for number, each in enumerate(values)}})
    [found] = settle(field, rows, means=means)
    assert (found.item, found.value) == ("1", expected)
    assert found.confidence == pytest.approx(confidence)
    assert bool(found.tied) == (confidence == 0.5)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        (Field("f", "choice"), ["x", "y"]),
        (Field("f", "predicate"), [True, False]),
        (Field("f", "score"), [1, 2]),
        (Field("f", "choices"), [["x"], ["y", "z"]]),
    ],
)
def test_dawid_and_skene_settle_fields_and_gold_is_the_answer(field: Field, values: list[Any]) -> None:
    """Two good experts against three who guess; the values of one item are known."""
    draw, truth = random.Random(5), {f"{item:03}": values[item % 2] for item in range(120)}
    table = {
        item: {
            f"e{who}": known if draw.random() < (0.95 if who < 2 else 0.5) else values[known == values[0]]
            for who in range(5)
        }
        for item, known in truth.items()
    }
    table["gold"] = {f"e{who}": values[0] for who in range(5)}
    found = {each.item: each for each in settle(field, rows_of(table), gold={"gold": values[1]})}
    assert (found["gold"].value, found["gold"].confidence) == (values[1], 1.0)
    assert sum(found[item].value == known for item, known in truth.items()) >= 112


@pytest.mark.parametrize(
    ("field", "wrong", "message"),
    [
        (Field("f", "choice"), 3, r"`f` is of kind `choice`, and 3 is no value of it"),
        (Field("f", "choice", labels=(Label("x"),)), "y", r"label 'y', .*`x`"),
        (Field("f", "predicate"), 1, "1 is no value"),
        (Field("f", "score"), True, "True is no value"),
        (Field("f", "number"), float("nan"), "nan is no value"),
        (Field("f", "choices"), "x", "'x' is no value"),
        (Field("f", "choices"), [3], "no value"),
        (Field("f", "choices", labels=(Label("x"),)), ["y"], "only `x`"),
        (Field("f", "spans"), [{"label": "x", "start": 0}], "no value"),
    ],
)
def test_what_is_no_value_is_refused(field: Field, wrong: Any, message: str) -> None:
    rows = rows_of({"1": {"ann": wrong, "bob": wrong}})
    with pytest.raises(DataError, match=message):
        measure_agreement([field], rows)
    with pytest.raises(DataError, match=message):
        settle(field, rows)


@pytest.mark.parametrize("kind", ["choice", "choices", "spans"])
def test_two_judgements_of_one_expert_are_refused(kind: Any) -> None:
    rows = [Annotation("1", "ann", "f", "x" if kind == "choice" else []) for _ in range(2)]
    with pytest.raises(DataError, match="Expert 'ann' judged item '1' more than once"):
        measure_agreement([Field("f", kind)], rows)


def test_what_cannot_be_settled_is_refused() -> None:
    rows = rows_of({"1": {"ann": "x", "bob": "y"}})
    with pytest.raises(UserError, match="of kind `text`"):
        settle(Field("f", "text"), rows)
    with pytest.raises(UserError, match="of kind `text`"):
        measure_agreement([Field("f", "text")], rows)
    with pytest.raises(UserError, match=r"`method` is 'vote'"):
        settle(Field("f", "choice"), rows, means=Means("vote"))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="might overlap"):
        settle(Field("f", "spans"), rows_of({"1": {"ann": []}}), means=Means(ties="random"))
    with pytest.raises(UserError, match="list of labels"):
        settle(Field("f", "choices"), rows_of({"1": {"ann": ["x"]}}), gold={"1": "x"})
