"""Sessions of browsers: who signed in with a key, and for how long.

Owns the cookie and the files in which sessions are kept, below the first task's `cache`, each under the hash of
its random id: a restart, or another process of the same server, knows them too. What a key is good for is asked of
the keyring at every request, so that a session ends with its key.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from freehold.registry import secret_hash

__all__ = ["COOKIE", "Sessions", "sent_session"]

COOKIE = "freehold-session"
_SECONDS = 12 * 3600
_ID = re.compile(r"[A-Za-z0-9_-]{43}")


class Sessions:
    """The sessions of one server.

    Args:
        folder: Where they are kept; None where nobody can sign in.
        clock: Seconds since 1970.
    """

    def __init__(self, folder: Path | None, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    def begin(self, key: str) -> str:
        """Returns the random id of a new session of an API key, which nothing keeps.

        Args:
            key: The id of the API key.
        """
        id = secrets.token_urlsafe(32)
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._drop_ended(self._folder)
            content = json.dumps({"key": key, "until": self._clock() + _SECONDS})
            place = self._place(self._folder, id)
            part = place.with_suffix(f".{secrets.token_hex(4)}")
            part.write_text(content, encoding="utf-8")
            os.replace(part, place)
        return id

    def find(self, id: str) -> str:
        """Returns the id of the API key whose session it is; empty where there is none, or it has ended."""
        if self._folder is None or not _ID.fullmatch(id):
            return ""
        key, until = _read(self._place(self._folder, id))
        return key if self._clock() < until else ""

    def end(self, id: str) -> None:
        """Ends a session, if there is one."""
        if self._folder is not None and _ID.fullmatch(id):
            with suppress(OSError):
                self._place(self._folder, id).unlink()

    def _place(self, folder: Path, id: str) -> Path:
        return folder / f"{secret_hash(id)}.json"

    def _drop_ended(self, folder: Path) -> None:
        for place in _files(folder):
            if _read(place)[1] <= self._clock():
                with suppress(OSError):
                    place.unlink()

    def set_cookie(self, id: str, *, secure: bool) -> str:
        """Returns the header that gives a browser its session, or takes it where `id` is empty."""
        age = _SECONDS if id else 0
        return f"{COOKIE}={id}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"


def _files(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from folder.glob("*.json")


def _read(place: Path) -> tuple[str, float]:
    """Returns whose session a file holds and until when; what is damaged has ended."""
    try:
        kept = json.loads(place.read_bytes())
        return str(kept["key"]), float(kept["until"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", 0.0


def sent_session(headers: Mapping[str, str]) -> str:
    """Returns the session that a request came with; empty where it has none, or a key of its own.

    Args:
        headers: Names in lower case.

    Example:
        >>> sent_session({"cookie": "a=b; freehold-session=xyz"})
        'xyz'
    """
    if "authorization" in headers or "x-api-key" in headers:
        return ""
    pairs = (each.strip().partition("=") for each in headers.get("cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == COOKIE), "")
