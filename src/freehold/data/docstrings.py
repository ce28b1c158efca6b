"""The running Python's own standard library as data: what its docstrings say, and where.

Reads source files as syntax trees; nothing is imported. Offers the columns `text` (the first paragraph of a
docstring), `module` (the top-level module it is in), `kind` (`module`, `class` or `function`) and `name`.
"""

from __future__ import annotations

import ast
import os
import re
import sys
import sysconfig
import warnings
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from freehold.data.sources import TEXT_LIMIT, Place, Row, Table
from freehold.errors import DataError
from freehold.task import digest

__all__ = ["StandardLibrary"]

LEAST_EXAMPLES = 30
"""Modules with fewer different examples are left out: too few to learn from and to be tested on."""

_SKIPPED = frozenset(
    ["test", "tests", "idle_test", "site-packages", "dist-packages", "lib-dynload", "__pycache__"]
)
_NO_LIBRARY = frozenset(["idlelib", "turtledemo"])
"""Programs that live among the modules."""

_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


class _Docstring(NamedTuple):
    text: str
    kind: str
    name: str
    line: int


@dataclass(frozen=True, slots=True)
class StandardLibrary:
    """`python:stdlib`.

    Tests, installed packages, private modules (a leading underscore) and the programs `idlelib` and
    `turtledemo` are left out.
    """

    written: str = "python:stdlib"
    licence: str = "PSF-2.0"

    def claims(self, place: Place) -> bool:
        return place.uri == self.written

    def digest(self, place: Place) -> str:
        """Returns a name for what the library is made of: version, names, sizes and times of the files."""
        files = []
        for path in _find(place):
            status = path.stat()
            files.append([str(path), status.st_size, status.st_mtime_ns])
        return digest([sys.version, files])

    @contextmanager
    def open(self, place: Place, wanted: Collection[str]) -> Iterator[Table]:
        yield Table(("text", "module", "kind", "name"), _rows(_find(place)))


def _root() -> Path:
    return Path(sysconfig.get_paths()["stdlib"])


def _find(place: Place) -> list[Path]:
    """Returns the library's source files in a fixed order."""
    root, found = _root(), []
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if name not in _SKIPPED and name.isidentifier()]
        found += [Path(folder, name) for name in names if name.endswith(".py")]
    found = [path for path in found if _is_public(path.relative_to(root).parts[0].removesuffix(".py"))]
    if not found:
        raise DataError(f"source `{place.uri}`: this Python has no source files below `{root}`.")
    return sorted(found)


def _is_public(module: str) -> bool:
    return module.isidentifier() and not module.startswith("_") and module not in _NO_LIBRARY


def _rows(files: list[Path]) -> Iterator[Row]:
    by_module: dict[str, list[Row]] = defaultdict(list)
    for path in files:
        relative = path.relative_to(_root())
        module = relative.parts[0].removesuffix(".py")
        for found in _docstrings(path):
            cells: dict[str, object] = {**found._asdict(), "module": module}
            locator = f"{relative.as_posix()}:{found.line}"
            by_module[module].append(Row(found.line, locator, cells, found.text[:TEXT_LIMIT]))
    for module in sorted(by_module):
        rows = by_module[module]
        if len({row.cells["text"] for row in rows}) >= LEAST_EXAMPLES:
            yield from rows


def _docstrings(path: Path) -> list[_Docstring]:
    """Returns the documented things of one file; none where this Python cannot parse it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    return list(_documented(tree, kind="module", name=path.stem))


def _documented(node: ast.AST, *, kind: str, name: str) -> Iterator[_Docstring]:
    body = getattr(node, "body", [])
    match body[:1]:
        case [ast.Expr(value=ast.Constant(value=str(docstring)))]:
            text = " ".join(_PARAGRAPH_END.split(docstring.strip(), maxsplit=1)[0].split())
            if text:
                yield _Docstring(text, kind, name, getattr(node, "lineno", 1))
    yield from _below(node)


def _below(node: ast.AST) -> Iterator[_Docstring]:
    """Yields from the definitions inside a statement; expressions hold none, so they are not walked."""
    for block in _BLOCKS:
        for child in getattr(node, block, ()):
            match child:
                case ast.ClassDef(name=name):
                    yield from _documented(child, kind="class", name=name)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    yield from _documented(child, kind="function", name=name)
                case ast.stmt() | ast.excepthandler() | ast.match_case():
                    yield from _below(child)
