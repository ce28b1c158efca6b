"""Where encoder graphs are kept between turns, and one of them as something that runs.

Owns the layout below `cache/graphs`; how graphs are made is for `compress` to know.
"""

from __future__ import annotations

from pathlib import Path

from freehold.engine.vectors import Graph, Run
from freehold.task import file_digest

__all__ = ["find_graph", "graph_home", "is_sealed", "open_graph"]

_EXACT = "fp32.onnx"


def graph_home(cache: Path, identity: str) -> Path:
    """Returns the folder of the graphs of one encoder; below it lies a folder for each way of making them.

    Args:
        identity: Of the encoder's weights, by content.
    """
    return cache / "graphs" / identity[:32]


def is_sealed(path: Path) -> bool:
    """Returns whether a graph is there and whole: its digest is the one beside it."""
    seal = path.with_suffix(".sha256")
    return path.is_file() and seal.is_file() and seal.read_text() == file_digest(path)


def find_graph(cache: Path, identity: str) -> Path | None:
    """Returns a whole graph of an encoder in full precision, where an earlier turn left one."""
    return next(
        (path for path in sorted(graph_home(cache, identity).glob(f"*/{_EXACT}")) if is_sealed(path)), None
    )


def open_graph(path: Path, *, threads: int) -> Run:
    """Returns a graph as `read_texts` takes an encoder.

    Raises:
        IntegrityError: The graph cannot be opened.
    """
    return Graph(path, threads=threads)
