"""nginx in the foreground, on 127.0.0.1 and a port of its own, with all that it writes below one folder.

Its log tells when a request began and when its reply was handed to the system, to a millisecond. It does not tell
whether the other side kept the reply.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

PROGRAM = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else "")
PATIENCE = 20.0

_CONFIGURATION = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    types {{ text/html html; text/plain txt; application/xml xml; }}
    default_type application/octet-stream;
    log_format told escape=json '{{"ended":$msec,"took":$request_time,"status":$status,"method":"$request_method",'
        '"path":"$request_uri","known":"$http_if_none_match","agent":"$http_user_agent"}}';
    access_log {folder}/access.log told;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    lingering_close off;
    limit_req_zone $server_port zone=once:64k rate=20r/m;
    server {{
        listen 127.0.0.1:{port};
        {server}
    }}
}}
"""


class Line(NamedTuple):
    """A request, as the log tells of it.

    Attributes:
        began: Seconds since 1970.
        ended: When the last of the reply was handed to the system.
        known: The ETag that was sent; empty where there was none.
    """

    began: float
    ended: float
    status: int
    method: str
    path: str
    known: str
    agent: str


@dataclass(frozen=True)
class Nginx:
    """A running nginx."""

    folder: Path
    port: int

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def count(self) -> int:
        """Returns how many requests were logged."""
        return (self.folder / "access.log").read_bytes().count(b"\n")

    def log(self, *, after: int = 0) -> list[Line]:
        """Returns the requests in the order in which they ended, without the first so many."""
        lines = (self.folder / "access.log").read_text(encoding="utf-8").splitlines()
        return [_read(json.loads(line)) for line in lines[after:]]


def _read(told: dict[str, object]) -> Line:
    ended, took = float(str(told["ended"])), float(str(told["took"]))
    words = (str(told[name]) for name in ("method", "path", "known", "agent"))
    return Line(ended - took, ended, int(str(told["status"])), *words)


def find_port() -> int:
    """Returns a port that was free just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(folder: Path, *, port: int, server: str) -> Iterator[Nginx]:
    """Runs nginx until the end.

    Args:
        folder: Where it writes.
        port: Where it listens.
        server: What stands in its `server` block.
    """
    folder.mkdir()
    path = folder / "nginx.conf"
    path.write_text(_CONFIGURATION.format(folder=folder, port=port, server=server), encoding="utf-8")
    errors = folder / "error.log"
    process = subprocess.Popen([PROGRAM, "-p", str(folder), "-e", str(errors), "-c", str(path)])
    try:
        _wait(process, port=port, errors=errors)
        yield Nginx(folder, port)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], *, port: int, errors: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"nginx does not listen: {errors.read_text(encoding='utf-8')[-2000:]}")
