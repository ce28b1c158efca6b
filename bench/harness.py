"""What every benchmark shares: alternating repetitions, the machine's description, and the two outputs.

Knows nothing of what is measured. A benchmark names its contenders, calls `alternate`, puts the numbers into
tables and hands them to `publish`, which writes `bench/out/NAME.json` and `bench/out/NAME.md` and prints the
latter.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import TypeAlias

from bench.intervals import Interval, ratio

__all__ = ["ROOT", "Cell", "Machine", "Report", "Table", "alternate", "compare", "markdown", "publish", "typed"]

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "bench" / "out"

Cell: TypeAlias = "str | int | float | Interval | None"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with the same columns, under a title."""

    title: str
    rows: tuple[Mapping[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a benchmark ran: enough to tell whether two results may be compared."""

    cores: int
    cpu: str
    system: str
    python: str
    libraries: Mapping[str, str]
    commit: str

    @classmethod
    def here(cls, *libraries: str) -> Machine:
        """Describes this machine, with the versions of the libraries that matter."""
        return cls(
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            cpu=_cpu(),
            system=f"{platform.system()} {platform.machine()}",
            python=platform.python_version(),
            libraries={name: _version(name) for name in sorted({"freehold", *libraries})},
            commit=_commit(),
        )

    def line(self) -> str:
        """Returns the description in one line, as `LOG.md` writes it."""
        libraries = ", ".join(f"{name} {number}" for name, number in self.libraries.items())
        return f"{self.cores} cores, {self.cpu}, {self.system}, Python {self.python}; {libraries}"


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark's results."""

    name: str
    machine: Machine
    seed: int
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    command: str = ""


def typed(name: str, arguments: Sequence[str] | None) -> str:
    """Returns the command line of a benchmark as it was typed, so that it can be typed again."""
    return shlex.join(["python", "-m", f"bench.{name}", *(sys.argv[1:] if arguments is None else arguments)])


def alternate(
    contenders: Mapping[str, Callable[[], object]], *, repeats: int, warmup: int = 1
) -> dict[str, list[float]]:
    """Times contenders in turn, so that a slow moment of the machine hits all of them.

    Each round runs every contender once; the order turns by one from round to round, so that none is always
    first.

    Args:
        contenders: Name to what is timed.
        repeats: Rounds that count.
        warmup: Rounds before them that do not.

    Returns:
        Name to seconds, one for each round, in the order of the rounds.
    """
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-warmup, repeats):
        first = turn % len(names)
        for name in [*names[first:], *names[:first]]:
            start = time.perf_counter()
            contenders[name]()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def compare(seconds: Mapping[str, Sequence[float]], *, ours: str, seed: int) -> Table:
    """Returns the table of medians, with each contender's time relative to `ours`."""
    rows: list[Mapping[str, Cell]] = []
    for name, times in seconds.items():
        relative = None if name == ours else ratio(seconds[ours], times, seed=seed)
        rows.append(
            {
                "what": name,
                "median s": median(times),
                "least s": min(times),
                "most s": max(times),
                "n": len(times),
                f"`{ours}` / this": relative,
            }
        )
    return Table("Seconds", tuple(rows))


def publish(report: Report, *, out: Path = OUT) -> Path:
    """Writes `NAME.json` and `NAME.md` below `out`, prints the Markdown, and returns the JSON's path."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{report.name}.json"
    path.write_text(json.dumps(_plain(asdict(report)), indent=2) + "\n")
    text = markdown(report)
    path.with_suffix(".md").write_text(text)
    print(text)
    print(f"Written: {path} and {path.with_suffix('.md').name}", file=sys.stderr)
    return path


def markdown(report: Report) -> str:
    """Returns the report as a Markdown page."""
    lines = [f"# {report.name}", "", f"Machine: {report.machine.line()}."]
    lines.append(f"Commit `{report.machine.commit}`, seed {report.seed}, command `{report.command}`.")
    for table in report.tables:
        columns = list(table.rows[0]) if table.rows else []
        lines += ["", f"## {table.title}", "", _row(columns), _row(["---"] * len(columns))]
        lines += [_row([_cell(row[column]) for column in columns]) for row in table.rows]
    lines += ["", *(f"- {note}" for note in report.notes)] if report.notes else []
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, Interval):
        return f"{value.value:.4g} [{value.low:.4g}, {value.high:.4g}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(value: object) -> object:
    """Turns intervals into objects with named numbers; `asdict` keeps them as tuples."""
    if isinstance(value, Interval):
        return value._asdict()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _cpu() -> str:
    """Returns the processor's model name; Linux alone tells it in a file."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    """Returns the short commit, with `+changes` where tracked files differ from it."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return f"{commit}+changes" if _git("status", "--porcelain", "-uno") else commit
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()
