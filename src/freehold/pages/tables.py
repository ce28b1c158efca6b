"""An inventory as tables of plain text, for a terminal and for a page alike.

Owns their columns and words. A column whose name starts with `>` is aligned to the right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from freehold.pages.funnel import Step
from freehold.pages.inventory import Inventory
from freehold.pages.layout import moment

__all__ = ["Table", "tabulate"]

_REASONS = 4


class Table(NamedTuple):
    """One table. `about` is what it is about: `funnel`, `sources`, `licences`, `credits`, `cleaning`, ..."""

    about: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def tabulate(found: Inventory) -> dict[str, Table]:
    """Returns the tables that have rows, by what they are about, in the order in which they are shown."""
    return {table.about: table for table in _tables(found) if table.rows}


def _tables(found: Inventory) -> Iterator[Table]:
    yield Table(
        "funnel", f"{found.task.name}: from rows to examples", ("step", ">rows left", ">taken out", "most often"),
        [_step(each) for each in found.funnel],
    )  # fmt: skip
    yield Table(
        "sources", "sources as they were read", ("source", ">rows", "licence", "first read", "digest"),
        [(s["uri"], f"{s['rows']:,}", s["licence"], moment(s["noted"]), s["digest"][:12]) for s in found.sources],
    )  # fmt: skip
    yield Table(
        "licences", "licences: what is known of what they allow; no legal advice",
        ("licence", ">examples", "commercial", "changes", "name makers", "share alike"), list(_licences(found)),
    )  # fmt: skip
    more = f"; {found.uncredited:,} more are not shown" if found.uncredited else ""
    yield Table(
        "credits", f"whom to name wherever the data is given on{more}", ("text", ">examples"),
        [(each["text"], f"{each['examples']:,}") for each in found.credits],
    )  # fmt: skip
    yield Table(
        "cleaning",
        "cleaning: what each rule did",
        ("rule", ">texts", ">times", "what it did"),
        list(_rules(found)),
    )
    if found.drift:
        yield Table("drift", _title(found.drift), ("field", ">distance", "largest changes"), _drift(found.drift))
    yield Table(
        "releases", "which data led to which release",
        ("release", "state", "made", "data", "collected"), list(_releases(found)),
    )  # fmt: skip


def _step(step: Step) -> tuple[str, ...]:
    reasons = sorted(step.reasons.items(), key=lambda item: -item[1])
    often = "; ".join(f"{reason} ({count:,})" for reason, count in reasons[:_REASONS] if count)
    return step.name, f"{step.left:,}", f"{step.gone:,}" if step.gone else "", often


def _licences(found: Inventory) -> Iterator[tuple[str, ...]]:
    for name, each in found.report["licences"].items():
        uses = each["uses"]
        words = ["yes" if allowed else "no" for allowed in uses.values()] if uses else ["?"] * 4
        yield (name or "(unknown)", f"{each['examples']:,}", *words)


def _rules(found: Inventory) -> Iterator[tuple[str, ...]]:
    cleaning = found.report["cleaning"]
    for name, each in cleaning.get("dropped", {}).items():
        yield name, f"{each['texts']:,}", "", "dropped the row"
    for name, each in cleaning.get("found", {}).items():
        yield name, f"{each['texts']:,}", f"{each['times']:,}", "found or changed"


def _drift(drift: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            field,
            f"{each['distance']:.3f}",
            ", ".join(f"{c['label']} {c['before']:.1%} to {c['now']:.1%}" for c in each["largest"]),
        )
        for field, each in drift["fields"].items()
    ]


def _title(drift: Mapping[str, Any]) -> str:
    words = drift["words"]
    return (
        f"since {drift['against']}: {drift['added']:,} added, {drift['removed']:,} gone, "
        f"{drift['relabelled']:,} with other labels; median words {words['before']:g}, now {words['now']:g}"
    )


def _releases(found: Inventory) -> Iterator[tuple[str, ...]]:
    for each in found.releases:
        here = " (this data)" if each["digest"] and each["digest"] == found.digest else ""
        collected = moment(each["collected"]) if each["collected"] else "not recorded here"
        yield each["release"], each["state"], moment(each["made"]), f"{each['digest'][:12]}{here}", collected
