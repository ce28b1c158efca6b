"""What experts send, read and checked: which items they ask for, and what they say of them.

Owns the shapes of the bodies and queries of the review routes, and whose name an expert goes by. Whether a value
fits its field is known to `freehold.feedback`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, cast

from freehold.serve.callers import admission
from freehold.serve.faults import Fault
from freehold.serve.keyring import Keyring
from freehold.task import Json, suggest

__all__ = ["MOST_ITEMS", "Remark", "Wanted", "name_expert", "read_page", "read_remark", "read_wanted"]

MOST_ITEMS = 1_000
_EXPERT = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_LONGEST = {
    "skip": 200,
    "comment": 2_000,
    "search": 200,
    "label": 200,
    "field": 200,
    "assignment": 64,
    "example": 128,
}
_SAYING = ("answers", "skip", "flag", "comment", "seconds")


class Wanted(NamedTuple):
    """Which items an expert asks for; the names of `Asking`."""

    limit: int
    field: str
    search: str
    label: str
    expert: Json


class Remark(NamedTuple):
    """What an expert says of one item, which is named by its assignment or its example."""

    assignment: str
    example: str
    answers: Mapping[str, Json] | None
    skip: str
    flag: bool
    comment: str
    milliseconds: int
    expert: Json


def name_expert(given: Json, *, keyring: Keyring) -> str:
    """Returns the name that what a caller does is recorded under: that of its key, else what it says, else `me`.

    Raises:
        Fault: 400 where the name cannot be one, or is not that of the key.
    """
    caller = admission().caller
    if caller.grants is not None:
        name = keyring.name(caller.name)
        if given not in (None, name):
            raise _wrong("expert", f"`expert` is {_shown(given)}; with this key it is {name!r}, or left out.")
        return name
    if given is None:
        return "me"
    if not isinstance(given, str) or not _EXPERT.fullmatch(given):
        raise _wrong("expert", f"`expert` is {_shown(given)}; it is 1 to 64 characters of a-z, 0-9 and hyphen.")
    return given


def read_wanted(body: Json, *, fields: Sequence[str]) -> Wanted:
    """Returns what a body or a query asks for.

    Raises:
        Fault: 400 that names what is wrong.
    """
    said = _object(body, ("limit", "field", "search", "label", "expert"))
    limit = said.get("limit", 1)
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_ITEMS:
        raise _wrong("limit", f"`limit` is {_shown(limit)}; it is a whole number from 1 to {MOST_ITEMS:,}.")
    field = _text(said, "field")
    if field and field not in fields:
        raise _wrong("field", f"There is no field {field[:60]!r}{suggest(field[:60], fields)}")
    return Wanted(limit, field, _text(said, "search"), _text(said, "label"), said.get("expert"))


def read_page(query: Mapping[str, str], *, fields: Sequence[str]) -> tuple[Wanted, int]:
    """Returns what the query of a list asks for, and where its page begins.

    Raises:
        Fault: 400 that names what is wrong.
    """
    said: dict[str, Json] = {"limit": 50, **query}
    for name in ("limit", "offset"):
        text = query.get(name)
        if text is not None:
            if not text.isascii() or not text.isdecimal() or len(text) > 9:
                raise _wrong(name, f"`{name}` is {text[:60]!r}; it is a whole number.", code="invalid_parameter")
            said[name] = int(text)
    offset = cast(int, said.pop("offset", 0))
    return read_wanted(said, fields=fields), offset


def read_remark(body: Json, *, at: str = "", named: bool = False) -> Remark:
    """Returns what a body says of an item.

    Args:
        at: Where in the body of the request it stands: `[3]`.
        named: Whether it names the item, by `assignment` or `example`, rather than the path.

    Raises:
        Fault: 400 that names what is wrong.
    """
    names = ("assignment", "example") if named else ("expert",)
    said = _object(body, (*_SAYING, *names), at=at)
    if named and ("assignment" in said) == ("example" in said):
        raise _wrong(at, "An answer in a list names its `assignment` or its `example`.", code="missing_value")
    if ("answers" in said) == ("skip" in said):
        raise _wrong(at, "Say `answers`, or `skip` with a reason.", code="missing_value")
    answers = said.get("answers")
    if "answers" in said and (not isinstance(answers, dict) or not answers):
        raise _wrong(_place(at, "answers"), "`answers` is an object with at least one field and its value.")
    flag = said.get("flag", False)
    if not isinstance(flag, bool):
        raise _wrong(_place(at, "flag"), f"`flag` is {_shown(flag)}; it is true or false.")
    texts = {name: _text(said, name, at=at) for name in ("assignment", "example", "skip", "comment")}
    return Remark(
        assignment=texts["assignment"],
        example=texts["example"],
        answers=answers if isinstance(answers, dict) else None,
        skip=texts["skip"],
        flag=flag,
        comment=texts["comment"],
        milliseconds=_milliseconds(said.get("seconds", 0), at),
        expert=said.get("expert"),
    )


def _object(body: Json, names: Sequence[str], at: str = "") -> dict[str, Json]:
    if not isinstance(body, dict):
        raise _wrong(at, f"This is an object with {', '.join(f'`{name}`' for name in names)}.")
    for key in body:
        if key not in names:
            raise _wrong(_place(at, key[:60]), f"There is no {key[:60]!r} here{suggest(key[:60], names)}")
    return body


def _text(said: Mapping[str, Json], name: str, *, at: str = "") -> str:
    value = said.get(name, "")
    if not isinstance(value, str) or len(value) > _LONGEST[name]:
        limit = f"it is a text of up to {_LONGEST[name]:,} characters"
        raise _wrong(_place(at, name), f"`{name}` is {_shown(value)}; {limit}.")
    return value


def _milliseconds(value: Json, at: str) -> int:
    whole = isinstance(value, int | float) and not isinstance(value, bool)
    if not whole or not math.isfinite(cast(float, value)) or not 0 <= cast(float, value) <= 1e9:
        raise _wrong(_place(at, "seconds"), f"`seconds` is {_shown(value)}; it is a number from 0 on.")
    return int(Decimal(str(value)) * 1000)


def _place(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _shown(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _wrong(param: str, message: str, *, code: str = "invalid_value") -> Fault:
    return Fault(400, message, code=code, param=param)  # type: ignore[arg-type]
