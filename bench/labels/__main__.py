"""Labels: `python -m bench.labels [crowd|active]`.

`crowd`: what workers answered on dog, duck and face, put together by ours and by crowd-kit, and their agreement
beside reference implementations. Peers get an environment of their own on the first run (850 MB).

`active`: Banking77's training texts without a label, a program that plays the expert, and test accuracy after so
many answers: the order of the review list beside rows by chance. A picture too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.harness import Machine, Report, publish, typed
from bench.labels import active, crowd
from bench.learn.corpora import data_folder

PARTS = ("crowd", "active")
NOTES: tuple[str, ...] = (
    "Accuracy: Wilson's interval, no answer counts as wrong. Difference: ours minus crowd-kit's of the same "
    "method, paired, Bonett-Price interval; p: McNemar's exact test. Nobody but the judge reads the truth.",
    "Times: CPU-seconds of one thread, medians, from rows in memory to answers, imports apart. Ours sort and "
    "check the rows in that time. Our measures of agreement are timed with each label's and all intervals.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and publishes."""
    parser = argparse.ArgumentParser(prog="python -m bench.labels", description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, default="crowd", help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="of timing (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="of `active` (default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="folder of what `active` encodes, so that it does so once")
    parser.add_argument(
        "--judge", choices=("test", "pool"), default="test", help="rows to measure on: to develop, `pool`"
    )
    parser.add_argument("--data", type=Path, default=data_folder(), help="folder of the data sets")
    options = parser.parse_args(arguments)
    notes: tuple[str, ...]
    machine = Machine.here("numpy")
    if options.part == "active":
        tables = active.measure(options.data, seeds=options.seeds, judge=options.judge, keep=options.keep)
        notes = active.NOTES
    else:
        tables = crowd.measure(options.data, rounds=options.rounds)
        notes = NOTES
    publish(
        Report(f"labels-{options.part}", machine, crowd.SEED, tuple(tables), notes, typed("labels", arguments))
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
