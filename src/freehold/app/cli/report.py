"""`freehold report`: everything that is known of a version: verdict, time, lineage, refused rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from freehold.app.cli.hints import command_line
from freehold.app.cli.made import find_facts, print_facts
from freehold.app.cli.models import describe_release
from freehold.app.cli.opened import Opened, opened, version_number
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import moment, print_document, print_line, print_table
from freehold.app.cli.tables import print_seconds, print_verdict
from freehold.errors import IntegrityError, NotFoundError

if TYPE_CHECKING:
    from freehold.task import Release

__all__ = ["report"]


class Refused(NamedTuple):
    """The rows that could not be used: how many, and the file that lists them."""

    rows: int
    path: Path


class Known(NamedTuple):
    """What is known of a version."""

    release: Release
    fields: list[str]
    lineage: dict[str, Any]
    facts: dict[str, dict[str, Any]]
    refused: Refused | None
    history: list[dict[str, Any]]


def report(
    folder: Folder = Path(),
    version: Annotated[
        str, typer.Option("--version", help="Which one. Default: the last that was judged.", show_default=False)
    ] = "",
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Show a verdict in full, where the time went, what the model came from and which rows were refused."""
    with opened(folder, state=state) as here:
        if version:
            release = here.shelf.release(here.task.name, version_number(version, task=here.task.name))
        else:
            release = _last(here, hint=f"Make one: {command_line('run', folder, state=state)}")
        known = _look(here, release)
    if as_json:
        print_document(_describe(known))
    else:
        _show(known)
    return Code.DONE


def _last(here: Opened, *, hint: str) -> Release:
    releases = here.shelf.models(here.task.name)
    if not releases:
        raise NotFoundError(f"`{here.task.name}` has no model yet.", hint=hint)
    return releases[-1]


def _look(here: Opened, release: Release) -> Known:
    lineage: dict[str, Any] = dict(here.shelf.lineage(release.task, release.version))
    return Known(
        release=release,
        fields=[field.name for field in here.task.fields],
        lineage=lineage,
        facts=find_facts(here.shelf, lineage["stages"]),
        refused=_find_refused(here, lineage),
        history=[dict(e) for e in here.shelf.history(release.task) if e["version"] == release.version],
    )


def _find_refused(here: Opened, lineage: dict[str, Any]) -> Refused | None:
    """Returns what the first stage refused, or None where its files are gone."""
    for stage in lineage["stages"]:
        recorded = here.shelf.recall(stage["key"]) if stage["stage"] == "data.collect" else None
        if recorded is None:
            continue
        try:
            path = here.shelf.lay_out(recorded) / "refused.jsonl"
        except IntegrityError:
            return None
        with path.open("rb") as file:
            return Refused(sum(1 for _ in file), path)
    return None


def _describe(known: Known) -> dict[str, object]:
    refused = known.refused
    return {
        "task": known.release.task,
        "release": describe_release(known.release),
        "verdict": known.release.verdict.to_json(),
        "lineage": known.lineage,
        "facts": known.facts,
        "refused": {"count": refused.rows, "path": str(refused.path)} if refused else None,
        "history": known.history,
    }


def _show(known: Known) -> None:
    release, stages = known.release, known.lineage["stages"]
    print_verdict(release.verdict, name=release.name, order=known.fields)
    print_seconds(((s["stage"], s["seconds"], False) for s in stages), title="where the time went")
    print_facts(known.facts)
    rows = [(stage["stage"], stage["digest"][:12], moment(stage["created"])) for stage in stages]
    print_table(("made by", "digest", "at"), rows, title="lineage, causes first")
    print_line(f"Corrections among its examples: {len(known.lineage['corrections'])}.")
    if known.refused is not None:
        listed = f", listed in {known.refused.path}" if known.refused.rows else ""
        print_line(f"Rows that were refused: {known.refused.rows}{listed}.")
    for entry in known.history:
        print_line(f"{moment(entry['time'])}: {entry['action']} by {entry['who']}. {entry['why']}")
    print_line(f"{release.name} is {release.state}; its digest is {release.artifact.digest}.")
