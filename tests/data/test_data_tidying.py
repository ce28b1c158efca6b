from __future__ import annotations

import json

import pytest
from tests.data.workplace import Work

from freehold.data import Refused
from freehold.data.cleaning import Ledger
from freehold.data.tidying import Tidying, cut_example
from freehold.errors import TaskFileError
from freehold.task import DataRules, Example, Field, Passport, Source, example_id

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord")
LONG = "The pump is stopped first. Then the cover is opened and the filter is lifted out with two hands."
KEY = "AKIA" + "IOSFODNN7EXAMPLE"


def texts(rows: list[Example | Refused]) -> list[str]:
    return [row.inputs["text"] for row in rows if isinstance(row, Example)]


def reasons(rows: list[Example | Refused]) -> list[str]:
    return [row.reason for row in rows if isinstance(row, Refused)]


def test_nothing_is_done_unless_asked(work: Work) -> None:
    work.put_rows("a.jsonl", [(f"Ask ada@example.org about {KEY}.", "x")])
    assert texts(work.read("a.jsonl")) == [f"Ask ada@example.org about {KEY}."]


@pytest.mark.parametrize(
    ("mode", "kept", "refused"),
    [
        ("keep", ["Ask ada@example.org."], []),
        ("mask", ["Ask [EMAIL]."], []),
        ("drop", [], ["cleaning: pii.email"]),
    ],
)
def test_what_tells_of_a_person(work: Work, mode: str, kept: list[str], refused: list[str]) -> None:
    work.put_rows("a.jsonl", [("Ask ada@example.org.", "x"), ("Ask me.", "x")])
    rows = work.read("a.jsonl", rules=DataRules(pii=mode))
    assert texts(rows) == [*kept, "Ask me."]
    assert [reason[: len(wanted)] for reason, wanted in zip(reasons(rows), refused, strict=True)] == refused


def test_secrets_and_languages(work: Work) -> None:
    german = "Die Pumpe muss angehalten werden, bevor man den Deckel öffnet und den Filter herausnimmt."
    work.put_rows("a.jsonl", [(f"My key is {KEY}, is it not?", "x"), (german, "x"), (LONG, "x")])
    rows = work.read("a.jsonl", rules=DataRules(secrets="mask", languages=("en",)))
    assert texts(rows) == ["My key is [SECRET], is it not?", LONG]
    (reason,) = reasons(rows)
    assert reason.startswith("cleaning: language: de")


def test_the_name_of_an_example_follows_its_text(work: Work) -> None:
    work.put_rows("a.jsonl", [("Ask ada@example.org.", "x")])
    (row,) = work.read("a.jsonl", rules=DataRules(pii="mask"))
    assert isinstance(row, Example)
    assert row.id == row.cluster == example_id({"text": "Ask [EMAIL]."})


def test_spans_move_along(work: Work) -> None:
    text = "\u200bAsk ada@example.org  in Bern \ufb01rst."
    spans = [{"label": "city", "start": text.index("Bern"), "end": text.index("Bern") + 4, "text": "Bern"}]
    work.put("a.jsonl", json.dumps({"text": text, "where": spans}) + "\n")
    fields = (Field("where", "spans"),)
    (row,) = work.read("a.jsonl", fields=fields, rules=DataRules(clean=("unicode",), pii="mask"))
    assert isinstance(row, Example)
    start = row.inputs["text"].index("Bern")
    assert row.outputs["where"] == [{"label": "city", "start": start, "end": start + 4, "text": "Bern"}]
    assert "[EMAIL]" in row.inputs["text"]


def test_a_row_whose_span_is_cleaned_away_is_refused(work: Work) -> None:
    text = "Menu\nThe pump is stopped."
    rows = [{"text": f"Menu\nThe pump {word} is stopped."} for word in WORDS]
    rows.append({"text": text, "where": [{"label": "x", "start": 0, "end": 4}]})  # type: ignore[dict-item]
    work.put("a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    read = work.read("a.jsonl", fields=(Field("where", "spans"),), rules=DataRules(clean=("repeated_lines",)))
    assert texts(read) == [f"The pump {word} is stopped." for word in WORDS]
    assert reasons(read) == ["cleaning took away the span 'Menu' of 'x'"]


def test_test_rows_are_masked_and_never_dropped(work: Work) -> None:
    work.put_rows("a.jsonl", [("Ask ada@example.org.", "x"), ("Short.", "x")])
    rules = DataRules(clean=("gopher",), pii="drop")
    assert texts(work.read(Source("a.jsonl", {}, split="test"), rules=rules)) == ["Ask [EMAIL].", "Short."]
    with pytest.raises(Exception, match="no row that can be used"):
        work.read("a.jsonl", rules=rules)


def test_an_unknown_step_is_a_mistake_of_the_task_file(work: Work) -> None:
    work.put_rows("a.jsonl", [("a", "x")])
    with pytest.raises(TaskFileError, match=r"'gofer' is no step of cleaning. Did you mean `gopher`\?"):
        work.read("a.jsonl", rules=DataRules(clean=("gofer",)))


def test_the_report_counts_each_rule_and_shows_samples(work: Work) -> None:
    rows = [(f"{LONG} {LONG} {LONG} It is said for the {i}th time, to {i * 7919} people.", "x") for i in range(20)]
    work.put_rows("a.jsonl", [*rows, ("Short.", "x"), ("Ask ada@example.org.", "x")])
    report = work.collect("a.jsonl", rules=DataRules(clean=("gopher.words",), pii="keep")).report
    cleaning = report["cleaning"]
    assert cleaning["texts"] == 22
    assert cleaning["dropped"]["gopher.words"]["texts"] == 22 - cleaning["kept"] > 0
    assert cleaning["dropped"]["gopher.words"]["samples"][0]["why"].startswith("words: 2, allowed")
    assert any("cleaning: gopher.words" in each for each in report["warnings"][0]["examples"])
    assert report["licences"] == {"": {"examples": cleaning["kept"], "uses": None}}


def test_long_texts_are_cut_and_their_pieces_stay_together(work: Work) -> None:
    for number in range(12):
        text = "\n\n".join(f"{LONG} This is part {part} of number {number * 7919}." for part in range(5))
        work.put(f"papers/a/{number}.txt", text)
    made = work.collect(Source("papers", {"text": "text", "intent": "label"}, chunk=30))
    assert len(made.examples) == 60
    assert {len(row.inputs["text"].split()) for row in made.examples} == {26}
    splits: dict[str, set[str]] = {}
    for row in made.examples:
        splits.setdefault(row.passport.locator.partition("#")[0], set()).add(row.split)
        assert row.outputs == {"intent": "a"}
    assert len(splits) == 12
    assert all(len(each) == 1 for each in splits.values())


def test_a_text_that_fits_is_not_cut() -> None:
    example = Example("a", {"text": "One two."}, {}, Passport("s", "s:1"), "train")
    assert list(cut_example(example, words=20)) == [example]


def test_a_tidying_that_does_nothing_says_so() -> None:
    assert not Tidying(DataRules(), ledger=Ledger()).is_on
    assert Tidying(DataRules(languages=("en",)), ledger=Ledger()).is_on
