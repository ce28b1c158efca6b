"""`freehold client`: a program's way to ask a served task, typed with the task's own labels."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freehold import __version__
from freehold.app.cli.hints import command_line
from freehold.app.cli.opened import Opened, opened
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line, remark
from freehold.app.clients import Language, Subject, file_name, is_generated, usage, write_client
from freehold.errors import NotFoundError, StorageError, UserError

if TYPE_CHECKING:
    from freehold.engine import Description
    from freehold.task import Field

__all__ = ["client"]

_STDOUT = "-"


def client(
    language: Annotated[
        Language,
        typer.Option("--language", metavar="LANGUAGE", help="`python` or `typescript`.", show_default=False),
    ],
    folder: Folder = Path(),
    out: Annotated[
        str,
        typer.Option(
            "--out",
            metavar="PATH",
            help="A file or a folder; `-`: stdout. Default: TASK_client.py or TASK_client.ts, here.",
            show_default=False,
        ),
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Write over a file of another maker.")] = False,
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Write a client for programs that ask the server: one file, typed with the task's own labels."""
    if as_json and out == _STDOUT:
        raise UserError("`--json` and `--out -` both want stdout.", hint="Leave one of them out.")
    with opened(folder, state=state) as here:
        subject = _look(here, following=command_line("run", folder, state=state))
    text = write_client(subject, language, version=__version__)
    if out == _STDOUT:
        sys.stdout.write(text)
        return Code.DONE
    path = Path(out) / file_name(subject.task, language) if Path(out).is_dir() else Path(out)
    _write(path, text, force=force)
    if as_json:
        named = {"task": subject.task, "model": subject.model or None, "digest": subject.digest or None}
        print_document({"path": str(path), "language": language, **named})
    else:
        print_line(f"`{path}` asks `{subject.task}`; its types are those of {subject.model or 'the task file'}.")
        print_line(f"Next: {command_line('serve', folder, state=state)}, then:\n")
        print_line(usage(subject, language, module=path.stem))
    return Code.DONE


def _look(here: Opened, *, following: str) -> Subject:
    """Returns the task, with the labels that its file does not declare from its champion."""
    from freehold.engine import open_folder

    task, shelf = here
    release = shelf.champion(task.name)
    learned = open_folder(release.artifact.folder).description if release else None
    fields = tuple(_resolved(field, learned, following=following) for field in task.fields)
    if learned and (set(task.inputs), _shapes(fields)) != (set(learned.inputs), _shapes(learned.fields)):
        remark(
            "The task file has changed since the model in service was made, which knows other inputs, fields or"
        )
        remark(f"labels than this client. Make one that knows the same: {following}")
    return Subject(
        task=task.name,
        description=task.description,
        inputs=tuple(task.inputs),
        fields=fields,
        model=release.name if release else "",
        digest=release.artifact.digest if release else "",
    )


def _resolved(field: Field, learned: Description | None, *, following: str) -> Field:
    """Returns a field with its labels.

    Raises:
        NotFoundError: They are to be found in the data, and no model in service has found them.
    """
    from freehold.task import LABEL_KINDS

    if field.kind not in LABEL_KINDS or field.labels is not None:
        return field
    for known in learned.fields if learned else ():
        if (known.name, known.kind) == (field.name, field.kind):
            return replace(field, labels=known.labels)
    message = f"The labels of `{field.name}` are those of its data, and no model in service knows them."
    raise NotFoundError(message, hint=f"Make one: {following}")


def _shapes(fields: Iterable[Field]) -> dict[str, tuple[str, set[str]]]:
    return {field.name: (field.kind, {label.name for label in field.labels or ()}) for field in fields}


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        if path.exists() and not force and not is_generated(_first_words(path)):
            hint = "Choose another file with --out, or write over it with --force."
            raise UserError(f"`{path}` exists and is no client that `freehold client` wrote.", hint=hint)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as problem:
        raise StorageError(f"`{path}` cannot be written: {problem.strerror}.") from problem


def _first_words(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(256).decode("utf-8", "replace")
