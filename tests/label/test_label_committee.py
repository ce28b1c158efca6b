"""The committee by itself: every kind of field, how sure it is, and that known rows decide who is believed."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.label.teach.committee import alike, decide
from freehold.label.teach.sayings import Saying, agree_with_self, fit_values
from freehold.task import Field, Label

LETTERS = tuple(Label(name) for name in "abc")
SPAN = {"label": "a", "start": 0, "end": 2, "text": "hi"}
KINDS: list[tuple[Field, Any, Any]] = [
    (Field("f", "choice", labels=LETTERS), "a", "b"),
    (Field("f", "choices", labels=LETTERS), ["a", "b"], ["c"]),
    (Field("f", "predicate"), True, False),
    (Field("f", "score", labels=(Label("1"), Label("2"))), 1, 2),
    (Field("f", "number"), 1.5, 2.0),
    (Field("f", "spans", labels=LETTERS), [SPAN], []),
    (Field("f", "text"), "one", "two"),
]


@pytest.mark.parametrize(("field", "value", "other"), KINDS, ids=lambda each: getattr(each, "kind", None))
def test_two_of_three_are_believed_in_every_kind_of_field(field: Field, value: Any, other: Any) -> None:
    said = {f"r{n}": [Saying("x", value, 1.0), Saying("y", value, 1.0), Saying("z", other, 1.0)] for n in range(3)}
    found = decide(field, said, known={})
    assert {
        name: alike(field, each.value, value) for name, each in found.items() if each.value is not None
    } == dict.fromkeys(said, True)
    assert all(0 < each.confidence <= 1 for each in found.values())


@pytest.mark.parametrize("kind", [KINDS[5], KINDS[6]], ids=["spans", "text"])
def test_a_tie_has_no_answer(kind: tuple[Field, Any, Any]) -> None:
    field, value, other = kind
    found = decide(field, {"r": [Saying("x", value, 1.0), Saying("y", other, 1.0)]}, known={})
    assert (found["r"].value, found["r"].confidence) == (None, 0.0)


def noisy(rng: random.Random, truth: str, right: float) -> str:
    return truth if rng.random() < right else rng.choice([name for name in "abc" if name != truth])


def test_a_good_teacher_outweighs_two_poor_ones_that_known_rows_show_up() -> None:
    rng, field = random.Random(0), KINDS[0][0]
    truth = {f"r{n}": rng.choice("abc") for n in range(600)}
    skill = {"good": 0.95, "poor": 0.45, "bad": 0.4}
    said = {r: [Saying(who, noisy(rng, t, s), 1.0) for who, s in skill.items()] for r, t in truth.items()}
    known = {name: truth[name] for name in list(truth)[:150]}
    found = decide(field, said, known=known)
    rest = [name for name in truth if name not in known]
    right = sum(found[name].value == truth[name] for name in rest) / len(rest)
    alone = sum(said[name][0].value == truth[name] for name in rest) / len(rest)
    assert right >= alone - 0.01
    sure = [name for name in rest if found[name].confidence >= 0.9]
    assert sure
    assert sum(found[name].value == truth[name] for name in sure) / len(sure) >= 0.9


def test_confidence_is_what_known_rows_say_and_those_are_not_told() -> None:
    rng, field = random.Random(1), KINDS[2][0]
    truth = {f"r{n}": rng.random() < 0.5 for n in range(2000)}
    said = {
        r: [Saying(who, t if rng.random() < 0.8 else not t, 1.0) for who in ("x", "y")] for r, t in truth.items()
    }
    known = {name: truth[name] for name in list(truth)[:1000]}
    found = decide(field, said, known=known)
    rest = [each for name, each in found.items() if name not in known and each.value is not None]
    claimed = sum(each.confidence for each in rest) / len(rest)
    right = sum(each.value == truth[each.example] for each in rest) / len(rest)
    assert claimed == pytest.approx(right, abs=0.05)
    wrong = sum(found[name].value != known[name] for name in known)
    assert wrong > 100, "a known row is judged as if it were not known"


def test_a_teacher_that_contradicts_itself_is_believed_less() -> None:
    rng, field = random.Random(2), KINDS[0][0]
    truth = {f"r{n}": rng.choice("abc") for n in range(800)}
    said = {}
    for number, (name, value) in enumerate(truth.items()):
        torn = number % 2 == 0
        said[name] = [Saying("x", noisy(rng, value, 0.5 if torn else 0.95), 0.6 if torn else 1.0)]
    found = decide(field, said, known={name: truth[name] for name in list(truth)[:300]})
    rest = list(truth)[300:]
    split = [found[name].confidence for name in rest if said[name][0].share < 1]
    whole = [found[name].confidence for name in rest if said[name][0].share == 1]
    assert max(split) < min(whole)


def test_samples_are_one_saying() -> None:
    samples = [{"f": "a"}, {"f": "a"}, {"f": "b"}, {}]
    assert agree_with_self("x", samples, field="f") == Saying("x", "a", 0.5)
    assert agree_with_self("x", [{"f": "a"}, {"f": "b"}], field="f") is None
    assert agree_with_self("x", [{}], field="f") is None


@given(
    st.dictionaries(
        st.sampled_from(["f", "g"]), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())
    )
)
def test_only_what_fits_is_kept(values: dict[str, Any]) -> None:
    for field, good, _ in KINDS:
        found = fit_values(values, fields=[field], inputs={"text": "hi there"})
        assert set(found) <= {"f"}
        assert fit_values({"f": good}, fields=[field], inputs={"text": "hi there"}) == {"f": good}


@pytest.mark.parametrize(
    "span",
    [{**SPAN, "text": "ho"}, {**SPAN, "label": "z"}, {**SPAN, "end": 0}, {"label": "a"}, "hi"],
)
def test_spans_lie_where_they_say(span: Any) -> None:
    assert fit_values({"f": [span]}, fields=[KINDS[5][0]], inputs={"text": "hi there"}) == {}
    assert (
        fit_values(
            {"f": [SPAN, {**SPAN, "end": 4, "text": "hi t"}]}, fields=[KINDS[5][0]], inputs={"text": "hi there"}
        )
        == {}
    )
