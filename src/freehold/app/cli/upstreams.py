"""`freehold upstreams`: who is asked where the model is not sure, what that costs, and whether it works."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freehold.app.cli.opened import Opened, opened
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line, print_table
from freehold.errors import UserError

if TYPE_CHECKING:
    from freehold.registry import Spent
    from freehold.serve import Trial
    from freehold.task import Field, Task, Upstream

__all__ = ["upstreams"]

_BILLION = 10**9


def upstreams(
    folder: Folder = Path(),
    attempt: Annotated[
        str,
        typer.Option(
            "--try",
            metavar="JSON",
            help="Ask each upstream once, for real, about an object with the task's inputs.",
            show_default=False,
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --try: show what would be sent, and send nothing.")
    ] = False,
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Show the remote models that are asked where the model abstains, and what they cost this month."""
    if dry_run and not attempt:
        raise UserError("`--dry-run` shows what `--try` would send.", hint='Add: --try \'{"text": "..."}\'')
    with opened(folder, state=state) as here:
        if not here.task.upstreams:
            _say_none(here.task, as_json=as_json)
            return Code.DONE
        if dry_run:
            _show_requests(here, _read_inputs(attempt, here.task), as_json=as_json)
            return Code.DONE
        trials = _try(here, _read_inputs(attempt, here.task)) if attempt else []
        month = datetime.now(UTC).strftime("%Y-%m")
        spent = here.shelf.spending(here.task.name, month=month)
    if as_json:
        print_document(_describe(here.task, spent, month=month, trials=trials))
    else:
        _show(here.task, spent, month=month)
        _show_trials(trials)
    return Code.DONE if all(each.values is not None for each in trials) else Code.FAILED_CHECK


def _say_none(task: Task, *, as_json: bool) -> None:
    if as_json:
        print_document({"task": task.name, "upstreams": []})
    else:
        print_line(f"`{task.name}` asks nobody: there is no [[upstream]] in its task.toml.")


def _read_inputs(text: str, task: Task) -> dict[str, str]:
    form = json.dumps(dict.fromkeys(task.inputs, "..."))
    try:
        row = json.loads(text)
    except ValueError:
        raise UserError("`--try` is not JSON.", hint=f"It is an object such as: '{form}'") from None
    if (
        not isinstance(row, dict)
        or row.keys() != task.inputs.keys()
        or not all(isinstance(v, str) for v in row.values())
    ):
        raise UserError("`--try` does not have exactly the task's inputs, as strings.", hint=f"Such as: '{form}'")
    return row


def _fields(here: Opened) -> tuple[Field, ...]:
    """Returns the task's fields with the labels that the champion learned.

    Raises:
        UserError: A label is in the data alone, and nothing was learned.
    """
    from freehold.engine import open_folder

    fields = here.task.fields
    champion = here.shelf.champion(here.task.name)
    if champion is not None:
        learned = {each.name: each for each in open_folder(champion.artifact.folder).description.fields}
        fields = tuple(learned.get(each.name, each) if each.labels is None else each for each in fields)
    asked = {name for each in here.task.upstreams for name in each.fields}
    for each in fields:
        if each.name in asked and each.labels is None and each.kind in ("choice", "choices", "score"):
            raise UserError(
                f"The labels of `{each.name}` are in the data, and there is no model that learned them yet.",
                hint=f"Make one: freehold run {here.task.folder}",
            )
    return fields


def _try(here: Opened, inputs: Mapping[str, str]) -> list[Trial]:
    from freehold.serve import try_upstreams

    return try_upstreams(here.task, here.shelf, fields=_fields(here), inputs=inputs)


def _show_requests(here: Opened, inputs: Mapping[str, str], *, as_json: bool) -> None:
    """Shows what would be sent, with the name of each key in place of the key."""
    from freehold.engine import RemoteQuestion, write_request

    task, fields, shown = here.task, _fields(here), []
    for each in task.upstreams:
        wanted = tuple(field for field in fields if field.name in each.fields)
        request = write_request(each, RemoteQuestion(task.name, task.description, wanted, inputs))
        headers = {**request.headers, **({"authorization": f"Bearer ${each.key}"} if each.key else {})}
        tokens = request.tokens + each.output_tokens
        most = {"tokens": tokens, "cost": each.cost(request.tokens, each.output_tokens) / _BILLION}
        body = json.loads(request.body)
        shown.append({"name": each.name, "url": request.url, "headers": headers, "body": body, "most": most})
    if as_json:
        print_document({"task": task.name, "requests": shown})
        return
    for one in shown:
        print_line(f"POST {one['url']}")
        for name, value in one["headers"].items():
            print_line(f"{name}: {value}")
        print_line(f"\n{json.dumps(one['body'], indent=2, ensure_ascii=False)}\n")
        print_line(f"At most {one['most']['tokens']:,} tokens and {_money(one['most']['cost'])}.\n")


def _describe(task: Task, spent: Mapping[str, Spent], *, month: str, trials: Sequence[Trial]) -> dict[str, object]:
    routing = task.routing
    tried = {"trials": [each._asdict() for each in trials]} if trials else {}
    return {
        "task": task.name,
        "month": month,
        "upstreams": [_describe_one(each, spent) for each in task.upstreams],
        "spent": _amount(spent.get("")),
        "budget": {"tokens": routing.tokens_per_month, "cost": routing.cost_per_month},
        **tried,
    }


def _describe_one(upstream: Upstream, spent: Mapping[str, Spent]) -> dict[str, object]:
    return {
        "name": upstream.name,
        "url": upstream.url,
        "model": upstream.model,
        "fields": list(upstream.fields),
        "trust": upstream.trust,
        "key": upstream.key or None,
        **_amount(spent.get(upstream.name)),
    }


def _amount(spent: Spent | None) -> dict[str, object]:
    if spent is None:
        return {"calls": 0, "tokens": 0, "cost": 0.0}
    return {"calls": spent.calls, "tokens": spent.tokens, "cost": spent.cost / _BILLION}


def _show(task: Task, spent: Mapping[str, Spent], *, month: str) -> None:
    rows = []
    for each in task.upstreams:
        amount = _amount(spent.get(each.name))
        said = (f"{amount['calls']:,}", f"{amount['tokens']:,}", _money(amount["cost"]))
        rows.append((each.name, each.model, each.url, ", ".join(each.fields), f"{each.trust:g}", *said))
    columns = ("upstream", "model", "url", "fields", ">trust", ">calls", ">tokens", ">cost")
    print_table(columns, rows, title=f"{task.name} in {month} (UTC)")
    total, routing = _amount(spent.get("")), task.routing
    cost = "any amount" if routing.cost_per_month is None else _money(routing.cost_per_month)
    tokens = "any number of" if routing.tokens_per_month is None else f"{routing.tokens_per_month:,}"
    print_line(f"This month: {_money(total['cost'])} of {cost}, {total['tokens']:,} of {tokens} tokens.")


def _show_trials(trials: Sequence[Trial]) -> None:
    if trials:
        rows = [
            (
                each.upstream,
                each.outcome,
                json.dumps(each.values, ensure_ascii=False) if each.values is not None else "",
                f"{each.milliseconds:,.0f}",
                f"{each.tokens:,}",
                _money(each.cost),
            )
            for each in trials
        ]
        print_table(("tried", "outcome", "answer", ">ms", ">tokens", ">cost"), rows)


def _money(amount: object) -> str:
    """Returns an amount in the currency, to the last digit that matters."""
    return f"{amount:.6f}".rstrip("0").rstrip(".")
