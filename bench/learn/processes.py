"""One command in a process of its own: what it said, how long it took and the most memory it held.

Knows nothing of what is run. Memory is read from `/proc` while the process lives: `resource.getrusage` would
count the parent's pages for a child, since they share them until the new program starts.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from bench.harness import ROOT

__all__ = ["Ran", "family", "memory", "run"]

_EVERY = 0.05  # seconds between two looks at a process's memory
_PROC = Path("/proc")


class Ran(NamedTuple):
    """What a command came to.

    Attributes:
        seconds: From its start to its end.
        mebibytes: The most memory it and its children held at once; None where `/proc` does not tell. Pages
            that processes share count for each of them, so it is never too small.
    """

    code: int
    out: str
    err: str
    seconds: float
    mebibytes: float | None


def run(words: Sequence[str], *, given: str = "", environment: Mapping[str, str] | None = None) -> Ran:
    """Runs a command in the repository's root and waits for it.

    Args:
        given: What it reads from its standard input.
        environment: All of its environment variables; ours where it is None.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as stdin:
        stdin.write(given.encode())
        stdin.seek(0)
        start = time.perf_counter()
        child = subprocess.Popen(
            list(words), stdin=stdin, stdout=out, stderr=err, cwd=ROOT, env=environment and dict(environment)
        )
        watch = _Watch(child.pid)
        watch.start()
        code = child.wait()
        seconds = time.perf_counter() - start
        watch.done.set()
        watch.join()
        return Ran(code, _text(out), _text(err), seconds, watch.most / 1024 if watch.most else None)


class _Watch(threading.Thread):
    """Looks at a process and its children until told to stop; `most` is in KiB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.most, self.done = pid, 0, threading.Event()

    def run(self) -> None:
        while not self.done.wait(_EVERY):
            together = sum(memory(pid, "VmRSS") for pid in family(self.pid))
            self.most = max(self.most, together, memory(self.pid, "VmHWM"))


def family(pid: int) -> list[int]:
    """Returns a process and all that descend from it."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        for children in (_PROC / str(one) / "task").glob("*/children"):
            try:
                waiting += map(int, children.read_text().split())
            except OSError:  # it ended between the listing and the reading
                continue
    return found


def memory(pid: int, key: str, *, file: str = "status") -> int:
    """Returns a figure of `/proc/PID/status`, or of another file there, in KiB; 0 where the process has ended."""
    try:
        lines = (_PROC / str(pid) / file).read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{key}:")), 0)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", errors="replace")
