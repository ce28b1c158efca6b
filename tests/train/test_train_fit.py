from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.small import FIELDS, make_desk, make_examples, make_labelled, make_task

from freehold import train
from freehold.engine import open_folder
from freehold.errors import DataError, UserError
from freehold.task import Event, Field, Label, LabelledExamples, folder_digest, folder_files

fit = train.fit.function


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> LabelledExamples:
    return make_labelled(tmp_path_factory.mktemp("labelled"), make_examples())


def test_every_rung_is_tried_and_reported(labelled: LabelledExamples, tiny_base: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    task = make_task(tmp_path, base=str(tiny_base))
    trained = fit(make_desk(tmp_path / "fit", tell=events.append), task, labelled)
    rungs: Any = trained.facts["rungs"]
    assert [rung["name"] for rung in rungs] == ["ridge", "ridge + svm", "tuned last"]
    assert sum(bool(rung["taken"]) for rung in rungs) == 1
    assert rungs[0]["validation"]["area"] > 0.9
    assert rungs[0]["n"] == {"area": 48, "tone": 48, "urgent": 48}
    assert all(0 <= rung["p"] <= 1 for rung in rungs[1:])
    description = open_folder(trained.folder).description
    assert [field.name for field in description.fields] == ["area", "tone", "urgent"]
    assert description.heads["urgent"].stop == 7
    assert [event.kind for event in events].count("note") == 3
    again = fit(make_desk(tmp_path / "again"), task, labelled)
    notes: Any = again.facts["rungs"]
    if rungs[0]["taken"]:
        assert all("it did not pay before" in rung["note"] for rung in notes[1:])


def test_the_same_seed_gives_the_same_digest(labelled: LabelledExamples, tiny_base: Path, tmp_path: Path) -> None:
    task = make_task(tmp_path, base=str(tiny_base))
    digests = {
        folder_digest(folder_files(fit(make_desk(tmp_path / name / "fit"), task, labelled).folder))
        for name in ("a", "b")
    }
    assert len(digests) == 1


def test_quick_fits_the_first_rung_alone(labelled: LabelledExamples, tiny_base: Path, tmp_path: Path) -> None:
    task = replace(make_task(tmp_path, base=str(tiny_base)), effort="quick")
    rungs: Any = fit(make_desk(tmp_path / "fit"), task, labelled).facts["rungs"]
    assert rungs[0]["taken"]
    assert rungs[1]["note"] == 'not tried: the task says `effort = "quick"`'


def test_labels_come_from_the_data(labelled: LabelledExamples, tiny_base: Path, tmp_path: Path) -> None:
    task = replace(make_task(tmp_path, base=str(tiny_base), fields=(Field("area", "choice"),)), effort="quick")
    description = open_folder(fit(make_desk(tmp_path / "fit"), task, labelled).folder).description
    labels = description.fields[0].labels
    assert labels is not None
    assert [label.name for label in labels] == ["account", "billing", "delivery"]


def test_names_of_labels_are_enough_to_begin(tiny_base: Path, tmp_path: Path) -> None:
    labels = (Label("lost_parcel"), Label("unpaid_invoice", "An invoice that nobody paid."))
    examples = [replace(e, outputs={}) for e in make_examples(20)]
    task = replace(
        make_task(tmp_path, base=str(tiny_base), fields=(Field("desk", "choice", "", labels),)), effort="quick"
    )
    trained = fit(make_desk(tmp_path / "fit"), task, make_labelled(tmp_path / "labelled", examples))
    assert open_folder(trained.folder).description.heads["desk"].stop == 2


def test_few_validation_rows_do_not_choose_a_rung(tiny_base: Path, tmp_path: Path) -> None:
    examples = [e for e in make_examples(160) if e.split != "validation"]
    labelled = make_labelled(tmp_path / "labelled", examples)
    trained = fit(make_desk(tmp_path / "fit"), make_task(tmp_path, base=str(tiny_base)), labelled)
    rungs: Any = trained.facts["rungs"]
    assert "cannot tell" in str(rungs[1]["note"])


def test_kinds_that_cannot_be_learned_are_named(
    labelled: LabelledExamples, tiny_base: Path, tmp_path: Path
) -> None:
    task = make_task(tmp_path, base=str(tiny_base), fields=(*FIELDS, Field("reply", "text")))
    with pytest.raises(UserError, match="`reply`"):
        fit(make_desk(tmp_path / "fit"), task, labelled)


def test_with_few_rows_the_encoder_that_is_shipped_learned_from_all(tiny_base: Path, tmp_path: Path) -> None:
    desk, examples = make_desk(tmp_path / "fit"), make_examples(40)
    trained = fit(desk, make_task(tmp_path, base=str(tiny_base)), make_labelled(tmp_path / "labelled", examples))
    rungs: Any = trained.facts["rungs"]
    assert [rung["name"] for rung in rungs if rung["taken"]] == ["tuned last"]
    seen = {e.id for e in examples if e.split != "test"}
    homes = [home for home in (desk.cache / "tuned").iterdir() if home.is_dir()]
    learned = {home: set(json.loads((home / "learned.json").read_bytes())["train"]) for home in homes}
    [whole] = [home for home, ids in learned.items() if seen <= ids]
    assert len(homes) == 2
    shipped, kept = (folder_digest(folder_files(each)) for each in (trained.folder / "tuned", whole / "encoder"))
    assert shipped == kept


def test_a_field_without_labels_is_named(tiny_base: Path, tmp_path: Path) -> None:
    examples = [replace(e, outputs={"area": e.outputs["area"]}) for e in make_examples(30)]
    labelled = make_labelled(tmp_path / "labelled", examples)
    fields = (FIELDS[0], Field("tone", "choice"))
    with pytest.raises(DataError, match="`tone`"):
        fit(make_desk(tmp_path / "fit"), make_task(tmp_path, base=str(tiny_base), fields=fields), labelled)


def test_no_training_rows_is_said(tiny_base: Path, tmp_path: Path) -> None:
    examples = [replace(e, split="validation") for e in make_examples(30) if e.split != "test"]
    labelled = make_labelled(tmp_path / "labelled", examples)
    task = make_task(tmp_path, base=str(tiny_base), fields=(Field("urgent", "predicate"),))
    with pytest.raises(DataError, match="no training rows"):
        fit(make_desk(tmp_path / "fit"), task, labelled)
