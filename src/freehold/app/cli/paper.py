"""What a command says: documents and tables on stdout, remarks on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["console", "print_document", "print_line", "print_table", "remark"]

_PLAIN_WIDTH = 110


def print_document(document: Mapping[str, object], *, compact: bool = False) -> None:
    """Writes one JSON document to stdout; `compact` keeps it on one line."""
    plain = (sys.stdout.encoding or "").lower() not in ("utf-8", "utf8")
    text = json.dumps(document, ensure_ascii=plain, indent=None if compact else 2)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_line(text: str = "") -> None:
    """Writes a line to stdout as it is."""
    sys.stdout.write(f"{text}\n")


def remark(text: str) -> None:
    """Writes a line to stderr as it is."""
    sys.stdout.flush()
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> None:
    """Writes a table to stdout. A column whose name starts with `>` is aligned to the right.

    The title is a line of its own, whole however narrow the table: a path in it can be copied.
    """
    from rich.text import Text

    table, out = _empty_table(columns), console()
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    if title:
        out.print(Text(title, style="table.title"), soft_wrap=True)
    out.print(table)


def _empty_table(columns: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=any(columns))
    for place, column in enumerate(columns):
        right = column.startswith(">")
        table.add_column(
            column.removeprefix(">"),
            justify="right" if right else "left",
            overflow="fold",
            no_wrap=place == 0,
        )
    return table


def console(file: IO[str] | None = None) -> Console:
    """Returns a console for `file` (default: stdout) that never guesses 80 columns for a pipe."""
    from rich.console import Console

    file = file or sys.stdout
    known = file.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    return Console(file=file, width=None if known else _PLAIN_WIDTH, highlight=False)
