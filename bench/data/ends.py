"""Whole runs from Parquet to Parquet, in a process of their own.

`python -m bench.data.ends SOURCE TARGET --on local --rounds 3` prints what they took and found as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from freehold.data.scale import Keep, Means, Progress, deduplicate


def main() -> int:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--on", choices=("local", "daft", "ray"), default="local")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--memory-mb", type=int, default=1024)
    options = parser.parse_args()
    told: list[Progress] = []
    cpu, wall = [], []
    _warm(options.target)
    for _ in range(options.rounds):
        before = sum(os.times()[:4]), time.perf_counter()
        report = deduplicate(
            options.source,
            options.target,
            column="text",
            keep=Keep("all"),
            means=Means(memory_mb=options.memory_mb, on=options.on),
            tell=told.append,
        )
        cpu.append(sum(os.times()[:4]) - before[0])
        wall.append(time.perf_counter() - before[1])
    plain = {name: value for name, value in report._asdict().items() if name not in ("probability", "seconds")}
    seconds = {f"{step} s": round(value, 3) for step, value in report.seconds.items()}
    print(
        json.dumps(
            {
                "on": options.on,
                "cpu": cpu,
                "wall": wall,
                "peak_mb": _peak_mb(),
                "told": len(told),
                **plain,
                **seconds,
            }
        )
    )
    return 0


def _warm(target: Path) -> None:
    """Loads what is loaded once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    small = target.with_name("warm.parquet")
    pq.write_table(pa.table({"text": ["one", "two", "one"]}), small)
    deduplicate(small, target, column="text")


def _peak_mb() -> float:
    """Returns the most memory that this process ever had, without that of the process that it was forked from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    sys.exit(main())
