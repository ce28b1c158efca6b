"""What experts have done and what they are owed, reckoned from the ledger without rounding on the way.

Owns the arithmetic. An item or an hour is owed the rate that held when it was answered, and what was taken back is
owed nothing. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from statistics import median

from freehold.registry.judgements import LedgerRow, standing
from freehold.task import Json

__all__ = ["Account", "reckon"]

_HOUR = 3_600_000
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Account:
    """One expert's work.

    Attributes:
        items: Answers that stand: blind looks, adjudications and gold alike.
        skipped: Items that were passed over.
        undone: Answers and skips that were taken back.
        flagged: Answers and skips that say something is wrong with the item.
        milliseconds: Of the answers and skips that stand.
        median_milliseconds: Of the answers that stand; None without one.
        owed: Currency to what is owed, to the cent: rounded once, of the exact sum, half to even.
    """

    expert: str
    items: int
    skipped: int
    undone: int
    flagged: int
    milliseconds: int
    median_milliseconds: int | None
    owed: Mapping[str, Decimal]

    def to_json(self) -> dict[str, Json]:
        """Returns it as plain data: times in seconds, money in decimal digits."""
        middle = self.median_milliseconds
        return {
            "expert": self.expert,
            "items": self.items,
            "skipped": self.skipped,
            "undone": self.undone,
            "flagged": self.flagged,
            "seconds": self.milliseconds / 1000,
            "median_seconds": None if middle is None else middle / 1000,
            "owed": {currency: str(amount) for currency, amount in self.owed.items()},
        }


def reckon(rows: Iterable[LedgerRow]) -> list[Account]:
    """Returns the account of every expert in a ledger, by name."""
    by_expert: dict[str, list[LedgerRow]] = {}
    for row in rows:
        by_expert.setdefault(row.expert, []).append(row)
    return [_account(expert, by_expert[expert]) for expert in sorted(by_expert)]


def _account(expert: str, rows: Sequence[LedgerRow]) -> Account:
    kept = standing(rows)
    answers = [row for row in kept if row.act == "answer"]
    times = [row.milliseconds for row in answers]
    return Account(
        expert=expert,
        items=len(answers),
        skipped=len(kept) - len(answers),
        undone=sum(row.act == "undo" for row in rows),
        flagged=sum(row.flag for row in kept),
        milliseconds=sum(row.milliseconds for row in kept),
        median_milliseconds=round(median(times)) if times else None,
        owed=_owed(kept),
    )


def _owed(rows: Sequence[LedgerRow]) -> dict[str, Decimal]:
    sums: dict[str, Fraction] = {}
    for row in rows:
        rate = Fraction(row.rate)
        if row.rate_per == "hour":
            amount = rate * row.milliseconds / _HOUR
        else:
            amount = rate if row.act == "answer" else Fraction()
        sums[row.currency] = sums.get(row.currency, Fraction()) + amount
    return {currency: _to_the_cent(sums[currency]) for currency in sorted(sums)}


def _to_the_cent(amount: Fraction) -> Decimal:
    """Returns an exact sum in hundredths, rounded half to even."""
    return (Decimal(round(amount * 100)) * _CENT).quantize(_CENT, rounding=ROUND_HALF_EVEN)
