from __future__ import annotations

import csv
import os
import random
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from bench.data.planting import WAYS, Planted, plant
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.scale import KINDS, Leaks, find_leaks, read_benchmark
from freehold.data.scale.overlap import find_shared
from freehold.data.scale.typos import MOST, allowed, count_edits, find_slips
from freehold.errors import DataError

SHORT = st.lists(st.text(alphabet="ab", max_size=26), min_size=1, max_size=6)


def distance(one: str, other: str) -> int:
    """The restricted Damerau distance, by its definition."""
    table = {(i, -1): i + 1 for i in range(-1, len(one))} | {(-1, j): j + 1 for j in range(-1, len(other))}
    for i, j in product(range(len(one)), range(len(other))):
        best = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (one[i] != other[j]))
        if i and j and one[i] == other[j - 1] and one[i - 1] == other[j]:
            best = min(best, table[i - 2, j - 2] + 1)
        table[i, j] = best
    return table[len(one) - 1, len(other) - 1]


@given(SHORT, SHORT)
def test_edits_are_counted_as_by_the_definition(ones: list[str], others: list[str]) -> None:
    pairs = np.indices((len(ones), len(others))).reshape(2, -1)
    found = count_edits(ones, others, pairs=(pairs[0], pairs[1])).tolist()
    true = [distance(ones[i], others[j]) for i, j in pairs.T.tolist()]
    assert [min(each, MOST + 1) for each in found] == [min(each, MOST + 1) for each in true]


@given(SHORT, st.randoms(use_true_random=False))
def test_no_slip_is_missed(texts: list[str], draw: random.Random) -> None:
    others = []
    for text in texts:
        letters = list(text)
        for _ in range(draw.randint(0, 3)):
            place = draw.randint(0, len(letters))
            letters[place : place + draw.randint(0, 1)] = draw.choice(["", "a", "b"])
        others.append("".join(letters))
    found = {(slip.one, slip.other): slip.edits for slip in find_slips(texts, others)}
    true = {(i, j): distance(one, other) for i, one in enumerate(texts) for j, other in enumerate(others)}
    within = {
        (i, j): edits for (i, j), edits in true.items() if edits <= allowed(min(len(texts[i]), len(others[j])))
    }
    assert found == within


def test_long_runs_of_words_are_found_wherever_they_stand() -> None:
    words = [f"word{number}" for number in range(40)]
    benchmark = [" ".join(words[:20]), "what is the meaning of life", "too few to count"]
    train = [
        "Before: " + ", ".join(words[5:18]) + " after.",
        " ".join(words[5:17]),
        "He asked: WHAT is the meaning of life?",
        "these are too few to count at all",
    ]
    assert [tuple(shared) for shared in find_shared(train, benchmark)] == [(0, 0, 13), (2, 1, 6)]
    assert [tuple(shared) for shared in find_shared(train, benchmark, run=12)] == [
        (0, 0, 12),
        (1, 0, 12),
        (2, 1, 6),
    ]


def test_what_is_in_all_texts_makes_few_pairs() -> None:
    banner = " ".join(f"word{number}" for number in range(20))
    train, benchmark = ([f"{banner} {side} {number}" for number in range(300)] for side in ("one", "other"))
    shared = find_shared(train, benchmark)
    assert {pair.one for pair in shared} == {pair.other for pair in shared} == set(range(300))
    assert len(shared) == 599
    assert find_shared(["a " * 20_000], ["a " * 20_000]) == [(0, 0, 13)]


def test_each_pair_has_its_strongest_kind() -> None:
    benchmark = ["Where is my new card?", "When will my transfer from another bank arrive?", "Hello"]
    train = [
        " Where is my new card?\n",
        "where is my NEW card",
        "Where is my enw card?",
        "When will my transfer from the other bank arrive?",
        "Tell me, where is my new card? I have been waiting.",
        "Hallo",
        "",
    ]
    leaks = find_leaks(train, benchmark)
    assert [(leak.kind, leak.train, leak.benchmark) for leak in leaks.pairs] == [
        ("exact", 0, 0),
        ("recased", 1, 0),
        ("typo", 2, 0),
    ]
    longer = find_leaks([*train, "When will my transfer from another bank arive here?"], benchmark)
    assert [(leak.kind, leak.train) for leak in longer.pairs][2:] == [("near", 7), ("typo", 2)]


def test_the_table_counts_rows_once() -> None:
    benchmark = ["Where is my new card?", "where is my new card", "How can I top up with my card?", "Bye"]
    leaks = find_leaks(["Where is my new card?", "Something else is written here."], benchmark)
    assert [(row.kind, row.train, row.benchmark, row.share) for row in leaks.table] == [
        ("exact", 1, 1, 0.25),
        ("recased", 0, 1, 0.25),
        *((kind, 0, 0, 0.0) for kind in KINDS[2:]),
    ]
    again = find_leaks(["the same row"] * 1_000, ["the same row"] * 1_000)
    assert (again.table[0].train, again.table[0].benchmark, len(again.pairs)) == (1_000, 1_000, 1_999)
    assert leaks.table[0].samples == leaks.pairs[:1]
    assert {row: leak.kind for row, leak in leaks.rows().items()} == {0: "exact"}
    assert (leaks.train, leaks.benchmark) == (2, 4)


@pytest.mark.parametrize(("train", "benchmark"), [([], []), (["a b c"], []), ([], ["a b c"])])
def test_nothing_leaks_from_nothing(train: list[str], benchmark: list[str]) -> None:
    leaks = find_leaks(train, benchmark)
    assert leaks.pairs == ()
    assert [row.share for row in leaks.table] == [0.0] * len(KINDS)


@pytest.fixture(scope="module")
def banking() -> list[str]:
    """Banking77's training sentences, shuffled; its test rows are left to the benchmark."""
    default = Path(__file__).resolve().parents[4] / "shared" / "data"
    path = Path(os.environ.get("FREEHOLD_DATA") or default) / "banking77" / "train.csv"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    with path.open(newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    random.Random(3).shuffle(texts)
    return texts


def caught(planted: list[Planted], leaks: Leaks) -> Counter[str]:
    """Returns how many planted rows were found together with the row that they are from."""
    first = leaks.train - len(planted)
    hits = {
        leak.train - first for leak in leaks.pairs if leak.benchmark == planted[max(0, leak.train - first)].source
    }
    return Counter(planted[number].way for number in hits if number >= 0)


def test_planted_rows_are_caught(banking: list[str]) -> None:
    test, train = banking[:2_500], banking[2_500:5_000]
    planted = plant(test, share=0.04, draw=random.Random(1))
    leaks = find_leaks([*train, *(each.text for each in planted)], test)
    found = caught(planted, leaks)
    count = len(planted) // len(WAYS)
    assert (found["exact"], found["recased"]) == (count, count) == (100, 100)
    assert found["one typo"] + found["two typos"] >= 0.95 * 2 * count
    assert found["rephrased"] >= 0.6 * count


def test_few_others_are_called_typos(banking: list[str]) -> None:
    leaks = find_leaks(banking[2_500:], banking[:2_500])
    assert next(row.share for row in leaks.table if row.kind == "typo") < 0.02


def test_a_benchmark_is_a_file_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "qa.csv").write_text(
        "question,answer,level\nWhat is the answer?,42,very easy\nWho wrote it?,Me,hard\n"
    )
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "lines.jsonl").write_text('{"question": "Where did it happen?", "n": 3}\n')
    (tmp_path / "more" / "notes.md").write_text("A text of its own.")
    (tmp_path / "more" / "picture.png").write_bytes(b"\x89PNG")
    whole = read_benchmark(tmp_path)
    assert dict(zip(whole.places, whole.texts, strict=True)) == {
        "more/lines.jsonl:1:question": "Where did it happen?",
        "more/notes.md:1": "A text of its own.",
        "qa.csv:2:question": "What is the answer?",
        "qa.csv:3:question": "Who wrote it?",
    }
    assert read_benchmark(tmp_path / "qa.csv", columns=["answer"]).texts == ("42", "Me")
    for path, columns in ((tmp_path / "absent", ()), (tmp_path / "qa.csv", ("level of it",))):
        with pytest.raises(DataError, match="no "):
            read_benchmark(path, columns=columns)
