"""Teachers in this process: the owner's rules, tables of patterns, releases, similarity; what they may not do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.label.test_label_teachers import make_rows, run_teachers, subject, task_with, truth
from tests.small import AREAS

from freehold.errors import DataError
from freehold.label.teach.patterns import read_patterns
from freehold.label.teach.rules import Troubles
from freehold.task import Field, Label, Teacher

RULE = """
AREAS = {areas!r}
def guess(inputs):
    for word, area in AREAS.items():
        if word in inputs["text"]:
            return area
"""
FIELDS = (
    Field("area", "choice", labels=(Label("a"), Label("b"))),
    Field("topics", "choices", labels=(Label("x"), Label("y"))),
    Field("urgent", "predicate"),
    Field("mood", "score", labels=(Label("1"), Label("2"))),
    Field("price", "number"),
    Field("slots", "spans", labels=(Label("when"),)),
)


def table(folder: Path, *lines: str, fields: tuple[Field, ...] = FIELDS) -> Any:
    path = folder / "table.csv"
    path.write_text("pattern,field,value\n" + "".join(f"{line}\n" for line in lines))
    return read_patterns(path, fields=fields, inputs=("text",))


def test_a_table_says_what_its_lines_say_of_every_kind_of_field(tmp_path: Path) -> None:
    lines = ("alpha,area,a", "beta,area,b", "x,topics,x", "y,topics,y", "now,urgent,true", "bad,mood,1")
    patterns = table(tmp_path, *lines, "cheap,price,9.5", r"\btoday|tomorrow\b,slots,when")
    troubles = Troubles()
    found = patterns.answer({"text": "Beta alpha xy now bad cheap today"}, troubles=troubles)
    assert found == {
        "area": "a",
        "topics": ["x", "y"],
        "urgent": True,
        "mood": 1,
        "price": 9.5,
        "slots": [{"label": "when", "start": 28, "end": 33, "text": "today"}],
    }
    assert patterns.answer({"text": "none"}, troubles=troubles) == {}
    assert troubles.count == 0


def test_an_expression_that_would_never_end_is_left_out_and_told(tmp_path: Path) -> None:
    patterns = table(tmp_path, "(x+x+)+z,area,a", "x,area,b")
    troubles = Troubles()
    text = {"text": "x" * 5000}
    assert patterns.answer(text, troubles=troubles) == {"area": "b"}
    assert (troubles.count, "line 2" in troubles.first) == (1, True)
    patterns.answer(text, troubles=troubles)
    assert troubles.count == 1


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("pattern,value\nx,a\n", "no column `field`"),
        ("pattern,field,value\nx,aera,a\n", "line 2: no such field"),
        ("pattern,field,value\nx,area,c\n", "'c' is no value of `area`"),
        ("pattern,field,value\n(,area,a\n", "no regular expression"),
        ("pattern,field,value\nx,urgent,maybe\n", "'maybe' is no value"),
    ],
)
def test_what_is_wrong_with_a_table_is_named(tmp_path: Path, content: str, wanted: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError) as caught:
        read_patterns(tmp_path / "t.csv", fields=FIELDS, inputs=("text",))
    assert wanted in caught.value.message


def test_a_rule_labels_rows_and_its_passport_says_so(tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text(RULE.format(areas=AREAS))
    rows = make_rows(80, unlabelled=20)
    taught = run_teachers(tmp_path, task_with(tmp_path, Teacher("words", "rule", "words.py:guess")), rows)
    assert len(taught.rows) == 20
    assert all(row.outputs["area"] == truth(rows)[name] for name, row in taught.rows.items())
    assert {row.passport.maker for row in taught.rows.values()} == {"rule:words"}


def test_what_a_rule_raises_is_told_and_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text(
        RULE.format(areas=AREAS) + "def odd(inputs):\n"
        "    if 'card' in inputs['text']:\n        raise SystemExit('no cards')\n"
        "    if 'login' in inputs['text']:\n        return {'area': 'nowhere'}\n"
        "    return guess(inputs)\n"
    )
    rows = make_rows(120, unlabelled=40)
    taught = run_teachers(tmp_path, task_with(tmp_path, Teacher("odd", "rule", "words.py:odd")), rows)
    texts = {row.inputs["text"] for row in taught.rows.values()}
    assert texts
    assert not [text for text in texts if subject(text) in ("card", "login")]
    told: Any = taught.facts["teachers"]
    assert "the first with SystemExit: no cards" in told["odd"]["trouble"]
    assert told["odd"]["misfits"] > 0


@pytest.mark.parametrize(
    ("teacher", "wanted"),
    [
        (Teacher("a", "rule", "gone.py:f"), "no file in the task's folder"),
        (Teacher("a", "rule", "broken.py:f"), "cannot be loaded: SyntaxError"),
        (Teacher("a", "rule", "empty.py:f"), "has no function `f`"),
        (Teacher("a", "patterns", "gone.csv"), "cannot be read"),
        (Teacher("a", "release", "gone"), "neither a task's folder nor an exported release"),
        (Teacher("a", "base", "hf:no/such-model"), "not in the local cache"),
    ],
)
def test_a_teacher_that_cannot_be_opened_is_told_and_the_others_go_on(
    tmp_path: Path, teacher: Teacher, wanted: str
) -> None:
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "words.py").write_text(RULE.format(areas=AREAS))
    rows = make_rows(60, unlabelled=10)
    task = task_with(tmp_path, teacher, Teacher("words", "rule", "words.py:guess"))
    taught = run_teachers(tmp_path, task, rows)
    assert len(taught.rows) == 10
    told: Any = taught.facts["teachers"]
    assert wanted in told["a"]["trouble"]


def test_a_rule_outside_of_the_folder_is_not_run(tmp_path: Path) -> None:
    home = tmp_path / "task"
    home.mkdir()
    (tmp_path / "out.py").write_text(RULE.format(areas=AREAS))
    (home / "link.py").symlink_to(tmp_path / "out.py")
    task = task_with(home, Teacher("a", "rule", "link.py:guess"))
    taught = run_teachers(tmp_path, task, make_rows(30, unlabelled=5))
    assert taught.rows == {}


def test_a_release_of_ours_is_a_teacher(tmp_path: Path, turned: Path) -> None:
    rows = make_rows(120, unlabelled=30)
    task = task_with(tmp_path, Teacher("ours", "release", str(turned)), agreement=0.6)
    taught = run_teachers(tmp_path, task, rows)
    right = sum(row.outputs["area"] == truth(rows)[name] for name, row in taught.rows.items())
    assert right > 0.8 * len(taught.rows) > 10
    assert {row.passport.maker for row in taught.rows.values()} == {"model:ours"}


def test_similarity_is_a_teacher(tmp_path: Path) -> None:
    rows = make_rows(60, unlabelled=15)
    task = task_with(tmp_path, Teacher("near", "similarity", ""), agreement=0.0)
    taught = run_teachers(tmp_path, task, rows)
    assert len(taught.rows) == 15
    right = sum(row.outputs["area"] == truth(rows)[name] for name, row in taught.rows.items())
    assert right > 7, "well above one in three"


def test_a_row_with_some_labels_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text(RULE.format(areas=AREAS))
    rows = [
        replace(row, outputs=row.outputs or {"tone": "calm"}, passport=replace(row.passport, maker="data"))
        for row in make_rows(60, unlabelled=9)
    ]
    task = task_with(tmp_path, Teacher("words", "rule", "words.py:guess", ("area",)), checks=30)
    task = replace(task, fields=(*task.fields, Field("tone", "choice", labels=(Label("calm"), Label("angry")))))
    taught = run_teachers(tmp_path, task, rows)
    nine = [row for row in taught.rows.values() if row.outputs.get("tone")]
    assert len(nine) == 9
    assert all(set(row.outputs) == {"area", "tone"} for row in nine)
    assert all(row.passport.maker == "data" for row in nine)
    assert all(row.passport.taught and row.passport.taught["fields"] == ["area"] for row in nine)
