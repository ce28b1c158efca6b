"""`freehold experts`: work, money and agreement on a terminal, as JSON, and the ledger as CSV."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.app.conftest import Type

from freehold.registry import Asking, Registry, Review, Said
from freehold.registry.reviews import row_name
from freehold.task import ReviewRules

TASK = """
[task]
name = "mail"

[input]
text = "string"

[output.desk]
kind = "choice"
labels = ["sales", "help"]

[review]
overlap = 2
rate = 0.05
currency = "CHF"
"""
RULES = ReviewRules(overlap=2, rate=0.05, currency="CHF")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A task that two experts have judged, of twenty items five differently."""
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "task.toml").write_text(TASK)
    inputs = [{"text": f"message {number}"} for number in range(20)]
    with Registry.open(tmp_path / "mail" / ".freehold") as shelf:
        shelf.queue_reviews("mail", [Review(row_name(each), "mail", "desk", each, "help", 0.5) for each in inputs])
        now = datetime(2026, 5, 1, tzinfo=UTC)
        for expert in ("ann", "bob"):
            taken = shelf.experts.take(Asking("mail", expert, RULES, now), limit=20).assignments
            said = [
                Said(
                    each.id,
                    {"desk": "sales" if n % 2 or (expert == "bob" and n < 10) else "help"},
                    milliseconds=1_500,
                )
                for n, each in enumerate(taken)
            ]
            said[0] = said[0]._replace(comment='=HYPERLINK("x")')
            shelf.experts.answer("mail", said, expert=expert, rules=RULES, now=now)
    return tmp_path / "mail"


def test_what_is_owed_and_how_far_they_agree(folder: Path, type_command: Type) -> None:
    said = type_command("experts", folder)
    assert said.code == 0
    assert said.out.count("1.00 CHF") == 2
    assert "0.750 (" in said.out, "15 of 20"
    assert "`desk`: 40 judgements of 20 items by 2 experts, 20 items by two or more" in said.out
    assert "sales / help: 10" in said.out
    assert "message " in said.out, "items to mend the guidelines by"
    document = type_command("experts", folder, "--json").document
    assert [(each["expert"], each["items"], each["owed"]) for each in document["experts"]] == [
        ("ann", 20, {"CHF": "1.00"}),
        ("bob", 20, {"CHF": "1.00"}),
    ]
    assert document["agreement"]["desk"]["measures"]["cohen"]["n"] == 20
    assert document["rows"] == 40


def test_the_ledger_is_written_whole(folder: Path, type_command: Type, tmp_path: Path) -> None:
    type_command("experts", folder, "--csv", tmp_path / "ledger.csv")
    with (tmp_path / "ledger.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["id"]) for row in rows] == list(range(1, 41))
    assert {(row["rate"], row["rate_per"], row["currency"], row["seconds"]) for row in rows} == {
        ("0.05", "item", "CHF", "1.500")
    }
    assert rows[0]["comment"].startswith("'="), "no formula for a spreadsheet"
    assert rows[0]["answers"] in ('{"desk": "help"}', '{"desk": "sales"}')


def test_where_nobody_judged_and_where_nothing_can_be_written(tmp_path: Path, type_command: Type) -> None:
    (tmp_path / "task.toml").write_text(TASK)
    assert "nobody has judged anything yet" in type_command("experts", tmp_path).out
    refused = type_command("experts", tmp_path, "--csv", tmp_path / "no" / "ledger.csv")
    assert refused.code == 2
    assert "cannot be written" in refused.err
