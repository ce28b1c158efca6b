"""Where each contender runs: this environment, or that of the peers. Knows nothing of what they do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.environments import Environment
from bench.harness import ROOT

__all__ = ["run"]

PEERS = Environment("labels", ROOT / "bench" / "requirements-labels-peers.txt", ("numpy",), constrained=False)
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def run(name: str, folder: Path, *, data: str, rounds: int) -> Any:
    """Returns what a contender prints as JSON, run where it is installed.

    Args:
        name: Of the contender.
        folder: Of the data sets.
        data: Name of the set.
        rounds: How often it is timed.
    """
    python = Path(sys.executable) if name.startswith("freehold") else PEERS.python()
    environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    words = [str(python), "-m", "bench.labels.contenders", name, str(folder), data, "--rounds", str(rounds)]
    done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
