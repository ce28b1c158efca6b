"""`freehold promote` and `freehold rollback`: a person decides which version is in service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freehold.app.cli.models import describe_release
from freehold.app.cli.opened import opened, user_name, version_number
from freehold.app.cli.options import AsJson, Code, Folder, State, Who, Why
from freehold.app.cli.paper import print_document, print_line

if TYPE_CHECKING:
    from freehold.task import Release

__all__ = ["promote", "rollback"]


def promote(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="Which one: `3` or `task@3`.", show_default=False)
    ],
    folder: Folder = Path(),
    why: Why = "",
    who: Who = "",
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Put a version into service, whatever the gate said."""
    with opened(folder, state=state) as (task, shelf):
        wanted = shelf.release(task.name, version_number(version, task=task.name))
        release = shelf.promote(wanted, because=why, who=who or user_name())
    return _say(release, "is in service now", as_json=as_json)


def rollback(
    folder: Folder = Path(),
    to: Annotated[
        str,
        typer.Option("--to", metavar="VERSION", help="Which one. Default: the one before.", show_default=False),
    ] = "",
    why: Why = "",
    who: Who = "",
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Take the champion out of service and put an earlier version back."""
    with opened(folder, state=state) as (task, shelf):
        target = version_number(to, task=task.name) if to else None
        release = shelf.rollback(task.name, who=who or user_name(), why=why, to=target)
    return _say(release, "is in service again", as_json=as_json)


def _say(release: Release, outcome: str, *, as_json: bool) -> int:
    if as_json:
        print_document({"task": release.task, "release": describe_release(release)})
    else:
        print_line(f"{release.name} {outcome}. Running servers pick it up by themselves.")
    return Code.DONE
