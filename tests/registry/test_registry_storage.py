"""Full disks, folders that cannot be written, databases out of reach."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.registry.made import TRAINED, admit, below, describe, fill, record
from tests.registry.test_registry_traffic import asked

from freehold.errors import OperatorError, StorageError, UserError
from freehold.registry import Registry


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mounting, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.skip(f"no tmpfs here: {error}")
    if done.returncode:
        pytest.skip(f"no tmpfs here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_result_that_does_not_fit_leaves_nothing(small_disk: Path, tmp_path: Path, database_url: str) -> None:
    with Registry.open(small_disk / "state", url=database_url) as shelf:
        desk = fill(tmp_path / "desk", {"a.bin": os.urandom(100_000), "b.bin": os.urandom(2_000_000)})
        recorded = describe(desk)
        with pytest.raises(StorageError, match=f"`{small_disk}.* is full") as caught:
            shelf.record(recorded, folder=desk)
        assert "--state" in caught.value.hint
        with pytest.raises(StorageError):
            shelf.blobs.put(desk / "b.bin")
        assert shelf.recall(recorded.key) is None
        shelf.sweep()
        assert below(shelf.state / "blobs") == below(shelf.state / "tmp") == set()
        assert shelf.verify().damaged == ()
        record_small = fill(tmp_path / "little", {"a": b"1"})
        shelf.record(describe(record_small), folder=record_small)


def test_a_database_that_does_not_fit_keeps_what_it_has(small_disk: Path) -> None:
    with Registry.open(small_disk / "state") as shelf:
        admit(shelf, "a")
        kept = 0
        with pytest.raises(StorageError, match=f"`{small_disk}.* is full"):  # noqa: PT012
            for number in range(100):
                shelf.record_requests([asked(f"{number}-{row}", text="x" * 1000) for row in range(50)])
                kept += 50
        assert len(shelf.requests("banking", limit=10_000)) == kept
        assert shelf.verify().damaged == ()


def test_no_room_to_open(small_disk: Path) -> None:
    fill(small_disk, {"ballast": b"x" * ((1 << 20) - 8192)})
    with pytest.raises(StorageError, match=f"`{small_disk}.* is full"):
        Registry.open(small_disk / "state")
    (small_disk / "ballast").unlink()
    with Registry.open(small_disk / "state") as shelf:
        assert shelf.verify().damaged == ()


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    fill(tmp_path, {"state": b""})
    with pytest.raises(StorageError, match=r"state.*cannot be used"):
        Registry.open(tmp_path / "state")


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    if os.getuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="Permission denied"):
        Registry.open(tmp_path / "state")


def test_a_database_that_goes_away_is_told(postgres_url: str, tmp_path: Path) -> None:
    from urllib.parse import quote

    nowhere = postgres_url.partition("?")[0] + f"?host={quote(str(tmp_path), safe='')}"
    with pytest.raises(StorageError, match="cannot be used") as caught:
        Registry.open(tmp_path / "state", url=nowhere)
    assert "FREEHOLD_DB" in caught.value.hint


PASSWORD = "p@ss/w%rd"
QUOTED = "p%40ss%2Fw%25rd"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ada:{QUOTED}@127.0.0.1:1/bank",
        f"postgres://ada:{QUOTED}@127.0.0.1:1/bank",
        f"postgresql+psycopg://ada:{QUOTED}@127.0.0.1:1/bank",
        f"postgresql://ada@127.0.0.1:1/bank?password={QUOTED}",
        f"postgresql://ada:{QUOTED}@127.0.0.1:1/bank?sslmode={QUOTED}",
        f"postgresql://ada:{QUOTED}@127.0.0.1:port/bank",
        f"mysql://ada:{QUOTED}@127.0.0.1/bank",
        f"ada:{QUOTED}",
        QUOTED,
    ],
)
def test_a_password_is_never_shown(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("FREEHOLD_DB", url)
    with caplog.at_level("DEBUG"), pytest.raises((StorageError, UserError)) as caught:
        Registry.open(tmp_path / "state")
    told = f"{caught.value}{caught.value!r}{caplog.text}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert PASSWORD not in told
    assert QUOTED not in told
    assert "FREEHOLD_DB" in told


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "oracle://x/y", "just words", "://"])
def test_a_url_that_cannot_be_used(tmp_path: Path, url: str) -> None:
    with pytest.raises(UserError, match="FREEHOLD_DB"):
        Registry.open(tmp_path / "state", url=url)


def test_the_database_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEHOLD_DB", f"sqlite:///{tmp_path}/elsewhere.db")
    with Registry.open(tmp_path / "state") as shelf:
        record(shelf, TRAINED)
        assert shelf.verify().damaged == ()
    assert (tmp_path / "elsewhere.db").exists()
    assert not (tmp_path / "state/freehold.db").exists()


def test_a_driver_that_is_not_installed_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(OperatorError, match="`psycopg` is not installed") as caught:
        Registry.open(tmp_path / "state", url="postgresql://ada@localhost/bank")
    assert "freehold[postgres]" in caught.value.hint
