"""Rows that a benchmark has too: found before anything is trained, and kept apart.

Owns which of them are kept apart, and the table that the verdict shows for each benchmark that `[data]` names.
Rows that only share a long run of words with a benchmark are counted and stay. How texts are compared stands in
`scale`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from freehold.data.leakage import is_leak
from freehold.data.splits import Assignment, KeptApart
from freehold.errors import DataError
from freehold.task import DataRules, Example, Json, digest, file_digest

if TYPE_CHECKING:
    from freehold.data.scale import Benchmark, Leak

__all__ = ["Contamination", "digest_benchmarks", "find_contamination"]

_WORDS = {
    "exact": "the same as a row of the benchmark",
    "recased": "the same as a row of the benchmark",
    "near": "near a row of the benchmark",
    "typo": "an edit or two from a row of the benchmark",
}
_SHOWN = 5


class Contamination(NamedTuple):
    """What was found.

    Attributes:
        assignment: The splits without the rows that a benchmark has, and all rows that are kept apart.
        tables: One a benchmark: its rows, and of each kind of leak the rows of both sides, with samples.
    """

    assignment: Assignment
    tables: tuple[Json, ...]


def digest_benchmarks(rules: DataRules, folder: Path) -> Json:
    """Returns a name for what is in the benchmarks; one that cannot be read has none."""
    return [[name, _digest(name, folder)] for name in rules.benchmarks]


def find_contamination(
    examples: Mapping[str, Example],
    assignment: Assignment,
    *,
    rules: DataRules,
    folder: Path,
    tell: Callable[[str], None],
) -> Contamination:
    """Compares the rows that would be learned from with each benchmark.

    Raises:
        DataError: A benchmark cannot be read, or no row is left to learn from.
    """
    tables: list[Json] = []
    for name in rules.benchmarks:
        tell(f"comparing with the benchmark {name}")
        assignment, table = _compare(examples, assignment, name=name, benchmark=_read(name, folder))
        tables.append(table)
    if tables and "train" not in assignment.splits.values():
        raise DataError(
            "Every row that could be learned from is in a benchmark, so that none is left.",
            hint="Name other files as `benchmarks` in `[data]`, or add sources.",
        )
    return Contamination(assignment, tuple(tables))


def _compare(
    examples: Mapping[str, Example], assignment: Assignment, *, name: str, benchmark: Benchmark
) -> tuple[Assignment, Json]:
    from freehold.data.scale import find_leaks

    learned = sorted(row for row, split in assignment.splits.items() if split != "test")
    texts = ["\n".join(examples[row].inputs.values()) for row in learned]
    pairs = [
        leak
        for leak in find_leaks(texts, benchmark.texts).pairs
        if leak.kind == "overlap" or is_leak(leak.kind, texts[leak.train], benchmark.texts[leak.benchmark])
    ]
    found: dict[int, Leak] = {}
    for leak in pairs:
        if leak.kind in _WORDS:
            found.setdefault(leak.train, leak)
    apart = {
        learned[row]: KeptApart(f"{_WORDS[leak.kind]} `{name}`", f"{name}/{benchmark.places[leak.benchmark]}")
        for row, leak in found.items()
    }
    pairs = [leak for leak in pairs if leak.kind != "overlap" or leak.train not in found]
    kept = {row: split for row, split in assignment.splits.items() if row not in apart}
    places = [examples[row].passport.locator for row in learned]
    kinds: dict[str, Json] = {
        kind: _tell([leak for leak in pairs if leak.kind == kind], places, benchmark)
        for kind in (*_WORDS, "overlap")
    }
    given = len({leak.benchmark for leak in pairs if leak.kind in _WORDS})
    rows: dict[str, Json] = {"rows": len(benchmark.texts), "given_away": given, "kept_apart": len(apart)}
    table: Json = {"benchmark": name, **rows, "kinds": kinds}
    return Assignment(kept, {**assignment.apart, **apart}), table


def _tell(pairs: Sequence[Leak], places: Sequence[str], benchmark: Benchmark) -> Json:
    theirs = len({leak.benchmark for leak in pairs})
    samples: list[Json] = [
        {"train": places[leak.train], "benchmark": benchmark.places[leak.benchmark]} for leak in pairs[:_SHOWN]
    ]
    share = round(theirs / len(benchmark.texts), 6)
    return {"train": len({leak.train for leak in pairs}), "benchmark": theirs, "share": share, "samples": samples}


def _read(name: str, folder: Path) -> Benchmark:
    from freehold.data.scale import read_benchmark

    path = folder / Path(name).expanduser()
    if not path.exists():
        raise DataError(
            f"The benchmark `{name}` is not there: `{path}`.",
            hint="`benchmarks` in `[data]` names files or folders; relative paths start at the task's folder.",
        )
    try:
        return read_benchmark(path)
    except OSError as error:
        raise DataError(f"The benchmark `{name}` cannot be read: {error.strerror}.") from error


def _digest(name: str, folder: Path) -> str:
    path = folder / Path(name).expanduser()
    try:
        files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
        return digest([[str(each.relative_to(path)), file_digest(each)] for each in files])
    except OSError:
        return ""
