"""The environment of the learning peers: SetFit, which wants versions of its own beside torch."""

from __future__ import annotations

from bench.environments import Environment
from bench.harness import ROOT

__all__ = ["PEERS"]

PEERS = Environment(
    "learn",
    ROOT / "bench" / "requirements-learn-peers.txt",
    ("torch", "transformers", "sentence-transformers", "tokenizers", "scikit-learn", "numpy", "accelerate"),
)
