"""What endpoints answered, kept below the state folder, so that nothing that was paid for is asked again.

Owns the files: one for each endpoint and model, a line for each call, named by what was sent. A line that a killed
process wrote by half is passed over. Knows nothing of rows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from freehold.errors import StorageError
from freehold.task import Json, Teacher, canonical, digest

__all__ = ["Book", "Entry", "Totals"]

_FOLDER = "teachers"


class Entry(NamedTuple):
    """One call.

    Attributes:
        values: What was answered, as plain data; None where it did not fit the schema.
        ended: `ok`, `wrong_answer`, or how else it failed: then it is asked again.
        read: Tokens of the prompt; `written` those of the answer.
        cost: In billionths of the currency.
    """

    values: Mapping[str, Json] | None
    ended: str
    read: int
    written: int
    cost: int
    seconds: float

    @property
    def is_final(self) -> bool:
        """Whether asking the same again would say nothing new."""
        return self.ended in ("ok", "wrong_answer")


class Totals(NamedTuple):
    """What a book's calls came to."""

    calls: int = 0
    tokens: int = 0
    cost: int = 0


class Book:
    """The calls that were made to one endpoint and model."""

    def __init__(self, cache: Path, teacher: Teacher) -> None:
        name = digest([teacher.place, teacher.model])[:32]
        self.path = cache / _FOLDER / f"{name}.jsonl"
        self._entries: dict[str, Entry] = {}
        self._calls = self._tokens = self._cost = 0
        self._seconds: list[float] = []
        for key, entry in _read(self.path):
            self._take(key, entry)

    def find(self, key: str) -> Entry | None:
        """Returns what was answered to a request, by its digest; None where it is still to be asked."""
        return self._entries.get(key)

    @property
    def totals(self) -> Totals:
        """What all calls came to."""
        return Totals(self._calls, self._tokens, self._cost)

    @property
    def seconds(self) -> float | None:
        """The median time of a call that was answered; None where there was none."""
        ordered = sorted(self._seconds)
        return ordered[len(ordered) // 2] if ordered else None

    def ratio(self) -> tuple[float, float] | None:
        """Returns tokens read and written by an answered call, in the mean; None where there was none."""
        good = [each for each in self._entries.values() if each.ended == "ok"]
        if not good:
            return None
        return sum(each.read for each in good) / len(good), sum(each.written for each in good) / len(good)

    def write(self, key: str, entry: Entry) -> None:
        """Keeps a call, in one write that a kill leaves whole or by half; what cost money is put on the disk.

        Raises:
            StorageError: It cannot be written.
        """
        line = canonical({"key": key, **entry._asdict()}) + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, line if _ends_whole(self.path) else b"\n" + line)
                if entry.cost:
                    os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise StorageError(f"`{self.path}` cannot be written: {error.strerror}.") from error
        self._take(key, entry)

    def _take(self, key: str, entry: Entry) -> None:
        self._calls += 1
        self._tokens += entry.read + entry.written
        self._cost += entry.cost
        if entry.is_final:
            self._entries[key] = entry
        if entry.ended == "ok":
            self._seconds.append(entry.seconds)


def _ends_whole(path: Path) -> bool:
    """Whether a file's last line is whole, so that what is added does not share one with it."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _read(path: Path) -> list[tuple[str, Entry]]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    found = []
    for line in content.split(b"\n"):
        try:
            said = json.loads(line)
            found.append((str(said.pop("key")), Entry(**said)))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue  # the end of a process that was killed
    return found
