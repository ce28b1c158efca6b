"""`freehold init`: a new task folder that can be run at once."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Annotated

import typer

from freehold.app.cli.hints import command_line
from freehold.app.cli.options import AsJson, Code
from freehold.app.cli.paper import print_document, print_line
from freehold.errors import NotFoundError, StorageError, UserError

__all__ = ["init"]

_TEMPLATES = Path(__file__).parent.parent / "templates"
_BLANK = "messages"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def init(
    name: Annotated[Path, typer.Argument(metavar="NAME", help="The new folder; its last part names the task.")],
    example: Annotated[
        str, typer.Option("--example", metavar="NAME", help="Copy this example task.", show_default=False)
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Make a new task folder, ready to run."""
    title = _task_name(name)
    template = _template(example or _BLANK)
    if name.exists() and (not name.is_dir() or any(name.iterdir())):
        raise UserError(f"`{name}` exists and is not empty.", hint="Choose another name: freehold init NAME")
    try:
        _copy(template, name, title=title)
    except OSError as problem:
        raise StorageError(f"`{name}` cannot be written: {problem.strerror}.") from problem
    if as_json:
        print_document({"path": str(name)})
    else:
        print_line(f"`{name}` is ready: its task file and its data are yours to change.")
        print_line(f"Next: {command_line('run', name)}")
    return Code.DONE


def _task_name(folder: Path) -> str:
    title = folder.resolve().name
    if not _NAME.fullmatch(title):
        raise UserError(
            f"{title!r} cannot name a task; a name is made of a-z, 0-9 and single `-` in between.",
            hint="For example: freehold init my-task",
        )
    return title


def _template(example: str) -> Path:
    names = sorted(folder.name for folder in _TEMPLATES.iterdir() if folder.is_dir())
    if example not in names:
        raise NotFoundError(
            f"There is no example called {example!r}.", hint=f"There are: {', '.join(f'`{n}`' for n in names)}."
        )
    return _TEMPLATES / example


def _copy(template: Path, folder: Path, *, title: str) -> None:
    """Copies a template and writes the task's new name into its task file, last: it makes a task of it."""
    shutil.copytree(template, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("task.toml", ".*"))
    text = (template / "task.toml").read_text(encoding="utf-8")
    renamed = re.sub(r'(?m)^name = "[^"]*"', f'name = "{title}"', text, count=1)
    (folder / "task.toml").write_text(renamed, encoding="utf-8")
