"""How a model was made, from the facts that the stages left: rows, rungs, forms.

Shows what it knows and passes over the rest, so that a new stage needs no change here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from freehold.app.cli.paper import print_line, print_table
from freehold.app.cli.synthesis import print_made
from freehold.app.cli.tiers import ABSTAINING, CERTIFIED, TIERS, abstaining_rows, certified_rows, tier_rows

if TYPE_CHECKING:
    from freehold.registry import Registry

__all__ = ["describe_rungs", "find_facts", "print_facts"]

_RUNGS = ("rung", ">seconds", "validation", ">loss", ">p", "outcome")


def find_facts(shelf: Registry, stages: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Returns the recorded facts of each stage of a lineage; a stage whose files are gone has none.

    A lineage goes on with the stages of the champion that the model was compared with: the first one counts.
    """
    keys: dict[str, str] = {}
    for stage in stages:
        keys.setdefault(stage["stage"], stage["key"])
    recorded = {name: shelf.recall(key) for name, key in keys.items()}
    return {name: dict(each.facts) for name, each in recorded.items() if each is not None}


def print_facts(facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Prints the rows that went in, the rungs that were tried and the forms that were made."""
    for found in facts.values():
        print_made(found)
        if "splits" in found:
            _print_rows(found)
        if "rungs" in found:
            print_table(*describe_rungs(found["rungs"]), title="training: what was tried")
        if "forms" in found:
            columns = ("form", ">MB", ">ms a request", ">same decisions", "outcome")
            forms = [_form(form, taken=found.get("precision", "")) for form in found["forms"]]
            print_table(columns, forms, title="forms")
        if "static" in found:
            print_table(CERTIFIED, certified_rows(found["static"]), title="tiers, certified on validation rows")
        if "abstaining" in found:
            rows = abstaining_rows(found["abstaining"])
            print_table(ABSTAINING, rows, title="answers that are given, certified on validation rows")
        if "tiers" in found:
            print_table(TIERS, tier_rows(found["tiers"]), title="tiers on the test rows")


def _print_rows(found: Mapping[str, Any]) -> None:
    splits = ", ".join(f"{count} {split}" for split, count in found["splits"].items())
    print_line(f"Examples: {splits}; {found.get('duplicates', 0)} duplicates merged.")


def describe_rungs(rungs: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns the columns and the rows of the ladder: what was tried, what it took and what it bought."""
    return _RUNGS, [_rung(rung) for rung in rungs]


def _rung(rung: Mapping[str, Any]) -> tuple[str, ...]:
    counts = rung.get("n", {})
    scores = ", ".join(
        f"{field} {value:.4f}" + (f" (n = {counts[field]:,})" if field in counts else "")
        for field, value in rung.get("validation", {}).items()
    )
    loss, p = rung.get("loss"), rung.get("p")
    return (
        rung["name"],
        f"{rung.get('seconds', 0.0):.2f}",
        scores,
        "" if loss is None else f"{loss:.4f}",
        "" if p is None else f"{p:.3g}",
        _outcome(rung),
    )


def _outcome(rung: Mapping[str, Any]) -> str:
    """Returns what became of a rung; one that was not tried has nothing but a note."""
    note = rung.get("note", "")
    outcome = "taken" if rung.get("taken") else "not taken" if "validation" in rung else ""
    if rung.get("taken") and rung.get("by"):
        outcome += f", by {rung['by']}"
    return ": ".join(part for part in (outcome, note) if part)


def _form(form: Mapping[str, Any], *, taken: str) -> tuple[str, ...]:
    outcome = "shipped" if form["form"] == taken else ""
    return (
        form["form"],
        f"{form['size_mb']:.2f}",
        f"{form['p50_ms']:.2f}",
        f"{form['parity']:.2%} of {form['n']}",
        outcome,
    )
