"""Reading everything again: each kind of damage is found, and told in a sentence that names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from tests.registry.made import TRAINED, admit, correction, fill, record
from tests.registry.test_registry_traffic import asked, said, waiting

from freehold.errors import FreeholdError, IntegrityError
from freehold.registry import Registry
from freehold.registry.address import read_address


class Bank(NamedTuple):
    shelf: Registry
    url: str

    def execute(self, statement: str) -> None:
        """Tampers with the database, past the registry and past its foreign keys."""
        engine = sa.create_engine(read_address(self.shelf.state, url=self.url))
        with engine.begin() as connection:
            if not self.url:
                connection.execute(sa.text("PRAGMA foreign_keys = OFF"))
            else:
                connection.execute(sa.text("SET session_replication_role = replica"))
            connection.execute(sa.text(statement))
        engine.dispose()


@pytest.fixture
def bank(shelf: Registry, database_url: str) -> Bank:
    release = admit(shelf, "a", corrections=[correction(1)])
    shelf.promote(release, because=release.verdict)
    shelf.record_requests([asked("r1"), asked("r2")])
    shelf.add_feedback([said("f1")])
    shelf.queue_reviews("banking", [waiting("e1", 0.5)])
    shelf.fix_splits("banking", {"e1": "train"})
    shelf.note_source("banking", "a.csv", digest="d", licence="MIT", rows=1)
    return Bank(shelf, database_url)


def test_a_new_registry_is_clean(shelf: Registry) -> None:
    assert shelf.verify() == (type(shelf.verify()))(0, ())


def test_a_registry_in_use_is_clean(bank: Bank) -> None:
    found = bank.shelf.verify()
    assert found.damaged == ()
    blobs = sum(path.is_file() for path in (bank.shelf.state / "blobs").rglob("*"))
    assert found.checked > blobs + 3  # and the results and rows
    record(bank.shelf, {"more": b"more"})
    assert bank.shelf.verify().checked == found.checked + 6  # a blob, a result, a row in each of four tables


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE requests SET answers = '{' WHERE id = 'r2'", "`requests` r2: answers is not JSON"),
        ("UPDATE feedback SET value = '', inputs = 'x'", "`feedback` f1: inputs, value is not JSON"),
        ("UPDATE reviews SET suggestion = 'card'", "`reviews` banking e1 intent: suggestion is not JSON"),
        ("UPDATE stages SET facts = 'None' WHERE stage = 'gate.judge'", "facts is not JSON"),
        ("UPDATE models SET verdict = replace(verdict, '0.9', '0.99')", "not the one that the gate wrote"),
        ("UPDATE files SET name = 'weights.onnx' WHERE name = 'onnx/model.onnx'", "list of files of result"),
        ("DELETE FROM files WHERE name = 'verdict.json'", "of `gate.judge` is not what was recorded"),
        ("UPDATE feedback SET request = 'r9'", "refers to request 'r9', which is not there"),
        ("UPDATE requests SET model = 'banking@7'", "answered by `banking@7`, which is not there"),
        ("UPDATE models SET labelled = 'gone'", "has the examples gone, which is not there"),
        ("""UPDATE stages SET inputs = '["gone"]' WHERE stage = 'gate.judge'""", "from result gone"),
        ("DELETE FROM blobs WHERE size = 2", "is unknown to the database"),
    ],
)
def test_a_tampered_row_is_found(bank: Bank, statement: str, complaint: str) -> None:
    bank.execute(statement)
    assert any(complaint in told for told in bank.shelf.verify().damaged), bank.shelf.verify().damaged


def _overwrite(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"tampered")


def _make_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("harm", "word"), [(_overwrite, "damaged"), (Path.unlink, "missing"), (_make_a_folder, "cannot be read")]
)
def test_a_harmed_blob_is_found(bank: Bank, harm: Callable[[Path], None], word: str) -> None:
    recorded = record(bank.shelf, {**TRAINED, "tokenizer.json": b"tokens"})
    path = bank.shelf.blobs.path(recorded.files["tokenizer.json"])
    harm(path)
    told = [complaint for complaint in bank.shelf.verify().damaged if word in complaint]
    assert len(told) == 1
    assert str(path) in told[0]
    assert "It is `tokenizer.json` of `train.fit`." in told[0]


def test_a_tampered_result_is_found(bank: Bank) -> None:
    champion = bank.shelf.champion("banking")
    assert champion is not None
    weights = champion.artifact.folder / "onnx/model.onnx"
    weights.unlink()
    weights.write_bytes(b"tampered")
    (complaint,) = bank.shelf.verify().damaged
    assert str(champion.artifact.folder) in complaint


def test_files_that_the_database_does_not_know_are_found(bank: Bank) -> None:
    fill(bank.shelf.state, {"blobs/ab/cd": b"1", "blobs/stray": b"2", "results/stray/file": b"3"})
    told = bank.shelf.verify().damaged
    assert len(told) == 3
    assert all("unknown to the database" in complaint for complaint in told)


@pytest.mark.parametrize("damage", ["cut", "scribble", "trash"])
def test_a_damaged_sqlite_file_is_told_without_a_traceback(tmp_path: Path, damage: str) -> None:
    with Registry.open(tmp_path / "state") as shelf:
        shelf.record_requests([asked(f"r{number}", text="x" * 500) for number in range(500)])
    path = tmp_path / "state/freehold.db"
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "scribble":
        content[8192:-8192] = b"\xa5" * (len(content) - 16384)
    else:
        content[:] = b"trash" * 5000
    path.write_bytes(content)
    assert "freehold.db" in tell(tmp_path / "state")


def tell(state: Path) -> str:
    """Returns what a user is told about a damaged database, on opening it or on verifying it."""
    try:
        with Registry.open(state) as shelf:
            return " ".join(shelf.verify().damaged)
    except IntegrityError as error:
        return str(error)


@pytest.mark.parametrize(
    ("statement", "ask"),
    [
        ("UPDATE models SET verdict = '{'", lambda shelf: shelf.champion("banking")),
        ("UPDATE models SET verdict = '[]'", lambda shelf: shelf.models("banking")),
        ("UPDATE requests SET inputs = ''", lambda shelf: shelf.requests("banking")),
        ("UPDATE feedback SET value = 'x'", lambda shelf: shelf.feedback("banking")),
        ("UPDATE reviews SET inputs = 'x'", lambda shelf: shelf.reviews("banking")),
    ],
)
def test_a_tampered_row_is_no_traceback(bank: Bank, statement: str, ask: Callable[[Registry], object]) -> None:
    bank.execute(statement)
    with pytest.raises(FreeholdError, match="not what was recorded"):
        ask(bank.shelf)
    assert bank.shelf.verify().damaged
