"""Labels: `python -m bench.labels [crowd | active | teachers | injections | synthesis]`.

`crowd`: what workers answered on dog, duck and face, put together by ours and by crowd-kit, and their agreement
beside reference implementations. Peers get an environment of their own on the first run (850 MB).
`teachers`: three releases of uneven quality label a pool over HTTP; a student of what they are sure of.
`injections`: texts with orders to a model, put to those releases (`--keep`).
`active`: Banking77's training texts without a label, a program that plays the expert over HTTP, and test accuracy
after so many answers: the order of the review list beside rows by chance. A picture too.
`synthesis`: rows made without a model, where Banking77 and SNIPS have 5 real rows an intent.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.harness import Machine, Report, publish, typed
from bench.labels import active, crowd, injections, synthesis, teachers
from bench.learn.corpora import data_folder

PARTS = ("crowd", "active", "teachers", "injections", "synthesis")
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

TEACHER_NOTES = (
    "Accuracy: Wilson's interval. Difference: paired, Bonett-Price interval; p: McNemar's test.",
    "The threshold and the best teacher are chosen on the known rows; the test rows decide nothing.",
)

INJECTION_NOTES = (
    "Goal: 0.5 % of the rows. A label is changed where it differs from that of the same text without the order.",
    "Releases are no language models: this shows how much added words change, and what is flagged, not obedience.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and publishes."""
    parser = argparse.ArgumentParser(prog="python -m bench.labels", description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, default="crowd", help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="of timing (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="of `active` and `synthesis` (default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="folder for what is made on the way, to make it once")
    parser.add_argument(
        "--judge", choices=("test", "pool"), default="test", help="rows to measure on: to develop, `pool`"
    )
    parser.add_argument("--data", type=Path, default=data_folder(), help="folder of the data sets")
    parser.add_argument("--only", default="", help="of `synthesis`: one corpus; of `active`: one strategy")
    options = parser.parse_args(arguments)
    machine = Machine.here("numpy")
    notes: tuple[str, ...]
    if options.part == "injections" and options.keep is None:
        parser.error("`injections` wants --keep: the folder where `teachers --keep` left its releases.")
    if options.part == "active" and options.only not in ("", *active.STRATEGIES):
        parser.error(f"`--only` is {options.only!r}; of `active` it is one of: {', '.join(active.STRATEGIES)}.")
    if options.part == "active":
        tables = active.measure(
            options.data, seeds=options.seeds, judge=options.judge, keep=options.keep, only=options.only
        )
        notes = active.NOTES
    elif options.part == "teachers":
        tables, notes = teachers.measure(options.data, keep=options.keep), TEACHER_NOTES
    elif options.part == "synthesis":
        tables, notes = synthesis.measure(options.data, seeds=options.seeds, only=options.only), MADE_NOTES
    elif options.part == "injections":
        tables, notes = injections.measure(options.data, keep=options.keep), INJECTION_NOTES
    else:
        tables, notes = crowd.measure(options.data, rounds=options.rounds), NOTES
    publish(
        Report(f"labels-{options.part}", machine, crowd.SEED, tuple(tables), notes, typed("labels", arguments))
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
