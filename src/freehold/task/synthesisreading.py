"""Reads the `[synthesis]` table of a task file.

Owns what its keys may hold. Makes no row, and does not know which generators there are.
"""

from __future__ import annotations

import math

from freehold.task.remote import read_writer
from freehold.task.spelling import suggest
from freehold.task.synthesisrules import TEMPLATES, Share, SynthesisRules
from freehold.task.tables import Table, shown
from freehold.task.upstreams import Upstream

__all__ = ["read_synthesis_rules"]

_KEYS = (
    "enabled",
    "generators",
    "templates",
    "rows",
    "seed",
    "licence",
    "agreement",
    "checker",
    "cost",
    "tokens",
    "writer",
)
_MOST_ROWS = 1_000_000


def read_synthesis_rules(top: Table) -> SynthesisRules:
    """Returns the rules; what is wrong with them is noted."""
    if "synthesis" not in top.values:
        return SynthesisRules()
    table = top.table("synthesis")
    table.only(_KEYS)
    default = SynthesisRules()
    rows = _read_rows(table, default.rows)
    templates = table.string("templates")
    writers = _read_writers(table)
    return SynthesisRules(
        enabled=table.flag("enabled", True),
        generators=_read_generators(table, rows=rows, templates=templates),
        templates=templates,
        rows=rows,
        seed=table.whole("seed"),
        licence=table.string("licence"),
        agreement=table.number("agreement", 0, 1, default.agreement),
        checker=_read_checker(table, writers),
        cost=table.number("cost", 0, 1e8) if "cost" in table.values else None,
        tokens=table.whole("tokens") if "tokens" in table.values else None,
        writers=writers,
    )


def _read_rows(table: Table, default: int) -> int:
    return _whole(table, "rows", table.values.get("rows", default), default)


def _whole(table: Table, key: str, value: object, default: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_ROWS:
        return value
    table.wrong(key, f"`{key}` is {shown(value)}; it must be a whole number from 1 to {_MOST_ROWS}.")
    return default


def _read_generators(table: Table, *, rows: int, templates: str) -> tuple[Share, ...]:
    value = table.values.get("generators", [TEMPLATES] if templates else None)
    shares: tuple[Share, ...] = ()
    if isinstance(value, dict):
        below = table.table("generators")
        shares = tuple(Share(name, _whole(below, name, count, 1)) for name, count in value.items())
    elif isinstance(value, list) and value and all(isinstance(name, str) and name for name in value):
        shares = tuple(Share(name, math.ceil(rows / len(value))) for name in dict.fromkeys(value))
    if not shares:
        message = 'it must be a list such as ["rewrite.v1"], or a table of generator = rows.'
        said = (
            f"`generators` is {shown(value)}; " if "generators" in table.values else "there is no `generators`; "
        )
        table.wrong("generators", said + message)
    named = any(share.generator == TEMPLATES for share in shares)
    if named and not templates:
        table.wrong(
            "generators", f'`{TEMPLATES}` needs a file of templates; name it: templates = "templates.txt".'
        )
    elif templates and shares and not named:
        table.wrong(
            "templates", f"`templates` is for the generator `{TEMPLATES}`, which `generators` does not name."
        )
    return shares


def _read_writers(table: Table) -> tuple[Upstream, ...]:
    found: list[Upstream] = []
    for row in table.rows("writer"):
        writer = read_writer(row)
        if writer.name in [each.name for each in found]:
            row.wrong("name", f"two writers are called {writer.name!r}.")
        found.append(writer)
    return tuple(found)


def _read_checker(table: Table, writers: tuple[Upstream, ...]) -> str:
    name = table.string("checker")
    names = [each.name for each in writers]
    if name and name not in names:
        known = suggest(name, names) if names else "; there is no `[[synthesis.writer]]`."
        table.wrong("checker", f"`checker` is {name!r}{known}")
    return name
