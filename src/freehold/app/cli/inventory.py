"""What is known of a task's data: where rows went, what they are, and what changed since a version was made.

Reads what collecting left and the registry; shows nothing. Its `to_json` is what `freehold data --json` prints.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from freehold.app.cli.opened import version_number
from freehold.errors import IntegrityError, NotFoundError

if TYPE_CHECKING:
    from freehold.app.cli.opened import Opened
    from freehold.task import Example, Examples, Task

__all__ = ["Earlier", "Inventory", "Step", "find_earlier", "take"]

_SAMPLES = 3
_LARGEST = 5


class Step(NamedTuple):
    """One step of the way from rows to examples.

    Attributes:
        left: How many rows are left after it.
        gone: How many it took, and for what reasons.
        samples: Some of those that it took, in words.
    """

    name: str
    left: int
    gone: int
    reasons: Mapping[str, int]
    samples: tuple[str, ...]


class Inventory(NamedTuple):
    """What is known of a task's data.

    Attributes:
        report: What collecting counted.
        funnel: The way from rows to examples.
        sources: The sources as they were last read.
        drift: What changed since the data of an earlier version; None where there is none.
    """

    task: Task
    digest: str
    report: Mapping[str, Any]
    funnel: tuple[Step, ...]
    sources: tuple[Mapping[str, Any], ...]
    drift: Mapping[str, Any] | None

    @property
    def splits(self) -> str:
        """How many examples each split has, in words."""
        from freehold.task import SPLITS

        return ", ".join(f"{self.report['splits'][split]:,} {split}" for split in SPLITS)

    def to_json(self) -> dict[str, Any]:
        """Returns all of it as plain data."""
        return {
            "task": self.task.name,
            "digest": self.digest,
            "funnel": [{**step._asdict(), "samples": list(step.samples)} for step in self.funnel],
            "sources": [dict(each) for each in self.sources],
            "drift": self.drift,
            **{name: self.report[name] for name in ("examples", "splits", "labels", "licences", "cleaning")},
            "warnings": self.report["warnings"],
        }


class Earlier(NamedTuple):
    """The data that a version was made from: the version's name, and the folder of its examples."""

    name: str
    folder: Path


def find_earlier(here: Opened, since: str = "") -> Earlier | None:
    """Returns the data of a version: `3` or `task@3`; of the model in service where none is named.

    Returns:
        None where none is named, and there is no model in service or its data is gone.

    Raises:
        UserError: There is no such version, or its data is not in this state.
        IntegrityError: The data of the version that was named is damaged.
    """
    if since:
        name = f"{here.task.name}@{version_number(since, task=here.task.name)}"
    elif champion := here.shelf.champion_version(here.task.name):
        name = f"{here.task.name}@{champion}"
    else:
        return None
    stages: Any = here.shelf.lineage(here.task.name, int(name.rpartition("@")[2]))["stages"]
    key = next((stage["key"] for stage in stages if stage["stage"] == "data.collect"), "")
    recorded = here.shelf.recall(key) if key else None
    try:
        if recorded:
            return Earlier(name, here.shelf.lay_out(recorded))
    except IntegrityError:
        if since:
            raise
    if since:
        hint = "Name another version; freehold models lists them."
        raise NotFoundError(f"the data that `{name}` was made from is not in `{here.shelf.state}`.", hint=hint)
    return None


def take(here: Opened, examples: Examples, *, earlier: Earlier | None) -> Inventory:
    """Returns what is known of the data that was collected.

    Args:
        earlier: What it is compared with.
    """
    report: Mapping[str, Any] = examples.facts
    latest = {each["uri"]: each for each in here.shelf.sources(here.task.name)}
    return Inventory(
        task=here.task,
        digest=examples.digest,
        report=report,
        funnel=tuple(_funnel(report, examples.folder)),
        sources=tuple(latest[each.uri] for each in here.task.sources if each.uri in latest),
        drift=_compare(earlier, examples) if earlier else None,
    )


def _funnel(report: Mapping[str, Any], folder: Path) -> Iterator[Step]:
    rows, corrections = report["rows"], report["corrections"]["used"]
    yield Step("read", rows, 0, {}, ())
    left = rows - report["refused"]
    refused = list(_lines(folder / "refused.jsonl"))
    reasons = Counter(_reason(line["reason"]) for line in refused)
    yield Step("usable", left, report["refused"], dict(reasons.most_common()), _refusals(refused))
    left -= report["duplicates"]
    yield Step("different", left, report["duplicates"], {"the same inputs": report["duplicates"]}, ())
    apart = report["kept_apart"]
    samples = (f"{each['locator']}: {each['reason']} {each['near']}".rstrip() for each in apart["examples"])
    final = report["examples"] - corrections
    yield Step(
        "apart from test rows", final, max(0, left - final), apart["reasons"], tuple(islice(samples, _SAMPLES))
    )
    if corrections:
        yield Step("with corrections", report["examples"], 0, {}, ())


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _reason(reason: str) -> str:
    """Returns a reason without what differs from row to row: of cleaning the rule, of files their names."""
    if reason.startswith("cleaning: "):
        return ":".join(reason.split(":", 2)[:2])
    return reason.split("` ", 1)[1] if reason.startswith("`") and "` " in reason else reason


def _refusals(refused: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Returns a few refused rows, of different reasons first."""
    from freehold.data import Refused

    first = {_reason(each["reason"]): Refused(**each) for each in reversed(list(refused))}
    return tuple(f"{each.said}: {each.text[:80]!r}" for each in islice(first.values(), _SAMPLES))


def _compare(earlier: Earlier, examples: Examples) -> Mapping[str, Any]:
    return {"against": earlier.name, **compare(_read(earlier.folder), _read(examples.folder))}


def _read(folder: Path) -> dict[str, Example]:
    from freehold.task import read_examples

    return {example.id: example for example in read_examples(folder / "examples.jsonl")}


def compare(old: Mapping[str, Example], new: Mapping[str, Example]) -> dict[str, Any]:
    """Returns what changed between two collections: rows, labels, lengths.

    The distance of a field is the total variation between the shares of its labels, 0 to 1.
    """
    both = old.keys() & new.keys()
    fields = sorted({field for each in new.values() for field in each.outputs})
    return {
        "added": len(new.keys() - old.keys()),
        "removed": len(old.keys() - new.keys()),
        "relabelled": sum(old[name].outputs != new[name].outputs for name in both),
        "words": {"before": _words(old.values()), "now": _words(new.values())},
        "fields": {field: _shift(field, old.values(), new.values()) for field in fields},
    }


def _words(examples: Iterable[Example]) -> float:
    counts = [sum(len(text.split()) for text in each.inputs.values()) for each in examples]
    return float(median(counts)) if counts else 0.0


def _shift(field: str, old: Iterable[Example], new: Iterable[Example]) -> dict[str, Any]:
    before, now = _shares(field, old), _shares(field, new)
    moves = {label: now[label] - before[label] for label in sorted({*before, *now})}
    largest = sorted(moves, key=lambda label: -abs(moves[label]))[:_LARGEST]
    shown = [{"label": name, "before": before[name], "now": now[name]} for name in largest if moves[name]]
    return {"distance": sum(map(abs, moves.values())) / 2, "largest": shown}


def _shares(field: str, examples: Iterable[Example]) -> Counter[str]:
    """Returns label to its share of all labels that a field has; of a field without labels nothing."""
    counts: Counter[str] = Counter()
    for example in examples:
        value = example.outputs.get(field)
        values = value if isinstance(value, list) else [] if value is None or isinstance(value, float) else [value]
        counts.update(str(each["label"]) if isinstance(each, dict) else str(each) for each in values)
    total = counts.total()
    return Counter({label: count / total for label, count in counts.items()})
