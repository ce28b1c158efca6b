"""The kinds of sources that come with Freehold, entered by the same door as anybody's.

Owns the table alone; each kind has a module of its own.
"""

from __future__ import annotations

from freehold.data.delimited import Delimited
from freehold.data.docstrings import StandardLibrary
from freehold.data.folders import Folder
from freehold.data.jsonlines import JsonLines
from freehold.data.parquet import Parquet
from freehold.data.sources import SOURCES

__all__ = ["SOURCES"]

SOURCES.register("csv.v1")(Delimited(".csv", b","))
SOURCES.register("folder.v1")(Folder())
SOURCES.register("jsonl.v1")(JsonLines())
SOURCES.register("parquet.v1")(Parquet())
SOURCES.register("stdlib.v1")(StandardLibrary())
SOURCES.register("tsv.v1")(Delimited(".tsv", b"\t", literal_quotes=True))
