"""How long `import freehold` and `freehold --help` take, beside bare Python and the libraries of the CLI.

Each repetition is a fresh process. Also names every heavy module that either of ours loads: there must be
none, and the command exits with 1 where there is one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence

from bench.harness import Machine, Report, Table, alternate, compare, publish, typed

__all__ = ["HEAVY", "loaded", "main"]

HEAVY = (
    "torch",
    "transformers",
    "peft",
    "onnx",
    "onnxruntime",
    "sklearn",
    "scipy",
    "pyarrow",
    "sqlalchemy",
    "alembic",
    "starlette",
    "uvicorn",
    "rensa",
)

CLI = "from freehold.app.cli import main; main()"
CONTENDERS: dict[str, list[str]] = {
    "freehold --help": ["-c", CLI, "--help"],
    "import freehold": ["-c", "import freehold"],
    "python -c pass": ["-c", "pass"],
    "import typer, rich": ["-c", "import typer, rich"],
}
PROBE = (
    "import atexit, sys\n"
    "atexit.register(lambda: print(*sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr))\n"
)


def loaded(arguments: Sequence[str]) -> list[str]:
    """Returns the heavy libraries that a fresh Python loads for `-c CODE ARGUMENTS...`."""
    flag, code, *rest = arguments
    words = [sys.executable, flag, PROBE + code, *rest]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return sorted(set(done.stderr.splitlines()[-1].split()) & set(HEAVY))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark. Returns 1 where a heavy library was loaded."""
    parser = argparse.ArgumentParser(prog="python -m bench.startup", description=__doc__)
    parser.add_argument("--repeats", type=int, default=21, help="rounds that count (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default: %(default)s)")
    options = parser.parse_args(arguments)
    seconds = alternate(
        {name: _process(words) for name, words in CONTENDERS.items()}, repeats=options.repeats, warmup=2
    )
    heavy = {name: loaded(CONTENDERS[name]) for name in ("import freehold", "freehold --help")}
    table = Table(
        "Heavy libraries loaded",
        tuple({"what": name, "loaded": ", ".join(found) or "none"} for name, found in heavy.items()),
    )
    publish(
        Report(
            "startup",
            Machine.here("typer", "rich"),
            options.seed,
            (compare(seconds, ours="freehold --help", seed=options.seed), table),
            command=typed("startup", arguments),
        )
    )
    return 1 if any(heavy.values()) else 0


def _process(words: Sequence[str]) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True)


if __name__ == "__main__":
    raise SystemExit(main())
