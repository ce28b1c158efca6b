"""What is known of a task's data: where rows went, what they are, what changed, and which release they led to.

Reads what collecting left and the registry; collects nothing and shows nothing. Its `to_json` is what
`freehold data --json` prints and what a server answers.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from freehold.errors import IntegrityError
from freehold.pages.funnel import Step, find_steps, hide_passwords, pacing
from freehold.pages.rows import Credit, Read, compare, count_credits
from freehold.task import Examples, Json, Release, Task, read_examples

if TYPE_CHECKING:
    from freehold.registry import Recorded, Registry

__all__ = ["Earlier", "Inventory", "find_earlier", "list_releases", "take", "take_release"]

_STAGE = "data.collect"
_MAKING = "label.synthesise"
_RELEASES = 20
_CREDITS = 50
_EMPTY: Mapping[str, Any] = {
    "rows": 0,
    "refused": 0,
    "duplicates": 0,
    "examples": 0,
    "splits": {},
    "kept_apart": {"reasons": {}, "examples": []},
    "corrections": {"used": 0},
    "sources": [],
    "fields": {},
    "labels": {},
    "licences": {},
    "cleaning": {},
    "warnings": [],
}
"""What a report has; an old one may have less."""
_LATER = ("licences", "cleaning", "warnings")
_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")


class Inventory(NamedTuple):
    """What is known of a task's data.

    Attributes:
        digest: Of the examples; empty where it is not known which they were.
        release: The release that they led to, `banking@3`; empty where they were collected just now.
        report: What collecting counted.
        funnel: The way from rows to examples.
        sources: The sources as they were read.
        credits: Whom the licences want named: `text`, `licence`, `examples`, most rows first.
        uncredited: How many more there are.
        drift: What changed since the data of an earlier release; None where that is not known.
        releases: Which data led to which release, newest first.
        notes: What is missing here, why, and what to type.
        made: What the stage that makes rows counted when it last saw this data; None where it made none.
    """

    task: Task
    digest: str
    release: str
    report: Mapping[str, Any]
    funnel: tuple[Step, ...] = ()
    sources: tuple[Mapping[str, Any], ...] = ()
    credits: tuple[Mapping[str, Any], ...] = ()
    uncredited: int = 0
    drift: Mapping[str, Any] | None = None
    releases: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    made: Mapping[str, Any] | None = None

    @property
    def splits(self) -> str:
        """How many examples each split has, in words."""
        return ", ".join(f"{count:,} {split}" for split, count in self.report["splits"].items())

    def to_json(self) -> dict[str, Any]:
        """Returns all of it as plain data."""
        return {
            "task": self.task.name,
            "release": self.release or None,
            "digest": self.digest,
            "notes": list(self.notes),
            "funnel": [{**step._asdict(), "samples": list(step.samples)} for step in self.funnel],
            "sources": [dict(each) for each in self.sources],
            "credits": [dict(each) for each in self.credits],
            "drift": self.drift,
            "releases": [dict(each) for each in self.releases],
            **{name: self.report[name] for name in ("examples", "splits", "labels", "licences", "cleaning")},
            "warnings": self.report["warnings"],
        }


class Earlier(NamedTuple):
    """The data that a version was made from.

    Attributes:
        name: The version's: `banking@3`.
        folder: Where its examples are; None where they are not in this state folder.
    """

    name: str
    folder: Path | None


def find_earlier(task: str, version: int, *, shelf: Registry) -> Earlier:
    """Returns the data that a version was made from.

    Raises:
        NotFoundError: There is no such version.
        IntegrityError: Its data is damaged.
    """
    recorded = _collected(shelf, task, version)
    return Earlier(f"{task}@{version}", shelf.lay_out(recorded) if recorded else None)


def take(task: Task, examples: Examples, *, shelf: Registry, earlier: Earlier | None) -> Inventory:
    """Returns what is known of data that was collected just now.

    Args:
        earlier: What it is compared with.
    """
    report, releases = _complete(examples.facts), list_releases(task, shelf=shelf)
    led = next((each["release"] for each in releases if each["digest"] == examples.digest), "")
    made = _find_made(task.name, led, shelf=shelf) if task.synthesis.enabled else None
    found = Inventory(task, examples.digest, "", report, releases=releases, made=made)
    return _read(found, examples.folder, shelf=shelf, earlier=earlier)


def take_release(
    task: Task, release: Release, *, shelf: Registry, rows: bool = True, step: Callable[[], None] = lambda: None
) -> Inventory:
    """Returns what is known of the data that a release was made from, beside that of the release before it.

    Where it is not in this state folder, or says less than it would today, `notes` say so.

    Args:
        rows: Whether files are read, too: without them there are no samples, no credits and no drift.
        step: Is called now and then while they are; what it raises ends the reading.
    """
    recorded = _collected(shelf, task.name, release.version)
    found = Inventory(task, "", release.name, _EMPTY, releases=list_releases(task, shelf=shelf))
    if recorded is None:
        return found._replace(notes=(_gone(task, release),))
    report = _complete(recorded.facts)
    notes = _tell_missing(task, recorded.facts)
    made = _find_made(task.name, release.name, shelf=shelf)
    found = found._replace(digest=recorded.digest, report=report, notes=notes, made=made)
    if not rows:
        note = "Its rows are being read: ask again for samples, for whom to name, and for what changed."
        return _summarise(found, shelf=shelf, created=recorded.created)._replace(notes=(*notes, note))
    try:
        folder = shelf.lay_out(recorded)
    except IntegrityError as damage:
        note = f"{damage.message} Samples and what changed are missing here. {_type('verify', task)}"
        return _summarise(found, shelf=shelf, created=recorded.created)._replace(notes=(*notes, note))
    earlier = _find_before(release, shelf=shelf)
    return _read(found, folder, shelf=shelf, earlier=earlier, created=recorded.created, step=step)


def list_releases(task: Task, *, shelf: Registry) -> tuple[Mapping[str, Any], ...]:
    """Returns which data led to which release, newest first: `release`, `state`, `made`, `digest`, `collected`."""
    listed = []
    for release in reversed(shelf.models(task.name)[-_RELEASES:]):
        stage = _stage(shelf, task.name, release.version)
        told = {"release": release.name, "state": release.state, "made": release.created}
        listed.append({**told, "digest": stage.get("digest", ""), "collected": stage.get("created", "")})
    return tuple(listed)


def _read(
    found: Inventory,
    folder: Path,
    *,
    shelf: Registry,
    earlier: Earlier | None,
    created: str = "",
    step: Callable[[], None] = lambda: None,
) -> Inventory:
    """Returns an inventory with what the files say."""
    found = _summarise(found, shelf=shelf, created=created)
    seen = _compare(found.task, folder, earlier=earlier, step=step)
    notes = found.notes
    if earlier is not None and seen.drift is None:
        gone = f"The data of `{earlier.name}` is not in this state folder, or damaged"
        notes = (*notes, f"{gone}: what changed since then is not known.")
    drift = {"against": earlier.name, **seen.drift} if earlier and seen.drift is not None else None
    credits = _credit(seen.credits, licences=found.report["licences"])
    return found._replace(
        funnel=tuple(find_steps(found.report, folder, step=step, made=found.made)),
        credits=credits[:_CREDITS],
        uncredited=max(0, len(credits) - _CREDITS),
        drift=drift,
        notes=notes,
    )


def _summarise(found: Inventory, *, shelf: Registry, created: str) -> Inventory:
    """Returns an inventory with what takes no file: the counts of the funnel, and the sources."""
    sources = _sources(found, shelf=shelf, created=created)
    return found._replace(funnel=tuple(find_steps(found.report, None, made=found.made)), sources=tuple(sources))


def _compare(task: Task, folder: Path, *, earlier: Earlier | None, step: Callable[[], None]) -> Read:
    rows = pacing(read_examples(folder / "examples.jsonl", keep=False), step)
    if earlier is None or earlier.folder is None:
        return count_credits(rows)
    before = pacing(read_examples(earlier.folder / "examples.jsonl", keep=False), step)
    return compare(before, rows, fields=task.fields)


def _complete(facts: Mapping[str, Any]) -> dict[str, Any]:
    report = {**_EMPTY, **facts}
    warnings = [{**each, "message": hide_passwords(each["message"])} for each in report["warnings"]]
    return {**report, "warnings": warnings}


def _tell_missing(task: Task, facts: Mapping[str, Json]) -> tuple[str, ...]:
    missing = [name for name in _LATER if name not in facts]
    if not missing:
        return ()
    said = f"An older Freehold collected this data and recorded nothing of: {', '.join(missing)}."
    return (f"{said} {_type('data', task)} shows it of the data as it is now.",)


def _gone(task: Task, release: Release) -> str:
    said = f"What `{release.name}` was made from is not recorded in this state folder."
    return f"{said} {_type('data', task)} collects the data as it is now and shows it."


def _type(verb: str, task: Task) -> str:
    return f"`freehold {verb} {shlex.quote(str(task.folder))}`"


def _stage(shelf: Registry, task: str, version: int) -> Mapping[str, Any]:
    """Returns the record of collecting behind the rows that a version learned from; empty where there is none.

    That of the model which it was judged against stands in its lineage, too.
    """
    lineage: Mapping[str, Any] = shelf.lineage(task, version)
    stages = {stage["digest"]: stage for stage in lineage["stages"]}
    causes = [lineage["examples"]]
    while causes:
        stage = stages.pop(causes.pop(), None)
        if stage is not None and stage["stage"] == _STAGE:
            return dict(stage)
        causes += stage["inputs"] if stage else []
    return {}


def _find_made(task: str, release: str, *, shelf: Registry) -> Mapping[str, Any] | None:
    """Returns what the stage that makes rows counted on the way to a release; None where it was not asked."""
    if not release:
        return None
    lineage: Mapping[str, Any] = shelf.lineage(task, int(release.rpartition("@")[2]))
    key = next((each["key"] for each in lineage["stages"] if each["stage"] == _MAKING), "")
    recorded = shelf.recall(key) if key else None
    made = recorded.facts.get("made") if recorded else None
    return made if isinstance(made, dict) else None


def _collected(shelf: Registry, task: str, version: int) -> Recorded | None:
    stage = _stage(shelf, task, version)
    return shelf.recall(stage["key"]) if stage else None


def _find_before(release: Release, *, shelf: Registry) -> Earlier | None:
    """Returns the data of the release before another one: of the latest earlier version that the gate let pass."""
    earlier = [each for each in shelf.models(release.task) if each.version < release.version]
    before = next((each for each in reversed(earlier) if each.state != "refused"), None)
    if before is None:
        return None
    try:
        return find_earlier(before.task, before.version, shelf=shelf)
    except IntegrityError:
        return Earlier(before.name, None)


def _sources(found: Inventory, *, shelf: Registry, created: str) -> Iterator[Mapping[str, Any]]:
    """Yields the sources as they were read: by the digests that were recorded, by time where none were."""
    digests = found.report.get("source_digests", {})
    notes = [each for each in shelf.sources(found.task.name) if not created or str(each["noted"]) <= created]
    uris = [each["uri"] for each in found.report["sources"]]
    for uri in dict.fromkeys(uris):
        mine = [each for each in notes if each["uri"] == uri]
        exact = [each for each in mine if each["digest"] == digests.get(uri)]
        for each in (exact or mine)[-1:]:
            yield {**each, "uri": hide_passwords(uri)}


def _credit(credits: Mapping[Credit, int], *, licences: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Returns whom licences want named, in words that can be printed."""
    listed = []
    for each, count in sorted(credits.items(), key=lambda item: (-item[1], item[0])):
        uses = licences.get(each.licence, {}).get("uses")
        if each.licence and (uses is None or uses["attribution"]):
            by = f" by {each.author}" if each.author else ""
            text = f"{hide_passwords(each.source)}{by}, {_address(each.licence, known=uses is not None)}"
            listed.append({"text": text, "licence": each.licence, "examples": count})
    return tuple(listed)


def _address(licence: str, *, known: bool) -> str:
    if known and _SPDX.fullmatch(licence) and not licence.startswith("LicenseRef-"):
        return f"{licence} (https://spdx.org/licenses/{licence}.html)"
    return licence
