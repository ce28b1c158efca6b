"""What held-out rows prove about a share of errors, exactly, and how many of them it takes.

Owns the bound that all certificates stand on (Clopper and Pearson 1934). Knows no models.
"""

from __future__ import annotations

import math

__all__ = ["DOUBT", "rows_needed", "upper_bound"]

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
