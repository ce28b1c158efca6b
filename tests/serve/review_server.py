"""A server in a process of its own, for experts: `python -m tests.serve.review_server STATE FOLDER`.

Its task has no model, wants two experts an item and owes 3.5 cents for each.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from tests.serve.bank import WordReader, make_task

import freehold.feedback
from freehold.label import panel
from freehold.registry import Registry
from freehold.serve import Served, serve
from freehold.task import ReviewRules, Task

RULES = ReviewRules(overlap=2, rate=0.035, lease_minutes=30)


def reviewed(folder: Path) -> Task:
    """The task."""
    return replace(make_task(folder), review=RULES)


def main(state: str, folder: str) -> None:
    """Serves `banking` until it is killed."""
    with Registry.open(Path(state)) as shelf:
        served = Served(reviewed(Path(folder)), shelf)
        tell = lambda url: print(url, flush=True)  # noqa: E731
        serve([served], inbox=freehold.feedback, panel=panel, port=0, rate=0, open_reader=WordReader, tell=tell)


if __name__ == "__main__":
    main(*sys.argv[1:])
