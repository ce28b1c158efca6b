"""`freehold models`: every model of a task, with its verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from freehold.app.cli.hints import command_line
from freehold.app.cli.opened import opened
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line, print_table
from freehold.app.cli.tables import shown
from freehold.pages import moment

if TYPE_CHECKING:
    from freehold.task import Release, Verdict

__all__ = ["describe_release", "models"]


def models(folder: Folder = Path(), state: State = None, as_json: AsJson = False) -> int:
    """List every model of the task, oldest first."""
    with opened(folder, state=state) as (task, shelf):
        releases = shelf.models(task.name)
    if as_json:
        print_document({"models": [describe_release(release) for release in releases]})
    elif not releases:
        print_line(f"`{task.name}` has no model yet. Next: {command_line('run', folder, state=state)}")
    else:
        rows = [
            (str(r.version), r.state, moment(r.created), r.artifact.digest[:12], _headline(r.verdict))
            for r in releases
        ]
        print_table((">version", "state", "made", "digest", "verdict"), rows, title=task.name)
    return Code.DONE


def describe_release(release: Release) -> dict[str, object]:
    """Returns a release as plain data, in the shape of the contract."""
    return {
        "version": release.version,
        "name": release.name,
        "digest": release.artifact.digest,
        "champion": release.state == "champion",
        "state": release.state,
        "created": release.created,
        "verdict": release.verdict.to_json(),
    }


def _headline(verdict: Verdict) -> str:
    firsts = [(field, *next(iter(metrics.items()))) for field, metrics in verdict.fields.items() if metrics]
    numbers = ", ".join(f"{field} {metric} {shown(measured.value)}" for field, metric, measured in firsts)
    return numbers if verdict.passed else f"refused; {numbers}"
