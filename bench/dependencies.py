"""What each direct dependency costs: its licence, installed size and import time, for `docs/dependencies.md`.

Sizes are those of the distribution's own files, without what it depends on and without compiled caches.
Import times are the least of several fresh processes, less that of bare Python; what a library imports counts
as its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from bench.harness import Cell, Machine, Report, Table, publish, typed

__all__ = ["licence", "main", "megabytes", "names"]

MODULES = {
    "scikit-learn": "sklearn",
    "import-linter": "importlinter",
    "psycopg[binary]": "psycopg",
    "ray[serve]": "ray.serve",
}
"""Where the module's name is not the distribution's with `_` for `-`."""


def names(*, extra: str = "") -> list[str]:
    """Returns what `freehold` requires, by name; that of an extra where one is given."""
    required = metadata.requires("freehold") or []
    wanted = [line for line in required if (f'extra == "{extra}"' in line if extra else "extra ==" not in line)]
    found = [line.partition(";")[0].partition("==")[0].strip() for line in wanted]
    return [name for name in found if not name.startswith("freehold")]


def licence(name: str) -> str:
    """Returns a distribution's licence as its metadata tells it, on one line."""
    told = metadata.metadata(name)
    short = (_first(told, "License-Expression") or _first(told, "License")).partition("\n")[0]
    classified = [c.rpartition("::")[2].strip() for c in told.get_all("Classifier") or [] if "License ::" in c]
    return classified[0] if len(short) > 60 and classified else short or "; ".join(classified)


def _first(told: metadata.PackageMetadata, key: str) -> str:
    return next(iter(told.get_all(key) or []), "")


def megabytes(name: str) -> float:
    """Returns the size of a distribution's installed files."""
    files = [file for file in metadata.files(name) or [] if file.suffix != ".pyc"]
    paths = [Path(file.locate()) for file in files]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def import_seconds(code: str, *, repeats: int) -> float:
    """Returns the least time that a fresh process takes for `code`."""

    def once() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        return time.perf_counter() - start

    return min(once() for _ in range(repeats))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the measurement."""
    parser = argparse.ArgumentParser(prog="python -m bench.dependencies", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="imports of each (default: %(default)s)")
    options = parser.parse_args(arguments)
    import_seconds("pass", repeats=2)
    bare = import_seconds("pass", repeats=options.repeats)
    rows: list[dict[str, Cell]] = []
    for full in [*names(), *names(extra="postgres"), *names(extra="ray")]:
        name, module = full.partition("[")[0], MODULES.get(full, full.replace("-", "_"))
        seconds = import_seconds(f"import {module}", repeats=options.repeats) - bare
        rows.append(
            {
                "library": name,
                "version": metadata.version(name),
                "licence": licence(name),
                "import ms": round(1000 * seconds),
                "MB": round(megabytes(name), 1),
            }
        )
    table = Table("Direct dependencies", tuple(rows))
    publish(Report("dependencies", Machine.here(), 0, (table,), command=typed("dependencies", arguments)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
