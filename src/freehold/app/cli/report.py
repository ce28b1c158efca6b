"""`freehold report`: everything that is known of a version: verdict, time, lineage, refused rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from freehold.app.cli.hints import command_line
from freehold.app.cli.models import describe_release
from freehold.app.cli.opened import Opened, opened, version_number
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line, print_table
from freehold.app.cli.tables import print_seconds, print_verdict
from freehold.errors import IntegrityError, NotFoundError

if TYPE_CHECKING:
    from freehold.task import Release

__all__ = ["report"]


class Refused(NamedTuple):
    """The rows that could not be used: how many, and the file that lists them."""

    rows: int
    path: Path


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
        release = _find(here, version, folder=folder, state=state)
        lineage: dict[str, Any] = dict(here.shelf.lineage(here.task.name, release.version))
        refused = _find_refused(here, lineage)
        history = [dict(e) for e in here.shelf.history(here.task.name) if e["version"] == release.version]
    if as_json:
        print_document(
            {
                "task": here.task.name,
                "release": describe_release(release),
                "verdict": release.verdict.to_json(),
                "lineage": lineage,
                "refused": {"count": refused.rows, "path": str(refused.path)} if refused else None,
                "history": history,
            }
        )
    else:
        _show(release, lineage=lineage, refused=refused, history=history)
    return Code.DONE


def _find(here: Opened, version: str, *, folder: Path, state: Path | None) -> Release:
    if version:
        return here.shelf.release(here.task.name, version_number(version, task=here.task.name))
    releases = here.shelf.models(here.task.name)
    if not releases:
        hint = f"Make one: {command_line('run', folder, state=state)}"
        raise NotFoundError(f"`{here.task.name}` has no model yet.", hint=hint)
    return releases[-1]


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


def _show(
    release: Release, *, lineage: dict[str, Any], refused: Refused | None, history: list[dict[str, Any]]
) -> None:
    print_verdict(release.verdict, name=release.name)
    stages = [(stage["stage"], stage["seconds"], False) for stage in lineage["stages"]]
    print_seconds(stages, title="where the time went")
    rows = [(stage["stage"], stage["digest"][:12], stage["created"]) for stage in lineage["stages"]]
    print_table(("made by", "digest", "at"), rows, title="lineage, causes first")
    print_line(f"{len(lineage['corrections'])} corrections are among its examples.")
    if refused is not None:
        listed = f", listed in {refused.path}" if refused.rows else ""
        print_line(f"{refused.rows} rows were refused{listed}")
    for entry in history:
        reason = f": {entry['why']}" if entry["why"] else ""
        print_line(f"{entry['time']} {entry['action']} by {entry['who'] or 'the line'}{reason}")
    print_line(f"{release.name} is {release.state}; digest {release.artifact.digest}")
