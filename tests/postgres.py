"""A throw-away PostgreSQL: one cluster per test session, one database per test.

Where PostgreSQL is not installed or does not start, the tests that want it are skipped with the reason. It
listens on a UNIX socket in its own folder only, and keeps nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

USER = "freehold"
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "50",
    "shared_buffers": "16MB",
    "synchronous_commit": "off",
}


class UnavailableError(Exception):
    """PostgreSQL cannot be used here; the message says why."""


class Cluster:
    """A running cluster in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._bin = _find_programs()
        self._prefix = _become_somebody(folder)

    def start(self) -> None:
        self._run(
            "initdb", "--username", USER, "--auth=trust", "--encoding=UTF8", "--no-sync", "-D", str(self._data)
        )
        options = {**SETTINGS, "unix_socket_directories": str(self._folder)}
        words = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        log = str(self._folder / "log")
        self._run("pg_ctl", "start", "--wait", "--silent", "-D", str(self._data), "-l", log, "-o", words)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--wait", "--silent", "--mode=immediate", "-D", str(self._data))

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={quote(str(self._folder), safe='')}"

    def execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _run(self, program: str, *arguments: str) -> None:
        command: Sequence[str] = (*self._prefix, str(self._bin / program), *arguments)
        plain = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
        with (self._folder / f"{program}.out").open("w+b") as output:
            # A file, not a pipe: the server that pg_ctl leaves behind would hold a pipe open.
            done = subprocess.run(
                command, env=plain, cwd=self._folder, stdout=output, stderr=subprocess.STDOUT, check=False
            )
            output.seek(0)
            told = output.read().decode(errors="replace").strip().splitlines()
        if done.returncode:
            raise UnavailableError(f"`{program}` failed: {' / '.join(told[-3:])}")


def _find_programs() -> Path:
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(installed, key=lambda path: float(path.parts[4]))
    found = shutil.which("initdb")
    if found and (Path(found).resolve().parent / "pg_ctl").exists():
        return Path(found).resolve().parent
    if not newest:
        raise UnavailableError("no `initdb` found; on Debian: apt-get install postgresql")
    return newest[-1].parent


def _become_somebody(folder: Path) -> tuple[str, ...]:
    """Returns what to put before a command: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return ()
    try:
        shutil.chown(folder, "postgres", "postgres")
    except (LookupError, PermissionError) as error:
        raise UnavailableError(f"it refuses to run as root, and `postgres` cannot be used: {error}") from None
    if shutil.which("runuser"):
        return ("runuser", "-u", "postgres", "--")
    if shutil.which("setpriv"):
        return ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--")
    raise UnavailableError("it refuses to run as root, and there is neither `runuser` nor `setpriv`")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A running cluster."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'freehold[postgres]'")
    folder = Path(tempfile.mkdtemp(prefix="freehold-pg-", dir="/tmp"))  # a socket's path has to be short
    try:
        try:
            cluster = Cluster(folder)
            cluster.start()
        except (UnavailableError, OSError) as error:
            pytest.skip(f"PostgreSQL: {error}")
        yield cluster
        cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """The URL of a database that nobody else uses."""
    name = f"t{uuid.uuid4().hex}"
    postgres.execute(f"CREATE DATABASE {name}")
    yield postgres.url(name)
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")
