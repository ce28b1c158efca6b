"""What a task is: named inputs, typed output fields, sources and goals.

Owns the frozen description of a task, not how it is read from a file (`taskfile`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, get_args

from freehold.task.canonical import Json, digest
from freehold.task.datarules import DataRules
from freehold.task.reviewrules import ReviewRules
from freehold.task.synthesisrules import Share, SynthesisRules
from freehold.task.teachers import Teacher, Teaching
from freehold.task.upstreams import Price, Routing, Upstream

__all__ = [
    "ASKABLE_KINDS",
    "EFFORTS",
    "FIELD_KINDS",
    "LABEL_KINDS",
    "SPLITS",
    "Crawl",
    "Effort",
    "Field",
    "FieldKind",
    "Goal",
    "Label",
    "Source",
    "Split",
    "Task",
    "Told",
]

FieldKind = Literal["choice", "choices", "predicate", "score", "number", "spans", "text"]
FIELD_KINDS: tuple[FieldKind, ...] = get_args(FieldKind)
LABEL_KINDS: tuple[FieldKind, ...] = ("choice", "choices", "score", "spans")
ASKABLE_KINDS: tuple[FieldKind, ...] = ("choice", "choices", "predicate", "score", "number")
"""Whose values can be checked whoever gives them, so that an upstream may be asked for them."""

Effort = Literal["quick", "normal", "thorough"]
EFFORTS: tuple[Effort, ...] = get_args(Effort)
"""How much work goes into training: about 1, 5 and 30 minutes for 10,000 short rows on two cores."""

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

Told: TypeAlias = Split | Literal["auto"]
"""Which split a source says its rows belong to; `auto` leaves it to the splitter."""


class Label(NamedTuple):
    """One allowed value of a field. The labels of a `score` field are whole numbers as text, ascending."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One output of a task.

    Attributes:
        labels: The allowed values; None where they are to be found in the data (`labels = "data"`), and
            always None for `predicate`, `number` and `text`.
        abstain_below: Answers with a calibrated confidence below this are marked as abstained.
        other: The label of a `choice` that means none of the others; empty where there is none.
        false_alarms: Share of the inputs that do fit a label and may be flagged as out of scope all the same.
    """

    name: str
    kind: FieldKind
    description: str = ""
    labels: tuple[Label, ...] | None = None
    abstain_below: float = 0.0
    other: str = ""
    false_alarms: float = 0.05


@dataclass(frozen=True, slots=True)
class Crawl:
    """How a web site is fetched.

    Attributes:
        contact: A URL or an e-mail address that every request names, for the site's owner.
        name: What robots.txt may call us.
        hosts: `example.org`, `*.example.org`; empty: that of the URI.
        include: Path globs, of which one must match; `*` stays within a segment, `**` does not.
        exclude: Path globs, of which none may match.
        depth: The most links from the URI.
        pages: The most pages.
        megabytes: The most that is sent, in all.
        delay: Seconds between a reply and the next request to the same host.
        sitemaps: Whether the site's sitemaps are read.
        loopback: Whether a site on this machine may be asked.
    """

    contact: str
    name: str = "freehold"
    hosts: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    depth: int = 20
    pages: int = 10_000
    megabytes: int = 1000
    delay: float = 1.0
    sitemaps: bool = True
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """One place that examples come from.

    Attributes:
        uri: As written in the task file; relative paths are relative to the task's folder.
        fields: Task field (input or output) to the column that holds it.
        licence: An SPDX identifier or expression; empty where none was declared.
        split: `auto` lets the splitter decide; otherwise every row goes where it is told.
        files: Which files of a folder, an archive or a repository are read; empty: those that are documents.
        chunk: Longer texts are split into rows of at most this many words; 0: they are not.
        query: What a database is asked.
        crawl: How a web site is fetched; None where the source is none.
    """

    uri: str
    fields: Mapping[str, str]
    licence: str = ""
    split: Told = "auto"
    files: tuple[str, ...] = ()
    chunk: int = 0
    query: str = ""
    crawl: Crawl | None = None

    @property
    def name(self) -> str:
        """What passports call it: the URI, and of a database what it is asked."""
        if not self.query:
            return self.uri
        asked = " ".join(self.query.split())
        told = asked if len(asked) <= _LONGEST_QUERY else f"{asked[:_LONGEST_QUERY]}... {digest(asked)[:8]}"
        return f"{self.uri}: {told}"


class Goal(NamedTuple):
    """A bar that the gate holds. `field` is empty for goals of the whole artifact (`p50_ms`, `size_mb`)."""

    field: str
    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class Task:
    """A typed function that a model is to learn.

    Attributes:
        extra_errors: Field to how many of the static tier's answers may be wrong where the model itself is right.
        errors_given_answer: Field to how many of the answers that are given may be wrong; the others abstain.
        rules: What the data as a whole is held to.
        review: How people label for it.
        teachers: Who gives labels to rows that have none; `teaching` what is made of what they say.
        synthesis: How rows are made for it.
        upstreams: Who is asked where the model abstains, in this order. No stage reads them, nor `routing`.
    """

    name: str
    folder: Path
    inputs: Mapping[str, Literal["string"]]
    fields: tuple[Field, ...]
    sources: tuple[Source, ...] = ()
    goals: tuple[Goal, ...] = ()
    description: str = ""
    base: str = "minilm"
    seed: int = 0
    effort: Effort = "normal"
    extra_errors: Mapping[str, float] = dataclasses.field(default_factory=dict)
    errors_given_answer: Mapping[str, float] = dataclasses.field(default_factory=dict)
    upstreams: tuple[Upstream, ...] = ()
    routing: Routing = dataclasses.field(default_factory=Routing)
    rules: DataRules = dataclasses.field(default_factory=DataRules)
    review: ReviewRules = dataclasses.field(default_factory=ReviewRules)
    teachers: tuple[Teacher, ...] = ()
    teaching: Teaching = dataclasses.field(default_factory=Teaching)
    synthesis: SynthesisRules = dataclasses.field(default_factory=SynthesisRules)

    def field(self, name: str) -> Field:
        """Returns the output field called `name`. Raises KeyError where there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def part(self, name: str) -> Json:
        """Returns one attribute as plain data, for keys and for `freehold.json`."""
        return _plain(getattr(self, name))


_LONGEST_QUERY = 80
_LATER = frozenset(["files", "chunk", "query", "crawl", "use", "profanity", "benchmarks"])
"""Keys that came after the first release; where they hold nothing, a task has the parts that it had."""


_PLAIN = Field | Source | DataRules | ReviewRules | SynthesisRules | Upstream | Price | Crawl


def _plain(value: object) -> Json:
    """Turns the words of this module into plain data, in declaration order."""
    if isinstance(value, Label | Goal | Share):
        return dict(zip(value._fields, (_plain(v) for v in value), strict=True))
    if isinstance(value, _PLAIN):
        told = {name: getattr(value, name) for name in value.__dataclass_fields__}
        return {name: _plain(item) for name, item in told.items() if item or name not in _LATER}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
