"""Every figure of the learning goals: `python -m bench.learn [PART ...]`.

Each part is written to `bench/out/learn-PART.json` and `.md` as soon as it is measured, its pictures beside
it; `bench/out/learn.json` and `.md` hold all parts of the command with the goals in front. The data is read
where it lies: `$FREEHOLD_DATA`, or `../shared/data` seen from the repository's root.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.harness import OUT, Machine, Report, Table, publish, typed
from bench.learn.corpora import data_folder
from bench.learn.parts import PARTS
from bench.learn.plan import Goal, Part, Plan, goals_table
from bench.learn.tasks import EFFORTS
from bench.learn.turns import TurnError

LIBRARIES = ("torch", "transformers", "peft", "sentence-transformers", "scikit-learn", "onnxruntime", "numpy")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures the parts that are asked for. Returns 1 where something could not be measured."""
    options = _options(arguments)
    machine, command = Machine.here(*LIBRARIES), typed("learn", arguments)
    stem = "learn-rehearsal" if options.quick else "learn"
    parts: list[Part] = []
    lost: list[str] = []
    with _folder(options.keep) as work:
        plan = _plan(options, work)
        for name in options.parts or PARTS:
            start = time.perf_counter()
            try:
                part = PARTS[name](plan)
            except (TurnError, FileNotFoundError) as error:
                lost.append(f"`{name}` was not measured: {' '.join(str(error).split())[-600:]}")
                print(lost[-1], file=sys.stderr)
                continue
            parts.append(part)
            _publish(f"{stem}-{name}", machine, plan, [part], command)
            for title, picture in part.pictures.items():
                (OUT / f"{stem}-{name}-{title}.svg").write_text(picture)
            print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
        _publish(stem, machine, plan, parts, command, lost)
    return 0 if all(part.whole for part in parts) and not lost else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.learn", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of whole corpora (default: %(default)s)")
    parser.add_argument("--draws", type=int, default=5, help="draws of few rows (default: %(default)s)")
    parser.add_argument("--folds", type=int, default=0, help="experiments of each regime of NLU++; 0: all")
    parser.add_argument(
        "--effort",
        choices=[*EFFORTS, "none"],
        help="for every turn; none: not in the task file (default: each part's)",
    )
    parser.add_argument("--quick", action="store_true", help="rehearse on few train rows: figures mean nothing")
    parser.add_argument("--data", type=Path, default=data_folder(), help="folder of the data sets")
    parser.add_argument(
        "--keep",
        type=Path,
        help="folder for the task folders, kept: a later command with the same sources turns none of them again",
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; the parts are {', '.join(PARTS)}")
    return options


def _plan(options: argparse.Namespace, work: Path) -> Plan:
    few = options.quick
    return Plan(
        options.data,
        work,
        seeds=tuple(range(1 if few else options.seeds)),
        draws=1 if few else options.draws,
        folds=1 if few else options.folds,
        effort=None if options.effort == "none" else options.effort,
        keyed=options.effort != "none",
        quick=few,
    )


def _publish(
    name: str, machine: Machine, plan: Plan, parts: Sequence[Part], command: str, lost: Sequence[str] = ()
) -> None:
    goals: list[Goal] = [goal for part in parts for goal in part.goals]
    tables: list[Table] = [goals_table(goals, rehearsal=plan.quick)] if goals else []
    tables += [
        Table(f"{part.name}: {table.title}", table.rows) for part in parts for table in part.tables if table.rows
    ]
    notes = (*dict.fromkeys(note for part in parts for note in part.notes), *lost)
    warning = ("A rehearsal on a few train rows: no figure means anything.",) if plan.quick else ()
    publish(Report(name, machine, plan.seeds[0], tuple(tables), (*warning, *notes), command))


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="freehold-learn-") as folder:
        yield Path(folder)


if __name__ == "__main__":
    raise SystemExit(main())
