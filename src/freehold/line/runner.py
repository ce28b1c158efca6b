"""Runs stages, each at most once: what is recorded and verifies is recalled, never computed again.

Owns keys to results, scratch folders, events and durations. Knows neither the order of the stages nor what
they do.
"""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, Protocol, TypeVar

from freehold.errors import IntegrityError, PluginError, StorageError, UserError
from freehold.line.keys import input_digests, stage_key
from freehold.task import Desk, Event, Result, Stage, folder_digest, folder_files

if TYPE_CHECKING:
    from freehold.registry import Recorded, Registry

__all__ = ["LocalRunner", "Runner", "StageRun", "Tell", "recall"]

_FULL = 1 << 16  # bytes left on a disk that counts as full

P = ParamSpec("P")
R = TypeVar("R", bound=Result)
Tell = Callable[[Event], None]


class StageRun(NamedTuple):
    """How one stage went in one turn. `seconds` of a cached stage are those that recalling it took."""

    name: str
    seconds: float
    cached: bool


class Runner(Protocol):
    """Whoever can carry out a stage: here, or (for a plan) only as far as it is recorded."""

    def __call__(self, stage: Stage[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Returns the stage's recorded result for these arguments."""
        ...


class LocalRunner:
    """Carries out stages in this process, one after the other.

    Args:
        shelf: Where results are recorded.
        room: A folder for unfinished work; the runner owns what is in it. What a killed run left there lets
            the same stage resume.
        cache: Folder that stages share for content-addressed features.
        threads: How many threads a stage may compute with.
        tell: Is told what happens.
    """

    def __init__(self, shelf: Registry, *, room: Path, cache: Path, threads: int, tell: Tell) -> None:
        self.stages: list[StageRun] = []
        self.results: dict[str, Result] = {}
        self._shelf = shelf
        self._room = room
        self._cache = cache
        self._threads = threads
        self._tell = tell

    def __call__(self, stage: Stage[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Returns the stage's result: recalled where it is recorded and whole, computed otherwise."""
        began = time.perf_counter()
        key = stage_key(stage, *args, **kwargs)
        result = recall(self._shelf, stage, key, self._tell)(*args, **kwargs)
        cached = result is not None
        if result is None:
            result = self._compute(stage, key, *args, **kwargs)
        seconds = time.perf_counter() - began
        self.stages.append(StageRun(stage.name, seconds, cached))
        self.results[stage.name] = result
        self._tell(Event(stage.name, "cached" if cached else "done", seconds=seconds))
        return result

    def clear(self) -> None:
        """Forgets unfinished work: to be called when a turn is complete."""
        shutil.rmtree(self._room, ignore_errors=True)

    def _compute(self, stage: Stage[P, R], key: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        self._tell(Event(stage.name, "start"))
        with self._desk(stage.name, key) as desk:
            began = time.perf_counter()
            made = stage.function(desk, *args, **kwargs)
            _check(stage, made, desk)
            seconds = time.perf_counter() - began
            inputs = input_digests(*args, **kwargs)
            recorded = _describe(stage.name, made, key=key, inputs=inputs, seconds=seconds)
            folder = self._shelf.record(recorded, folder=desk.folder)
        shutil.rmtree(desk.folder.parent, ignore_errors=True)
        return stage.result(folder, facts=made.facts, digest=recorded.digest)

    @contextmanager
    def _desk(self, name: str, key: str) -> Iterator[Desk]:
        """Sets a desk up with an empty folder and whatever an earlier, killed attempt left in scratch."""
        place = self._room / key
        folder, scratch = place / "folder", place / "scratch"
        try:
            shutil.rmtree(folder, ignore_errors=True)
            for path in (folder, scratch, self._cache):
                path.mkdir(parents=True, exist_ok=True)
            yield Desk(folder, scratch, self._cache, self._threads, self._tell)
        except BaseException as problem:
            full = _disk_full(problem, place=self._room)
            shutil.rmtree(folder, ignore_errors=True)
            if full:
                raise StorageError(
                    f"The disk that holds `{self._room}` is full; `{name}` could not finish.",
                    hint="Free some space, or put the state elsewhere with --state, then run again: "
                    "the stages before it are kept.",
                ) from problem
            raise


def recall(shelf: Registry, stage: Stage[P, R], key: str, tell: Tell, /) -> Callable[P, R | None]:
    """Returns what finds the recorded result for a stage's arguments: one that holds, its files whole; or None."""

    def find(*args: P.args, **kwargs: P.kwargs) -> R | None:
        recorded = shelf.recall(key)
        if recorded is None:
            return None
        try:
            folder = shelf.lay_out(recorded)
        except IntegrityError as damage:
            tell(Event(stage.name, "note", note=f"{damage.message} It is made again."))
            return None
        result = stage.result(folder, facts=recorded.facts, digest=recorded.digest)
        return result if stage.holds(result, *args, **kwargs) else None

    return find


def _describe(name: str, made: Result, *, key: str, inputs: tuple[str, ...], seconds: float) -> Recorded:
    from freehold.registry import Recorded

    files = folder_files(made.folder)
    return Recorded(
        key=key,
        stage=name,
        digest=folder_digest(files),
        files=files,
        facts=made.facts,
        seconds=seconds,
        inputs=inputs,
    )


def _check(stage: Stage[P, R], made: object, desk: Desk) -> None:
    """Raises PluginError where a stage did not keep its contract."""
    if not isinstance(made, stage.result):
        raise PluginError(f"`{stage.name}` returned {type(made).__name__}, not {stage.result.__name__}.")
    if made.folder != desk.folder:
        raise PluginError(f"`{stage.name}` left its result in `{made.folder}`, not in its desk's folder.")


def _disk_full(problem: BaseException, *, place: Path) -> bool:
    """Whether a full disk is behind a failure. Native writers say so in words only, or cut a file in silence."""
    if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    if isinstance(problem, StorageError):
        return False
    if "No space left on device" in str(problem):
        return True
    if not isinstance(problem, Exception) or isinstance(problem, UserError | PluginError):
        return False
    return place.is_dir() and shutil.disk_usage(place).free < _FULL
