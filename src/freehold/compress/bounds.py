"""What held-out rows prove about a share of errors, exactly, and how many of them it takes.

Owns the bound that all certificates stand on (Clopper and Pearson 1934), and which rows it may count: they have to
be independent. Knows no models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from freehold.task import Example, name_unit

__all__ = ["DOUBT", "independent_rows", "rows_needed", "tell_left_out", "upper_bound"]

DOUBT = 0.05
"""How likely a certificate may be wrong."""


def upper_bound(errors: int, n: int, *, doubt: float = DOUBT) -> float:
    """Returns the one-sided upper bound of a share, exactly; with 95 % confidence where nothing else is said.

    Example:
        >>> round(upper_bound(0, 598), 5)
        0.005
    """
    from scipy.special import betaincinv

    return 1.0 if errors >= n else float(betaincinv(errors + 1, n - errors, 1 - doubt))


def rows_needed(allowed: float, *, doubt: float = DOUBT) -> int:
    """Returns how many rows without one error certify a share.

    Example:
        >>> rows_needed(0.005)
        598
    """
    return math.ceil(math.log(doubt) / math.log1p(-allowed)) if 0 < allowed < 1 else 1


def independent_rows(rows: Sequence[Example], *, by_author: bool) -> list[int]:
    """Returns the places of rows that were drawn independently: one of each text, or of each author.

    It is the one with the least id. Ids are hashes of what is asked, so that any row may be it.
    """
    chosen: dict[str, int] = {}
    for place, row in enumerate(rows):
        unit = name_unit(row.passport, by_author=by_author) or f"row {place}"
        before = chosen.setdefault(unit, place)
        if row.id < rows[before].id:
            chosen[unit] = place
    return sorted(chosen.values())


def tell_left_out(rows: int) -> str:
    """Returns what a certificate says of rows that it could not count; nothing where there are none."""
    return f"; this is for one row of each text or author, and {rows:,} more do not count" if rows else ""
