"""Where the database is: reading its URL, and showing it without its password.

Knows nothing of connections.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, quote_plus

import sqlalchemy as sa

from freehold.errors import UserError

__all__ = ["VARIABLE", "read_address", "secrets", "shown"]

VARIABLE = "FREEHOLD_DB"
_HINT = f"Set {VARIABLE} to a URL like postgresql://USER@HOST/NAME, or unset it to use SQLite."
_SECRET_OPTIONS = ("password", "sslpassword")


def read_address(state: Path, *, url: str = "") -> sa.URL:
    """Returns the database's URL: `url`, else `FREEHOLD_DB`, else SQLite in the state folder.

    Raises:
        UserError: The URL cannot be read, or names a database that Freehold does not speak to. The message
            never shows the URL, since it may hold a password.
    """
    text = url or os.environ.get(VARIABLE, "")
    if not text:
        return sa.URL.create("sqlite", database=str(state / "freehold.db"))
    try:
        address = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise UserError(f"`{VARIABLE}` is not the URL of a database.", hint=_HINT) from None
    kind = address.drivername.partition("+")[0]
    if kind in ("postgresql", "postgres"):
        return address.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise UserError(f"`{VARIABLE}` names the unknown database {kind!r}.", hint=_HINT)
    if not address.database or address.database == ":memory:":
        raise UserError(f"`{VARIABLE}` names a SQLite database without a file.", hint=_HINT)
    return address


def shown(address: sa.URL) -> str:
    """Returns the address as it may be shown: a file's path, or a URL without password and options."""
    if address.get_backend_name() == "sqlite":
        return str(address.database)
    return address.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def secrets(address: sa.URL) -> tuple[str, ...]:
    """Returns every form in which the address's passwords could turn up in a driver's message."""
    options = [address.query.get(name, "") for name in _SECRET_OPTIONS]
    words = [str(address.password or ""), *(str(option) for option in options)]
    forms = {form for word in words if word for form in (word, quote(word), quote_plus(word))}
    return tuple(sorted(forms, key=len, reverse=True))
