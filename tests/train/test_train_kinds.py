"""What holds for every kind of field, on both rungs that need no training of the encoder."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.train.plain_rows import AREAS, FIELDS, make_examples, make_rows, make_vectors

from freehold.engine import field_labels, to_probabilities
from freehold.task import Example, Field, Label
from freehold.train.heads import Trained
from freehold.train.label_names import name_rows
from freehold.train.ladder import judge_rung
from freehold.train.moments import PENALTY
from freehold.train.ridge import Ridge
from freehold.train.rows import MISSING, Rows, to_rows
from freehold.train.svm import fit_svm

Fit = Callable[[Rows, Sequence[Field]], Trained]


def fit_ridge(rows: Rows, fields: Sequence[Field]) -> Trained:
    ridge = Ridge(fields, make_vectors, "encoder", Path("nowhere"))
    return ridge.fit(rows, rows.take([]))[0]


def fit_machine(rows: Rows, fields: Sequence[Field]) -> Trained:
    return fit_svm(rows, fields, vectors=make_vectors(rows.texts))


FITS: dict[str, Fit] = {"ridge": fit_ridge, "svm": fit_machine}


def scores(trained: Trained, texts: Sequence[str]) -> NDArray[np.float32]:
    vectors = make_vectors(texts)
    return trained.heads(dense=vectors.shape[1]).scores(vectors, trained.grams.transform(texts))


def columns(trained: Trained, fields: Sequence[Field], texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Returns each field's scores."""
    found, start, parts = scores(trained, texts), 0, {}
    for field in fields:
        parts[field.name] = found[:, start : start + len(field_labels(field))]
        start += len(field_labels(field))
    return parts


@pytest.fixture(params=FITS)
def fit(request: pytest.FixtureRequest) -> Fit:
    return FITS[str(request.param)]


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_all_kinds_are_learned_side_by_side(fit: Fit, missing: float) -> None:
    unseen = make_rows(80, seed=1)
    found = scores(fit(make_rows(300, missing=missing), FIELDS), unseen.texts)
    trained = fit(make_rows(300, missing=missing), FIELDS)
    _, merit, _ = judge_rung(FIELDS, trained, scores=found, rows=unseen)
    assert merit.n == {field.name: 80 for field in FIELDS}
    least = {"area": 0.9, "topics": 0.9, "urgent": 0.9, "mood": 0.85, "amount": 0.6}
    assert {name: value for name, value in merit.headline.items() if value < least[name]} == {}


def test_a_field_alone_is_learned_as_it_is_beside_others(fit: Fit) -> None:
    rows, texts = make_rows(150, missing=0.3), make_rows(20, seed=1).texts
    together = columns(fit(rows, FIELDS), FIELDS, texts)
    for field in FIELDS:
        alone = columns(fit(rows, [field]), [field], texts)
        np.testing.assert_allclose(together[field.name], alone[field.name], atol=1e-5)


def renamed(examples: Sequence[Example], names: dict[str, str]) -> list[Example]:
    return [replace(each, outputs={**each.outputs, "area": names[str(each.outputs["area"])]}) for each in examples]


def chances(fit: Fit, examples: Sequence[Example], labels: Sequence[str]) -> list[dict[str, float]]:
    """Returns the calibrated probability of each label, by its name, for rows that were not learned from."""
    field = Field("area", "choice", labels=tuple(Label(name) for name in labels))
    rows, held = (to_rows(part, [field], inputs=["text"]) for part in (examples[:120], examples[120:]))
    trained = fit(rows, [field])
    found = scores(trained, held.texts)
    heads, _, _ = judge_rung([field], trained, scores=found, rows=held)
    return [dict(zip(labels, row, strict=True)) for row in to_probabilities(field, heads["area"], found).tolist()]


NAMES = {"account": "zebra", "billing": "1", "delivery": "Where is it?"}


def test_other_names_and_another_order_of_labels_change_no_answer(fit: Fit) -> None:
    examples = make_examples(180)
    before = chances(fit, examples, AREAS)
    orders = [AREAS[::-1], (AREAS[1], AREAS[0], AREAS[2])]
    others = [chances(fit, examples, order) for order in orders]
    others += [
        [{old: row[new] for old, new in NAMES.items()} for row in chances(fit, renamed(examples, NAMES), order)]
        for order in ([*NAMES.values()], sorted(NAMES.values()))
    ]
    answers = [max(row, key=row.__getitem__) for row in before]
    for after in others:
        assert [max(row, key=row.__getitem__) for row in after] == answers
        for one, other in zip(before, after, strict=True):
            assert one == pytest.approx(other, abs=1e-5)


def test_another_order_of_rows_changes_no_answer(fit: Fit) -> None:
    rows, texts = make_rows(120), make_rows(30, seed=1).texts
    order = np.random.default_rng(0).permutation(120).tolist()
    before, after = (columns(fit(each, FIELDS), FIELDS, texts) for each in (rows, rows.take(order)))
    for field in FIELDS:
        np.testing.assert_allclose(before[field.name], after[field.name], atol=2e-2)
        if field.kind in ("choice", "predicate", "score"):
            assert (before[field.name].argmax(1) == after[field.name].argmax(1)).all()


def test_a_field_that_nobody_labelled_is_as_if_it_knew_nothing(fit: Fit) -> None:
    rows = make_rows(40)
    unlabelled = {name: target.copy() for name, target in rows.targets.items()}
    for target in unlabelled.values():
        target[:] = np.nan if target.dtype.kind == "f" else MISSING
    found = columns(fit(replace(rows, targets=unlabelled), FIELDS), FIELDS, rows.texts)
    for field in FIELDS:
        assert np.ptp(found[field.name]) == 0


def test_a_single_label_a_constant_number_and_empty_texts_are_learned(fit: Fit) -> None:
    rows = make_rows(40)
    fields = (replace(FIELDS[0], labels=(Label("only"),)), FIELDS[4])
    targets = {"area": np.zeros(40, np.int64), "amount": np.full(40, 7.5)}
    trained = fit(replace(rows, texts=("",) * 40, targets=targets), fields)
    found = columns(trained, fields, ["", "unlike anything"])
    assert np.isfinite(found["area"]).all()
    values = trained.centres["amount"] + trained.spreads["amount"] * found["amount"]
    np.testing.assert_allclose(values, 7.5, atol=1e-3)


def test_contradictory_labels_of_one_text_are_answered_by_most(fit: Fit) -> None:
    rows = make_rows(1)
    rows = replace(rows.take([0] * 9), targets={"urgent": np.array([1, 0, 1, 0, 1, 1, 0, 1, 1])})
    found = columns(fit(rows, [FIELDS[2]]), [FIELDS[2]], rows.texts[:1])["urgent"]
    assert found[0, 1] > found[0, 0]


def many_labels(count: int) -> tuple[Field, Rows]:
    """Returns a field of `count` labels with two rows each."""
    field = Field("area", "choice", labels=tuple(Label(f"l{n}") for n in range(count)))
    texts = tuple(text for n in range(count) for text in (f"w{n} first", f"w{n} w{n * 7 % count} again"))
    target = np.repeat(np.arange(count), 2)
    ids = tuple(f"e{n}" for n in range(len(texts)))
    return field, Rows(ids, texts, tuple({"text": text} for text in texts), {"area": target}, {})


@pytest.mark.parametrize("count", [2, 300])
def test_few_labels_and_many_are_learned(fit: Fit, count: int) -> None:
    field, rows = many_labels(count)
    found = scores(fit(rows, [field]), rows.texts)
    assert (found.argmax(1) == rows.targets["area"]).mean() > 0.97


def test_five_thousand_labels_are_learned_by_ridge() -> None:
    field, rows = many_labels(5_000)
    some = np.random.default_rng(0).choice(5_000, 200, replace=False)
    part = rows.take([2 * n for n in some.tolist()])
    trained = fit_ridge(part, [field])
    found = scores(trained, part.texts)
    assert found.shape == (200, 5_000)
    assert (found.argmax(1) == some).mean() > 0.97


def test_with_one_row_a_label_the_nearest_one_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing says which part of a lone row matters: untangling other labels from it only adds noise."""
    dice = random.Random(0)
    words = [first + second + "ne" for first in "bdfkl" for second in "aeiouy"]
    field = Field("intent", "choice", "", labels=tuple(Label(" ".join(dice.sample(words, 3))) for _ in range(40)))
    rows = name_rows([field], Rows((), (), (), {"intent": np.zeros(0, np.int64)}, {}))
    asked = [" ".join(dice.sample(words, 4)) for _ in range(300)]
    nearest = (make_vectors(asked) @ make_vectors(rows.texts).T).argmax(1)

    def agreement() -> float:
        return float((scores(fit_ridge(rows, [field]), asked).argmax(1) == nearest).mean())

    found = agreement()
    monkeypatch.setattr("freehold.train.ridge._ONE_EACH_PENALTY", PENALTY)
    assert found > agreement() + 0.03


def test_sums_give_the_heads_that_few_rows_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above a number of rows, ridge is solved from sums kept on disk: the same heads, held-out rows added too."""
    rows, held = make_rows(120, fields=FIELDS[:2]), make_rows(20, seed=1, fields=FIELDS[:2])
    ridge = Ridge(FIELDS[:2], make_vectors, "encoder", tmp_path / "moments")
    few = ridge.fit(rows, held)
    assert not (tmp_path / "moments").exists()
    monkeypatch.setattr("freehold.train.ridge._FEW", 10)
    many = ridge.fit(rows, held)
    for one, other in zip(few, many, strict=True):
        np.testing.assert_allclose(scores(one, held.texts), scores(other, held.texts), atol=1e-4)
    assert {*(tmp_path / "moments").iterdir()} == ridge.kept
    assert len(ridge.kept) == 2
    more = rows + make_rows(3, seed=2, fields=FIELDS[:2])
    anew = Ridge(FIELDS[:2], make_vectors, "encoder", tmp_path / "anew").fit(more, held)
    for one, other in zip(ridge.fit(more, held), anew, strict=True):
        np.testing.assert_allclose(scores(one, held.texts), scores(other, held.texts), atol=1e-6)
