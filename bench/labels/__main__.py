"""Labels: `python -m bench.labels [crowd|synthesis]`.

`crowd`: what workers answered on dog, duck and face, put together by ours and by crowd-kit, and their agreement
beside reference implementations. Peers get an environment of their own on the first run (850 MB).

`synthesis`: rows made without a model, where Banking77 and SNIPS have 5 real rows an intent.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.harness import Machine, Report, publish, typed
from bench.labels import crowd, synthesis
from bench.learn.corpora import data_folder

PARTS = ("crowd", "synthesis")
NOTES: tuple[str, ...] = (
    "Accuracy: Wilson's interval, no answer counts as wrong. Difference: ours minus crowd-kit's of the same "
    "method, paired, Bonett-Price interval; p: McNemar's exact test. Nobody but the judge reads the truth.",
    "Times: CPU-seconds of one thread, medians, from rows in memory to answers, imports apart. Ours sort and "
    "check the rows in that time. Our measures of agreement are timed with each label's and all intervals.",
)
MADE_NOTES: tuple[str, ...] = (
    "The first rung on the frozen base, learned from training rows alone. Gains: against real rows alone on the "
    "same draw; mean with Student's 95 % interval over draws. The rules look at validation rows, 2 an intent.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and publishes."""
    parser = argparse.ArgumentParser(prog="python -m bench.labels", description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, default="crowd", help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="of timing (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="of synthesis (default: %(default)s)")
    parser.add_argument("--only", default="", help="of synthesis: one corpus, such as banking77")
    parser.add_argument("--data", type=Path, default=data_folder(), help="folder of the data sets")
    options = parser.parse_args(arguments)
    if options.part == "synthesis":
        tables, notes = synthesis.measure(options.data, seeds=options.seeds, only=options.only), MADE_NOTES
    else:
        tables, notes = crowd.measure(options.data, rounds=options.rounds), NOTES
    machine = Machine.here("numpy")
    publish(
        Report(f"labels-{options.part}", machine, crowd.SEED, tuple(tables), notes, typed("labels", arguments))
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
