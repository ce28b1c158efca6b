"""Python environments for peers: each made on demand outside the repository, and kept.

One lies in `$FREEHOLD_BENCH_PEERS`, or in the user's cache, under a name that changes with what is to be
installed. The versions that both sides use (torch, numpy) are Freehold's own, by `constraints.txt`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.harness import ROOT

__all__ = ["CONSTRAINTS", "Environment", "PeersError"]

CONSTRAINTS = ROOT / "constraints.txt"
_DONE = "installed"


class PeersError(RuntimeError):
    """The environment could not be made; its text says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment, whether it is there or not.

    Attributes:
        name: How its folder's name begins.
        requirements: The file of what is installed.
        shared: Libraries that both sides use: another version of these makes another environment, of anything
            else it does not.
        constrained: Whether everything else is as `constraints.txt` has it too, where it names it.
    """

    name: str
    requirements: Path
    shared: tuple[str, ...]
    constrained: bool = True

    def place(self) -> Path:
        """Returns its folder."""
        home = os.environ.get("FREEHOLD_BENCH_PEERS")
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        shared = [line for line in CONSTRAINTS.read_text().splitlines() if line.partition("==")[0] in self.shared]
        wanted = "\n".join([self.requirements.read_text(), *shared, repr(sys.version_info[:2])])
        name = f"{self.name}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
        return (Path(home) if home else cache / "freehold-bench-peers") / name

    def python(self) -> Path:
        """Returns its Python; makes the environment first where it is not there.

        Raises:
            PeersError: pip could not install the peers.
        """
        folder = self.place()
        python = folder / "bin" / "python"
        if (folder / _DONE).exists():
            return python
        for old in folder.parent.glob(f"{self.name}-*"):  # maybe gigabytes, and none will be asked for again
            shutil.rmtree(old, ignore_errors=True)
        try:
            _call([sys.executable, "-m", "venv", str(folder)])
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            constraints = ["-c", str(CONSTRAINTS)] if self.constrained else []
            _call([*pip, *constraints, "-r", str(self.requirements)])
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
