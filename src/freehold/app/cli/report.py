"""`freehold report`: everything that is known of a version: verdict, confidence, mistakes, time, lineage, data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freehold.app.cli.charts import print_calibration
from freehold.app.cli.confusions import named
from freehold.app.cli.hints import command_line
from freehold.app.cli.known import Known, look
from freehold.app.cli.made import print_facts
from freehold.app.cli.opened import Opened, opened, version_number
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.page import write_page
from freehold.app.cli.paper import print_document, print_line, print_table
from freehold.app.cli.tables import print_seconds, print_verdict
from freehold.errors import NotFoundError, UserError
from freehold.pages import moment

if TYPE_CHECKING:
    from freehold.task import Release

__all__ = ["report"]

_MISTAKES = 8


def report(
    folder: Folder = Path(),
    version: Annotated[
        str, typer.Option("--version", help="Which one. Default: the last that was judged.", show_default=False)
    ] = "",
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write it as one page of HTML, pictures and all.", show_default=False
        ),
    ] = None,
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Show a verdict in full, how far confidence may be believed, and what the model came from."""
    with opened(folder, state=state) as here:
        if version:
            release = here.shelf.release(here.task.name, version_number(version, task=here.task.name))
        else:
            release = _last(here, hint=f"Make one: {command_line('run', folder, state=state)}")
        known = look(here, release)
    if html:
        _write(html, write_page(known))
    if as_json:
        print_document({**known.to_json(), **({"html": str(html)} if html else {})})
    elif html:
        print_line(f"The report on {release.name} is in {html}.")
    else:
        _show(known)
    return Code.DONE


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as problem:
        hint = "Name a file in a folder that is there: freehold report --html report.html"
        raise UserError(f"`{path}` cannot be written: {problem.strerror}.", hint=hint) from problem


def _last(here: Opened, *, hint: str) -> Release:
    releases = here.shelf.models(here.task.name)
    if not releases:
        raise NotFoundError(f"`{here.task.name}` has no model yet.", hint=hint)
    return releases[-1]


def _show(known: Known) -> None:
    release, stages = known.release, known.lineage["stages"]
    print_verdict(release.verdict, name=release.name, order=known.order)
    print_calibration(known.calibration)
    _show_mistakes(known)
    print_seconds(((s["stage"], s["seconds"], False) for s in stages), title="where the time went")
    print_facts(known.facts)
    if known.warnings:
        print_line("What was odd about the data:")
    for warning in known.warnings:
        print_line(f"  - {warning['message']}")
    rows = [(stage["stage"], stage["digest"][:12], moment(stage["created"])) for stage in stages]
    print_table(("made by", "digest", "at"), rows, title="lineage, causes first")
    print_line(f"Corrections among its examples: {len(known.lineage['corrections'])}.")
    if known.refused is not None:
        listed = f", listed in {known.refused.path}" if known.refused.rows else ""
        print_line(f"Rows that were refused: {known.refused.rows}{listed}.")
    for entry in known.history:
        print_line(f"{moment(entry['time'])}: {entry['action']} by {entry['who']}. {entry['why']}")
    print_line(f"{release.name} is {release.state}; its digest is {release.artifact.digest}.")


def _show_mistakes(known: Known) -> None:
    rows = [
        (field if place == 0 else "", named(each.truth), named(each.answer), str(each.count))
        for field, found in known.confusions.items()
        for place, each in enumerate(found[:_MISTAKES])
    ]
    if rows:
        print_table(("field", "truth", "answer", ">times"), rows, title="most frequent mistakes")
