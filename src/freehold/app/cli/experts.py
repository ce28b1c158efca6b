"""`freehold experts`: what each expert did and is owed, how far they agree, and what they take for what."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freehold.app.cli.opened import opened
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line, print_table
from freehold.errors import StorageError
from freehold.task import normalise

if TYPE_CHECKING:
    from freehold.registry import Account, LedgerRow

__all__ = ["experts"]

_COLUMNS = (
    "id", "created", "task", "example", "expert", "kind", "act", "answers", "reason", "flag", "comment", "seconds",
    "suggestions", "known", "rate", "rate_per", "currency", "assignment", "undoes",
)  # fmt: skip
_WORST = 5
_SHOWN = 2
_LONGEST, _WIDEST = 60, 100


def experts(
    folder: Folder = Path(),
    as_csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write the whole ledger, a row an act.", show_default=False),
    ] = None,
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Show what experts did and are owed, how far they agree, and which labels they take for one another."""
    from freehold.label.panel import measure
    from freehold.registry import reckon

    with opened(folder, state=state) as here:
        ledger = here.shelf.experts.ledger(here.task.name)
        told: Mapping[str, Any] = measure(
            ledger, here.task.fields, inputs=here.shelf.experts.inputs(here.task.name)
        )
    accounts = reckon(ledger)
    if as_csv is not None:
        _write_ledger(as_csv, ledger)
    if as_json:
        described = [{**each.to_json(), **told["experts"].get(each.expert, {})} for each in accounts]
        print_document(
            {"task": here.task.name, "rows": len(ledger), "experts": described, "agreement": told["agreement"]}
        )
        return Code.DONE
    if not accounts:
        print_line(f"{here.task.name}: nobody has judged anything yet.")
        return Code.DONE
    _print_accounts(accounts, told["experts"])
    for field, found in told["agreement"].items():
        _print_agreement(field, found)
    if as_csv is not None:
        print_line(f"\n{len(ledger):,} rows of the ledger: {as_csv}")
    return Code.DONE


def _print_accounts(accounts: Sequence[Account], told: Mapping[str, Any]) -> None:
    rows = [
        (
            normalise(each.expert),
            f"{each.items:,}",
            f"{each.skipped:,}",
            f"{each.milliseconds / 60_000:,.1f}",
            "" if each.median_milliseconds is None else f"{each.median_milliseconds / 1000:.1f}",
            _show(told.get(each.expert, {}).get("agreement")),
            _show(told.get(each.expert, {}).get("gold")),
            ", ".join(f"{amount} {currency}" for currency, amount in each.owed.items()),
        )
        for each in accounts
    ]
    names = (">items", ">skipped", ">minutes", ">median s", "agrees with others", "right on gold", ">owed")
    print_table(("expert", *names), rows)


def _print_agreement(field: str, found: Mapping[str, Any]) -> None:
    counts = f"{found['judgements']:,} judgements of {found['items']:,} items by {found['experts']} experts"
    print_line(f"\n`{field}`: {counts}, {found['shared']:,} items by two or more")
    for name, measured in found["measures"].items():
        print_line(f"  {name}: {_show(measured)}")
    for pair in [pair for pair in found["confusions"] if pair["observed"] > 0][:_WORST]:
        one, other = (normalise(label)[:_LONGEST] for label in pair["labels"])
        shown = f"{one} / {other}: {pair['observed']:g} (by chance {pair['expected']:.1f})"
        print_line(f"  {shown}")
        for each in pair["examples"][:_SHOWN]:
            print_line(f"    {_shorten(each['inputs'].values())}")


def _shorten(texts: Iterable[str]) -> str:
    text = " / ".join(" ".join(normalise(each).split()) for each in texts)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def _show(measured: Mapping[str, Any] | None) -> str:
    if measured is None:
        return ""
    if measured["value"] is None:
        return str(measured["why"])
    return f"{measured['value']:.3f} ({measured['low']:.3f} to {measured['high']:.3f}, n = {measured['n']:,})"


def _write_ledger(path: Path, ledger: Sequence[LedgerRow]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            writer.writerows([_cell(row, name) for name in _COLUMNS] for row in ledger)
    except OSError as error:
        raise StorageError(f"`{path}` cannot be written: {error.strerror}.") from error


def _cell(row: LedgerRow, name: str) -> str:
    if name == "seconds":
        return f"{row.milliseconds // 1000}.{row.milliseconds % 1000:03d}"
    value = getattr(row, name)
    if name in ("answers", "suggestions", "known"):
        return json.dumps(dict(value), ensure_ascii=False, sort_keys=True)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    # A spreadsheet must not take what an expert typed for a formula.
    return f"'{text}" if name in ("expert", "reason", "comment") and text[:1] in tuple("=+-@\t\r") else text
