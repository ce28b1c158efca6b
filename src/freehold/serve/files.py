"""The files that clients upload and that batches leave, each with the key that it belongs to.

Owns what is known of a file and where its bytes lie: `files/ID/content` in the state folder. Knows nothing of
HTTP.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

from freehold.serve.drawers import Drawer, copy_file
from freehold.task import Json

__all__ = ["Files", "Incoming", "Purpose", "StoredFile", "now", "seconds"]

Purpose = Literal["batch", "batch_output"]
_CONTENT = "content"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What is known of one file.

    Attributes:
        owner: The key that it belongs to; empty where it was made without one.
        filename: What the client calls it; nothing on disk is called so.
        created: ISO 8601, UTC.
    """

    id: str
    owner: str
    filename: str
    purpose: Purpose
    bytes: int
    created: str

    def to_json(self) -> dict[str, Json]:
        """Returns it in OpenAI's shape."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.bytes,
            "created_at": seconds(self.created),
            "expires_at": None,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }


class Incoming:
    """A file while it is being written.

    Attributes:
        id: The file's.
    """

    def __init__(self, id: str, *, content: IO[bytes], about: dict[str, Any]) -> None:
        self.id = id
        self._content = content
        self._about = about

    def write(self, data: bytes | bytearray) -> None:
        """Adds bytes."""
        self._content.write(data)

    def finish(self, *, owner: str, filename: str, purpose: Purpose) -> None:
        """Says whose it is, when all bytes are there."""
        self._content.flush()
        os.fsync(self._content.fileno())
        size = self._content.tell()
        self._about.update(asdict(StoredFile(self.id, owner, filename, purpose, size, now())))


class Files:
    """The files in one state folder."""

    def __init__(self, state: Path) -> None:
        self._drawer = Drawer(state / "files", prefix="file-")
        self.sweep = self._drawer.sweep
        self.mint = self._drawer.mint

    def find(self, id: str) -> StoredFile | None:
        """Returns one file, or None."""
        if not self._drawer.has(id):
            return None
        try:
            return StoredFile(**self._drawer.read(id))
        except FileNotFoundError:
            return None

    def all(self, owner: str) -> list[StoredFile]:
        """Returns the files of one owner."""
        found = [StoredFile(**each) for each in self._drawer.documents() if each["owner"] == owner]
        return sorted(found, key=lambda each: (each.created, each.id))

    def content(self, id: str) -> Path:
        """Returns where the bytes lie."""
        return self._drawer.path(id) / _CONTENT

    @contextmanager
    def receive(self, stamp: str = "") -> Iterator[Incoming]:
        """Gives a file to write into: it is there when the block ends, whole, or not at all.

        Args:
            stamp: What its id is made of; one that was received under the same gives way.
        """
        about: dict[str, Any] = {}
        id = self.mint(stamp)
        if self._drawer.has(id):
            self._drawer.remove(id)
        with self._drawer.draft(id, about) as folder, (folder / _CONTENT).open("xb") as content:
            yield Incoming(id, content=content, about=about)
            assert about, "a file that was not finished"

    def adopt(self, path: Path, *, id: str, owner: str, filename: str) -> None:
        """Makes what a batch wrote a file of its owner; one that is there already stays."""
        if self._drawer.has(id):
            return
        about = asdict(StoredFile(id, owner, filename, "batch_output", path.stat().st_size, now()))
        with self._drawer.draft(id, about) as folder:
            copy_file(path, target=folder / _CONTENT)

    def remove(self, id: str) -> None:
        """Removes a file and its bytes.

        Raises:
            FileNotFoundError: Somebody else has removed it.
        """
        self._drawer.remove(id)


def now() -> str:
    """Returns the time as it is recorded."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def seconds(time: str) -> int:
    """Returns a recorded time as seconds since 1970."""
    return int(datetime.fromisoformat(time).timestamp())
