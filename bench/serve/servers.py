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
from contextlib import contextmanager

from bench.harness import ROOT

__all__ = ["Server", "free_port", "running"]

_PATIENCE = 120.0


class Server:
    """A server that runs."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, cold: float) -> None:
        self.process, self.port, self.cold = process, port, cold

    def resident(self) -> float:
        """Returns the memory that it holds, in 10^6 bytes."""
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(words: Sequence[str], *, port: int, path: str, body: str) -> Iterator[Server]:
    """Runs `python WORDS` until the block ends; inside it, the server answers.

    Args:
        path: Where it is asked, with `body`, until it gives a first answer.

    Raises:
        RuntimeError: It ended, or gave none within two minutes.
    """
    start = time.perf_counter()
    # An installed program is compiled once; where Python is told not to keep that, each start would do it again.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
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


def _answers(port: int, path: str, body: str) -> bool:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        asking.request("POST", path, body, {"content-type": "application/json"})
        return asking.getresponse().status == 200
    except OSError:
        return False
    finally:
        asking.close()
