"""`freehold dedupe`: from Parquet to Parquet, and what gives a benchmark away."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.app.conftest import Type

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "jetty", "knoll")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """300 texts, 40 of them again with a word more, 10 once more as they are."""
    chance = random.Random(3)
    texts = [" ".join(chance.choices(WORDS, k=40)) for _ in range(300)]
    texts += [f"{text} more" for text in texts[:40]] + texts[:10]
    pq.write_table(pa.table({"text": texts, "rank": list(range(len(texts)))}), tmp_path / "all.parquet")
    return tmp_path / "all.parquet"


def test_near_duplicates_are_left_out(table: Path, type_command: Type) -> None:
    out = table.with_name("few.parquet")
    told = type_command("dedupe", table, "--out", out, "--json").document
    assert (told["rows"], told["kept"], told["clusters"], told["largest"]) == (350, 300, 40, 3)
    assert pq.read_table(out).column("rank").to_pylist() == list(range(300))
    said = type_command("dedupe", table, "--out", out, "--keep", "best", "--by", "rank")
    assert "350 rows read, 300 written" in said.out
    assert max(pq.read_table(out).column("rank").to_pylist()) == 349


def test_what_gives_a_benchmark_away(table: Path, type_command: Type) -> None:
    first = table.with_name("bench.csv")
    texts = pq.read_table(table).column("text").to_pylist()
    first.write_text("question\n" + texts[0].upper() + "\n" + "nothing of the kind at all\n")
    told = type_command("dedupe", table, "--against", first, "--json").document
    counts = {each["kind"]: each["train"] for each in told["kinds"]}
    assert (told["rows"], told["benchmark"]) == (350, 2)
    assert (counts["recased"], counts["near"]) == (2, 1)
    assert "recased" in type_command("dedupe", table, "--against", first).out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "there is no `--out`: where shall what is left go?"),
        (
            ("--out", "x.parquet", "--keep", "last"),
            "`--keep` is 'last'; it may be all, first, longest, newest, best.",
        ),
        (("--out", "x.parquet", "--on", "moon"), "`--on` is 'moon'; it may be local, daft, ray."),
        (("--out", "x.parquet", "--column", "txt"), "has no column `txt`"),
        (("--out", "x.parquet", "--keep", "best"), "by"),
        (("--out", "x.parquet", "--similar", "7"), "threshold"),
    ],
)
def test_mistakes_are_told(table: Path, type_command: Type, words: tuple[str, ...], message: str) -> None:
    said = type_command("dedupe", table, *words)
    assert said.code == 2
    assert message in said.err
    assert "Traceback" not in said.err
