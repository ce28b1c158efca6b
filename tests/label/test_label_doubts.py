from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small import AREAS, FIELDS, make_desk, make_examples, make_task

from freehold import feedback, label
from freehold.label.crossing import FOLDS, Features, assign_folds, cross_scores, to_chances, to_several_chances
from freehold.label.doubts import Doubts, find_doubts
from freehold.registry import Registry
from freehold.task import Example, Examples, Field, LabelledExamples, Task, Value, write_examples

annotate = label.annotate.function

OTHERS = {"delivery": "billing", "billing": "account", "account": "delivery"}


def seen(count: int = 240) -> list[Example]:
    return [row for row in make_examples(count) if row.split != "test"]


def plant(rows: Sequence[Example], *, field: str = "area", every: int = 11) -> tuple[list[Example], set[str]]:
    """Returns the rows with some labels changed, and which rows these are."""
    flipped = {row.id for number, row in enumerate(rows) if number % every == 0 and row.split != "test"}
    return [_flip(row, field) if row.id in flipped else row for row in rows], flipped


def _flip(row: Example, field: str) -> Example:
    value = row.outputs[field]
    turned: Value = OTHERS[str(value)] if field == "area" else not value
    return replace(row, outputs={**row.outputs, field: turned})


def doubt(
    folder: Path, base: Path, rows: Sequence[Example], *, settled: Collection[tuple[str, str]] = ()
) -> Doubts:
    task = make_task(folder, base=str(base))
    return find_doubts(make_desk(folder / "doubt"), task, rows, settled=settled)


def test_planted_errors_are_found(tiny_base: Path, tmp_path: Path) -> None:
    rows, flipped = plant(seen())
    found, shares = doubt(tmp_path, tiny_base, rows)
    areas = [each for each in found if each.field == "area"]
    truth = {row.id: row.outputs["area"] for row in seen()}
    assert {each.example for each in areas} == flipped
    assert all(each.likely == truth[each.example] for each in areas)
    assert shares["area"].low < len(flipped) / len(rows) < shares["area"].high
    assert not [each for each in found if each.field != "area"], "the other fields are right"
    first = areas[0]
    assert first.trust == min(each.trust for each in areas)
    assert (
        first.reason == f"suspected error: given `{first.given}`, looks like `{first.likely}` ({first.chance:.2f})"
    )


def test_names_of_labels_and_order_of_rows_change_nothing(tiny_base: Path, tmp_path: Path) -> None:
    rows, _ = plant(seen())
    names = {"delivery": "a", "billing": "c", "account": "b"}
    renamed = [replace(row, outputs={**row.outputs, "area": names[str(row.outputs["area"])]}) for row in rows]
    moved = random.Random(1).sample(rows, len(rows))
    before = doubt(tmp_path, tiny_base, rows)
    after = doubt(tmp_path, tiny_base, renamed)
    assert doubt(tmp_path, tiny_base, moved) == before
    assert [(each.example, each.likely) for each in after.found] == [
        (each.example, names[str(each.likely)]) for each in before.found
    ]


def test_what_a_person_settled_is_not_judged(tiny_base: Path, tmp_path: Path) -> None:
    rows, flipped = plant(seen())
    kept = sorted(flipped)[:5]
    found, shares = doubt(tmp_path, tiny_base, rows, settled={(name, "area") for name in kept})
    assert {each.example for each in found} == flipped - set(kept)
    assert shares["area"].n == len(rows) - 5
    assert shares["urgent"].n == len(rows)


@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_a_handful_of_rows_says_nothing(tiny_base: Path, tmp_path: Path, count: int) -> None:
    assert doubt(tmp_path, tiny_base, seen()[:count]) == ((), {})


def test_one_label_says_nothing(tiny_base: Path, tmp_path: Path) -> None:
    rows = [row for row in seen() if row.outputs["area"] == "billing"]
    assert "area" not in doubt(tmp_path, tiny_base, rows).shares


def test_labels_by_chance_are_not_doubted(tiny_base: Path, tmp_path: Path) -> None:
    draw = random.Random(3)
    rows = [replace(row, outputs={"area": draw.choice(sorted(OTHERS))}) for row in seen()]
    assert doubt(tmp_path, tiny_base, rows) == ((), {}), "nothing can be learned, so nothing looks wrong"


def test_rows_with_gaps_are_judged_by_what_they_have(tiny_base: Path, tmp_path: Path) -> None:
    rows, flipped = plant(seen(), field="urgent")
    some = [replace(row, outputs={**row.outputs}) for row in rows]
    for number, row in enumerate(some):
        if number % 2:
            some[number] = replace(row, outputs={k: v for k, v in row.outputs.items() if k != "urgent"})
    found, shares = doubt(tmp_path, tiny_base, some)
    having = {row.id for row in some if "urgent" in row.outputs}
    assert shares["urgent"].n == len(having)
    urgent = [each for each in found if each.field == "urgent"]
    assert {each.example for each in urgent} >= flipped & having
    assert {type(each.likely) for each in urgent} == {bool}


def test_several_labels_a_row(tiny_base: Path, tmp_path: Path) -> None:
    fields = (Field("tags", "choices", "What it is about."),)
    task = make_task(tmp_path, base=str(tiny_base), fields=fields)
    rows = [replace(row, outputs={"tags": tags(row)}) for row in seen(288)]
    lacking = next(row for row in rows if tags(row) == ["angry", "billing"])
    wrong = {lacking.id: ["billing"]}
    false = next(row for row in rows if tags(row) == ["delivery"])
    wrong[false.id] = ["account", "delivery"]
    rows = [replace(row, outputs={"tags": wrong.get(row.id, row.outputs["tags"])}) for row in rows]
    found, shares = find_doubts(make_desk(tmp_path / "doubt"), task, rows)
    reasons = {each.example: each for each in found}
    assert set(reasons) >= set(wrong)
    assert len(reasons) <= 4
    assert reasons[lacking.id].likely == ["angry", "billing"]
    assert reasons[lacking.id].reason.startswith("suspected error: `angry` looks missing (")
    assert reasons[false.id].likely == ["delivery"]
    assert reasons[false.id].reason.startswith("suspected error: `account` looks wrong (")
    assert shares["tags"].n == 4 * len(rows)
    assert 0 < shares["tags"].value < 0.01


def tags(row: Example) -> list[str]:
    subject = next(word for word in row.inputs["text"].split() if word in AREAS)
    return sorted({AREAS[subject]} | ({"angry"} if "angry" in row.inputs["text"] else set()))


def test_near_duplicates_and_pieces_of_a_text_lie_in_one_fold(tiny_base: Path, tmp_path: Path) -> None:
    """A wrong label on both of two like rows is found: neither has learned from the other."""
    rows, flipped = plant(seen(), every=1_000)
    (name,) = flipped
    place = next(number for number, row in enumerate(rows) if row.id == name)
    twins = [replace(rows[place], id=f"{number:032x}") for number in range(4)]
    alone = doubt(tmp_path, tiny_base, [*rows, *twins])
    near = [replace(row, cluster=name) for row in (rows[place], *twins)]
    pieces = [
        replace(row, passport=replace(row.passport, locator=f"page:1#{number}"))
        for number, row in enumerate((rows[place], *twins))
    ]
    rest = [row for row in rows if row.id != name]
    everyone = {name, *(row.id for row in twins)}
    for joined in (near, pieces):
        found = doubt(tmp_path, tiny_base, [*rest, *joined])
        assert {each.example for each in found.found if each.field == "area"} >= everyone
    assert not {each.example for each in alone.found if each.field == "area"} >= everyone


def test_folds() -> None:
    names = [f"row {number}" for number in range(600)]
    strata = [number % 4 for number in range(600)]
    groups = np.arange(600) // 2
    folds = assign_folds(names, strata, groups)
    assert (folds[::2] == folds[1::2]).all()
    counts = np.bincount(folds, minlength=FOLDS)
    assert counts.min() >= 600 / FOLDS - 8
    order = np.random.default_rng(0).permutation(600)
    other = assign_folds([names[i] for i in order], [f"x{strata[i]}" for i in order], groups[order])
    assert (other == folds[order]).all()


def test_scores_are_those_of_a_model_that_never_saw_the_row() -> None:
    """By hand, and the same whether there are more rows than features or fewer."""
    random = np.random.default_rng(0)
    count = 2_000
    vectors = random.standard_normal((count, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = [f"word{number % 50} word{number % 7}" for number in range(count)]
    targets = np.where(vectors[:, :2] > 0, 1, -1).astype(np.float32)
    folds = np.arange(count) % FOLDS
    features = Features(texts, vectors)
    scores = cross_scores(features, targets, folds=folds)
    mapped = features.of(np.arange(count)).astype(np.float64)
    rest = folds != 3
    mean = targets[rest].mean(0)
    system = mapped[rest].T @ mapped[rest] + np.eye(features.width)
    weights = np.linalg.solve(system, mapped[rest].T @ (targets[rest] - mean))
    assert scores[~rest] == pytest.approx(mapped[~rest] @ weights + mean, abs=2e-3)
    few = np.arange(300)
    part = Features(texts[:300], vectors[:300])
    kernel = cross_scores(part, targets[:300], folds=folds[:300])
    mapped, rest = mapped[:300], rest[:300]
    mean = targets[:300][rest].mean(0)
    system = mapped[rest].T @ mapped[rest] + np.eye(features.width)
    weights = np.linalg.solve(system, mapped[rest].T @ (targets[:300][rest] - mean))
    assert len(few) < features.width < count
    assert kernel[~rest] == pytest.approx(mapped[~rest] @ weights + mean, abs=2e-3)


def test_chances_are_calibrated() -> None:
    random = np.random.default_rng(1)
    scores = random.standard_normal((4_000, 3)).astype(np.float32)
    true = np.exp(3 * scores.astype(np.float64))
    true /= true.sum(1, keepdims=True)
    said = (random.random((4_000, 1)) > true.cumsum(1)).sum(1)
    found = to_chances(scores, said)
    assert found is not None
    assert np.abs(found - true).max() < 0.06
    several = (random.random((4_000, 3)) < 1 / (1 + np.exp(1 - 2 * scores))).astype(np.int64)
    each = to_several_chances(scores, several)
    assert each is not None
    assert np.abs(each - 1 / (1 + np.exp(1 - 2 * scores))).max() < 0.06


def collected(folder: Path, rows: Sequence[Example]) -> Examples:
    folder.mkdir(exist_ok=True)
    write_examples(folder / "examples.jsonl", rows)
    return Examples(folder)


def turn(folder: Path, task: Task, shelf: Registry, rows: Sequence[Example]) -> LabelledExamples:
    return annotate(make_desk(folder / "annotate"), task, collected(folder / "rows", rows), shelf)


def test_suspects_stand_at_the_head_of_the_review_list(tiny_base: Path, tmp_path: Path) -> None:
    rows, flipped = plant(make_examples(240))
    rows[1] = replace(rows[1], outputs={"tone": rows[1].outputs["tone"]})
    with Registry.open(tmp_path / "state") as shelf:
        task = make_task(tmp_path, base=str(tiny_base))
        labelled = turn(tmp_path, task, shelf, rows)
        reviews = shelf.reviews("desk")
        suspected = [each for each in reviews if each.given is not None]
        assert reviews[: len(suspected)] == suspected
        assert {(each.example, each.field) for each in reviews[len(suspected) :]} == {
            (rows[1].id, "area"),
            (rows[1].id, "urgent"),
        }
        found = {each.example for each in suspected if each.field == "area"}
        assert len(found & flipped) >= len(flipped) - 1
        first = suspected[0]
        assert first.reason.startswith(
            f"suspected error: given `{first.given}`, looks like `{first.suggestion}` ("
        )
        assert first.worth > 0.5
        facts: Any = labelled.facts["suspected"]
        assert facts["area"]["rows"] == len(found)
        assert sorted(path.name for path in labelled.folder.iterdir()) == ["examples.jsonl", "suggestions.jsonl"]


def test_a_correction_and_a_confirmation_keep_a_row_off_the_list(tiny_base: Path, tmp_path: Path) -> None:
    rows, _ = plant(make_examples(240))
    with Registry.open(tmp_path / "state") as shelf:
        task = make_task(tmp_path, base=str(tiny_base))
        turn(tmp_path, task, shelf, rows)
        confirmed, corrected, machine, *_ = shelf.reviews("desk")
        for each, value, maker in (
            (confirmed, confirmed.given, "person:ada"),
            (corrected, corrected.suggestion, "person:ada"),
            (machine, machine.given, "model:other"),
        ):
            row = {"inputs": dict(each.inputs), "correct": {each.field: value}}
            receipt = feedback.accept(shelf, "desk", [row], fields=FIELDS, inputs=("text",), maker=maker)
            assert len(receipt.accepted) == 1
        answered = {confirmed.example, corrected.example}
        assert not answered & {each.example for each in shelf.reviews("desk")}
        turn(tmp_path, task, shelf, rows)  # the rows themselves still say what they said
        waiting = {each.example for each in shelf.reviews("desk")}
        assert not answered & waiting
        assert machine.example in waiting, "what a model says settles nothing"


def test_test_rows_are_never_read(tiny_base: Path, tmp_path: Path) -> None:
    """Whatever test rows say, and whether they are there: the same list, and none of their texts is encoded."""
    rows, _ = plant(make_examples(240))
    lists = []
    for number, mine in enumerate(
        (
            rows,
            [row for row in rows if row.split != "test"],
            [replace(r, outputs={**r.outputs, "area": "account"}) if r.split == "test" else r for r in rows],
        )
    ):
        home = tmp_path / str(number)
        with Registry.open(home / "state") as shelf:
            task = make_task(home, base=str(tiny_base))
            turn(home, task, shelf, mine)
            lists.append(shelf.reviews("desk"))
        assert _count_encoded(home / "cache") == len([row for row in rows if row.split != "test"])
    assert lists[0]
    assert lists[0] == lists[1] == lists[2]
    test = {row.id for row in rows if row.split == "test"}
    assert not test & {each.example for each in lists[0]}


def _count_encoded(cache: Path) -> int:
    from safetensors.numpy import load_file

    return sum(len(load_file(path)["vectors"]) for path in cache.rglob("*.safetensors"))
