"""A turn from outside: state opened and locked, the loop run, and what happened written down.

Owns the effects around a turn. Knows nothing of faces: it tells events, it prints nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from freehold.line.places import state_folder, thread_count
from freehold.line.runner import LocalRunner, StageRun, Tell
from freehold.task import (
    Event,
    Examples,
    Json,
    Judgement,
    LabelledExamples,
    Release,
    Result,
    Task,
    Verdict,
    load_task,
    reading_once,
)

if TYPE_CHECKING:
    from freehold.data import Fetching
    from freehold.registry import Registry

__all__ = ["Collected", "TurnRecord", "collect_data", "open_state", "run", "run_turn", "switch_off"]


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """What one turn of a task came to.

    Attributes:
        outcome: The champion after the turn, or the verdict that refused the candidate.
        verdict: The verdict on the candidate, whatever became of it.
        labelled: The examples that the candidate learned from and was judged on.
        judgement: The gate's folder: the verdict and the answers to every test row.
        stages: Every stage of the turn, in order.
        seconds: From the start of the turn to its end.
        made: What rows were made, and what they were worth; empty where none were asked for.
    """

    task: Task
    outcome: Release | Verdict
    verdict: Verdict
    labelled: LabelledExamples
    judgement: Judgement
    stages: tuple[StageRun, ...]
    seconds: float
    made: Mapping[str, Json] = field(default_factory=dict)


class Collected(NamedTuple):
    """The examples of a task, and whether they were recalled."""

    examples: Examples
    run: StageRun


def ignore(event: Event) -> None:
    """Tells nobody."""


def open_state(folder: Path, *, state: Path | None = None) -> Registry:
    """Returns the registry of a task folder; see `state_folder` for where it lies."""
    from freehold.registry import Registry

    return Registry.open(state_folder(folder, state=state))


def run_turn(task: Task, *, shelf: Registry, threads: int = 0, tell: Tell = ignore) -> TurnRecord:
    """Turns the line once for a task: computes what is out of date, recalls the rest.

    Args:
        threads: 0 takes `thread_count()`.

    Raises:
        OperatorError: Another run holds this state.
    """
    from freehold.line.loop import turn

    began = time.perf_counter()
    with _at_work(task, shelf=shelf, threads=threads, tell=tell) as runner:
        outcome = turn(task, shelf=shelf, run=runner)
    labelled, judgement = runner.results["label.annotate"], runner.results["gate.judge"]
    assert isinstance(labelled, LabelledExamples)
    assert isinstance(judgement, Judgement)
    return TurnRecord(
        task=task,
        outcome=outcome,
        verdict=judgement.verdict(),
        labelled=labelled,
        judgement=judgement,
        made=_describe_made(runner.results),
        stages=tuple(runner.stages),
        seconds=time.perf_counter() - began,
    )


def switch_off(task: Task) -> Task:
    """Returns a task for which no rows are made."""
    return replace(task, synthesis=replace(task.synthesis, enabled=False))


def _describe_made(results: Mapping[str, Result]) -> dict[str, Json]:
    made, contrast = results.get("label.synthesise"), results.get("gate.contrast")
    return {**made.facts, **contrast.facts} if made and contrast else {}


def collect_data(task: Task, *, shelf: Registry, refresh: bool = False, tell: Tell = ignore) -> Collected:
    """Returns the task's examples as a turn would have them; nothing is trained.

    Args:
        refresh: Whether web sites are asked for what changed since they were fetched.

    Raises:
        OperatorError: A run holds this state.
        DataError: A source cannot be used.
    """
    from freehold.data import collect

    with _at_work(task, shelf=shelf, threads=0, refresh=refresh, tell=tell) as runner:
        examples = runner(collect, task, shelf)
    return Collected(examples, runner.stages[0])


@contextmanager
def _at_work(
    task: Task, *, shelf: Registry, threads: int, tell: Tell, refresh: bool = False
) -> Iterator[LocalRunner]:
    """Locks the state, fetches web sites that were not, and gives a runner; it is cleared where all went well."""
    with shelf.lock(), reading_once():
        shelf.sweep()
        _fetch(task, shelf=shelf, refresh=refresh, tell=tell)
        runner = LocalRunner(
            shelf,
            room=shelf.state / "work" / task.name,
            cache=shelf.state / "cache",
            threads=threads or thread_count(),
            tell=tell,
        )
        yield runner
        runner.clear()


def _fetch(task: Task, *, shelf: Registry, refresh: bool, tell: Tell) -> None:
    if all(source.crawl is None for source in task.sources):
        return
    from freehold.data import fetch_sites, find_kept

    def say(now: Fetching) -> None:
        note = f"fetching {now.uri}"
        tell(Event("data.collect", "progress", done=now.pages, total=now.pages + now.waiting, note=note))

    fetch_sites(task.sources, shelf=shelf, kept=find_kept(shelf), refresh=refresh, tell=say)


def run(folder: str | Path, *, state: str | Path | None = None, tell: Tell = ignore) -> Release | Verdict:
    """Turns the line once for a task folder.

    Args:
        folder: The folder that holds `task.toml`.
        state: Where to keep what is computed; `.freehold` in the folder unless `FREEHOLD_STATE` is set.
        tell: Is told what happens, for a progress display.

    Returns:
        The release that is in service after the turn, or the verdict that refused the candidate.

    Raises:
        TaskFileError: The task file has mistakes.

    Example:
        outcome = freehold.run("examples/stdlib")
    """
    folder = Path(folder)
    task = load_task(folder)
    with open_state(folder, state=Path(state) if state else None) as shelf:
        return run_turn(task, shelf=shelf, tell=tell).outcome
