"""Blobs: what goes in comes out, damage is seen and healed."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.registry.made import below

from freehold.errors import IntegrityError
from freehold.registry import Registry


def put(shelf: Registry, content: bytes) -> str:
    with tempfile.TemporaryDirectory(dir=shelf.state.parent) as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        return shelf.blobs.put(path)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=3000) | st.integers(1, 3).map(lambda n: b"x" * n * (1 << 20)))
def test_round_trip(shelf: Registry, content: bytes) -> None:
    name = put(shelf, content)
    path = shelf.blobs.path(name)
    assert name == hashlib.sha256(content).hexdigest()
    assert path.read_bytes() == content
    assert path.relative_to(shelf.state).as_posix() == f"blobs/{name[:2]}/{name[2:]}"


def test_a_blob_is_read_only_and_stored_once(shelf: Registry) -> None:
    name = put(shelf, b"weights")
    before = shelf.blobs.path(name).stat()
    assert put(shelf, b"weights") == name
    after = shelf.blobs.path(name).stat()
    assert (after.st_ino, oct(after.st_mode)) == (before.st_ino, "0o100444")
    assert below(shelf.state / "tmp") == set()
    assert shelf.verify().damaged == ()


@pytest.mark.parametrize("damage", [b"", b"weightz", b"weights and more"])
def test_a_damaged_blob_is_healed(shelf: Registry, damage: bytes) -> None:
    path = shelf.blobs.path(put(shelf, b"weights"))
    path.chmod(0o644)
    path.write_bytes(damage)
    assert shelf.verify().damaged
    put(shelf, b"weights")
    assert path.read_bytes() == b"weights"
    assert shelf.verify().damaged == ()


def test_a_missing_blob_is_healed(shelf: Registry) -> None:
    path = shelf.blobs.path(put(shelf, b"weights"))
    path.unlink()
    assert put(shelf, b"weights") == shelf.blobs.put(path)
    assert shelf.verify().damaged == ()


@pytest.mark.parametrize("name", ["", "../../../etc/passwd", "AB" * 32, "ab" * 31, "ab" * 33])
def test_a_name_that_is_no_sha256_has_no_path(shelf: Registry, name: str) -> None:
    with pytest.raises(IntegrityError, match="is not a sha256"):
        shelf.blobs.path(name)
