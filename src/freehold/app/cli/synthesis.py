"""What rows were made and what they were worth, as tables for a terminal: after a turn, and in a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from freehold.app.cli.paper import print_line, print_table

__all__ = ["print_made"]


def print_made(facts: Mapping[str, Any]) -> None:
    """Prints what the stages that make and weigh rows left as facts; nothing where there are none."""
    if made := facts.get("made"):
        _print_rows(made)
    if "validation" in facts and "test" in facts:
        _print_worth(facts)


def _print_rows(made: Mapping[str, Any]) -> None:
    rows = [("made", f"{made['drafts']:,}", "")]
    rows += [
        (f"refused: {reason}", f"{each['count']:,}", next(iter(each["samples"]), ""))
        for reason, each in made["refused"].items()
    ]
    rows += [(f"kept, of {name}", f"{count:,}", "") for name, count in made["generators"].items()]
    print_table(("synthetic rows", ">rows", "for example"), rows, title="synthetic rows: training rows alone")
    if told := made["told_apart"]:
        bounds = f"95 % interval {told['low']:.2f} to {told['high']:.2f}"
        print_line(f"Told from real rows with an AUC of {told['auc']:.2f} ({bounds}); 0.5 would be not at all.")
    if found := made["diversity"]:
        columns = ("rows", ">distinct words", ">distinct pairs", ">spread of vectors")
        shown = [(name, *(f"{each[k]:.3f}" for k in _SPREAD)) for name, each in found.items()]
        print_table(columns, shown, title="how much rows differ, on as many words")
    if value := made["value"]:
        named = ("writer", ">calls", ">cost", ">rows", ">validation", ">gain", ">gain per cost")
        print_table(named, list(_writers(value)), title="what each writer gave for its share of the budget")
        if better := value["better"]:
            won = f"{better['won']} validation rows won, {better['lost']} lost, p = {better['p']:.2g}"
            names = f"{better['writer']}, before {better['than']}"
            even = f"{better['writer']} and {better['than']} gave as many right answers"
            tied = better["won"] == better["lost"]
            print_line(f"{even if tied else 'Better value here: ' + names} ({won}).")


_SPREAD = ("distinct_1", "distinct_2", "spread")


def _writers(value: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, each in value["writers"].items():
        right = each.get("validation", {}).get("value")
        yield (
            name,
            f"{each['calls']:,}",
            f"{each['cost']:.4f}" if "rows" in each else f"{each['cost'] / 1e9:.4f}",
            f"{each.get('rows', 0):,}",
            "" if right is None else f"{right:.3f}",
            "" if each.get("gain") is None else f"{each['gain']:+.3f}",
            "" if each.get("gain_per_cost") is None else f"{each['gain_per_cost']:+.3f}",
        )


def _print_worth(facts: Mapping[str, Any]) -> None:
    weighed, test = facts["validation"], facts["test"]
    rows = [
        (f"{field}, validation", _shown(each), _shown(weighed["without"].get(field)), f"{each['n']:,}", "")
        for field, each in weighed.get("with", {}).items()
    ]
    for field, each in (test or {}).get("differences", {}).items():
        ours, theirs = (test[side][field][each["metric"]] for side in ("with", "without"))
        rows.append((f"{field}, test", _shown(ours), _shown(theirs), f"{ours['n']:,}", f"{each['p']:.2g}"))
    if rows:
        print_table(
            ("field", ">with", ">without", ">n", ">p"), rows, title="synthetic rows: the first rung's score"
        )
    what = "learned from" if weighed["taken"] else "left out"
    print_line(f"{weighed['rows']:,} synthetic rows are {what}: {weighed['why']}.")


def _shown(each: Mapping[str, Any] | None) -> str:
    return f"{each['value']:.3f} [{each['low']:.3f}, {each['high']:.3f}]" if each else ""
