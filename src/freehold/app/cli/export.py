"""`freehold export`: a model as a folder that other programs can open."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freehold.app.cli.opened import opened, version_number
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line
from freehold.app.cli.tables import interval, shown
from freehold.errors import StorageError, UserError

if TYPE_CHECKING:
    from freehold.task import Release

__all__ = ["export"]


def export(
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="An empty or new folder.", show_default=False)
    ],
    folder: Folder = Path(),
    version: Annotated[
        str, typer.Option("--version", help="Which one. Default: the champion.", show_default=False)
    ] = "",
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Copy a model's folder: weights, ONNX graph, tokenizer, and the model card with the verdict's numbers."""
    from freehold.line import champion

    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"`{to}` exists and is not empty.", hint="Choose another folder with --to.")
    with opened(folder, state=state) as (task, shelf):
        number = version_number(version, task=task.name) if version else 0
        release = shelf.release(task.name, number) if number else champion(task.name, shelf=shelf, folder=folder)
        files = _copy(release.artifact.folder, to)
        _add_verdict(to / "README.md", release)
    if as_json:
        document = {"path": str(to), "model": release.name, "digest": release.artifact.digest, "files": files}
        print_document(document)
    else:
        print_line(f"{release.name} is in `{to}`: {', '.join(files)}.")
    return Code.DONE


def _add_verdict(card: Path, release: Release) -> None:
    """Adds to a model card what the gate measured; the card is the one file that no digest covers."""
    rows = [
        f"| `{field}` | {metric} | {shown(found.value)} | {interval(found)} | {found.n} |"
        for field, metrics in release.verdict.fields.items()
        for metric, found in metrics.items()
    ]
    lines = [
        f"## Verdict on {release.name}",
        "",
        "Measured on locked test rows, with 95 % intervals:",
        "",
        "| output | metric | value | interval | n |",
        "| --- | --- | --- | --- | --- |",
        *rows,
        "",
        *(f"- {reason}" for reason in release.verdict.reasons),
        "",
    ]
    with card.open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(lines))


def _copy(source: Path, target: Path) -> list[str]:
    """Copies a read-only folder into one that its owner may change. Returns the files' names."""
    try:
        shutil.copytree(source, target, dirs_exist_ok=True, copy_function=shutil.copyfile)
    except (OSError, shutil.Error) as problem:
        raise StorageError(
            f"`{target}` cannot be written: {problem}.", hint="Free space or choose another."
        ) from (problem)
    return sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
