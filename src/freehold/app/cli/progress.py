"""Shows a turn while it runs: a live list of stages on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from freehold.app.cli.paper import console, remark

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console
    from rich.progress import Progress, TaskID

    from freehold.task import Event

__all__ = ["Lines", "show_progress"]

_PLAIN_EVERY = 10.0  # seconds between two plain lines of the same stage


@contextmanager
def show_progress(stages: Sequence[str], *, plain: bool, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """Yields what a run tells its events to, and shows them on stderr until the block ends."""
    if quiet:
        yield _ignore
    elif plain or not sys.stderr.isatty():
        yield Lines()
    else:
        with live_progress(console(sys.stderr)) as progress:
            yield Bars(progress, stages=stages)


class Lines:
    """Events as lines of text that read well in a log."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Writes an event down, unless it is one of many."""
        if event.kind == "progress":
            if time.monotonic() - self._said < _PLAIN_EVERY:
                return
            remark(f"{event.stage}: {_amount(event)}{_aside(event)}")
        elif event.kind == "note":
            remark(f"{event.stage}: {event.note}")
        else:
            remark(f"{event.stage}: {_state(event)}")
        self._said = time.monotonic()


class Bars:
    """Events as a list of stages with a bar each; notes scroll by above it."""

    def __init__(self, progress: Progress, *, stages: Sequence[str]) -> None:
        self._progress = progress
        self._rows: dict[str, TaskID] = {
            name: progress.add_task(name, start=False, total=None, state="waiting") for name in stages
        }

    def __call__(self, event: Event) -> None:
        """Moves a bar, or writes a note above the bars."""
        row = self._rows.get(event.stage)
        if row is None:
            row = self._rows[event.stage] = self._progress.add_task(event.stage, total=None, state="")
        if event.kind == "note":
            self._progress.console.print(f"{event.stage}: {event.note}", markup=False, highlight=False)
        elif event.kind == "start":
            self._progress.start_task(row)
            self._progress.update(row, state="running")
        elif event.kind == "progress":
            shown = event.note or _amount(event)
            self._progress.update(row, completed=event.done, total=event.total or None, state=shown)
        else:
            self._progress.start_task(row)
            self._progress.update(row, completed=1, total=1, state=_state(event))
            self._progress.stop_task(row)


def live_progress(screen: Console) -> Progress:
    """Returns the live display: name, bar, state and time of each stage."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=28),
        TimeElapsedColumn(),
        TextColumn("{task.fields[state]}", style="dim", markup=False),
        console=screen,
    )


def _ignore(event: Event) -> None:
    """Shows nothing."""


def _state(event: Event) -> str:
    if event.kind == "start":
        return "started"
    return "recorded already" if event.kind == "cached" else f"done in {event.seconds:.1f} s"


def _amount(event: Event) -> str:
    return f"{event.done}/{event.total}" if event.total else f"{event.done}"


def _aside(event: Event) -> str:
    return f" ({event.note})" if event.note else ""
