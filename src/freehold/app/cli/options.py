"""The arguments that many commands share, and the names of the exit codes."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AsJson", "Code", "Folder", "State", "Who", "Why"]


class Code(IntEnum):
    """What the process says on exit."""

    DONE = 0
    FAILED_CHECK = 1
    MISTAKE = 2
    BUG = 3
    INTERRUPTED = 130
    PIPE_CLOSED = 141


Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="The task's folder: the one with task.toml.", show_default=False)
]
State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="DIR",
        help="Where everything is kept. Default: $FREEHOLD_STATE, else .freehold in the task's folder.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, all else on stderr.")]
Who = Annotated[
    str,
    typer.Option("--who", metavar="NAME", help="Who decides this. Default: your user name.", show_default=False),
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for the record.")]
