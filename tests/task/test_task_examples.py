"""Examples in files: written, read, and read again."""

from __future__ import annotations

import os
from pathlib import Path

from tests.small import make_examples

from freehold.task import canonical, read_examples, write_examples


def test_what_was_written_is_read(tmp_path: Path) -> None:
    rows = make_examples(30)
    assert write_examples(tmp_path / "rows.jsonl", rows) == 30
    assert list(read_examples(tmp_path / "rows.jsonl")) == rows
    lines = (tmp_path / "rows.jsonl").read_bytes().splitlines()
    assert lines[0].startswith(b'{"cluster":"","id":"' + rows[0].id.encode() + b'","inputs":{"text":')
    assert canonical({"passport": None, "b": 1}) == b'{"b":1,"passport":null}'


def test_a_file_that_never_changes_is_read_once(tmp_path: Path) -> None:
    path, other = tmp_path / "rows.jsonl", tmp_path / "link.jsonl"
    write_examples(path, make_examples(5))
    path.chmod(0o444)
    os.link(path, other)
    first = list(read_examples(path))
    assert all(one is two for one, two in zip(first, read_examples(other), strict=True))
    path.unlink()
    write_examples(path, make_examples(6))
    path.chmod(0o444)
    assert len(list(read_examples(path))) == 6


def test_a_file_that_may_be_written_is_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    for count in (5, 4):
        write_examples(path, make_examples(count))
        os.utime(path, (1, 1))
        assert len(list(read_examples(path))) == count
    one, two = list(read_examples(path)), list(read_examples(path))
    assert one == two
    assert one[0] is not two[0]
