"""How Freehold answers over HTTP: `python -m bench.serve FOLDER [table|slow|soak]`.

FOLDER is a task folder of Banking77 turned at `normal`: `python -m bench.learn full --keep PLACE` leaves one. The
bodies are the texts of the published test rows. `table`: how fast, beside other servers of the same weights.
`slow`: how fast beside thousands of connections that are slow or idle. `soak`: whether memory stays as it is.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.harness import OUT, Machine, Report, publish, typed
from bench.learn.corpora import data_folder
from bench.learn.plan import Part, goals_table
from bench.serve import slow, soak, table
from bench.serve.plan import Plan

LIBRARIES = ("fastapi", "uvicorn", "torch", "onnxruntime", "numpy")
PARTS: Mapping[str, Callable[[Plan], Part]] = {
    "table": table.measure,
    "slow": slow.measure,
    "soak": soak.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures one part and publishes it."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through the blocks that end the servers
    name = "serve" if options.part == "table" else f"serve-{options.part}"
    with tempfile.TemporaryDirectory(prefix="freehold-serve-") as work:
        part = PARTS[options.part](_plan(options, Path(work)))
    goals = (goals_table(part.goals, rehearsal=False),) if part.goals else ()
    report = Report(
        name, Machine.here(*LIBRARIES), 0, (*goals, *part.tables), part.notes, typed("serve", arguments)
    )
    publish(report)
    for title, picture in part.pictures.items():
        (OUT / f"{name}-{title}.svg").write_text(picture)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.serve", description=__doc__)
    parser.add_argument("folder", type=Path, help="a turned task folder of Banking77")
    parser.add_argument("part", nargs="?", choices=PARTS, default="table", help="(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="that count (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=3_000, help="texts that are asked in turn")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of the peers' forward passes")
    parser.add_argument("--load", type=float, default=0.7, help="of steady clients, of what the server can answer")
    parser.add_argument("--slow", type=int, default=2_000, help="connections held open (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the soak (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=data_folder(), help="folder of the data sets")
    return parser.parse_args(arguments)


def _plan(options: argparse.Namespace, work: Path) -> Plan:
    return Plan(
        options.folder,
        options.data,
        work,
        seconds=options.seconds,
        rounds=options.rounds,
        most=options.rows,
        threads=options.threads,
        share=options.load,
        slow=options.slow,
        minutes=options.minutes,
    )


if __name__ == "__main__":
    sys.exit(main())
