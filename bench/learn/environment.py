"""The peers' own Python environment: made on demand outside the repository, and kept.

It lies in `$FREEHOLD_BENCH_PEERS`, or in the user's cache, under a name that changes with what is to be
installed. The versions that both sides use (torch, transformers) are Freehold's own, by `constraints.txt`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.harness import ROOT

__all__ = ["PeersError", "peers_python", "place"]

REQUIREMENTS = ROOT / "bench" / "requirements-learn-peers.txt"
CONSTRAINTS = ROOT / "constraints.txt"
_DONE = "installed"
_SHARED = ("torch", "transformers", "sentence-transformers", "tokenizers", "scikit-learn", "numpy", "accelerate")
"""What both sides use: another version of these makes another environment, of anything else it does not."""


class PeersError(RuntimeError):
    """The environment could not be made; its text says why."""


def place() -> Path:
    """Returns the environment's folder, whether it is there or not."""
    home = os.environ.get("FREEHOLD_BENCH_PEERS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    shared = [line for line in CONSTRAINTS.read_text().splitlines() if line.partition("==")[0] in _SHARED]
    wanted = "\n".join([REQUIREMENTS.read_text(), *shared, repr(sys.version_info[:2])])
    name = f"learn-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    return (Path(home) if home else cache / "freehold-bench-peers") / name


def peers_python() -> Path:
    """Returns the environment's Python; makes the environment first where it is not there.

    Raises:
        PeersError: pip could not install the peers.
    """
    folder = place()
    python = folder / "bin" / "python"
    if (folder / _DONE).exists():
        return python
    for old in folder.parent.glob("learn-*"):  # gigabytes each, and none of them will be asked for again
        shutil.rmtree(old, ignore_errors=True)
    try:
        _call([sys.executable, "-m", "venv", str(folder)])
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _call([*pip, "-c", str(CONSTRAINTS), "-r", str(REQUIREMENTS)])
    except OSError as error:
        raise PeersError(f"The peers' environment `{folder}` could not be made: {error}") from error
    (folder / _DONE).touch()
    return python


def _call(words: list[str]) -> None:
    print(f"$ {' '.join(words)}", file=sys.stderr)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise PeersError(f"`{' '.join(words)}` ended with {done.returncode}: {said[-1000:]}")
