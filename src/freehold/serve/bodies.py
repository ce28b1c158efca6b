"""From the bytes of a request to plain data that is safe to work with.

Owns the limits on size, depth and text. Knows nothing of tasks.
"""

from __future__ import annotations

import json
import math
from codecs import BOM_UTF8
from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn, cast

from starlette.requests import ClientDisconnect

from freehold.serve.faults import Fault
from freehold.task import Json

if TYPE_CHECKING:
    from starlette.types import Receive

__all__ = ["DEPTH_LIMIT", "check", "parse", "read_body"]

DEPTH_LIMIT = 64
_BLANKS = 1_024


async def read_body(receive: Receive, *, limit: int, batch_limit: int) -> bytes:
    """Returns a body whole.

    Args:
        receive: The request's.
        limit: The most bytes of a body that is no list.
        batch_limit: The most bytes of a list.

    Raises:
        Fault: 413, as soon as the limit is passed; the rest is not read.
        ClientDisconnect: The client is gone.
    """
    body, allowed, more = bytearray(), limit, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        blank = not body.strip() if len(body) <= _BLANKS else False
        body += chunk
        if blank and body.lstrip()[:1] == b"[":
            allowed = batch_limit
        if len(body) > allowed:
            raise Fault(413, f"The body is larger than the limit of {allowed:,} bytes.", code="body_too_large")
    return bytes(body)


def parse(body: bytes) -> Json:
    """Returns the JSON value of a body, strictly: UTF-8, finite numbers, names once, real characters.

    Raises:
        Fault: 400, with the place where it is broken.

    Example:
        >>> parse(b'{"text": "hello"}')
        {'text': 'hello'}
    """
    if not body.strip():
        _refuse("The body is empty; JSON was expected.")
    try:
        value = _STRICT.decode(body.decode("utf-8-sig" if body.startswith(BOM_UTF8) else "utf-8"))
    except UnicodeDecodeError as error:
        _refuse(f"The body is not UTF-8: byte {error.start} cannot be read.")
    except json.JSONDecodeError as error:
        _refuse(f"The body is not JSON: {error.msg.lower()} at line {error.lineno}, column {error.colno}.")
    except RecursionError:
        _refuse(f"The body is nested deeper than {DEPTH_LIMIT} levels.")
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        _refuse("The body has a number that is too long.")
    # What a strict reader takes has a level for every bracket at most, and bad characters only as escapes.
    if body.count(b"{") + body.count(b"[") > DEPTH_LIMIT:
        _check_depth(value)
    if b"\\u" in body:
        _check_texts(value)
    return cast(Json, value)


def _refuse(message: str) -> NoReturn:
    raise Fault(400, message, code="invalid_json")


def _refuse_constant(name: str) -> NoReturn:
    _refuse(f"The body is not JSON: {name} is no JSON number.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _refuse("The body has a number that is too large.")
    return number


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        _refuse(f"The body has an object with the name {name[:60]!r} twice.")
    return found


_STRICT = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_once)


def check(value: object) -> None:
    """Refuses depth that would exhaust other code, and text that no file or database can hold.

    Raises:
        Fault: 400.
    """
    _check_depth(value)
    _check_texts(value)


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(DEPTH_LIMIT):
        level = [each for one in level for each in _inside(one) if isinstance(each, dict | list)]
        if not level:
            return
    _refuse(f"The body is nested deeper than {DEPTH_LIMIT} levels.")


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _check_texts(value: object) -> None:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            _check_text(each)
        elif isinstance(each, dict):
            waiting += each
        waiting += _inside(each)


def _check_text(text: str) -> None:
    if "\0" in text:
        _refuse("The body has a text with a NUL character.")
    try:
        text.encode()
    except UnicodeEncodeError:
        _refuse("The body has a text with half of a surrogate pair, which is no character.")
