"""API keys: made, listed, revoked, rotated; of a secret only its hash is kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from freehold.errors import NotFoundError, UserError
from freehold.registry import Registry, key_id, secret_hash
from freehold.registry.address import read_address
from freehold.registry.tables import metadata

LATER = datetime(2999, 1, 1, tzinfo=UTC)


def test_a_key_is_made_with_a_secret_that_is_kept_nowhere(shelf: Registry, database_url: str) -> None:
    key, secret = shelf.make_key("web", scopes=["feedback", "predict", "predict"])
    assert re.fullmatch(r"fh_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", secret)
    assert (key.name, key.scopes) == ("web", ("predict", "feedback"))
    assert (key.expires, key.revoked, key.used) == ("", "", "")
    assert key.sha256 == secret_hash(secret)
    assert key_id(secret) == key.id
    assert shelf.all_keys() == shelf.working_keys() == [key]
    engine = sa.create_engine(read_address(shelf.state, url=database_url))
    with engine.connect() as connection:
        stored = [str(row) for table in metadata.sorted_tables for row in connection.execute(sa.select(table))]
    engine.dispose()
    random = secret.split("_", 2)[2]
    assert key.id in str(stored)
    assert random not in str(stored)
    assert all(random.encode() not in path.read_bytes() for path in shelf.state.rglob("*") if path.is_file())
    assert key.sha256 not in repr(key)


def test_no_two_keys_are_the_same(shelf: Registry) -> None:
    made = [shelf.make_key("web", scopes=["admin"]) for _ in range(3)]
    assert len({secret for _, secret in made}) == 3
    assert [key.id for key in shelf.all_keys()] == [key.id for key, _ in made]


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("web", {"scopes": ["predict", "root"]}, "There is no scope 'root'; scopes are `predict`, `feedback`"),
        ("web", {"scopes": []}, "at least one scope"),
        ("", {}, "1 to 64 characters"),
        (" web", {}, "1 to 64 characters"),
        ("a\nb", {}, "1 to 64 characters"),
        ("a" * 65, {}, "1 to 64 characters"),
        ("web", {"expires": datetime(2020, 1, 1, tzinfo=UTC)}, "expired already"),
    ],
)
def test_what_cannot_be_a_key(shelf: Registry, name: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        shelf.make_key(name, **{"scopes": ["predict"], **changes})
    assert not shelf.had_keys()


def test_a_revoked_key_stays_on_the_list_and_works_no_more(shelf: Registry) -> None:
    key, secret = shelf.make_key("web", scopes=["predict"])
    revoked = shelf.revoke_key(key.id)
    assert revoked.revoked > key.created
    assert shelf.revoke_key(secret) == revoked
    assert shelf.all_keys() == [revoked]
    assert shelf.working_keys() == []
    assert shelf.had_keys()


def test_a_key_that_is_not_there_is_named_and_a_secret_is_not_repeated(shelf: Registry) -> None:
    for act in (shelf.revoke_key, shelf.rotate_key):
        with pytest.raises(NotFoundError, match="no key '0123'") as caught:
            act("fh_0123_hidden")
        assert "hidden" not in str(caught.value)


def test_a_key_ends_when_it_expires(shelf: Registry) -> None:
    key, _ = shelf.make_key("web", scopes=["predict"], expires=LATER)
    assert key.expires == "2999-01-01T00:00:00.000000+00:00"
    assert key.works_at("2998-12-31T23:59:59.999999+00:00")
    assert not key.works_at(key.expires)
    assert shelf.working_keys() == [key]


def test_rotating_ends_the_old_key_at_once_or_after_a_grace(shelf: Registry) -> None:
    old, _ = shelf.make_key("web", scopes=["predict", "review"])
    new, secret = shelf.rotate_key(old.id)
    assert (new.name, new.scopes, new.expires) == ("web", old.scopes, "")
    assert new.sha256 == secret_hash(secret)
    assert shelf.working_keys() == [new]
    newer, _ = shelf.rotate_key(new.id, grace=timedelta(hours=1))
    working = {key.id: key for key in shelf.working_keys()}
    assert set(working) == {new.id, newer.id}
    ends = datetime.fromisoformat(working[new.id].expires)
    assert ends - datetime.fromisoformat(newer.created) == timedelta(hours=1)
    with pytest.raises(UserError, match="was revoked"):
        shelf.rotate_key(old.id)


def test_rotating_renews_for_as_long_and_never_lengthens_the_old_key(shelf: Registry) -> None:
    old, _ = shelf.make_key("web", scopes=["predict"], expires=datetime.now(UTC) + timedelta(days=1))
    new, _ = shelf.rotate_key(old.id, grace=timedelta(days=9))
    span = datetime.fromisoformat(new.expires) - datetime.fromisoformat(new.created)
    assert span == datetime.fromisoformat(old.expires) - datetime.fromisoformat(old.created)
    assert {key.id: key.expires for key in shelf.all_keys()}[old.id] == old.expires


def test_the_last_use_only_moves_on(shelf: Registry) -> None:
    key, _ = shelf.make_key("web", scopes=["predict"])
    shelf.note_keys_used({key.id: "2026-01-02", "nobody": "2026-01-02"})
    shelf.note_keys_used({key.id: "2026-01-01"})
    shelf.note_keys_used({})
    assert [each.used for each in shelf.all_keys()] == ["2026-01-02"]


def test_keys_are_verified_with_the_rest(shelf: Registry) -> None:
    before = shelf.verify().checked
    shelf.make_key("web", scopes=["predict"])
    verified = shelf.verify()
    assert (verified.checked - before, verified.damaged) == (1, ())
