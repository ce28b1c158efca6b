"""Whether made rows are learned from: validation rows say so, and where there are none, nothing does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.small import FIELDS, make_desk, make_examples, make_labelled, make_task

from freehold import train
from freehold.task import Example, Split, Weighed

AREA = FIELDS[:1]


def only(rows: Sequence[Example], *splits: Split) -> list[Example]:
    return [row for row in rows if row.split in splits]


def weigh(folder: Path, base: Path, *, real: Sequence[Example], made: Sequence[Example]) -> Weighed:
    plain, more = (make_labelled(folder / name, rows) for name, rows in (("a", real), ("b", [*real, *made])))
    task = make_task(folder, base=str(base), fields=AREA)
    return train.weigh.function(make_desk(folder / "weigh"), task, plain, more)


def scarce() -> tuple[list[Example], list[Example]]:
    """Returns rows of which few are for training, and further training rows."""
    rows = make_examples(200)
    learned = only(rows, "train")
    return [*learned[:6], *only(rows, "validation", "test")], learned[6:]


def test_rows_that_help_are_taken(tiny_base: Path, tmp_path: Path) -> None:
    real, made = scarce()
    found = weigh(tmp_path, tiny_base, real=real, made=made)
    facts: Any = found.facts
    assert found.taken
    assert facts["rows"] == len(made)
    assert facts["with"]["area"]["value"] > facts["without"]["area"]["value"]
    assert facts["with"]["area"]["n"] == facts["without"]["area"]["n"] == 40
    assert facts["with"]["area"]["low"] < facts["with"]["area"]["value"] <= facts["with"]["area"]["high"]


def test_rows_with_wrong_labels_are_left_out(tiny_base: Path, tmp_path: Path) -> None:
    rows = make_examples(200)
    learned = only(rows, "train")
    wrong = {"account": "billing", "billing": "delivery", "delivery": "account"}
    made = [replace(row, outputs={"area": wrong[str(row.outputs["area"])]}) for row in learned[60:]]
    real = [*learned[:60], *only(rows, "validation")]
    found = weigh(tmp_path, tiny_base, real=real, made=made)
    assert not found.taken
    assert float(str(found.facts["gain"])) < 0


@pytest.mark.parametrize(
    ("splits", "made", "taken", "why"),
    [
        (("train", "validation"), 0, False, "no row was made"),
        (("train", "test"), 9, False, "there is no validation row to tell whether they help"),
        (("validation", "test"), 9, True, "there is no real row to learn from"),
    ],
)
def test_where_nothing_can_tell(
    splits: tuple[Split, ...], made: int, taken: bool, why: str, tiny_base: Path, tmp_path: Path
) -> None:
    rows = make_examples(80)
    found = weigh(
        tmp_path, tiny_base, real=only(rows, *splits), made=only(make_examples(200)[80:], "train")[:made]
    )
    assert (found.taken, found.facts["why"]) == (taken, why)


def test_test_rows_decide_nothing(tiny_base: Path, tmp_path: Path) -> None:
    real, made = scarce()
    upset = [replace(row, outputs={"area": "billing"}) if row.split == "test" else row for row in real]
    found = [
        weigh(tmp_path / name, tiny_base, real=rows, made=made).facts for name, rows in (("x", real), ("y", upset))
    ]
    assert found[0] == found[1]
