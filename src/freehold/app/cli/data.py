"""`freehold data`: where the task's rows come from, where they went, what may be done with them, what changed."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from freehold.app.cli.datasheets import write_croissant, write_datasheet
from freehold.app.cli.hints import command_line
from freehold.app.cli.opened import Opened, opened, version_number
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line, print_table
from freehold.app.cli.progress import show_progress
from freehold.errors import IntegrityError, NotFoundError, UserError
from freehold.pages import Earlier, Inventory, find_earlier, tabulate, take, write_data_page

__all__ = ["data"]

_BAR = 40
_FILE = {"metavar": "FILE", "show_default": False}

Since = Annotated[
    str,
    typer.Option(
        "--since",
        metavar="VERSION",
        help="Compare with the data of this version: `3` or `task@3`. Default: the one in service.",
        show_default=False,
    ),
]


def data(
    folder: Folder = Path(),
    html: Annotated[Path | None, typer.Option("--html", help="Write it as one page of HTML.", **_FILE)] = None,
    datasheet: Annotated[
        Path | None, typer.Option("--datasheet", help="Write a datasheet in Markdown.", **_FILE)
    ] = None,
    croissant: Annotated[
        Path | None,
        typer.Option("--croissant", help="Write Croissant metadata, and examples.jsonl beside it.", **_FILE),
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask web sites for what changed since they were fetched.")
    ] = False,
    since: Since = "",
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Collect the data, train nothing, and show where rows went, what may be done with them and what changed."""
    from freehold.line import collect_data

    with opened(folder, state=state) as here:
        earlier = _find_earlier(here, since)
        with show_progress(("data.collect",), plain=False, quiet=as_json) as tell:
            collected = collect_data(here.task, shelf=here.shelf, refresh=refresh, tell=tell)
        found = take(here.task, collected.examples, shelf=here.shelf, earlier=earlier)
        written = _write_files(
            found, collected.examples.folder, html=html, datasheet=datasheet, croissant=croissant
        )
    if as_json:
        print_document({**found.to_json(), **({"files": [str(path) for path in written]} if written else {})})
        return Code.DONE
    for path in written:
        print_line(f"Written: {path}")
    if not written:
        _show(found)
        print_line(f"Next: {command_line('run', folder, state=state)}")
    return Code.DONE


def _find_earlier(here: Opened, since: str) -> Earlier | None:
    """Returns the data of a version; of the model in service where none is named, None where there is none.

    Raises:
        UserError: There is no such version, or its data is not in this state.
        IntegrityError: The data of the version that was named is damaged.
    """
    if since:
        named = find_earlier(here.task.name, version_number(since, task=here.task.name), shelf=here.shelf)
        if named.folder is None:
            message = f"the data that `{named.name}` was made from is not in `{here.shelf.state}`."
            raise NotFoundError(message, hint="Name another version; freehold models lists them.")
        return named
    version = here.shelf.champion_version(here.task.name)
    if version is None:
        return None
    try:
        return find_earlier(here.task.name, version, shelf=here.shelf)
    except IntegrityError:
        return Earlier(f"{here.task.name}@{version}", None)


def _write_files(
    found: Inventory, folder: Path, *, html: Path | None, datasheet: Path | None, croissant: Path | None
) -> list[Path]:
    written = []
    if html:
        written.append(_write(html, write_data_page(found)))
    if datasheet:
        written.append(_write(datasheet, write_datasheet(found)))
    if croissant:
        examples = (folder / "examples.jsonl").read_bytes()
        metadata = write_croissant(found, sha256=hashlib.sha256(examples).hexdigest())
        written.append(_write(croissant, json.dumps(metadata, indent=2, ensure_ascii=False) + "\n"))
        written.append(_write(croissant.parent / "examples.jsonl", examples.decode()))
    return written


def _write(path: Path, text: str) -> Path:
    try:
        path.write_bytes(text.encode())
    except OSError as problem:
        hint = "Name a file in a folder that is there."
        raise UserError(f"`{path}` cannot be written: {problem.strerror}.", hint=hint) from problem
    return path


def _show(found: Inventory) -> None:
    drawn = sys.stdout.isatty() and (sys.stdout.encoding or "").lower() in ("utf-8", "utf8")
    if drawn:
        most = max(step.left for step in found.funnel) or 1
        for step in found.funnel:
            print_line(f"{step.name:>22} ▕{'█' * round(_BAR * step.left / most)} {step.left:,}")
        print_line()
    for table in tabulate(found).values():
        print_table(table.columns, table.rows, title=table.caption)
        if table.about == "funnel":
            for line in _below_funnel(found):
                print_line(line)
    for note in found.notes:
        print_line(f"  - {note}")
    for warning in found.report["warnings"]:
        print_line(f"  - {warning['message']}")


def _below_funnel(found: Inventory) -> Iterator[str]:
    yield from (f"  {step.name}: {sample}" for step in found.funnel for sample in step.samples)
    yield f"Examples: {found.splits}."
