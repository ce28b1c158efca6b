"""Stage 1: from sources and corrections to clean examples, each with its passport and its split.

Owns the order of the work and the files it leaves. Knows neither how a source is read nor what a model is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.data.cleaning import Ledger
from freehold.data.contamination import digest_benchmarks, find_contamination
from freehold.data.corrections import Corrections, read_corrections
from freehold.data.duplicates import Apart, Entry, Merged, Reading, merge
from freehold.data.groups import join_groups, name_group, rank_times
from freehold.data.leakage import find_leakage
from freehold.data.neighbours import find_clusters
from freehold.data.report import Count, Findings, describe, notes
from freehold.data.rows import Refused, read_rows
from freehold.data.signatures import KeptSignatures
from freehold.data.sources import Place, find_kind
from freehold.data.splits import Assignment, Standing, assign
from freehold.data.tidying import shorten_reason
from freehold.data.wordlists import digest_profanity
from freehold.errors import DataError
from freehold.task import (
    LABEL_KINDS,
    Desk,
    Event,
    Example,
    Examples,
    Json,
    Source,
    Split,
    Task,
    canonical,
    digest,
    stage,
    write_examples,
)

if TYPE_CHECKING:
    from freehold.registry import Registry

__all__ = ["collect", "find_kept", "fingerprint"]

_NAME = "data.collect"
_STEP = 1000
_REASONS = 1000  # how many reasons of refusal are told apart
_OTHERS = "other reasons"
_TESTS = "test_rows_ever"
_DIGESTS = "source_digests"


def fingerprint(task: Task, shelf: Registry) -> Mapping[str, Json]:
    """Returns what the examples depend on besides the task: sources, words, benchmarks, corrections, by content.

    What cannot be read has no digest; reading it then says why.
    """
    sources: list[Json] = [[source.uri, _digest(source, task, shelf)] for source in task.sources]
    corrections = sorted(row.id for row in shelf.feedback(task.name, kind="correction"))
    told: dict[str, Json] = {"sources": sources, "corrections": digest(corrections)}
    if task.rules.profanity:
        told["profanity"] = digest_profanity(task.rules, task.folder)
    if task.rules.benchmarks:
        told["benchmarks"] = digest_benchmarks(task.rules, task.folder)
    return told


def find_kept(shelf: Registry) -> Path:
    """Returns where sources keep things between turns: what was fetched, what was read before."""
    return shelf.state / "sources"


def _holds(result: Examples, task: Task, shelf: Registry) -> bool:
    """Tells whether no row became a test row since the examples were collected.

    A task file that is changed and changed back has the key of before; rows that were test rows meanwhile may be
    training rows in what was recorded under it.
    """
    return result.facts.get(_TESTS) == shelf.count_tests(task.name)


def _digest(source: Source, task: Task, shelf: Registry) -> str:
    try:
        place = Place.of_source(source, folder=task.folder, kept=find_kept(shelf))
        return find_kind(place).digest(place)
    except DataError:
        return ""


@stage(
    _NAME,
    version=6,
    result=Examples,
    reads=("name", "inputs", "fields", "sources", "seed", "rules"),
    state=fingerprint,
    holds=_holds,
)
def collect(desk: Desk, task: Task, shelf: Registry) -> Examples:
    """Reads the task's sources and corrections and fixes the split of every row that is used.

    Writes `examples.jsonl`, sorted by id; `refused.jsonl`, the rows that could not be used, with reasons;
    `apart.jsonl`, the rows kept apart from test rows; `conflicts.jsonl`, rows with the same inputs and
    different labels; `leaks.json`, how many rows give test rows away; and `report.json` with the counts.

    Raises:
        DataError: A source cannot be used as a whole (of several, all are named), or a field whose labels
            come from the data has none.
    """
    corrections = read_corrections(shelf.feedback(task.name, kind="correction"), task=task)
    ledger = Ledger()
    readings, counts = _read_sources(desk, task, corrections, kept=find_kept(shelf), ledger=ledger)
    recorded = shelf.splits(task.name)
    merged = merge(readings, corrections.examples, recorded=recorded, asked=corrections.asked)
    _check_labels(task, merged)
    desk.tell(Event(_NAME, "progress", note="looking for near duplicates", done=len(readings)))
    sorted_out = _split(desk, task, merged, recorded=recorded)
    findings = Findings(
        task=task,
        counts=counts,
        merged=merged,
        corrections=corrections,
        examples=sorted_out.examples,
        apart=sorted_out.apart,
        clusters=sorted_out.clusters,
        ledger=ledger,
        leaks=sorted_out.leaks,
    )
    report = describe(findings)
    _write(desk.folder, findings, report)
    fixed = {each.id: each.split for each in findings.examples if recorded.get(each.id) != each.split}
    shelf.fix_splits(task.name, fixed)
    digests = _note_sources(task, shelf, counts)
    for note in notes(report):
        desk.tell(Event(_NAME, "note", note=note))
    return Examples(desk.folder, facts={**report, _DIGESTS: digests, _TESTS: shelf.count_tests(task.name)})


def _note_sources(task: Task, shelf: Registry, counts: Sequence[Count]) -> dict[str, Json]:
    """Notes each source as it was read; returns URI to digest."""
    digests: dict[str, Json] = {}
    for source, count in zip(task.sources, counts, strict=True):
        kind = find_kind(Place.of_source(source, folder=task.folder))
        name = _digest(source, task, shelf)
        licence = source.licence or kind.licence
        shelf.note_source(task.name, source.name, digest=name, licence=licence, rows=count.good)
        digests[source.name] = name
    return digests


def _read_sources(
    desk: Desk, task: Task, corrections: Corrections, *, kept: Path, ledger: Ledger
) -> tuple[list[Reading], tuple[Count, ...]]:
    """Reads all sources, writes the refused rows as they come, and gathers what is wrong with any source."""
    readings: list[Reading] = []
    counts: list[Count] = []
    problems: list[DataError] = []
    with (desk.folder / "refused.jsonl").open("wb") as file:
        for source in task.sources:
            good, reasons = 0, Counter[str]()
            try:
                for row in _rows(source, task, desk, kept=kept, ledger=ledger):
                    if isinstance(row, Refused):
                        reason = shorten_reason(row.reason)
                        reasons[reason if len(reasons) < _REASONS or reason in reasons else _OTHERS] += 1
                        file.write(canonical(row.to_json()) + b"\n")
                    else:
                        good += 1
                        readings.append(Reading(row, source.split))
            except DataError as problem:
                problems.append(problem)
            counts.append(Count(source.name, good, reasons.total(), reasons))
        for refused in corrections.refused:
            file.write(canonical(refused.to_json()) + b"\n")
    if not task.sources:
        problems.append(DataError(f"task `{task.name}` has no source.", hint="Add a [[source]] to its task.toml."))
    if problems:
        raise _join(problems)
    return readings, tuple(counts)


def _rows(source: Source, task: Task, desk: Desk, *, kept: Path, ledger: Ledger) -> Iterator[Example | Refused]:
    """Yields a source's rows and reports progress."""
    rows = read_rows(
        source,
        folder=task.folder,
        inputs=tuple(task.inputs),
        fields=task.fields,
        rules=task.rules,
        kept=kept,
        ledger=ledger,
    )
    for done, row in enumerate(rows, start=1):
        if done % _STEP == 0:
            desk.tell(Event(_NAME, "progress", done=done, note=f"reading {source.uri}"))
        yield row


def _join(problems: Sequence[DataError]) -> DataError:
    if len(problems) == 1:
        return problems[0]
    lines = [f"- {str(problem).replace(chr(10), chr(10) + '  ')}" for problem in problems]
    return DataError("\n".join([f"{len(problems)} sources cannot be used:", *lines]))


def _check_labels(task: Task, merged: Merged) -> None:
    """Raises DataError where a field is to get its labels from the data and no row has one."""
    labelled = {name for entry in merged.entries.values() for name in entry.example.outputs}
    for field in task.fields:
        if field.labels is None and field.kind in LABEL_KINDS and field.name not in labelled:
            raise DataError(
                f"field `{field.name}` takes its labels from the data, and no row has one.",
                hint=f'List its labels, or name their column: fields = {{ {field.name} = "COLUMN" }}',
            )


@dataclass(frozen=True, slots=True)
class _SortedOut:
    """Examples that are used, rows that are kept apart, every example's cluster, and the table of leaks."""

    examples: tuple[Example, ...]
    apart: tuple[Apart, ...]
    clusters: Mapping[str, str]
    leaks: Mapping[str, Json]


def _split(desk: Desk, task: Task, merged: Merged, *, recorded: Mapping[str, Split]) -> _SortedOut:
    """Clusters near duplicates, splits them, and keeps apart what gives test rows or a benchmark away."""
    entries: Mapping[str, Entry] = merged.entries
    rows = {name: entry.example for name, entry in entries.items()}
    clusters, assigned = _assign(task, entries, recorded, signing=KeptSignatures(desk.cache, task=task.name))
    leakage = find_leakage(rows, assigned)

    def tell(note: str) -> None:
        desk.tell(Event(_NAME, "progress", note=note))

    cleared = find_contamination(rows, leakage.assignment, rules=task.rules, folder=task.folder, tell=tell)
    assigned = cleared.assignment
    names: dict[str, str] = {}
    for name in sorted(assigned.splits):  # named after those that are used: what is kept apart changes nothing
        names.setdefault(clusters[name], name)
    examples = tuple(
        _placed(rows[name], split=split, cluster=names[clusters[name]])
        for name, split in sorted(assigned.splits.items())
    )
    near = tuple(
        Apart(name, rows[name].passport, why.reason, why.near) for name, why in sorted(assigned.apart.items())
    )
    apart = (*merged.apart, *near)
    leaks = leakage.to_json(apart, {name: row.passport.locator for name, row in rows.items()})
    if cleared.tables:
        leaks["benchmarks"] = list(cleared.tables)
    return _SortedOut(examples, apart, clusters, leaks)


def _assign(
    task: Task, entries: Mapping[str, Entry], recorded: Mapping[str, Split], *, signing: KeptSignatures
) -> tuple[Mapping[str, str], Assignment]:
    """Clusters near duplicates, joins what else stays together, and splits that; returns the clusters too."""
    inputs = {name: entry.example.inputs for name, entry in entries.items()}
    clusters = find_clusters(inputs, signing=signing)
    groups = {name: name_group(entry.example.passport, task.rules) for name, entry in entries.items()}
    blocks = join_groups(clusters, groups)
    timed = task.rules.group == "time"
    return clusters, assign(
        {name: Standing(entry.told, entry.corrected) for name, entry in entries.items()},
        blocks,
        recorded=recorded,
        declared={source.split for source in task.sources},
        seed=task.seed,
        places=rank_times({name: entry.example for name, entry in entries.items()}, blocks) if timed else None,
    )


def _placed(example: Example, *, split: Split, cluster: str) -> Example:
    return Example(example.id, example.inputs, example.outputs, example.passport, split, cluster)


def _write(folder: Path, findings: Findings, report: Mapping[str, Json]) -> None:
    write_examples(folder / "examples.jsonl", findings.examples)
    entries = findings.merged.entries
    with (folder / "apart.jsonl").open("wb") as file:
        for row in findings.apart:
            near = entries[row.near].example.passport.locator if row.near in entries else row.near
            line = {"id": row.example, "source": row.passport.source, "locator": row.passport.locator}
            file.write(canonical({**line, "reason": row.reason, "near": near}) + b"\n")
    with (folder / "conflicts.jsonl").open("wb") as file:
        for conflict in findings.merged.conflicts:
            file.write(canonical(conflict._asdict()) + b"\n")
    (folder / "leaks.json").write_bytes(canonical(findings.leaks) + b"\n")
    (folder / "report.json").write_bytes(canonical(report) + b"\n")
