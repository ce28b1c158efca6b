"""A small shelf in memory, a task in a folder, and a way to collect."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from freehold.data import Refused, collect, read_rows
from freehold.task import Desk, Event, Example, Field, Json, Source, Split, Task, folder_files, read_examples

if TYPE_CHECKING:
    from freehold.registry import Feedback, Registry


@dataclass
class Shelf:
    """The part of a registry that collecting uses."""

    fixed: dict[str, Split] = field(default_factory=dict)
    said: list[Feedback] = field(default_factory=list)
    noted: list[tuple[str, str, str, int]] = field(default_factory=list)
    state: Path = field(default_factory=Path)

    def splits(self, task: str) -> dict[str, Split]:
        return dict(self.fixed)

    def count_tests(self, task: str) -> int:
        return sum(split == "test" for split in self.fixed.values())

    def fix_splits(self, task: str, splits: Mapping[str, Split]) -> None:
        self.fixed.update(splits)

    def feedback(self, task: str, *, kind: str = "", withdrawn: bool = False) -> list[Feedback]:
        return [row for row in self.said if row.kind == kind]

    def note_source(self, task: str, uri: str, *, digest: str, licence: str, rows: int) -> None:
        self.noted.append((uri, digest, licence, rows))

    def correct(self, inputs: Mapping[str, str], value: Mapping[str, Json], **more: Any) -> None:
        from freehold.registry import Feedback

        number = len(self.said)
        plain: dict[str, Any] = {"id": f"f{number}", "task": "t", "kind": "correction", "request": ""}
        plain |= {"maker": "person:ada", "created": f"2030-01-01T00:00:{number:02}Z", **more}
        self.said.append(Feedback(inputs=inputs, value=value, **plain))


@dataclass(frozen=True)
class Outcome:
    """What collecting left."""

    examples: tuple[Example, ...]
    refused: tuple[dict[str, Any], ...]
    apart: tuple[dict[str, Any], ...]
    conflicts: tuple[dict[str, Any], ...]
    report: dict[str, Any]
    files: dict[str, str]
    events: tuple[Event, ...]

    def texts(self, split: str) -> set[str]:
        return {example.inputs["text"] for example in self.examples if example.split == split}


@dataclass
class Work:
    """A task's folder with a shelf."""

    folder: Path
    shelf: Shelf
    turns: int = 0
    task: Task = field(init=False)

    def __post_init__(self) -> None:
        self.shelf.state = self.folder / "state"
        self.task = Task("t", self.folder, {"text": "string"}, (Field("intent", "choice"),))

    def put(self, name: str, content: str | bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def put_rows(self, name: str, rows: Sequence[tuple[str, str]]) -> str:
        lines = [json.dumps({"text": text, "intent": label}) for text, label in rows]
        return self.put(name, "\n".join(lines) + "\n")

    def read(self, source: str | Source, **changes: Any) -> list[Example | Refused]:
        task = replace(self.task, **changes)
        given = Source(source, {}) if isinstance(source, str) else source
        inputs = tuple(task.inputs)
        return list(read_rows(given, folder=self.folder, inputs=inputs, fields=task.fields, rules=task.rules))

    def collect(self, *sources: str | Source, **changes: Any) -> Outcome:
        given = tuple(Source(each, {}) if isinstance(each, str) else each for each in sources)
        task = replace(self.task, sources=given, **changes)
        self.turns += 1
        out = self.folder / "out" / str(self.turns)
        out.mkdir(parents=True)
        events: list[Event] = []
        desk = Desk(out, out, self.folder / "cache", 1, events.append)
        collect.function(desk, task, cast("Registry", self.shelf))
        lines = {name: _lines(out / f"{name}.jsonl") for name in ("refused", "apart", "conflicts")}
        examples = tuple(read_examples(out / "examples.jsonl"))
        report = json.loads((out / "report.json").read_text())
        return Outcome(examples, **lines, report=report, files=folder_files(out), events=tuple(events))


def _lines(path: Path) -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(line) for line in path.read_bytes().splitlines())
