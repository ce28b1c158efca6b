"""What was kept out of training for giving test rows or a benchmark away, in the verdict: a table and sentences.

Owns the words. The table comes with the examples; nothing is compared here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from freehold.task import Verdict

__all__ = ["note_leaks"]

_WORDS = {"exact": "the same", "near": "near duplicates", "typo": "an edit or two away"}


def note_leaks(verdict: Verdict, folder: Path) -> Verdict:
    """Returns a verdict with the table of leaks of the examples in a folder, where there is one."""
    path = folder / "leaks.json"
    if not path.exists():
        return verdict
    leaks = json.loads(path.read_bytes())
    told = [_tell_benchmark(each) for each in leaks.get("benchmarks", ())]
    return replace(verdict, reasons=(*verdict.reasons, _tell(leaks), *told), leaks=leaks)


def _tell(leaks: Mapping[str, Any]) -> str:
    kinds, tests = leaks["kinds"], leaks["test_rows"]
    found = [f"{kinds[kind]['train']:,} {what}" for kind, what in _WORDS.items() if kinds[kind]["train"]]
    rows = sum(kinds[kind]["train"] for kind in _WORDS)
    kept = (
        f"{rows:,} rows were kept apart before training ({', '.join(found)})" if rows else "no row gave one away"
    )
    shared = kinds["overlap"]["test"]
    stays = f"; {shared:,} share a long run of words with a training row" if shared else ""
    return f"Of {tests:,} test rows: {kept}{stays}."


def _tell_benchmark(table: Mapping[str, Any]) -> str:
    kept = (
        f"{table['given_away']:,} are in the data, or nearly; {table['kept_apart']:,} rows were kept apart before "
        "training"
        if table["kept_apart"]
        else "no row is in the data, or nearly"
    )
    shared = table["kinds"]["overlap"]["benchmark"]
    stays = f"; {shared:,} share a long run of words with a training row" if shared else ""
    return f"Of {table['rows']:,} texts of the benchmark `{table['benchmark']}`: {kept}{stays}."
