"""Spans and points of time as they are typed: `90d`, `12h`, `2027-01-31`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from freehold.errors import UserError

__all__ = ["parse_duration", "parse_expiry"]

_DURATION = re.compile(r"([0-9]{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: str, *, option: str) -> timedelta:
    """Returns how long `90d` is.

    Raises:
        UserError: It is no duration.

    Example:
        >>> parse_duration("36h", option="--grace")
        datetime.timedelta(days=1, seconds=43200)
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        message = f"`{option}` is {text[:60]!r}; a duration is a whole number and m, h, d or w: 30m, 12h, 90d, 2w."
        raise UserError(message)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def parse_expiry(text: str, *, option: str, now: datetime) -> datetime:
    """Returns the time that a duration from now, a date (its beginning) or a time stands for, UTC where not said.

    Raises:
        UserError: It is none of these, or later than the year 9999.
    """
    try:
        if _DURATION.fullmatch(text):
            return now + parse_duration(text, option=option)
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except ValueError:
        message = f"`{option}` is {text[:60]!r}; it is a duration (90d) or a date (2027-01-31)."
        raise UserError(message) from None
    except OverflowError:
        raise UserError(f"`{option}` is too far in the future.", hint="Leave it out for never.") from None
