"""`freehold teachers`: how good each teacher is, what it has cost, and what asking would take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freehold.app.cli.hints import command_line
from freehold.app.cli.opened import opened
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line, print_table, remark
from freehold.app.cli.tables import interval, shown

if TYPE_CHECKING:
    from freehold.label.teach import Estimate, Survey, Surveyed
    from freehold.task import Task

__all__ = ["teachers"]

_BILLION = 10**9
_PAIRS = 3


def teachers(
    folder: Folder = Path(),
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show the calls, tokens, money and time that a run would take; ask nobody."
        ),
    ] = False,
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Show who labels for the task, how good each is on rows whose label is known, and what it has cost."""
    from freehold.line import estimate_teachers, survey_teachers

    with opened(folder, state=state) as (task, shelf):
        if not task.teachers:
            if as_json:
                print_document({"task": task.name, "teachers": []})
            else:
                print_line(f"`{task.name}` has no teacher: there is no [[teacher]] in its task.toml.")
            return Code.DONE
        if dry_run:
            _show_estimates(task, estimate_teachers(task, shelf=shelf), as_json=as_json)
            return Code.DONE
        found = survey_teachers(task, shelf=shelf)
    if as_json:
        print_document(_describe(task, found))
    else:
        _show(task, found)
        print_line(f"A run asks them: {command_line('run', folder, state=state)}")
    return Code.DONE


def _show_estimates(task: Task, found: Sequence[Estimate], *, as_json: bool) -> None:
    limits = task.teaching
    budget = {"cost": limits.budget, "tokens": limits.tokens, "minutes": limits.minutes}
    if as_json:
        print_document({"task": task.name, "estimates": [each._asdict() for each in found], "budget": budget})
        return
    rows = [
        (
            each.teacher,
            f"{each.rows:,}",
            f"{each.calls:,}",
            f"{each.most_tokens:,}",
            _money(each.most_cost),
            "unknown" if each.tokens is None else f"{each.tokens:,}",
            "unknown" if each.cost is None else _money(each.cost),
            "unknown" if each.seconds is None else f"{each.seconds:,.0f}",
        )
        for each in found
    ]
    columns = ("teacher", ">rows", ">calls", ">tokens at most", ">cost at most", ">tokens", ">cost", ">seconds")
    print_table(columns, rows, title=f"{task.name}: what a run would take; nobody is asked now")
    cost = "any amount" if limits.budget is None else _money(limits.budget)
    tokens = "any number of" if limits.tokens is None else f"{limits.tokens:,}"
    minutes = "" if limits.minutes is None else f", {limits.minutes:g} minutes"
    print_line(f"A run may spend {cost}, {tokens} tokens{minutes}.")


def _show(task: Task, found: Survey) -> None:
    people = f"{found.by_people:,} of them settled by people, the others as the data has them"
    rows = [_row(each, found) for each in found.rows]
    columns = ("teacher", "field", ">accuracy", ">interval", ">n", "takes", ">calls", ">tokens", ">cost")
    print_table(columns, rows, title=f"{task.name}: against {found.checks:,} rows whose label is known ({people})")
    for name, trouble in found.troubles.items():
        remark(f"{name}: {trouble}")


def _row(each: Surveyed, found: Survey) -> tuple[str, ...]:
    takes = ", ".join(f"{pair.true} for {pair.said} ({pair.rows})" for pair in each.confused[:_PAIRS])
    totals = found.totals.get(each.teacher)
    spent = (f"{totals.calls:,}", f"{totals.tokens:,}", _money(totals.cost / _BILLION)) if totals else ("", "", "")
    if each.accuracy is None:
        said = "no answer" if totals and totals.calls else "not asked yet"
        return (each.teacher, each.field, "", said, "0", "", *spent)
    return (
        each.teacher,
        each.field,
        shown(each.accuracy.value),
        interval(each.accuracy),
        str(each.accuracy.n),
        takes,
        *spent,
    )


def _describe(task: Task, found: Survey) -> dict[str, object]:
    return {
        "task": task.name,
        "checks": found.checks,
        "settled_by_people": found.by_people,
        "teachers": [
            {
                **each._asdict(),
                "accuracy": each.accuracy._asdict() if each.accuracy else None,
                "confused": [pair._asdict() for pair in each.confused],
            }
            for each in found.rows
        ],
        "spent": {
            name: {"calls": each.calls, "tokens": each.tokens, "cost": each.cost / _BILLION}
            for name, each in found.totals.items()
        },
        "troubles": dict(found.troubles),
    }


def _money(amount: float) -> str:
    """Returns an amount in the currency, to the last digit that matters."""
    return f"{amount:.6f}".rstrip("0").rstrip(".") or "0"
