"""`freehold status`: what is in service, what it knows, and what waits."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from freehold.app.cli.hints import command_line
from freehold.app.cli.made import find_facts
from freehold.app.cli.models import describe_release
from freehold.app.cli.opened import Opened, opened
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line, print_table
from freehold.pages import moment

if TYPE_CHECKING:
    from freehold.registry import Feedback
    from freehold.task import Release

__all__ = ["status"]

_EVERY = 1_000_000


class Status(NamedTuple):
    """Where a task stands."""

    champion: Release | None
    last: Release | None
    rows: dict[str, int]
    reviews: int
    suspected: int
    corrections: int
    unlearned: int
    warnings: list[dict[str, Any]]


def status(folder: Folder = Path(), state: State = None, as_json: AsJson = False) -> int:
    """Show the champion, the data, what waits for review and what is not learned yet."""
    with opened(folder, state=state) as here:
        found = _look(here)
        place = here.shelf.state
    if as_json:
        print_document(_describe(found, task=here.task.name, place=place))
    else:
        _show(found, task=here.task.name, place=place)
        if found.unlearned or found.champion is None:
            print_line(f"Next: {command_line('run', folder, state=state)}")
    return Code.DONE


def _look(here: Opened) -> Status:
    name, shelf = here.task.name, here.shelf
    champion, releases = shelf.champion(name), shelf.models(name)
    corrections = shelf.feedback(name, kind="correction")
    waiting = shelf.reviews(name, limit=_EVERY)
    return Status(
        champion=champion,
        last=releases[-1] if releases else None,
        rows=dict(Counter(shelf.splits(name).values())),
        reviews=len(waiting),
        suspected=sum(each.given is not None for each in waiting),
        corrections=len(corrections),
        unlearned=len(_unlearned(here, champion, corrections)),
        warnings=_warnings(here, releases[-1]) if releases else [],
    )


def _warnings(here: Opened, release: Release) -> list[dict[str, Any]]:
    """Returns what was odd about the data that a version was made from."""
    lineage: dict[str, Any] = dict(here.shelf.lineage(release.task, release.version))
    return list(find_facts(here.shelf, lineage["stages"]).get("data.collect", {}).get("warnings", []))


def _unlearned(here: Opened, champion: Release | None, corrections: list[Feedback]) -> list[Feedback]:
    """Returns the corrections that came after the champion's examples were collected.

    A correction that was there and is not among the examples was outranked by a later one of the same
    inputs, or repeats a test row: it does not wait for anything.
    """
    if champion is None:
        return corrections
    lineage: dict[str, Any] = dict(here.shelf.lineage(here.task.name, champion.version))
    began = [_beginning(stage) for stage in lineage["stages"] if stage["stage"] == "data.collect"]
    learned = set(lineage["corrections"])
    return [
        row
        for row in corrections
        if (row.request or row.id) not in learned and (not began or datetime.fromisoformat(row.created) > began[0])
    ]


def _beginning(stage: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(stage["created"]) - timedelta(seconds=stage["seconds"])


def _describe(found: Status, *, task: str, place: Path) -> dict[str, object]:
    return {
        "task": task,
        "state": str(place),
        "champion": describe_release(found.champion) if found.champion else None,
        "last": describe_release(found.last) if found.last else None,
        "rows": found.rows,
        "reviews": found.reviews,
        "suspected": found.suspected,
        "corrections": found.corrections,
        "unlearned": found.unlearned,
        "warnings": found.warnings,
    }


def _show(found: Status, *, task: str, place: Path) -> None:
    rows = ", ".join(f"{count} {split}" for split, count in sorted(found.rows.items())) or "none yet"
    last = found.last
    verdict = "none yet" if last is None else f"{last.name} {'passed' if last.verdict.passed else 'was refused'}"
    print_table(
        ("", ""),
        [
            (
                "champion",
                f"{found.champion.name}, made {moment(found.champion.created)}" if found.champion else "none",
            ),
            ("last verdict", verdict),
            ("rows", rows),
            ("waiting for review", f"{found.reviews}, of which {found.suspected} have a label that looks wrong"),
            ("corrections", f"{found.corrections}, of which {found.unlearned} are not learned yet"),
            ("state", str(place)),
        ],
        title=task,
    )
    if found.warnings:
        print_line("What was odd about the data:")
    for warning in found.warnings:
        print_line(f"  - {warning['message']}")
