"""What refuses a draft, and what is counted; how alike rows are; how well made rows are told from real ones."""

from __future__ import annotations

import numpy as np
import pytest
from tests.small import make_examples

from freehold.data import Likeness
from freehold.label.synthesis import Draft, Sieve
from freehold.label.synthesis.diversity import measure_diversity
from freehold.label.synthesis.filters import MOST_ALIKE
from freehold.label.synthesis.telling import tell_apart
from freehold.label.synthesis.values import find_mistake
from freehold.task import Field, Label, Value

SPAN: dict[str, str | int] = {"label": "x", "start": 0}
AREA = Field("area", "choice", labels=(Label("account"), Label("billing"), Label("delivery")))


def draft(text: str, area: str = "billing", *, parent: str = "") -> Draft:
    return Draft({"text": text}, {"area": area}, "rule:x.v1", "x:1", parent=parent)


def sieve(*, rows: int = 60) -> Sieve:
    examples = make_examples(rows)
    splits = {split: [row for row in examples if row.split == split] for split in ("train", "validation", "test")}
    tests = [row.inputs for row in splits["test"]]
    return Sieve((AREA,), splits["train"], splits["validation"], tests, Likeness())


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (draft("please tell me what became of the bill", "bills"), "`area` does not fit"),
        (draft("  "), "an input is empty"),
        (draft("a bill \x07 with a bell"), "a text has letters that rows do not have"),
        (Draft({"text": "what of the bill"}, {}, "rule:x.v1", "x:1"), "no label"),
        (draft("bill"), "too short"),
        (draft("what became of the bill " * 9 + "then"), "too long"),
        (draft("what became of the bill that I had from you"), ""),
    ],
)
def test_what_is_no_row_of_the_task_is_refused(made: Draft, reason: str) -> None:
    found = sieve()
    assert found.sift([made]) == ([] if reason else [made])
    assert dict(found.refusals.counts) == ({reason: 1} if reason else {})


@pytest.mark.parametrize(
    ("split", "reason"), [("validation", "near a validation row"), ("train", "near a training row")]
)
def test_near_duplicates_of_real_rows_are_refused(split: str, reason: str) -> None:
    found = sieve()
    row = next(row for row in make_examples(60) if row.split == split)
    assert found.sift([draft(row.inputs["text"].upper() + "!")]) == []
    assert dict(found.refusals.counts) == {reason: 1}


@pytest.mark.parametrize(
    ("change", "kind"),
    [(str, "exact"), (str.upper, "exact"), (lambda text: f"{text} .", "exact"), (lambda text: text[:-1], "typo")],
)
def test_a_draft_that_gives_a_test_row_away_is_refused_counted_and_never_shown(change: object, kind: str) -> None:
    found = sieve()
    row = next(row for row in make_examples(60) if row.split == "test")
    assert callable(change)
    assert found.sift([draft(change(row.inputs["text"]))]) == []
    told = found.refusals.to_json()
    reason = next(iter(told))
    assert reason.startswith("gives a test row away")
    assert kind in reason or "near" in reason
    assert told[reason] == {"count": 1, "samples": []}


def test_a_rewritten_row_may_be_near_its_own_row_but_not_say_the_same() -> None:
    found = sieve()
    row = found.train[0]
    near, same = (draft(row.inputs["text"] + end, parent=row.id) for end in ("z", "!"))
    assert found.sift([near, same]) == [near]


def test_so_many_of_one_cluster_are_taken_and_none_twice() -> None:
    found = sieve()
    text = "somebody ought to have a look at the bill that came on the {} of the month"
    many = [draft(text.format(day)) for day in ("1st", "2nd", "3rd", "4th", "5th", "6th", "6th")]
    assert len(found.sift(many)) == MOST_ALIKE
    assert sum(found.refusals.counts.values()) == len(many) - MOST_ALIKE


def test_another_language_is_refused() -> None:
    found = sieve(rows=200)
    german = draft("Wo ist denn meine Rechnung vom letzten Monat geblieben?")
    english = draft("Where has my bill of the last month gone to?")
    assert found.sift([german, english]) == [english]
    assert dict(found.refusals.counts) == {"in another language": 1}


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (AREA, "billing", "bill"),
        (Field("x", "choices", labels=(Label("a"), Label("b"))), ["a", "b"], ["b", "a"]),
        (Field("x", "predicate"), True, "true"),
        (Field("x", "score", labels=(Label("1"), Label("2"))), 2, 3),
        (Field("x", "number"), 1.5, float("nan")),
        (Field("x", "text"), "a", " "),
        (Field("x", "spans"), [{**SPAN, "end": 2, "text": "ab"}], [{**SPAN, "end": 1, "text": "b"}]),
    ],
)
def test_a_value_fits_its_field_or_says_why(field: Field, good: Value, bad: Value) -> None:
    assert find_mistake(field, good, {"text": "ab"}) == ""
    assert find_mistake(field, bad, {"text": "ab"}) != ""


def test_likeness_compares_with_every_known_row_however_many_share_its_letters() -> None:
    template = "please tell me where in the world the parcel with the number {} has gone"
    known = [{"text": template.format(f"{number:04}")} for number in range(300)]
    new = [{"text": template.format("0299")}, {"text": "something else altogether, and quite unlike"}]
    assert list(Likeness().find_near(new, known)) == [0]
    assert Likeness().find_leaks(new, known[-1:]) == {0: "exact"}
    assert Likeness().find_near([], known) == {}


def test_made_rows_like_real_ones_cannot_be_told_and_others_can() -> None:
    draws = np.random.default_rng(0)
    features = draws.normal(size=(200, 20)).astype(np.float32)
    made, folds, groups = np.arange(200) % 2 == 1, np.arange(200) // 2 % 5, np.arange(200)
    alike = tell_apart(features, made, folds=folds, groups=groups)
    assert alike is not None
    assert alike.low < 0.5 < alike.high
    features[made, 0] += 4
    unlike = tell_apart(features, made, folds=folds, groups=groups)
    assert unlike is not None
    assert unlike.auc > 0.95
    assert alike.low <= alike.auc <= alike.high
    assert tell_apart(features[:12], made[:12], folds=folds[:12], groups=groups[:12]) is None, "too few"


def test_the_area_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score

    from freehold.label.synthesis.telling import _area

    draws = np.random.default_rng(1)
    made = draws.random(300) < 0.4
    scores = np.round(draws.normal(size=300) + made, 1)
    assert _area(scores, made) == pytest.approx(roc_auc_score(made, scores), abs=1e-12)
    weight = draws.integers(0, 4, 300).astype(float)
    assert _area(scores, made, weight) == pytest.approx(
        roc_auc_score(made, scores, sample_weight=weight), abs=1e-12
    )


def test_diversity_counts_different_words_and_how_far_vectors_lie_apart() -> None:
    same = measure_diversity(["a b a b"], np.array([[1.0, 0.0], [1.0, 0.0]], np.float32), words=4)
    assert same == (0.5, round(2 / 3, 4), 0.0, 4)
    apart = measure_diversity(["a b", "c d"], np.eye(2, dtype=np.float32), words=3)
    assert apart == (1.0, 1.0, 1.0, 3)
