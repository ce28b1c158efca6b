from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.data.workplace import Work

from freehold.data import Refused
from freehold.errors import DataError
from freehold.task import Example, Source

README = """---
license: cc-by-4.0
pretty_name: Tickets
configs:
- config_name: default
---
# Tickets
"""


def put_labelled(path: Path, *, form: str) -> None:
    """Writes a table as `datasets` does: labels as numbers, their names in the schema's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    features = {"text": {"_type": "Value"}, "intent": {"names": ["card", "loan"], "_type": "ClassLabel"}}
    schema = pa.schema(
        [("text", pa.string()), ("intent", pa.int64())],
        metadata={b"huggingface": json.dumps({"info": {"features": features}}).encode()},
    )
    table = pa.table({"text": [f"{path.stem} {i}" for i in range(4)], "intent": [0, 1, None, 9]}, schema=schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    if form == "parquet":
        pq.write_table(table, path)
        return
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        stream.write_table(table)


def read(work: Work, source: Source) -> list[Example]:
    rows = work.read(source)
    assert [row for row in rows if isinstance(row, Refused)] == []
    return [row for row in rows if isinstance(row, Example)]


def test_a_refused_row_is_named_by_its_table(work: Work) -> None:
    work.put("set/README.md", README)
    work.put("set/a.jsonl", '{"text": "a", "intent": "x"}\n{"text": "", "intent": "x"}\n{"text"\n')
    said = [row.said for row in work.read("set") if isinstance(row, Refused)]
    assert said[0] == "set/a.jsonl:2: input `text` is empty"
    assert said[1].startswith("set/a.jsonl:3: ")


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_a_data_sets_folder_is_a_source(work: Work, form: str) -> None:
    work.put("set/README.md", README)
    work.put("set/.cache/x.jsonl", "{}")
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        put_labelled(work.folder / "set" / "data" / f"{name}.{form}", form=form)
    every = read(work, Source("set", {}))
    assert len(every) == 12
    train = read(work, Source("set", {}, files=("train-*",)))
    assert [row.outputs for row in train[:4]] == [{"intent": "card"}, {"intent": "loan"}, {}, {}]
    assert {row.passport.licence for row in train} == {"CC-BY-4.0"}
    assert train[0].passport.locator == f"set/data/train-00000-of-00002.{form}:1"


def test_tables_of_several_forms_lie_in_one_folder(work: Work) -> None:
    work.put("set/dataset_info.json", "{}")
    work.put("set/a.csv", "text,intent\na,x\n")
    work.put("set/b.jsonl", '{"text": "b", "intent": "y"}\n')
    assert [row.inputs["text"] for row in read(work, Source("set", {}))] == ["a", "b"]


def test_a_declared_licence_outranks_the_readme(work: Work) -> None:
    work.put("set/README.md", README)
    work.put("set/a.csv", "text,intent\na,x\n")
    (row,) = read(work, Source("set", {}, licence="MIT"))
    assert row.passport.licence == "MIT"


def test_a_folder_without_such_a_readme_is_a_folder_of_documents(work: Work) -> None:
    work.put("papers/README.md", "# Read me")
    work.put("papers/a.csv", "text,intent\na,x\n")
    (row,) = read(work, Source("papers", {}))
    assert row.inputs["text"] == "# Read me"


def test_a_data_set_without_a_table_says_what_is_there(work: Work) -> None:
    work.put("set/README.md", README)
    with pytest.raises(DataError, match=r"(?s)has no table that is read.*A table ends in"):
        work.read("set")
    work.put("set/a.csv", "text\na\n")
    with pytest.raises(DataError, match=r"(?s)has no table that is read.*It has a\.csv"):
        work.read(Source("set", {}, files=("train*",)))


def test_a_damaged_arrow_file_is_an_error(work: Work) -> None:
    put_labelled(work.folder / "a.arrow", form="arrow")
    whole = (work.folder / "a.arrow").read_bytes()
    assert len(read(work, Source("a.arrow", {}))) == 4
    for cut in (1, 50, len(whole) // 2):
        work.put("a.arrow", whole[:cut])
        with pytest.raises(DataError, match=r"source `a\.arrow` (cannot be read as|has no rows)"):
            work.read("a.arrow")
