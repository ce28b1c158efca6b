"""Where each contender runs: this environment, that of the peers, or Daft's own.

Knows nothing of what they do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.environments import Environment
from bench.harness import ROOT

__all__ = ["NAMES", "run"]

PEERS = Environment("data", ROOT / "bench" / "requirements-data-peers.txt", ("numpy",), constrained=False)
DAFT = Environment("daft", ROOT / "bench" / "requirements-data-daft.txt", ("numpy",), constrained=False)
NAMES = ("freehold", "daft", "rensa", "datasketch", "text-dedup", "datatrove")


def run(name: str, program: Sequence[str]) -> Any:
    """Returns what a module of the benchmark prints as JSON, run where a contender is installed.

    Args:
        name: Of the contender.
        program: A module's name and its arguments.
    """
    pythons = {"freehold": lambda: Path(sys.executable), "daft": DAFT.python}
    python = pythons.get(name, PEERS.python)()
    quiet = {"DO_NOT_TRACK": "1", "DAFT_ANALYTICS_ENABLED": "0", "DAFT_PROGRESS_BAR": "0", "HF_HUB_OFFLINE": "1"}
    environment = {**os.environ, **quiet, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [str(python), "-m", *program], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
