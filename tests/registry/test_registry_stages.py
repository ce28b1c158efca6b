"""Stage records: recalled as they were recorded, laid out, healed where a folder was changed."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.registry.made import TRAINED, below, describe, fill, record

from freehold.errors import IntegrityError
from freehold.registry import Recorded, Registry


def test_what_was_recorded_is_recalled(shelf: Registry) -> None:
    recorded = record(shelf, TRAINED, inputs=())
    again = shelf.recall(recorded.key)
    assert again is not None
    assert again.created
    assert dataclasses.replace(again, created="") == recorded


def test_an_unknown_key_is_not_recalled(shelf: Registry) -> None:
    assert shelf.recall("ab" * 32) is None


@pytest.mark.parametrize("files", [{}, {"empty.jsonl": b"", "also.jsonl": b""}, TRAINED])
def test_the_result_is_laid_out_read_only(shelf: Registry, tmp_path: Path, files: dict[str, bytes]) -> None:
    recorded = describe(fill(tmp_path / "desk", files))
    folder = shelf.record(recorded, folder=tmp_path / "desk")
    assert folder == shelf.state / "results" / recorded.digest == shelf.lay_out(recorded)
    assert below(folder) == set(files)
    for name, content in files.items():
        assert (folder / name).read_bytes() == content
        assert (folder / name).samefile(shelf.blobs.path(recorded.files[name]))
        assert (folder / name).stat().st_mode & 0o222 == 0
    assert shelf.verify().damaged == ()


def test_the_desk_is_left_as_it_was(shelf: Registry, tmp_path: Path) -> None:
    desk = fill(tmp_path / "desk", TRAINED)
    shelf.record(describe(desk), folder=desk)
    (desk / "freehold.json").write_bytes(b"the stage goes on writing")
    assert shelf.verify().damaged == ()


def test_recording_again_changes_nothing(shelf: Registry) -> None:
    first, second = record(shelf, TRAINED), record(shelf, TRAINED)
    assert first == second
    assert shelf.verify().damaged == ()


def test_a_key_that_gives_something_new_points_to_it(shelf: Registry, tmp_path: Path) -> None:
    desk = fill(tmp_path / "desk", {"freehold.json": b"[]"})
    changed = dataclasses.replace(describe(desk), key="cd" * 32)
    shelf.record(changed, folder=desk)
    other = dataclasses.replace(describe(fill(desk, {"more": b"1"})), key="cd" * 32)
    shelf.record(other, folder=desk)
    again = shelf.recall("cd" * 32)
    assert again is not None
    assert again.digest == other.digest != changed.digest
    assert shelf.verify().damaged == ()


@pytest.mark.parametrize("change", ["lose", "add", "swap"])
def test_a_folder_that_is_not_what_the_record_says_is_refused(
    shelf: Registry, tmp_path: Path, change: str
) -> None:
    desk = fill(tmp_path / "desk", TRAINED)
    recorded = describe(desk)
    if change == "lose":
        (desk / "freehold.json").unlink()
    elif change == "add":
        fill(desk, {"late.txt": b"late"})
    else:
        fill(desk, {"freehold.json": b"changed since"})
    with pytest.raises(IntegrityError, match=r"freehold\.json|late\.txt"):
        shelf.record(recorded, folder=desk)
    assert shelf.recall(recorded.key) is None
    assert below(shelf.state / "blobs") == below(shelf.state / "tmp") == below(shelf.state / "results") == set()
    assert shelf.verify().damaged == ()


def _tamper(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"tampered")


@pytest.mark.parametrize("harm", [_tamper, Path.unlink], ids=["tampered", "missing"])
def test_a_harmed_blob_is_found_and_healed(shelf: Registry, harm: Callable[[Path], None]) -> None:
    recorded = record(shelf, TRAINED)
    harm(shelf.blobs.path(recorded.files["onnx/model.onnx"]))
    with pytest.raises(IntegrityError, match=r"`onnx/model\.onnx` of `train\.fit` is (damaged|missing)") as caught:
        shelf.lay_out(recorded)
    assert "freehold verify" in caught.value.hint
    assert "freehold run" in caught.value.hint
    record(shelf, TRAINED)
    assert (shelf.lay_out(recorded) / "onnx/model.onnx").read_bytes() == TRAINED["onnx/model.onnx"]
    assert shelf.verify().damaged == ()


def _replace(folder: Path) -> None:
    (folder / "freehold.json").unlink()
    (folder / "freehold.json").write_bytes(b"mine")


def _lose(folder: Path) -> None:
    (folder / "onnx/model.onnx").unlink()


def _add(folder: Path) -> None:
    (folder / "notes.txt").write_bytes(b"mine")


def _point_elsewhere(folder: Path) -> None:
    (folder / "freehold.json").unlink()
    (folder / "freehold.json").symlink_to("/etc/hostname")


def _put_a_file_there(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"mine")


@pytest.mark.parametrize("change", [_replace, _lose, _add, _point_elsewhere, _put_a_file_there])
def test_a_changed_folder_is_seen_and_mended(shelf: Registry, change: Callable[[Path], None]) -> None:
    recorded = record(shelf, TRAINED)
    folder = shelf.lay_out(recorded)
    change(folder)
    (complaint,) = shelf.verify().damaged
    assert recorded.digest in complaint
    assert shelf.lay_out(recorded) == folder
    assert {name: (folder / name).read_bytes() for name in below(folder)} == TRAINED
    assert shelf.verify().damaged == ()
    assert below(shelf.state / "tmp") == set()


def test_results_can_be_removed(shelf: Registry) -> None:
    recorded = record(shelf, TRAINED)
    shutil.rmtree(shelf.state / "results")
    (shelf.state / "results").mkdir()
    assert below(shelf.lay_out(recorded)) == set(TRAINED)


def test_where_links_cannot_be_made_files_are_copied(shelf: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_paths: object) -> None:
        raise OSError(31, "Too many links")

    monkeypatch.setattr(os, "link", refuse)
    recorded = record(shelf, TRAINED)
    copy = shelf.lay_out(recorded) / "onnx/model.onnx"
    assert not copy.samefile(shelf.blobs.path(recorded.files["onnx/model.onnx"]))
    assert copy.stat().st_mode & 0o222 == 0
    assert shelf.verify().damaged == ()
    _tamper(copy)
    assert len(shelf.verify().damaged) == 1
    assert shelf.lay_out(recorded).joinpath("onnx/model.onnx").read_bytes() == TRAINED["onnx/model.onnx"]


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/../../b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(shelf: Registry, name: str) -> None:
    sha256 = record(shelf, TRAINED).files["freehold.json"]
    with pytest.raises(IntegrityError, match="cannot be the name of a file"):
        shelf.lay_out(Recorded("k", "train.fit", "ab" * 32, {name: sha256}))
    assert below(shelf.state / "results").isdisjoint({name, "outside", "b"})


def test_another_state_folder_of_the_same_database_has_results_of_its_own(
    postgres_url: str, tmp_path: Path
) -> None:
    with (
        Registry.open(tmp_path / "a/state", url=postgres_url) as here,
        Registry.open(tmp_path / "b/state", url=postgres_url) as there,
    ):
        recorded = record(here, TRAINED)
        assert there.recall(recorded.key) is None
        assert there.verify().damaged == ()
        record(there, TRAINED)
        assert there.recall(recorded.key) is not None
        shutil.rmtree(here.state / "blobs")
        assert here.verify().damaged
        assert there.verify().damaged == ()
