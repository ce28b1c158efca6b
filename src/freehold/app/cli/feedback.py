"""`freehold feedback`: corrections in bulk, taken in, listed and taken back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freehold.app.cli.hints import command_line
from freehold.app.cli.opened import Opened, opened, user_name
from freehold.app.cli.options import AsJson, Code, Folder, State, Who
from freehold.app.cli.paper import print_document, print_line, print_table, remark
from freehold.errors import DataError, NotFoundError, UserError
from freehold.pages import moment

if TYPE_CHECKING:
    from freehold.registry import Feedback
    from freehold.task import Field

__all__ = ["feedback"]

_SHAPE = '{"inputs": {INPUT: "..."}, "correct": {FIELD: VALUE}} or {"request": ID, "correct": {FIELD: VALUE}}'


def feedback(
    folder: Folder = Path(),
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FILE", help=f"JSON Lines (`-`: stdin): {_SHAPE}.", show_default=False),
    ] = None,
    withdraw: Annotated[
        list[str] | None,
        typer.Option("--withdraw", metavar="ID", help="Take back a row or a whole batch.", show_default=False),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Show what was taken in.")] = False,
    who: Who = "",
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Take corrections in bulk; the next run learns from them."""
    if sum((data is not None, bool(withdraw), listed)) != 1:
        raise UserError("Say one of --data FILE, --withdraw ID and --list.", hint="Type: freehold feedback -h")
    with opened(folder, state=state) as task:
        following = f"Next: {command_line('run', folder, state=state)}"
        if data is not None:
            maker = f"person:{who or user_name()}"
            return _take(task, data, maker=maker, following=following, as_json=as_json)
        if withdraw:
            return _withdraw(task, withdraw, following=following, as_json=as_json)
        return _list(task.shelf.feedback(task.task.name, withdrawn=True), as_json=as_json)


def _take(here: Opened, data: Path, *, maker: str, following: str, as_json: bool) -> int:
    from freehold.feedback import accept

    rows, refused = _read_rows(data)
    receipt = accept(
        here.shelf,
        here.task.name,
        [row for _, row in rows],
        fields=_known_fields(here),
        inputs=tuple(here.task.inputs),
        maker=maker,
    )
    refused += [(rows[each.index][0], each.reason) for each in receipt.rejected]
    for line, reason in sorted(refused):
        remark(f"{data}:{line}: {reason}")
    if as_json:
        rejected = [{"line": line, "reason": reason} for line, reason in sorted(refused)]
        counts = {"accepted": len(receipt.accepted), "rejected": rejected}
        print_document({**counts, "batch": receipt.batch, "ids": list(receipt.accepted)})
    else:
        print_line(f"{len(receipt.accepted)} accepted, {len(refused)} rejected.")
        if receipt.accepted:
            print_line(f"{following} (to take all of it back: feedback --withdraw {receipt.batch})")
    return Code.MISTAKE if refused else Code.DONE


def _known_fields(here: Opened) -> list[Field]:
    """Returns the output fields; labels found in the data as the champion has them."""
    from freehold.engine import open_folder

    champion = here.shelf.champion(here.task.name)
    if champion is None:
        return list(here.task.fields)
    learned = {field.name: field for field in open_folder(champion.artifact.folder).description.fields}
    return [field if field.labels is not None else learned.get(field.name, field) for field in here.task.fields]


def _withdraw(here: Opened, ids: list[str], *, following: str, as_json: bool) -> int:
    from freehold.feedback import withdraw

    count = withdraw(here.shelf, here.task.name, ids=ids)
    if as_json:
        print_document({"withdrawn": count})
    else:
        print_line(f"{count} withdrawn. {following}")
    return Code.DONE


def _list(rows: list[Feedback], *, as_json: bool) -> int:
    if as_json:
        print_document({"feedback": [_describe(row) for row in rows]})
        return Code.DONE
    shown = [
        (
            row.id,
            moment(row.created),
            row.kind,
            row.maker,
            _short(row.inputs),
            _short(row.value),
            "withdrawn" * row.withdrawn,
        )
        for row in rows
    ]
    print_table(("id", "time", "kind", "maker", "inputs", "says", ""), shown)
    print_line(f"{len(rows)} in all.")
    return Code.DONE


def _describe(row: Feedback) -> dict[str, object]:
    return {
        "id": row.id,
        "batch": row.batch,
        "request": row.request,
        "inputs": dict(row.inputs),
        "kind": row.kind,
        "value": dict(row.value),
        "maker": row.maker,
        "created": row.created,
        "withdrawn": row.withdrawn,
    }


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=dict)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _read_rows(data: Path) -> tuple[list[tuple[int, object]], list[tuple[int, str]]]:
    """Returns the rows that are JSON with their line numbers, and why the other lines are not."""
    rows: list[tuple[int, object]] = []
    refused: list[tuple[int, str]] = []
    for number, line in enumerate(_read(data).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append((number, json.loads(line.decode())))
        except UnicodeDecodeError as problem:
            refused.append((number, f"Byte {problem.start} is not UTF-8."))
        except json.JSONDecodeError as problem:
            refused.append((number, f"This is not JSON: {problem.msg} at character {problem.pos + 1}."))
        except RecursionError:
            refused.append((number, "This JSON is nested too deeply."))
    if not rows and not refused:
        raise DataError(f"`{data}` has no rows.", hint=f"A row is {_SHAPE}")
    if not rows:
        first, reason = refused[0]
        hint = f"Feedback is read from JSON Lines and nothing else; a line is {_SHAPE}"
        raise DataError(f"`{data}` is not JSON Lines, one object a line. Line {first}: {reason}", hint=hint)
    return rows, refused


def _read(data: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(data) == "-" else data.read_bytes()
    except FileNotFoundError as problem:
        raise NotFoundError(f"There is no file `{data}`.") from problem
    except OSError as problem:
        raise DataError(f"`{data}` cannot be read: {problem.strerror}.") from problem
