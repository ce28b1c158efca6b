"""How the work grows with the rows: whole runs from Parquet to Parquet, a fixed memory, up to a million rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.data.corpus import build
from bench.data.peers import run
from bench.harness import Cell, Table
from bench.picture import trace

__all__ = ["measure"]

MEMORY_MB = 256


def measure(sizes: Sequence[int], *, work: Path) -> tuple[Table, dict[str, str]]:
    """Returns the table, and the pictures by their names."""
    texts = build(max(sizes)).texts
    rows: list[Mapping[str, Cell]] = []
    for size in sizes:
        source = work / "growth.parquet"
        pq.write_table(pa.table({"text": list(texts[:size])}), source)
        program = ["bench.data.ends", str(source), str(work / "grown.parquet"), "--memory-mb", str(MEMORY_MB)]
        made = run("freehold", program)
        rows.append(
            {
                "rows": size,
                "texts per CPU-second": size / made["cpu"][0],
                "CPU-s": made["cpu"][0],
                "wall s": made["wall"][0],
                "sign s": made["sign s"],
                "compare s": made["compare s"],
                "write s": made["write s"],
                "peak MB": made["peak_mb"],
                "progress told": made["told"],
                "rows in clusters": made["clustered"],
                "compared exactly": made["compared"],
            }
        )
    pictures = {
        name: trace(
            [(float(_number(row, "rows")), _number(row, column)) for row in rows],
            title=title,
            across="rows",
            up=up,
        )
        for name, column, title, up in (
            ("cpu", "CPU-s", "Near duplicates from Parquet to Parquet", "CPU-seconds"),
            ("memory", "peak MB", f"Peak memory, {MEMORY_MB} MB allowed", "MB"),
        )
    }
    return Table(f"Growth, {MEMORY_MB} MB allowed", tuple(rows)), pictures


def _number(row: Mapping[str, Cell], column: str) -> float:
    value = row[column]
    assert isinstance(value, int | float)
    return float(value)
