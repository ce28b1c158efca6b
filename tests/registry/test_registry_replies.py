"""Replies that are kept under keys: claimed once, held while somebody works, forgotten after a day."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from freehold.errors import IntegrityError
from freehold.registry import KeptReply, Registry
from freehold.registry.address import read_address

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
REPLY = KeptReply("ab" * 32, "r1", 200, {"content-type": "application/json"}, b"\x00\xff{}" * 100)


def later(**span: float) -> datetime:
    return NOW + timedelta(**span)


def test_a_key_is_claimed_once_and_then_holds_its_reply(shelf: Registry) -> None:
    first = shelf.replies.claim("web", "k", request="r1", now=NOW)
    assert (first.reply, first.ours, first.request, first.again) == (None, True, "r1", False)
    assert len(first.stamp) == 32
    second = shelf.replies.claim("web", "k", request="r2", now=NOW)
    assert (second.reply, second.ours, second.request) == (None, False, "r1")
    shelf.replies.keep("web", "k", reply=REPLY)
    third = shelf.replies.claim("web", "k", request="r3", now=later(hours=23))
    assert (third.reply, third.ours) == (REPLY, False)


def test_callers_do_not_share_keys(shelf: Registry) -> None:
    assert shelf.replies.claim("web", "k", request="r1", now=NOW).ours
    assert shelf.replies.claim("shop", "k", request="r2", now=NOW).ours


def test_a_claim_that_nobody_renews_lapses_and_goes_on_as_what_it_was(shelf: Registry) -> None:
    first = shelf.replies.claim("web", "k", request="r1", now=NOW)
    assert not shelf.replies.claim("web", "k", request="r2", now=later(seconds=59)).ours
    shelf.replies.renew([("web", "k")], now=later(seconds=50))
    assert not shelf.replies.claim("web", "k", request="r2", now=later(seconds=109)).ours
    taken = shelf.replies.claim("web", "k", request="r2", now=later(seconds=111))
    assert (taken.ours, taken.again, taken.request, taken.stamp) == (True, True, "r1", first.stamp)
    assert not shelf.replies.claim("web", "k", request="r3", now=later(seconds=112)).ours


def test_a_key_that_was_let_go_is_new(shelf: Registry) -> None:
    first = shelf.replies.claim("web", "k", request="r1", now=NOW)
    shelf.replies.drop("web", "k")
    second = shelf.replies.claim("web", "k", request="r2", now=NOW)
    assert (second.ours, second.again, second.request) == (True, False, "r2")
    assert second.stamp > first.stamp


def test_a_reply_stays_as_it_is(shelf: Registry) -> None:
    shelf.replies.claim("web", "k", request="r1", now=NOW)
    shelf.replies.keep("web", "k", reply=REPLY)
    shelf.replies.keep("web", "k", reply=KeptReply("", "r9", 500, {}, b""))
    shelf.replies.drop("web", "k")
    assert shelf.replies.claim("web", "k", request="r2", now=NOW).reply == REPLY


def test_replies_are_forgotten_after_a_day(shelf: Registry) -> None:
    for number in range(3):
        shelf.replies.claim("web", f"k{number}", request="r1", now=later(hours=number))
        shelf.replies.keep("web", f"k{number}", reply=REPLY)
    assert shelf.replies.claim("web", "k0", request="r2", now=later(hours=24.5)).ours
    assert shelf.replies.forget(now=later(hours=25.5)) == 1
    assert shelf.replies.forget(now=later(hours=25.5)) == 0
    assert shelf.replies.claim("web", "k2", request="r2", now=later(hours=25.5)).reply == REPLY


def test_of_many_that_come_at_once_one_gets_a_key(shelf: Registry) -> None:
    def claim(number: int) -> bool:
        return shelf.replies.claim("web", "k", request=f"r{number}", now=NOW).ours

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(24))) == 1


def test_of_many_that_find_a_lapsed_claim_one_gets_it(shelf: Registry) -> None:
    shelf.replies.claim("web", "k", request="r", now=NOW)

    def claim(number: int) -> bool:
        return shelf.replies.claim("web", "k", request=f"r{number}", now=later(minutes=5)).ours

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(24))) == 1


def test_a_damaged_reply_is_named(shelf: Registry, database_url: str) -> None:
    shelf.replies.claim("web", "k", request="r1", now=NOW)
    shelf.replies.keep("web", "k", reply=REPLY)
    engine = sa.create_engine(read_address(shelf.state, url=database_url))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE replies SET body = :body"), {"body": b"?"})
    engine.dispose()
    with pytest.raises(IntegrityError, match="reply to 'r1'"):
        shelf.replies.claim("web", "k", request="r2", now=NOW)
