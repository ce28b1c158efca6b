"""Examples and the passport that each one carries, and the files that hold them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple, TypeAlias

from freehold.task.canonical import Json, canonical, digest
from freehold.task.fields import Split

__all__ = [
    "PIECE",
    "Example",
    "Passport",
    "Refused",
    "Value",
    "example_id",
    "name_unit",
    "read_examples",
    "write_examples",
]


Value: TypeAlias = "str | bool | int | float | list[str] | list[dict[str, str | int]]"
"""choice: str. choices: sorted list of str. predicate: bool. score: int. number: float. text: str.
spans: list of {label, start, end, text}, character offsets, end exclusive."""
PIECE = "#"
"""What stands in a locator between a text and the number of a piece of it."""
_PIECE = re.compile(rf"{PIECE}\d+$")


@dataclass(frozen=True, slots=True)
class Passport:
    """Where an example comes from and what may be done with it.

    Attributes:
        source: The source's URI, or `feedback`.
        locator: Where in the source: `train.csv:12`, `json/decoder.py:254`, `request:ID`.
        licence: SPDX identifier; empty where unknown.
        maker: Who gave the labels: `data`, `person:NAME`, `model:NAME@VERSION`, `rule:NAME`; empty: nobody.
        time: ISO 8601: when labels were given (feedback), or when the text was written, by its own word; empty
            where neither is known. Never when it was read, so that the same files give the same bytes.
        consent: What its maker said of its use: `tdm-reserved`; empty where nothing is known.
        author: Who wrote the text, by its own word.
        taught: What teachers gave of the labels, and how: the fields, how sure the committee is of each, and of
            every teacher its model, its prompt's digest, its parameters, tokens and cost; empty where nothing.
        making: How a model came to write it: prompt, model, parameters, tokens, cost; empty where none did.
    """

    source: str
    locator: str
    licence: str = ""
    maker: str = "data"
    time: str = ""
    consent: str = ""
    author: str = ""
    taught: Mapping[str, Json] = field(default_factory=dict, hash=False)
    making: Mapping[str, Json] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Json]:
        """Returns it as plain data, without what is only known of rows taught or made."""
        told = {name: getattr(self, name) for name in _PASSPORT}
        return {name: value for name, value in told.items() if value or name not in ("taught", "making")}


@dataclass(frozen=True, slots=True)
class Example:
    """Inputs, perhaps outputs, and a passport. A field missing from `outputs` has no label."""

    id: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, Value]
    passport: Passport
    split: Split
    cluster: str = ""
    """The id of the smallest example among its near duplicates; its own where it has none."""


class Refused(NamedTuple):
    """A row that is not used.

    Attributes:
        text: The beginning of the row, to find it again.
        locator: Where it stands: a page of a site, a file of a folder; empty where the source and the line say it.
    """

    source: str
    line: int
    reason: str
    text: str
    locator: str = ""

    @property
    def said(self) -> str:
        """Where it stands and why it is refused, in words; a file or page is named once."""
        name, _, rest = self.reason.removeprefix("`").partition("`")
        is_named = self.reason.startswith("`") and self.locator.rpartition(":")[0].endswith(name)
        reason = (rest.removeprefix(": ") if rest.startswith(":") else f"it{rest}") if is_named else self.reason
        return f"{self.locator or f'{self.source}:{self.line}'}: {reason}"

    def to_json(self) -> dict[str, Json]:
        """Returns it as plain data, without a locator that says nothing."""
        told = self._asdict()
        return told if self.locator else {name: told[name] for name in self._fields[:-1]}


def name_unit(passport: Passport, *, by_author: bool = False) -> str:
    """Returns what a row was drawn together with: its text, where it is a piece of one; empty where it was alone.

    Rows of one unit are not independent of each other.

    Args:
        by_author: All that one author wrote is one unit.
    """
    if by_author and passport.author:
        return f"author {passport.author}"
    text = _PIECE.sub("", passport.locator)
    return f"text {passport.source} {text}" if text != passport.locator else ""


def example_id(inputs: Mapping[str, str]) -> str:
    """Returns the name of an example: 32 hexadecimal digits from its (normalised) inputs alone."""
    return digest(dict(inputs))[:32]


_PASSPORT = tuple(Passport.__dataclass_fields__)
_LATER = ("author", "taught", "making")
"""Parts of a passport that came after the first release."""
_EXAMPLE = tuple(name for name in Example.__dataclass_fields__ if name != "passport")
_passport_values, _example_values = attrgetter(*_PASSPORT), attrgetter(*_EXAMPLE)


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    """Writes canonical JSON Lines and returns the number of rows."""
    count = 0
    with path.open("wb") as file:
        for example in examples:
            passport = dict(zip(_PASSPORT, _passport_values(example.passport), strict=True))
            for later in _LATER:  # rows without one keep the bytes that they had
                if not passport[later]:
                    del passport[later]
            row = dict(zip(_EXAMPLE, _example_values(example), strict=True))
            file.write(canonical({**row, "passport": passport}) + b"\n")
            count += 1
    return count


def read_examples(path: Path, *, keep: bool = True) -> Iterator[Example]:
    """Yields what `write_examples` wrote. Not to be changed: who reads the same file may get the same rows.

    A file that nobody may write is one that the registry keeps, which never changes. The rows of the last one
    stay at hand, for the stages of a turn read the same rows one after the other; not with `keep` off.
    """
    global _last  # noqa: PLW0603 - one slot, replaced as a whole
    status = path.stat()
    if not keep or status.st_mode & 0o222 or status.st_size > _MOST_BYTES:
        yield from _parse(path)
        return
    name = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    known, rows = _last
    if known != name:
        rows = tuple(_parse(path))
        _last = name, rows
    yield from rows


_MOST_BYTES = 1 << 24
_last: tuple[tuple[int, ...], tuple[Example, ...]] = (), ()


def _parse(path: Path) -> Iterator[Example]:
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            row = json.loads(line)
            # A later release may know more about a row than this one.
            row["passport"] = Passport(**{k: v for k, v in row["passport"].items() if k in _PASSPORT})
            yield Example(**row)
