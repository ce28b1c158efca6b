"""The kinds of sources that come with Freehold, entered by the same door as anybody's.

Owns the table alone; each kind has a module of its own.
"""

from __future__ import annotations

from freehold.data.databases import database
from freehold.data.datasets import dataset
from freehold.data.delimited import Delimited
from freehold.data.docstrings import StandardLibrary
from freehold.data.folders import folder_tree, single_document, tar_tree, zip_tree
from freehold.data.jsonlines import JsonLines
from freehold.data.parquet import Arrow, Parquet
from freehold.data.repositories import commits, repository
from freehold.data.sources import SOURCES
from freehold.data.webfiles import feed, web_table
from freehold.data.websites import website

__all__ = ["SOURCES"]

SOURCES.register("arrow.v1")(Arrow())
SOURCES.register("csv.v1")(Delimited(".csv", b","))
SOURCES.register("database.v1")(database)
SOURCES.register("dataset.v1")(dataset)
SOURCES.register("document.v1")(single_document)
SOURCES.register("feed.v1")(feed)
SOURCES.register("folder.v1")(folder_tree)
SOURCES.register("git.v1")(repository)
SOURCES.register("git-log.v1")(commits)
SOURCES.register("jsonl.v1")(JsonLines())
SOURCES.register("parquet.v1")(Parquet())
SOURCES.register("stdlib.v1")(StandardLibrary())
SOURCES.register("tar.v1")(tar_tree)
SOURCES.register("tsv.v1")(Delimited(".tsv", b"\t", literal_quotes=True))
SOURCES.register("web-table.v1")(web_table)
SOURCES.register("web.v1")(website)
SOURCES.register("zip.v1")(zip_tree)
