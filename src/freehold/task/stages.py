"""What a stage of the line is, and what it leaves behind.

A stage is a function with a name and a version. It gets a `Desk` to work at, writes files into
`desk.folder`, and returns a named `Result`. It does not know where it runs, what is cached, or which stage
comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Concatenate, Generic, Literal, ParamSpec, TypeVar

from freehold.task.canonical import Json
from freehold.task.fields import Task
from freehold.task.verdicts import Verdict

__all__ = [
    "Artifact",
    "Contrast",
    "Desk",
    "Event",
    "Examples",
    "Judgement",
    "LabelledExamples",
    "Release",
    "Result",
    "Stage",
    "TrainedModel",
    "Weighed",
    "stage",
]

P = ParamSpec("P")
R = TypeVar("R", bound="Result")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run, for progress displays.

    `total` is 0 where it is not known. `kind` `note` carries a line worth keeping (a count of refused rows,
    a rung's outcome).
    """

    stage: str
    kind: Literal["start", "progress", "note", "done", "cached"]
    done: int = 0
    total: int = 0
    note: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What the runner gives a stage to work with.

    Attributes:
        folder: Empty folder to write the result into; only what is here becomes part of the digest.
        scratch: Folder that outlives `kill -9` until this very stage is recorded: checkpoints.
        cache: Folder shared by all runs of this state: content-addressed features.
        threads: How many threads to compute with.
        tell: Reports progress.
    """

    folder: Path
    scratch: Path
    cache: Path
    threads: int
    tell: Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Result:
    """A read-only folder named by its content, and facts about how it was made.

    Attributes:
        folder: Where the files lie now.
        facts: Counts, times, sizes: recorded beside the result, not part of its digest, so that a slow
            machine and a fast one make the same thing.
        digest: sha256 over names and sha256 of the files; filled in by the runner.
    """

    folder: Path
    facts: Mapping[str, Json] = field(default_factory=dict)
    digest: str = ""


class Examples(Result):
    """`examples.jsonl`: cleaned, split, each with its passport. Refused rows in `refused.jsonl`."""


class LabelledExamples(Result):
    """`examples.jsonl` with labels, and `suggestions.jsonl` for rows that wait for a person."""


class Weighed(Result):
    """`weighed.json`: whether rows that were made are learned from, and why. The facts say the same."""

    @property
    def taken(self) -> bool:
        """Whether they are."""
        return bool(self.facts["taken"])


class TrainedModel(Result):
    """A reader in the layout of `engine`, with weights in full precision and perhaps an adapter."""


class Artifact(Result):
    """A reader that can be shipped: the layout of `engine` plus `model.onnx` and a model card."""


class Contrast(Result):
    """`contrast.json`: the scores with made rows and without, on validation and on test rows."""


class Judgement(Result):
    """`verdict.json`, `calibration.json`, and `answers.jsonl`: what both models said about each test row."""

    def verdict(self) -> Verdict:
        """Returns the verdict that the gate wrote."""
        import json

        return Verdict.from_json(json.loads((self.folder / "verdict.json").read_bytes()))


@dataclass(frozen=True, slots=True)
class Release:
    """A version of a task's model: an artifact with its verdict, and whether it is in service.

    Attributes:
        state: `champion` (in service), `released` (was or could be in service), `refused` (by the gate) or
            `withdrawn` (taken out of service by a rollback; a turn never puts it back by itself).
    """

    task: str
    version: int
    artifact: Artifact
    verdict: Verdict
    created: str
    state: Literal["champion", "released", "refused", "withdrawn"]

    @property
    def name(self) -> str:
        """`task@version`."""
        return f"{self.task}@{self.version}"


@dataclass(frozen=True, slots=True)
class Stage(Generic[P, R]):
    """A stage's function with what its key is made of.

    Attributes:
        name: `package.verb`, as shown to users.
        version: Raised whenever the same inputs would give another result.
        reads: Which parts of the task it depends on.
        state: Returns whatever else it depends on (digests of files, of recorded corrections).
        holds: Tells of a recorded result whether it may still be used: what was found since may forbid it.
    """

    name: str
    version: int
    function: Callable[Concatenate[Desk, P], R]
    result: type[R]
    reads: tuple[str, ...]
    state: Callable[P, Mapping[str, Json]]
    holds: Callable[Concatenate[R, P], bool]


def _nothing(*_args: object, **_kwargs: object) -> Mapping[str, Json]:
    return {}


def _always(*_args: object, **_kwargs: object) -> bool:
    return True


def stage(
    name: str,
    *,
    version: int,
    result: type[R],
    reads: tuple[str, ...] = (),
    state: Callable[P, Mapping[str, Json]] = _nothing,
    holds: Callable[Concatenate[R, P], bool] = _always,
) -> Callable[[Callable[Concatenate[Desk, P], R]], Stage[P, R]]:
    """Returns a decorator that makes a function a stage.

    Raises:
        ValueError: `reads` names something that a task does not have.
    """
    unknown = set(reads) - set(Task.__dataclass_fields__)
    if unknown:
        raise ValueError(f"A task has no {sorted(unknown)}.")

    def decorate(function: Callable[Concatenate[Desk, P], R]) -> Stage[P, R]:
        return Stage(name, version, function, result, reads, state, holds)

    return decorate
