"""What a remote model answered, checked against the fields that it was asked for, whatever it promised.

Owns the shape of replies, the ways in which asking can fail, and how long a server wants to be left alone. Pure:
knows nothing of connections.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NamedTuple, NoReturn

from freehold.task import Field, Value

__all__ = ["RemoteFault", "RemoteOutcome", "RemoteReply", "Usage", "fit_value", "read_reply", "read_retry_after"]

RemoteOutcome = Literal[
    "rate_limited",
    "server_error",
    "refused",
    "unreachable",
    "untrusted",
    "reset",
    "cut",
    "timeout",
    "malformed",
    "content_type",
    "too_large",
    "wrong_answer",
]
"""How asking can fail."""

_PASSING: frozenset[RemoteOutcome] = frozenset({"rate_limited", "server_error", "unreachable", "reset", "cut"})
_MOST_TOKENS = 10_000_000
_LONGEST_WAIT = 7 * 24 * 60 * 60.0


class Usage(NamedTuple):
    """Tokens that a call took."""

    input: int
    output: int


class RemoteReply(NamedTuple):
    """A reply that answers what was asked.

    Attributes:
        values: Field to value, as the task has them.
        usage: None where the server did not say.
    """

    values: Mapping[str, Value]
    usage: Usage | None


class RemoteFault(Exception):  # noqa: N818  not always an error: the next one is asked
    """An upstream did not answer. Holds nothing of what it said, nor of what it was sent.

    Attributes:
        outcome: How it failed.
        sent: The request was sent and may have been answered, so that it may cost something.
        usage: What it said that it cost.
        retry_after: For how many seconds it wants to be left alone; None where it did not say.
    """

    def __init__(
        self,
        outcome: RemoteOutcome,
        *,
        sent: bool = True,
        usage: Usage | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(outcome)
        self.outcome: RemoteOutcome = outcome
        self.sent = sent
        self.usage = usage
        self.retry_after = retry_after

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed a moment later."""
        return self.outcome in _PASSING


def read_reply(body: bytes, fields: Sequence[Field]) -> RemoteReply:
    """Returns what a body answers.

    Raises:
        RemoteFault: It is no chat completion, or its content does not hold exactly a fitting value for each field.
    """
    document = _load(body, outcome="malformed", usage=None)
    if not isinstance(document, dict):
        raise RemoteFault("malformed")
    usage = _read_usage(document.get("usage"))
    content = _find_content(document)
    if content is None:
        raise RemoteFault("wrong_answer", usage=usage)
    values = _load(content, outcome="wrong_answer", usage=usage)
    if not isinstance(values, dict) or values.keys() != {field.name for field in fields}:
        raise RemoteFault("wrong_answer", usage=usage)
    checked = {field.name: fit_value(field, values[field.name]) for field in fields}
    found = {name: value for name, value in checked.items() if value is not None}
    if len(found) < len(fields):
        raise RemoteFault("wrong_answer", usage=usage)
    return RemoteReply(found, usage)


def _find_content(document: Mapping[str, Any]) -> str | None:
    try:
        choice = document["choices"][0]
        content = choice["message"]["content"]
        ended = choice.get("finish_reason", "stop")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise RemoteFault("malformed") from None
    return content if isinstance(content, str) and ended in ("stop", None) else None


def _load(text: bytes | str, *, outcome: RemoteOutcome, usage: Usage | None) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise RemoteFault(outcome, usage=usage) from None


def _read_usage(usage: object) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    found = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    counts = [n for n in found if isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= _MOST_TOKENS]
    return Usage(*counts) if len(counts) == len(found) else None


def fit_value(field: Field, value: Any) -> Value | None:
    """Returns a value as the task has it, or None where it does not fit the field, whose labels are resolved."""
    labels = {label.name for label in field.labels or ()}
    match field.kind:
        case "choice":
            return value if isinstance(value, str) and value in labels else None
        case "choices":
            fits = isinstance(value, list) and all(isinstance(each, str) and each in labels for each in value)
            return sorted(value) if fits and len(set(value)) == len(value) else None
        case "predicate":
            return value if isinstance(value, bool) else None
        case "score":
            whole = isinstance(value, int) and not isinstance(value, bool)
            return value if whole and str(value) in labels else None
        case "number":
            return _number(value)
        case "text":
            return value if isinstance(value, str) else None
        case _:
            return None


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def read_retry_after(text: str, *, now: datetime) -> float | None:
    """Returns how many seconds a `Retry-After` header speaks of; None where it is neither a number nor a date.

    Example:
        >>> read_retry_after("120", now=datetime(2026, 1, 1, tzinfo=UTC))
        120.0
        >>> read_retry_after("Thu, 01 Jan 2026 00:01:00 GMT", now=datetime(2026, 1, 1, tzinfo=UTC))
        60.0
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT)
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return min(max(0.0, (then - now).total_seconds()), _LONGEST_WAIT)
