"""`freehold evaluate`: the champion's scores on labelled data that it has never seen."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from freehold.app.cli.opened import Opened, opened
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line, remark
from freehold.app.cli.tables import print_metrics
from freehold.errors import DataError, NotFoundError, UserError

if TYPE_CHECKING:
    from freehold.line import Model
    from freehold.task import Example, Field, Metrics, Prediction

__all__ = ["evaluate"]

_BATCH = 256
_SHOWN = 10


class Rows(NamedTuple):
    """What a file of labelled data holds."""

    good: list[Example]
    refused: int


def evaluate(
    data: Annotated[
        Path, typer.Option("--data", metavar="FILE", help="csv, tsv, jsonl or parquet.", show_default=False)
    ],
    folder: Folder = Path(),
    fields: Annotated[
        str,
        typer.Option(
            "--fields", metavar="JSON", help='Field to column: {"intent": "category"}.', show_default=False
        ),
    ] = "",
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Score the champion on labelled data that it has never seen."""
    from freehold.line import champion, open_model

    began = perf_counter()
    columns = _read_columns(fields)
    with opened(folder, state=state) as here:
        rows = _read_rows(data, columns, here)
        model = open_model(champion(here.task.name, shelf=here.shelf, folder=folder))
        seen = _count_seen(rows.good, here)
    metrics = _measure(model, rows.good, seed=here.task.seed)
    seconds = perf_counter() - began
    if seen:
        remark(f"{seen} of {len(rows.good)} rows are among those the task learns from: these scores flatter it.")
    if as_json:
        scores = {f: {m: v._asdict() for m, v in each.items()} for f, each in metrics.items()}
        counts = {"n": len(rows.good), "refused": rows.refused, "seen": seen}
        print_document({**counts, "model": model.release.name, "fields": scores, "seconds": round(seconds, 4)})
    else:
        print_metrics(metrics, title=f"{model.release.name} on {data} (95 % intervals)")
        print_line(f"{len(rows.good)} rows in {seconds:.2f} s.")
    return Code.DONE


def _read_columns(fields: str) -> dict[str, str]:
    if not fields:
        return {}
    hint = """For example: --fields '{"intent": "category"}'"""
    try:
        columns = json.loads(fields)
    except json.JSONDecodeError as problem:
        raise UserError(f"`--fields` is {fields!r}, which is not JSON: {problem.msg}.", hint=hint) from problem
    if not isinstance(columns, dict) or not all(isinstance(column, str) for column in columns.values()):
        raise UserError(f"`--fields` is {fields!r}, not an object from field to column.", hint=hint)
    return columns


def _read_rows(data: Path, columns: dict[str, str], here: Opened) -> Rows:
    from freehold.data import Refused, read_rows
    from freehold.task import Source

    task = here.task
    known = (*task.inputs, *(field.name for field in task.fields))
    for name in columns:
        if name not in known:
            raise UserError(f"`--fields` names {name!r}; the task has {', '.join(f'`{each}`' for each in known)}.")
    if not data.exists():
        raise NotFoundError(f"There is no file `{data}`.")
    source = Source(str(data.absolute()), columns, split="test")
    good: list[Example] = []
    refused = 0
    for row in read_rows(source, folder=task.folder, inputs=tuple(task.inputs), fields=task.fields):
        if not isinstance(row, Refused):
            good.append(row)
            continue
        refused += 1
        if refused <= _SHOWN:
            remark(f"{data}:{row.line}: {row.reason}")
    if refused:
        remark(f"{refused} row{'s' if refused > 1 else ''} could not be used.")
    labelled = [row for row in good if row.outputs]
    if not labelled:
        raise DataError(
            f"`{data}` has no labelled row.",
            hint='Say which column holds a field: --fields \'{"FIELD": "COLUMN"}\'',
        )
    return Rows(labelled, refused)


def _count_seen(rows: list[Example], here: Opened) -> int:
    splits = here.shelf.splits(here.task.name)
    return sum(splits.get(row.id) in ("train", "validation") for row in rows)


def _measure(model: Model, rows: list[Example], *, seed: int) -> Metrics:
    from freehold.gate import measure

    predictions: list[Prediction] = []
    for start in range(0, len(rows), _BATCH):
        predictions += model.predict([row.inputs for row in rows[start : start + _BATCH]])
    fields: tuple[Field, ...] = model.reader.fields
    return measure(fields, [row.outputs for row in rows], predictions, seed=seed)
