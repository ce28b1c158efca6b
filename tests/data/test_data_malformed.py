"""Ten thousand damaged files of every format: no crash, no hang, nothing written elsewhere, good rows kept."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.conformance.test_sources import KINDS, as_csv, as_json_lines, as_tsv
from tests.data.documents.papers import SAMPLES

from freehold.data import Refused, read_rows
from freehold.data.documents import DocumentReader, UnreadableError
from freehold.errors import DataError
from freehold.task import Example, Field, Source

TABLES = ("arrow.v1", "csv.v1", "jsonl.v1", "parquet.v1", "tar.v1", "tsv.v1", "zip.v1")
TEXTS = [f"text number {number} of many, with some words" for number in range(40)]
FIELDS = [Field("label", "choice")]


def damage(data: bytes, chance: random.Random) -> bytes:
    """Returns bytes with some flipped, cut out, doubled or put in."""
    broken = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 50))):
        place = chance.randrange(len(broken)) if broken else 0
        way = chance.randrange(5)
        if way == 0 and broken:
            broken[place] = chance.randrange(256)
        elif way == 1:
            del broken[place : place + chance.randint(1, 200)]
        elif way == 2:
            broken[place:place] = broken[place : place + chance.randint(1, 200)]
        elif way == 3:
            broken[place:place] = chance.randbytes(chance.randint(1, 50))
        elif broken:
            broken[place] ^= 1 << chance.randrange(8)
    return bytes(broken) or b"\0"


def outcome(source: Source, folder: Path) -> tuple[int, int] | str:
    """Returns how many rows were good and refused, or the error as the user sees it."""
    try:
        rows = list(read_rows(source, folder=folder, inputs=["text"], fields=FIELDS, kept=folder / "kept"))
    except DataError as error:
        return str(error)
    return sum(isinstance(row, Example) for row in rows), sum(isinstance(row, Refused) for row in rows)


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def try_tables(folder: Path, kind: str, *, times: int) -> int:
    """Damages one table again and again; returns how often some rows were kept."""
    chance = random.Random(kind)
    source = KINDS[kind](folder, TEXTS)
    path = folder / source.uri
    whole, before, kept = path.read_bytes(), files_in(folder), 0
    for _ in range(times):
        path.write_bytes(damage(whole, chance))
        said = outcome(source, folder)
        kept += not isinstance(said, str) and said[0] > 0
        assert not isinstance(said, str) or source.uri in said
        assert files_in(folder) == before
    return kept


def text_or_reason(reader: DocumentReader, name: str, data: bytes) -> str:
    """Returns why a document cannot be read; empty where it can."""
    try:
        assert reader.read(name, data)
    except UnreadableError as reason:
        return str(reason)
    return ""


def try_documents(name: str, *, times: int) -> int:
    """Damages one document again and again; returns how often some text was read."""
    chance, kept = random.Random(name), 0
    with DocumentReader(seconds=20) as reader:
        for _ in range(times):
            said = text_or_reason(reader, name, damage(SAMPLES[name], chance))
            assert "takes longer" not in said
            kept += not said
    return kept


@pytest.mark.parametrize("kind", TABLES)
def test_damaged_tables(tmp_path: Path, kind: str) -> None:
    assert try_tables(tmp_path, kind, times=60) > 0


@pytest.mark.parametrize("make", [as_csv, as_tsv, as_json_lines])
def test_one_bad_line_costs_no_other(tmp_path: Path, make: object) -> None:
    assert callable(make)
    source = make(tmp_path, TEXTS)
    path = tmp_path / source.uri
    lines = path.read_bytes().splitlines(keepends=True)
    chance = random.Random(7)
    for _ in range(100):
        place = chance.randrange(1, len(lines))
        bad = chance.randbytes(chance.randint(1, 60)).replace(b"\n", b"").replace(b"\r", b"") + b"\n"
        path.write_bytes(b"".join([*lines[:place], bad, *lines[place + 1 :]]))
        said = outcome(source, tmp_path)
        assert not isinstance(said, str)
        assert said[0] >= len(TEXTS) - 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", TABLES)
def test_ten_thousand_damaged_files_of_tables(tmp_path: Path, kind: str) -> None:
    assert try_tables(tmp_path, kind, times=750) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_ten_thousand_damaged_files_of_documents(name: str) -> None:
    assert try_documents(name, times=550) > 0
