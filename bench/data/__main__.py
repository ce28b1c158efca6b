"""Near duplicates at scale: `python -m bench.data [all|near|growth|leaks]`.

`near`: ours beside Daft, rensa, datasketch, text-dedup and datatrove on paragraphs of what is installed here.
`growth`: 10,000 to 1,000,000 rows from Parquet to Parquet, with a picture. `leaks`: Banking77's test rows planted
into its training rows. Peers get environments of their own on the first run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.data import growth, leaking, near
from bench.harness import OUT, Machine, Report, Table, publish, typed
from bench.learn.corpora import data_folder

PARTS = ("near", "growth", "leaks")
NOTES = (
    "Shingles of 5 words, 120 permutations, 20 bands of 6 for everybody; times of the process and its children.",
    "Recall: pairs with a true Jaccard similarity of 0.8 or more that meet in a band, of all there are.",
    "Precision, not compared: of a uniform sample of the pairs that meet, how many are near. What Freehold joins "
    "was compared exactly.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and publishes."""
    options = _options(arguments)
    parts = PARTS if options.part == "all" else (options.part,)
    tables: list[Table] = []
    pictures: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="freehold-bench-data-") as work:
        if "near" in parts:
            tables += near.measure(near.Settings(options.rows, options.block, options.pairs, Path(work)))
        if "growth" in parts:
            table, pictures = growth.measure(options.sizes, work=Path(work))
            tables.append(table)
        if "leaks" in parts:
            folder = options.data / "banking77"
            tables += leaking.measure(folder, share=options.share, rounds=options.rounds, shown=options.shown)
    name = "data" if options.part == "all" else f"data-{options.part}"
    machine = Machine.here("numpy", "pyarrow", "rensa")
    publish(Report(name, machine, 0, tuple(tables), NOTES, typed("data", arguments)))
    for title, picture in pictures.items():
        (OUT / f"data-growth-{title}.svg").write_text(picture)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.data", description=__doc__)
    parser.add_argument("part", nargs="?", choices=("all", *PARTS), default="all", help="(default: %(default)s)")
    parser.add_argument("--rows", type=int, default=200_000, help="texts of `near` (default: %(default)s)")
    parser.add_argument("--block", type=int, default=20_000, help="texts that are timed together")
    parser.add_argument("--pairs", type=int, default=2_000, help="pairs that meet, judged (default: %(default)s)")
    sizes = (10_000, 30_000, 100_000, 300_000, 1_000_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes, help="rows of `growth`")
    parser.add_argument("--share", type=float, default=0.01, help="of the test rows, planted in each way")
    parser.add_argument("--rounds", type=int, default=10, help="of planting (default: %(default)s)")
    parser.add_argument("--shown", type=int, default=10, help="pairs of each kind that are shown")
    parser.add_argument("--data", type=Path, default=data_folder(), help="folder of the data sets")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
