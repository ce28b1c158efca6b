"""`freehold keys`: who may ask a server, and for what. A secret is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freehold.app.cli.durations import parse_duration, parse_expiry
from freehold.app.cli.hints import command_line
from freehold.app.cli.opened import opened
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line, print_table, remark
from freehold.pages import moment

if TYPE_CHECKING:
    from freehold.registry import Key, MadeKey

__all__ = ["HELP", "KEYS"]

HELP = "Make, list and end the keys that `freehold serve` asks for."
_ID = typer.Argument(metavar="ID", help="The key's id, as `list` shows it.", show_default=False)


def create(
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What you call it.", show_default=False)],
    folder: Folder = Path(),
    scopes: Annotated[
        str,
        typer.Option("--scopes", metavar="LIST", help="What it is good for: predict,feedback,review,admin."),
    ] = "predict",
    expires: Annotated[
        str,
        typer.Option(
            "--expires",
            metavar="WHEN",
            help="A duration (90d, 12h) or a date (2027-01-31). Default: never.",
            show_default=False,
        ),
    ] = "",
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Make a key; its secret is shown this once."""
    until = parse_expiry(expires, option="--expires", now=datetime.now(UTC)) if expires else None
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    with opened(folder, state=state) as (task, shelf):
        made = shelf.make_key(name, scopes=wanted, expires=until)
    return _show_secret(made, task=task.name, as_json=as_json)


def show(folder: Folder = Path(), state: State = None, as_json: AsJson = False) -> int:
    """List every key that was ever made, oldest first."""
    with opened(folder, state=state) as (task, shelf):
        keys = shelf.all_keys()
    if as_json:
        print_document({"keys": [_describe(key) for key in keys]})
    elif not keys:
        following = command_line("keys create", folder, state=state, more="--name NAME")
        print_line(f"`{task.name}` has no key. Next: {following}")
    else:
        columns = ("id", "name", "scopes", "made", "last used", "expires", "")
        print_table(columns, [_cells(key) for key in keys], title=task.name)
    return Code.DONE


def revoke(key: Annotated[str, _ID], folder: Folder = Path(), state: State = None, as_json: AsJson = False) -> int:
    """End a key for good; running servers stop taking it within a second."""
    with opened(folder, state=state) as (_, shelf):
        revoked = shelf.revoke_key(key)
    if as_json:
        print_document({"key": _describe(revoked)})
    else:
        print_line(f"The key `{revoked.id}` ({revoked.name}) is revoked. Running servers notice by themselves.")
    return Code.DONE


def rotate(
    key: Annotated[str, _ID],
    folder: Folder = Path(),
    grace: Annotated[
        str,
        typer.Option(
            "--grace",
            metavar="DURATION",
            help="How long the old key goes on: 30m, 12h, 7d. Default: it ends at once.",
            show_default=False,
        ),
    ] = "",
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Replace a key by a new one of the same name and scopes; the new secret is shown this once."""
    span = parse_duration(grace, option="--grace") if grace else timedelta()
    with opened(folder, state=state) as (task, shelf):
        made = shelf.rotate_key(key, grace=span)
    return _show_secret(made, task=task.name, as_json=as_json)


KEYS: Mapping[str, Callable[..., int]] = {"create": create, "list": show, "revoke": revoke, "rotate": rotate}


def _show_secret(made: MadeKey, *, task: str, as_json: bool) -> int:
    key, secret = made
    if as_json:
        print_document({"key": _describe(key), "secret": secret})
        return Code.DONE
    until = f"until {moment(key.expires)}" if key.expires else "until it is revoked"
    remark(
        f"Key `{key.id}` ({key.name}) of `{task}`: {', '.join(key.scopes)}, {until}. Its secret, shown this once:"
    )
    print_line(secret)
    remark("Send it as `Authorization: Bearer SECRET`. Servers of this state ask for a key from now on.")
    return Code.DONE


def _describe(key: Key) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "created": key.created,
        "expires": key.expires or None,
        "revoked": key.revoked or None,
        "used": key.used or None,
        "works": key.works_at(_now()),
    }


def _cells(key: Key) -> tuple[str, ...]:
    ended = "revoked" if key.revoked else "expired"
    return (
        key.id,
        key.name,
        ", ".join(key.scopes),
        moment(key.created),
        moment(key.used) if key.used else "never",
        moment(key.expires) if key.expires else "never",
        "" if key.works_at(_now()) else ended,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
