"""Drops that were read one by one: is what a rule drops really of no use as text?

`drops.jsonl` holds real texts of up to 600 characters (docstrings, readmes, data files of packages whose licences
allow the copy; each row names its own), drawn at random from what each rule drops (`sampled_for`), at most 15 a
rule. `good_drop` was judged by reading, by the language model that wrote the rules and not by a person: true where
the text is no prose to learn from. Precision is what the papers' bars give on short technical text, which they
were not made for: low figures are why rules are off by default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from bench.intervals import Interval, wilson

from freehold.data.cleaning import DOCUMENTS, ENGLISH, RULES, Cleaning, Settings
from freehold.data.cleaning.c4 import LINE_RULES
from freehold.data.cleaning.documents import Document
from freehold.data.cleaning.rules import judge

ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "drops.jsonl").read_text(encoding="utf-8").splitlines()
]
ALLOWED = {"PSF-2.0", "MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause"}

GOOD = {
    "c4.curly": 10,
    "c4.few_sentences": 2,
    "gopher.duplicate_lines": 13,
    "gopher.duplicate_paragraphs": 1,
    "gopher.duplicate_line_chars": 12,
    "gopher.duplicate_paragraph_chars": 1,
    "gopher.top_ngram.2": 9,
    "gopher.top_ngram.3": 6,
    "gopher.top_ngram.4": 5,
    "gopher.duplicate_ngram.5": 5,
    "gopher.duplicate_ngram.6": 6,
    "gopher.duplicate_ngram.7": 6,
    "gopher.duplicate_ngram.8": 3,
    "gopher.duplicate_ngram.9": 3,
    "gopher.duplicate_ngram.10": 3,
    "fineweb.line_punctuation": 8,
    "fineweb.duplicate_line_chars": 7,
    "fineweb.short_lines": 13,
    "gopher.words": 3,
    "gopher.mean_word_length": 12,
    "gopher.symbol_ratio": 7,
    "gopher.bullet_lines": 7,
    "gopher.ellipsis_lines": 1,
    "gopher.alpha_words": 12,
    "gopher.stop_words": 12,
    "c4.line_end": 5,
    "c4.line_words": 7,
    "c4.javascript": 3,
}
"""Rule to how many of its rows were judged good to drop. A change of a rule or of a judgement shows here."""


def drops(text: str, *, rule: str) -> bool:
    if rule in LINE_RULES:
        return LINE_RULES[rule](text, ENGLISH)
    return judge(Document(text), name=rule) is not None


def precision() -> Mapping[str, Interval]:
    """The share of good drops among the rows that were drawn for a rule, by rule."""
    drawn = {rule: [row for row in ROWS if rule in row["sampled_for"]] for rule in (*RULES, *LINE_RULES)}
    return {rule: wilson(sum(r["good_drop"] for r in rows), len(rows)) for rule, rows in drawn.items() if rows}


def table() -> str:
    """The figures, for people: `pytest -s` prints them."""
    lines = [
        f"{rule:34}{int(p.n * p.value + 0.5):4} of {p.n:3}  {p.value:.2f} [{p.low:.2f}, {p.high:.2f}]"
        for rule, p in precision().items()
    ]
    return "\n".join(lines)


def test_every_row_may_be_kept() -> None:
    assert {row["licence"] for row in ROWS} <= ALLOWED
    assert max(len(row["text"]) for row in ROWS) <= 600
    assert len({row["text"] for row in ROWS}) == len(ROWS) <= 220
    assert all(row["reason"] for row in ROWS)


@pytest.mark.parametrize("rule", [*RULES, *LINE_RULES])
def test_rules_drop_what_they_dropped(rule: str) -> None:
    for row in ROWS:
        if rule in row["sampled_for"]:
            assert drops(row["text"], rule=rule), (rule, row["text"])


def test_precision_of_each_rule_is_what_was_judged() -> None:
    print(f"\n{table()}")
    assert {rule: round(p.value * p.n) for rule, p in precision().items()} == GOOD, table()


def test_what_is_on_for_documents_is_mostly_right() -> None:
    """A rule is in the preset where at least seven in ten of its drops were good."""
    on = Cleaning(Settings(steps=DOCUMENTS)).steps
    poor = {rule: p for rule, p in precision().items() if rule in on and p.value < 0.7}
    assert poor == {}, table()
