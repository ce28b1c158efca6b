"""Freehold's released model against word TF-IDF + logistic regression, on the very same split of `stdlib`.

Turns the line on the task first where that has not happened; that is a no-op otherwise.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.harness import Cell, Machine, Report, Table, publish, typed
from bench.peers import INTERVALS, beside, measure, standing, words_logistic
from bench.released import answer, labelled_rows, run_cli

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m bench.baseline_stdlib", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("examples/stdlib"), help="the task")
    parser.add_argument("--state", type=Path, help="state folder (default: .freehold inside the task)")
    parser.add_argument("--field", action="append", help="default: module and kind")
    parser.add_argument("--seed", type=int, default=0, help="of the peer (default: %(default)s)")
    options = parser.parse_args(arguments)
    run_cli("run", str(options.folder), *(["--state", str(options.state)] if options.state else []))
    rows: list[dict[str, Cell]] = []
    for field in options.field or ["module", "kind"]:
        rows += compare_field(options.folder, field, state=options.state, seed=options.seed)
    publish(
        Report(
            "baseline_stdlib",
            Machine.here("scikit-learn", "torch", "transformers", "onnxruntime"),
            options.seed,
            (Table("Accuracy on the locked test rows", tuple(rows)),),
            notes=(
                INTERVALS,
                "`+ validation`: the peer's chosen setting fitted again on train and validation rows.",
            ),
            command=typed("baseline_stdlib", arguments),
        )
    )
    return 0


def compare_field(folder: Path, field: str, *, state: Path | None, seed: int) -> list[dict[str, Cell]]:
    """Returns the table's rows for one field: ours, the peer, and the peer's strongest form."""
    split = labelled_rows(folder, field, state=state)
    test = split["test"]
    answers = answer(folder, test, field, state=state)
    ours = [a == b for a, b in zip(answers, test.labels, strict=True)]
    trained = len(split["train"].labels) + len(split["validation"].labels)
    rows = [{"field": field, **standing("Freehold's released model", ours, trained=trained)}]
    for outcome in measure(words_logistic(), split, seed=seed):
        rows.append({"field": field, **beside(outcome, test, ours)})
    return rows


if __name__ == "__main__":
    raise SystemExit(main())
