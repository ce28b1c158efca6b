"""A server in a process of its own, whose model takes its time.

`python -m tests.serve.batch_server STATE FOLDER`
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.serve.bank import WordReader, make_task

import freehold.feedback
from freehold.registry import Registry
from freehold.serve import Served, serve
from freehold.task import Answer, Prediction

SECONDS = 0.05


class SlowReader(WordReader):
    """Reads as long as a small encoder."""

    def predict(
        self,
        inputs: Sequence[Mapping[str, str]],
        *,
        model: str = "",
        requests: Sequence[str] = (),
        given: Sequence[Mapping[str, Answer]] | None = None,
    ) -> list[Prediction]:
        time.sleep(SECONDS)
        return super().predict(inputs, model=model, requests=requests, given=given)


def main(state: str, folder: str) -> None:
    """Serves `banking` until it is killed."""
    with Registry.open(Path(state)) as shelf:
        served = Served(make_task(Path(folder)), shelf)
        tell = lambda url: print(url, flush=True)  # noqa: E731
        serve([served], inbox=freehold.feedback, port=0, open_reader=SlowReader, tell=tell)


if __name__ == "__main__":
    main(*sys.argv[1:])
