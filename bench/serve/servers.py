"""Starts a server in a process of its own, waits until it answers, and ends it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.harness import ROOT
from bench.learn.processes import family, memory

__all__ = ["Server", "free_port", "running"]

_PATIENCE = 120.0


class Server:
    """A server that runs."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, cold: float) -> None:
        self.process, self.port, self.cold = process, port, cold

    def resident(self) -> float:
        """Returns the memory that it and its children hold, in 10^6 bytes; what they share counts once."""
        first, *children = family(self.process.pid)
        if not children:
            return memory(first, "VmRSS") * 1024 / 1e6
        return sum(memory(pid, "Pss", file="smaps_rollup") for pid in [first, *children]) * 1024 / 1e6

    def sockets(self) -> int:
        """Returns how many sockets it has open; a connection that it has not accepted is none."""
        found = 0
        for path in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with suppress(OSError):  # closed between the listing and the look
                found += os.readlink(path).startswith("socket:")
        return found


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(
    words: Sequence[str], *, port: int, path: str, body: str, python: str = sys.executable
) -> Iterator[Server]:
    """Runs `python WORDS` until the block ends; inside it, the server answers.

    Args:
        path: Where it is asked, with `body`, until it gives a first answer.
        python: Of which environment; Freehold's sources are on its path.

    Raises:
        RuntimeError: It ended, or gave none within two minutes.
    """
    start = time.perf_counter()
    # An installed program is compiled once; where Python is told not to keep that, each start would do it again.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [python, *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not _answers(port, path, body):
            if process.poll() is not None or time.perf_counter() - start > _PATIENCE:
                raise RuntimeError(f"`{' '.join(words)}` gives no answer; its exit code is {process.poll()}.")
            time.sleep(0.01)
        yield Server(process, port, time.perf_counter() - start)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with suppress(ProcessLookupError):  # what it started and did not end
            os.killpg(process.pid, signal.SIGKILL)


def _answers(port: int, path: str, body: str) -> bool:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        asking.request("POST", path, body, {"content-type": "application/json"})
        return asking.getresponse().status == 200
    except OSError:
        return False
    finally:
        asking.close()
