"""`freehold keys`: made, listed, rotated and revoked, and the secret is on stdout once and nowhere else."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.app.conftest import Type

from freehold.app.cli.durations import parse_duration, parse_expiry
from freehold.app.cli.keys import KEYS
from freehold.errors import UserError

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A task without a model."""
    (tmp_path / "task.toml").write_text(
        '[task]\nname = "fresh"\n[input]\ntext = "string"\n[output.sort]\nkind = "predicate"\n'
    )
    return tmp_path


def test_a_key_from_its_making_to_its_end(folder: Path, type_command: Type) -> None:
    said = type_command("keys", "create", folder, "--name", "web", "--scopes", "predict, feedback")
    assert said.code == 0
    secret = said.out.strip()
    assert re.fullmatch(r"fh_[0-9a-f]{12}_[\w-]{43}", secret)
    assert secret not in said.err
    assert "predict, feedback, until it is revoked" in said.err

    [key] = type_command("keys", "list", folder, "--json").document["keys"]
    id = secret.split("_")[1]
    assert key == {
        "id": id,
        "name": "web",
        "scopes": ["predict", "feedback"],
        "created": key["created"],
        "expires": None,
        "revoked": None,
        "used": None,
        "works": True,
    }
    assert id in type_command("keys", "list", folder).out

    rotated = type_command("keys", "rotate", id, folder, "--grace", "1h", "--json").document
    assert rotated["secret"] != secret
    assert (rotated["key"]["name"], rotated["key"]["scopes"]) == ("web", ["predict", "feedback"])
    revoked = type_command("keys", "revoke", id, folder, "--json").document["key"]
    assert (revoked["works"], revoked["revoked"] is None) == (False, False)
    again = type_command("keys", "revoke", id, folder)
    assert (again.code, "is revoked" in again.out) == (0, True)
    listed = type_command("keys", "list", folder)
    assert "revoked" in listed.out
    assert secret.split("_", 2)[2] not in listed.out


def test_a_task_without_keys_says_how_to_make_one(folder: Path, type_command: Type) -> None:
    said = type_command("keys", "list", folder)
    assert said.out == f"`fresh` has no key. Next: freehold keys create {folder} --name NAME\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["create", "--name", "web", "--scopes", "predict,root"], "There is no scope 'root'"),
        (["create", "--name", "web", "--scopes", ","], "at least one scope"),
        (["create", "--name", " "], "1 to 64 characters"),
        (["create", "--name", "web", "--expires", "soon"], "`--expires` is 'soon'"),
        (["create", "--name", "web", "--expires", "2020-01-01"], "expired already"),
        (["create", "--name", "web", "--expires", "999999w"], "too far in the future"),
        (["create"], "--name"),
        (["revoke", "0123"], "There is no key '0123' here."),
        (["rotate", "fh_0123_hidden", "--grace", "1h"], "There is no key '0123' here."),
        (["rotate", "0123", "--grace", "1"], "`--grace` is '1'; a duration is"),
    ],
)
def test_what_cannot_be_done_is_a_users_mistake(
    folder: Path, type_command: Type, words: list[str], message: str
) -> None:
    place = 2 if words[0] in ("revoke", "rotate") else 1
    said = type_command("keys", *words[:place], folder, *words[place:], "--json")
    assert said.code == 2
    assert message in said.document["error"]["message"]
    assert "hidden" not in said.out + said.err


@pytest.mark.parametrize("verb", KEYS)
def test_every_verb_has_json_and_a_sentence(verb: str, type_command: Type) -> None:
    said = type_command("keys", verb, "--help")
    assert said.code == 0
    assert "--json" in said.out


def test_the_group_without_a_verb_shows_its_help(type_command: Type) -> None:
    said = type_command("keys")
    assert said.code == 2
    assert "rotate" in said.out


@pytest.mark.parametrize(
    ("text", "span"),
    [("30m", {"minutes": 30}), ("12h", {"hours": 12}), ("90d", {"days": 90}), ("2w", {"weeks": 2})],
)
def test_durations(text: str, span: dict[str, int]) -> None:
    assert parse_duration(text, option="--grace") == timedelta(**span)
    assert parse_expiry(text, option="--expires", now=NOW) == NOW + timedelta(**span)


@pytest.mark.parametrize("text", ["", "d", "-1d", "1.5d", "1y", "1 d", "1e3d", "90D"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UserError, match="a duration is"):
        parse_duration(text, option="--grace")


def test_dates_begin_at_midnight_utc_and_times_are_as_they_say() -> None:
    def read(text: str) -> datetime:
        return parse_expiry(text, option="--expires", now=NOW)

    assert read("2027-01-31") == datetime(2027, 1, 31, tzinfo=UTC)
    assert read("2027-01-31T10:00:00+02:00") == datetime(2027, 1, 31, 8, tzinfo=UTC)
    with pytest.raises(UserError, match="a duration \\(90d\\) or a date"):
        read("2027-13-01")
    with pytest.raises(UserError, match="too far"):
        read("9999-12-31T23:00:00-12:00")
