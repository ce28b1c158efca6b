"""Reads the `[[source]]` tables of a task file: where examples come from, and what may be done with them.

Owns the keys of a source and of `[data]`. Opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from freehold.task.fields import SPLITS, Crawl, Field, Source, Told
from freehold.task.tables import Table

__all__ = ["read_source"]

_KEYS = ("uri", "fields", "licence", "split", "files", "chunk", "query", "crawl")
_CRAWL = tuple(Crawl.__dataclass_fields__)
_WEB = ("http://", "https://", "feed:http://", "feed:https://")
_LEAST_CHUNK = 20
_PASSWORD = re.compile(r"://[^/@]*:[^/@]+@")
_VARIABLE = "an environment variable, such as TICKETS, to it"


def read_source(row: Table, inputs: Mapping[str, str], fields: tuple[Field, ...]) -> Source:
    """Returns a source; what is wrong with it is noted."""
    row.only(_KEYS)
    uri = row.string("uri", "-") if row.require("uri") else "-"
    if not uri.strip():
        row.wrong("uri", "`uri` is empty; it must say where the examples are.")
    known = (*inputs, *(field.name for field in fields if field.name not in inputs))
    if _PASSWORD.search(uri):
        row.wrong("uri", f'`uri` holds a password; set {_VARIABLE}, and write `uri = "env:TICKETS"`.')
    return Source(
        uri=uri,
        fields=_read_columns(row, inputs, known) if "fields" in row.values else {name: name for name in known},
        licence=row.string("licence"),
        split=cast("Told", row.word("split", ("auto", *SPLITS), default="auto")),
        files=row.strings("files"),
        chunk=_read_chunk(row, inputs, fields),
        query=row.string("query"),
        crawl=_read_crawl(row, is_web=uri.lower().startswith(_WEB)),
    )


def _read_crawl(row: Table, *, is_web: bool) -> Crawl | None:
    if not is_web:
        if "crawl" in row.values:
            row.wrong("crawl", "`crawl` is for a source whose `uri` begins with http:// or https://.")
        return None
    if "crawl" not in row.values:
        row.wrong(
            "uri", 'a web site is fetched by `[source.crawl]` with `contact = "mailto:YOU"` below its source.'
        )
        return None
    table = row.table("crawl")
    table.only(_CRAWL)
    table.require("contact")
    default = Crawl(table.string("contact"))
    return Crawl(
        contact=default.contact,
        name=table.string("name", default.name),
        hosts=table.strings("hosts"),
        include=table.strings("include"),
        exclude=table.strings("exclude"),
        depth=table.whole("depth", default.depth),
        pages=table.whole("pages", default.pages),
        megabytes=table.whole("megabytes", default.megabytes),
        delay=table.number("delay", 0, 86_400, default.delay),
        sitemaps=table.flag("sitemaps", default.sitemaps),
        loopback=table.flag("loopback"),
    )


def _read_columns(row: Table, inputs: Mapping[str, str], known: tuple[str, ...]) -> Mapping[str, str]:
    columns = row.table("fields")
    columns.only(known, what="field")
    for name in inputs:
        if name not in columns.values and isinstance(row.values["fields"], dict):
            row.wrong("fields", f"`fields` does not say which column holds the input `{name}`.")
    for name in columns.values:
        if not columns.string(name, "-"):
            columns.wrong(name, f"`{name}` is ''; it must be the name of a column.")
    return {name: columns.string(name) for name in columns.values}


def _read_chunk(row: Table, inputs: Mapping[str, str], fields: tuple[Field, ...]) -> int:
    words = row.whole("chunk")
    if not words:
        return 0
    if words < _LEAST_CHUNK:
        row.wrong("chunk", f"`chunk` is {words}; a row has at least {_LEAST_CHUNK} words.")
    elif len(inputs) > 1:
        row.wrong("chunk", f"`chunk` splits the text of one input, and the task has {len(inputs)}.")
    elif any(field.kind == "spans" for field in fields):
        row.wrong("chunk", "`chunk` would cut spans in two; leave it out of a task with a field of spans.")
    return words
