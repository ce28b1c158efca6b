"""API keys: who may ask a server for what, each kept as the hash of a secret that is shown once.

Knows nothing of HTTP. A secret is 32 random bytes, so its hash is a plain SHA-256: slow, salted hashes protect
passwords that people choose and others guess; nobody guesses one of 2^256 (NIST SP 800-63B, 5.1.2.2, asks for
salt and a slow hash only below 112 bits). The hash is taken at every request, so it has to be fast.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import sqlalchemy as sa

from freehold.errors import NotFoundError, UserError
from freehold.registry import tables
from freehold.registry.database import Database, now, pack, unpack

__all__ = ["Key", "KeyScope", "Keys", "MadeKey", "key_id", "secret_hash"]

KeyScope: TypeAlias = Literal["predict", "feedback", "review", "admin"]
"""What a key may be good for; `admin` is good for everything."""

_SCOPES: tuple[KeyScope, ...] = get_args(KeyScope)
_NAME = re.compile(r"[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]{0,62}[^\s\x00-\x1f\x7f])?")
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """One API key, without its secret.

    Attributes:
        name: What a person calls it; several keys may have one name.
        sha256: The hash of its secret.
        created: ISO 8601, UTC, as all times here.
        expires: From when it no longer works; empty for never.
        revoked: When it was revoked; empty where it was not.
        used: When it was last used, to the minute or so; empty for never.
    """

    id: str
    name: str
    sha256: str = field(repr=False)
    scopes: tuple[KeyScope, ...]
    created: str
    expires: str = ""
    revoked: str = ""
    used: str = ""

    def works_at(self, time: str) -> bool:
        """Returns whether the key is good at a time, given as `created` is."""
        return not self.revoked and (not self.expires or time < self.expires)


class MadeKey(NamedTuple):
    """A new key with its secret, which nothing keeps."""

    key: Key
    secret: str


class Keys:
    """The keys of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self, name: str, *, scopes: Sequence[str], expires: datetime | None) -> MadeKey:
        """Makes a key.

        Raises:
            UserError: The name is blank or too long, a scope is unknown, or `expires` is over.
        """
        if not _NAME.fullmatch(name):
            raise UserError(f"A key's name is 1 to 64 characters on one line; this is {name[:80]!r}.")
        created = now()
        until = _written(expires) if expires else ""
        if until and until <= created:
            raise UserError(f"The key would have expired already: at {until}.")
        made = _mint(name, scopes=_checked(scopes), created=created, expires=until)
        with self._database.write() as connection:
            connection.execute(self._database.insert(tables.keys), _row(made.key))
        return made

    def all(self) -> list[Key]:
        """Returns every key that was ever made, oldest first."""
        keys = tables.keys.c
        with self._database.read() as connection:
            rows = connection.execute(sa.select(tables.keys).order_by(keys.created, keys.id)).all()
        return [_key(row) for row in rows]

    def working(self) -> list[Key]:
        """Returns the keys that are neither revoked nor expired."""
        keys = tables.keys.c
        query = sa.select(tables.keys).where(keys.revoked == "", (keys.expires == "") | (keys.expires > now()))
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(query)]

    def any(self) -> bool:
        """Returns whether a key was ever made."""
        with self._database.read() as connection:
            return connection.execute(sa.select(tables.keys.c.id).limit(1)).first() is not None

    def revoke(self, id: str) -> Key:
        """Ends a key for good; one that was revoked before stays as it is.

        Raises:
            NotFoundError: There is no such key.
        """
        with self._database.write() as connection:
            key = _find(connection, id)
            if key.revoked:
                return key
            _change(connection, key.id, revoked=now())
            return _find(connection, key.id)

    def rotate(self, id: str, *, grace: timedelta) -> MadeKey:
        """Makes a key like another one, which ends after `grace`. A key that expires is renewed for as long.

        Raises:
            NotFoundError: There is no such key.
            UserError: It was revoked.
        """
        created = now()
        with self._database.write() as connection:
            old = _find(connection, id)
            if old.revoked:
                raise UserError(f"The key `{old.id}` was revoked.", hint="Make a new one: freehold keys create")
            expires = _later(created, _instant(old.expires) - _instant(old.created)) if old.expires else ""
            made = _mint(old.name, scopes=old.scopes, created=created, expires=expires)
            connection.execute(self._database.insert(tables.keys), _row(made.key))
            if grace <= timedelta():
                _change(connection, old.id, revoked=created)
            else:
                _change(connection, old.id, expires=min(old.expires or "~", _later(created, grace)))
        return made

    def note_used(self, times: Mapping[str, str]) -> None:
        """Notes when keys were last used, in one transaction; a later time stays."""
        keys = tables.keys.c
        with self._database.write() as connection:
            for id, time in times.items():
                statement = sa.update(tables.keys).where(keys.id == id, keys.used < time)
                connection.execute(statement.values(used=time))


def key_id(text: str) -> str:
    """Returns the id in `fh_ID_SECRET`; any other text is an id itself, or none.

    Example:
        >>> key_id("fh_3f9a_zzz"), key_id("3f9a")
        ('3f9a', '3f9a')
    """
    start, _, rest = text.partition("_")
    return rest.partition("_")[0] if start == "fh" else text


def secret_hash(secret: str) -> str:
    """Returns what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _mint(name: str, *, scopes: Sequence[KeyScope], created: str, expires: str) -> MadeKey:
    id = secrets.token_hex(6)
    secret = f"fh_{id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    return MadeKey(Key(id, name, secret_hash(secret), tuple(scopes), created, expires), secret)


def _checked(scopes: Sequence[str]) -> tuple[KeyScope, ...]:
    unknown = sorted(set(scopes) - set(_SCOPES))
    if unknown or not scopes:
        wrong = f"There is no scope {unknown[0][:60]!r}" if unknown else "A key has at least one scope"
        raise UserError(f"{wrong}; scopes are {', '.join(f'`{scope}`' for scope in _SCOPES)}.")
    return tuple(scope for scope in _SCOPES if scope in scopes)


def _find(connection: sa.Connection, id: str) -> Key:
    wanted = key_id(id)  # whoever pastes the whole secret means its key, and is not shown it again
    row = connection.execute(sa.select(tables.keys).where(tables.keys.c.id == wanted)).first()
    if row is None:
        raise NotFoundError(
            f"There is no key {wanted[:40]!r} here.", hint="See which there are: freehold keys list"
        )
    return _key(row)


def _change(connection: sa.Connection, id: str, **values: str) -> None:
    connection.execute(sa.update(tables.keys).where(tables.keys.c.id == id).values(**values))


def _written(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def _instant(time: str) -> datetime:
    return datetime.fromisoformat(time)


def _later(time: str, span: timedelta) -> str:
    try:
        return _written(_instant(time) + span)
    except OverflowError:
        return _written(datetime.max.replace(tzinfo=UTC))


def _row(key: Key) -> dict[str, str]:
    return {
        "id": key.id,
        "name": key.name,
        "sha256": key.sha256,
        "scopes": pack(list(key.scopes)),
        "created": key.created,
        "expires": key.expires,
        "revoked": key.revoked,
        "used": key.used,
    }


def _key(row: sa.Row[Any]) -> Key:
    return Key(
        id=row.id,
        name=row.name,
        sha256=row.sha256,
        scopes=tuple(unpack(row.scopes, what=f"key {row.id!r}")),
        created=row.created,
        expires=row.expires,
        revoked=row.revoked,
        used=row.used,
    )
