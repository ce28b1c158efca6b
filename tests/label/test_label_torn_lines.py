"""A line that a killed process wrote by half swallows neither a budget's next entry nor a paid answer."""

from __future__ import annotations

from pathlib import Path

from freehold.label.synthesis.purse import Amount, Purse
from freehold.label.teach.books import Book, Entry
from freehold.task import Teacher

LIMIT = Amount(100, 100)


def test_what_is_put_aside_after_a_cut_line_goes_on_counting(tmp_path: Path) -> None:
    path = tmp_path / "spent.jsonl"
    path.write_bytes(b'["call-0", 20, 1]\n["cal')
    assert Purse(path, LIMIT).put_aside(60, 10)
    assert Purse(path, LIMIT).cost == 80


def test_what_is_answered_after_a_cut_line_is_found_again(tmp_path: Path) -> None:
    teacher = Teacher("cloud", "url", "http://127.0.0.1:1/v1", model="m")
    Book(tmp_path, teacher).write("first", Entry({"a": 1}, "ok", 1, 1, 5, 0.1))
    path = Book(tmp_path, teacher).path
    path.write_bytes(path.read_bytes() + b'{"key": "hal')
    Book(tmp_path, teacher).write("second", Entry({"a": 2}, "ok", 1, 1, 5, 0.1))
    again = Book(tmp_path, teacher)
    assert again.find("first")
    assert again.find("second")
