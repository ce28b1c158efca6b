"""What collecting found, as counts: for `report.json`, for people, and for the record.

Pure; knows nothing of files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from freehold.data.cautions import Caution, count_labels, find_cautions
from freehold.data.cleaning import Ledger, Tally
from freehold.data.corrections import SOURCE, Corrections
from freehold.data.duplicates import Apart, Merged
from freehold.data.licences import uses
from freehold.task import LABEL_KINDS, SPLITS, Example, Field, Json, Task

__all__ = ["Count", "Findings", "describe", "notes"]

_SHOWN = 20
"""How many conflicts and rows kept apart the report shows; the files beside it have all."""

_LARGE = 0.1
"""A cluster that holds more than this part of all examples is worth a word."""


_FEW = 5


class Count(NamedTuple):
    """How many rows of a source were good, how many were refused, and for what reasons."""

    uri: str
    good: int
    refused: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that collecting found out.

    Attributes:
        examples: Those that are used, sorted by id.
        apart: Rows that are not used, so that no test row is learned from.
        clusters: Example id to cluster, of all examples, used or not.
        ledger: What cleaning did.
        leaks: The table of training rows that give test rows away.
    """

    task: Task
    counts: tuple[Count, ...]
    merged: Merged
    corrections: Corrections
    examples: tuple[Example, ...]
    apart: tuple[Apart, ...]
    clusters: Mapping[str, str]
    ledger: Ledger
    leaks: Mapping[str, Json]


def describe(findings: Findings) -> dict[str, Json]:
    """Returns the report.

    `rows` is what was read from sources. Each of them is `refused`, one of the `duplicates`, kept apart, or
    an example; corrections come on top.
    """
    sizes = Counter(Counter(findings.clusters.values()).values())
    splits = Counter(example.split for example in findings.examples)
    return cast(
        dict[str, Json],
        {
            "task": findings.task.name,
            "sources": [{"uri": c.uri, "rows": c.good + c.refused, "refused": c.refused} for c in findings.counts],
            "rows": sum(count.good + count.refused for count in findings.counts),
            "refused": sum(count.refused for count in findings.counts),
            "examples": len(findings.examples),
            "splits": {split: splits[split] for split in SPLITS},
            "duplicates": findings.merged.duplicates,
            "near_duplicates": {
                "clusters": sum(count for size, count in sizes.items() if size > 1),
                "examples": sum(size * count for size, count in sizes.items() if size > 1),
                "largest": max(sizes, default=0),
            },
            "conflicts": _describe_conflicts(findings),
            "kept_apart": _describe_apart(findings),
            "cleaning": _describe_cleaning(findings.ledger),
            "leaks": dict(findings.leaks),
            "licences": _describe_licences(findings.examples),
            "corrections": _describe_corrections(findings),
            "fields": {field.name: _describe_field(field.name, findings) for field in findings.task.fields},
            "labels": {
                field.name: _describe_labels(field, findings)
                for field in findings.task.fields
                if field.kind in LABEL_KINDS or field.kind == "predicate"
            },
            "warnings": [caution.to_json() for caution in _find_cautions(findings)],
        },
    )


def _describe_cleaning(ledger: Ledger) -> dict[str, Any]:
    """Returns what cleaning did, rule by rule, with samples; nothing where no step is on."""

    def tell(tallies: Mapping[str, Tally]) -> dict[str, Any]:
        told = {}
        for name, each in sorted(tallies.items()):
            samples = [sample._asdict() for sample in each.samples[:_SHOWN]]
            told[name] = {"texts": each.texts, "times": each.times, "samples": samples}
        return told

    if not ledger.texts:
        return {}
    counts = {"texts": ledger.texts, "kept": ledger.kept, "changed": ledger.changed}
    return {**counts, "dropped": tell(ledger.dropped), "found": tell(ledger.found)}


def _describe_licences(examples: Sequence[Example]) -> dict[str, Any]:
    """Returns licence to the examples under it and to what it allows; null where that is not known."""
    rows = Counter(example.passport.licence for example in examples)
    known = {name: uses(name) for name in rows}
    return {
        name: {"examples": rows[name], "uses": allowed._asdict() if (allowed := known[name]) else None}
        for name in sorted(rows)
    }


def _describe_conflicts(findings: Findings) -> dict[str, Any]:
    conflicts = findings.merged.conflicts
    return {"count": len(conflicts), "examples": [conflict._asdict() for conflict in conflicts[:_SHOWN]]}


def _describe_apart(findings: Findings) -> dict[str, Any]:
    entries = findings.merged.entries
    shown = [
        {
            "locator": row.passport.locator,
            "reason": row.reason,
            "near": entries[row.near].example.passport.locator if row.near in entries else row.near,
        }
        for row in findings.apart[:_SHOWN]
    ]
    reasons = Counter(row.reason for row in findings.apart)
    return {"count": len(findings.apart), "reasons": dict(sorted(reasons.items())), "examples": shown}


def _describe_corrections(findings: Findings) -> dict[str, int]:
    return {
        "given": len(findings.corrections.examples),
        "used": sum(example.passport.source == SOURCE for example in findings.examples),
        "kept_apart": sum(row.passport.source == SOURCE for row in findings.apart),
        "refused": len(findings.corrections.refused),
        "ignored": findings.corrections.ignored,
    }


def _describe_field(name: str, findings: Findings) -> dict[str, int]:
    labelled = sum(name in example.outputs for example in findings.examples)
    return {"labelled": labelled, "unlabelled": len(findings.examples) - labelled}


def _describe_labels(field: Field, findings: Findings) -> dict[str, Any]:
    """Returns how many labels a field has, and which of them most and fewest training rows have."""
    learned = (each for each in findings.examples if each.split == "train" and field.name in each.outputs)
    counts = {label.name: 0 for label in field.labels or ()} | count_labels(field, learned)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {"count": len(ranked), "most": dict(ranked[:_FEW]), "fewest": dict(ranked[-_FEW:])}


def _find_cautions(findings: Findings) -> tuple[Caution, ...]:
    reasons: Counter[str] = Counter()
    for count in findings.counts:
        reasons.update(count.reasons)
    reasons.update(row.reason for row in findings.corrections.refused)
    return find_cautions(
        findings.task.fields, findings.examples, conflicts=findings.merged.conflicts, refused=reasons
    )


def notes(report: Mapping[str, Any]) -> Iterator[str]:
    """Yields the lines of a report that a person should see, in plain words."""
    counts = ", ".join(f"{count:,} {split}" for split, count in report["splits"].items())
    yield f"{report['examples']:,} examples from {report['rows']:,} rows: {counts}."
    yield from (warning["message"] for warning in report["warnings"])
    corrections = report["corrections"]
    if report["kept_apart"]["count"]:
        others = " and benchmarks" if report["leaks"].get("benchmarks") else ""
        yield f"{report['kept_apart']['count']:,} rows are kept apart from test rows{others} (apart.jsonl)."
    if corrections["ignored"]:
        yield f"{corrections['ignored']:,} corrections are about what the task no longer has."
    largest = report["near_duplicates"]["largest"]
    if largest > max(_LARGE * report["examples"], 10):
        yield f"{largest:,} examples are near duplicates of each other and stay in one split."
