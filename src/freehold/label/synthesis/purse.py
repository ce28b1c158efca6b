"""What asking models may cost, held before each call: first the worst is put aside, then what it did cost counts.

Owns a journal of amounts beside the unfinished work of a stage. What was put aside and never settled (the process
was killed in between) counts in full, so that no number of restarts spends more than there is.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Amount", "Purse"]


@dataclass(frozen=True, slots=True)
class Amount:
    """Money in billionths of the currency, and tokens; None is any amount."""

    cost: int | None = 0
    tokens: int | None = 0

    def covers(self, cost: int, tokens: int) -> bool:
        """Whether so much is not more than this."""
        return (self.cost is None or cost <= self.cost) and (self.tokens is None or tokens <= self.tokens)


class Purse:
    """One writer's budget.

    Args:
        path: The journal.
        limit: The most that may be spent.

    Attributes:
        cost: Spent or put aside, in billionths.
        tokens: The same in tokens.
    """

    def __init__(self, path: Path, limit: Amount) -> None:
        self._path, self._limit = path, limit
        self._amounts: dict[str, tuple[int, int]] = {}
        self._entries = 0
        journal = path.read_bytes() if path.exists() else b""
        self._cut = bool(journal) and not journal.endswith(b"\n")
        for line in journal.splitlines():
            self._replay(line)
        self.cost = sum(cost for cost, _ in self._amounts.values())
        self.tokens = sum(tokens for _, tokens in self._amounts.values())

    def _replay(self, line: bytes) -> None:
        try:
            name, cost, tokens = json.loads(line)
        except ValueError:  # the last line, cut short: what it would have allowed was not done
            return
        self._amounts[name] = cost, tokens
        self._entries += 1

    def put_aside(self, cost: int, tokens: int) -> str:
        """Puts the worst that a call may cost aside and returns its name; empty where there is not so much."""
        if not self._limit.covers(self.cost + cost, self.tokens + tokens):
            return ""
        name = f"call-{self._entries}"
        self._write(name, cost, tokens)
        return name

    def settle(self, name: str, cost: int, tokens: int) -> None:
        """Puts what a call did cost in the place of what was put aside for it."""
        self._write(name, cost, tokens)

    def _write(self, name: str, cost: int, tokens: int) -> None:
        with self._path.open("ab") as file:
            # What a killed process wrote by half must not swallow this line too.
            begin, self._cut = b"\n" if self._cut else b"", False
            file.write(begin + json.dumps([name, cost, tokens]).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        before = self._amounts.get(name, (0, 0))
        self._amounts[name] = cost, tokens
        self._entries += 1
        self.cost += cost - before[0]
        self.tokens += tokens - before[1]
