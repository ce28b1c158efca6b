"""A server that others maintain, for the same weights: LitServe, which gathers requests into batches.

`python -m bench.serve.litserve_peer ARTIFACT shipped|int8 --threads N --batch N --wait MS --workers N --port N`,
in an environment of its own with Freehold's sources on the path. Encoder and heads are those of `peer`; each
worker is a process with a model of its own, as LitServe has it.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from typing import Any

from bench.serve.peer import answering, peer_options

litserve = importlib.import_module("litserve")


class Answers(litserve.LitAPI):  # type: ignore[misc, name-defined]
    """What LitServe asks to answer; it is sent to the workers, so that the model is opened there."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(max_batch_size=options.batch, batch_timeout=options.wait / 1e3)
        self.options = options

    def setup(self, device: str) -> None:
        """Opens the model in a worker."""
        self.answer = answering(self.options.artifact, self.options.kind, threads=self.options.threads)

    def predict(self, x: Any) -> Any:
        """Answers one request, or a batch of them where they are gathered."""
        if self.options.batch == 1:
            return self.answer([x])[0]
        rows: list[Mapping[str, str]] = x
        return self.answer(rows)


def main() -> None:
    """Serves until it is ended."""
    parser = peer_options("shipped", "int8")
    parser.add_argument("--batch", type=int, default=1, help="the most requests of one forward pass")
    parser.add_argument("--wait", type=float, default=0.0, help="milliseconds that a batch waits to be full")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    server = litserve.LitServer(Answers(options), accelerator="cpu", workers_per_device=options.workers)
    server.run(host="127.0.0.1", port=options.port, log_level="error", generate_client_file=False)


if __name__ == "__main__":
    main()
