"""The page of a task's data: `freehold data --html` writes it, a server answers with it.

Owns the order of what it shows. What comes from rows, sources and labels is escaped, here or in `layout`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from itertools import islice
from typing import Any

from freehold.pages.drawings import draw_funnel, draw_shares
from freehold.pages.inventory import Inventory
from freehold.pages.layout import html_list, html_pair, html_table, lay_out
from freehold.pages.tables import Table, tabulate

__all__ = ["write_data_page"]

_SAMPLES = 3
_CUT = 200


def write_data_page(found: Inventory) -> str:
    """Returns the inventory as one page of HTML."""
    title = f"{found.release or found.task.name}: data"
    return lay_out(title, [f"<h1>{escape(title)}</h1>", *_body(found, tabulate(found))])


def _body(found: Inventory, tables: Mapping[str, Table]) -> Iterator[str]:
    digest = f" Digest {found.digest}" if found.digest else ""
    yield f'<p class="quiet">{escape(found.task.description)}{escape(digest)}</p>'
    if found.notes:
        yield html_list(found.notes)
    if found.report["rows"]:
        yield from _funnel(found, tables["funnel"])
    if "sources" in tables or "licences" in tables:
        yield "<h2>Where it comes from</h2>"
    yield from (_table(tables[name]) for name in ("sources", "licences", "credits") if name in tables)
    if "cleaning" in tables:
        yield "<h2>Cleaning</h2>"
        yield _table(tables["cleaning"])
        yield from _cleaned(found.report["cleaning"])
    if found.drift:
        yield "<h2>What changed</h2>"
        yield _table(tables["drift"])
        yield from _shares(found.drift)
    if "releases" in tables:
        yield "<h2>Which release it led to</h2>"
        yield _table(tables["releases"])
    if found.report["warnings"]:
        yield "<h2>What was odd</h2>"
        yield html_list(warning["message"] for warning in found.report["warnings"])


def _funnel(found: Inventory, table: Table) -> Iterator[str]:
    yield "<h2>From rows to examples</h2>"
    yield html_pair(
        draw_funnel([(step.name, step.left) for step in found.funnel]), _table(table, caption="Where rows went")
    )
    yield f"<p>Examples: {escape(found.splits)}.</p>"
    samples = [f"{step.name}: {sample}" for step in found.funnel for sample in step.samples]
    if samples:
        yield f"<p>Some of what was taken out:</p>\n{html_list(samples)}"


def _cleaned(cleaning: Mapping[str, Any]) -> Iterator[str]:
    """Yields some texts of each rule, folded away."""
    for rule, each in (*cleaning["dropped"].items(), *cleaning["found"].items()):
        samples = [
            f"{sample['why']}: {sample['text'][:_CUT]}".removeprefix(": ")
            for sample in islice(each["samples"], _SAMPLES)
        ]
        if samples:
            yield f"<details><summary>{escape(rule)}</summary>{html_list(samples)}</details>"


def _shares(drift: Mapping[str, Any]) -> Iterator[str]:
    for field, each in drift["fields"].items():
        if not each["shares"]:
            continue
        rows = [(s["label"], f"{s['before']:.1%}", f"{s['now']:.1%}") for s in each["shares"]]
        more = each["labels"] - len(rows)
        caption = f"Share of all labels of {field}" + (f"; {more:,} more are not shown" if more else "")
        picture = draw_shares(each["shares"], name=field, against=drift["against"])
        columns = ("label", f">in {drift['against']}", ">now")
        yield f"<h3>{escape(field)}</h3>\n{html_pair(picture, html_table(columns, rows, caption=caption))}"


def _table(table: Table, *, caption: str = "") -> str:
    caption = caption or table.caption[:1].upper() + table.caption[1:]
    return html_table(table.columns, table.rows, caption=caption)
