"""The way from rows to examples, step by step: how many are left, how many went, why, and some of those.

Reads what collecting left. Of what people said through the server nothing is shown: it may be taken back.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from freehold.task import Refused

__all__ = ["Step", "find_steps", "hide_passwords", "pacing"]

T = TypeVar("T")

_SAMPLES = 3
_CUT = 80
_SAID = "feedback"
_MOST = 1000
_OTHERS = "other reasons"
_PASSWORD = re.compile(r"(://[^/@\s:]*):(?!\d+/)\S+@")
_TOKEN = re.compile(r"(https?://)[^/@\s:]+@")
_SECRET = re.compile(r"([?&;][^=&\s]*(?:pass|pwd|secret|token|key)[^=&\s]*=)[^&\s'\"`]+", re.IGNORECASE)


class Step(NamedTuple):
    """One step of the way from rows to examples.

    Attributes:
        left: How many rows are left after it.
        gone: How many it took, and for what reasons.
        samples: Some of those that it took, in words.
    """

    name: str
    left: int
    gone: int
    reasons: Mapping[str, int]
    samples: tuple[str, ...]


def find_steps(
    report: Mapping[str, Any],
    folder: Path | None,
    *,
    step: Callable[[], None] = lambda: None,
    made: Mapping[str, Any] | None = None,
) -> Iterator[Step]:
    """Yields the steps.

    Args:
        report: What collecting counted.
        folder: Its files; without them, no reason and no sample of a refused row is known.
        step: Is called now and then while they are read.
        made: What the stage that makes rows counted; None where no row was made.
    """
    rows, corrections = report["rows"], report["corrections"]["used"]
    yield Step("read", rows, 0, {}, ())
    left = rows - report["refused"]
    reasons, refused = _read_refused(folder / "refused.jsonl", step) if folder else ({}, ())
    yield Step("usable", left, report["refused"], reasons, refused)
    left -= report["duplicates"]
    yield Step("different", left, report["duplicates"], {"the same inputs": report["duplicates"]}, ())
    apart = report["kept_apart"]
    said = (f"{each['locator']}: {each['reason']} {each['near']}".rstrip() for each in apart["examples"])
    samples = map(hide_passwords, said)
    final = report["examples"] - corrections
    yield Step(
        "apart from test rows", final, max(0, left - final), apart["reasons"], tuple(islice(samples, _SAMPLES))
    )
    if corrections:
        yield Step("with corrections", report["examples"], 0, {}, ())
    if made:
        why = {reason: each["count"] for reason, each in made["refused"].items()}
        shown = [sample for each in made["refused"].values() for sample in each["samples"][:1]]
        left = report["examples"] + made["rows"]
        yield Step("with synthetic rows", left, sum(why.values()), why, tuple(shown[:_SAMPLES]))


def _read_refused(path: Path, step: Callable[[], None]) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """Returns reason to count, the most frequent first, and the first rows of the first few reasons."""
    reasons: Counter[str] = Counter()
    samples: dict[str, str] = {}
    with path.open("rb") as file:
        for row in map(json.loads, pacing(file, step)):
            if row["source"] == _SAID:
                continue
            reason = _shorten(row["reason"])
            reasons[reason if len(reasons) < _MOST or reason in reasons else _OTHERS] += 1
            if len(samples) < _SAMPLES and reason not in samples:
                refused = Refused(**row)
                samples[reason] = f"{hide_passwords(refused.said)}: {refused.text[:_CUT]!r}"
    return dict(reasons.most_common()), tuple(samples.values())


def _shorten(reason: str) -> str:
    """Returns a reason without what differs from row to row: of cleaning the rule, of files their names."""
    if reason.startswith("cleaning: "):
        return ":".join(reason.split(":", 2)[:2])
    return reason.split("` ", 1)[1] if reason.startswith("`") and "` " in reason else reason


def pacing(rows: Iterable[T], step: Callable[[], None]) -> Iterator[T]:
    """Yields rows, and calls `step` every 100 of them: about a millisecond's work."""
    for number, row in enumerate(rows):
        if number % 100 == 0:
            step()
        yield row


def hide_passwords(text: str) -> str:
    """Returns a text without the passwords of the addresses in it, and tokens among what is asked for there.

    Example:
        >>> hide_passwords("postgresql://me:secret@host/mail")
        'postgresql://me:***@host/mail'
    """
    hidden = _TOKEN.sub(r"\1***@", _PASSWORD.sub(r"\1:***@", text))
    return _SECRET.sub(r"\1***", hidden)
