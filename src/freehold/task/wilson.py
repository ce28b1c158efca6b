"""Wilson's interval of a share: the one formula that stages which may not know each other have in common."""

from __future__ import annotations

from math import sqrt

__all__ = ["wilson_bounds"]

_Z = 1.959963984540054
"""The 97.5 % point of the normal distribution."""


def wilson_bounds(share: float, n: float) -> tuple[float, float]:
    """Returns the bounds of the 95 % score interval of a share of `n` items, within 0 and 1.

    They are (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).

    Args:
        n: As how many independent items they count; 0 says nothing at all.

    Example:
        >>> [round(bound, 6) for bound in wilson_bounds(0.9, 10)]
        [0.59585, 0.982124]

    Source:
        Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of
        the American Statistical Association 22, 209-212.
    """
    if not n:
        return 0.0, 1.0
    squared = _Z * _Z / n
    middle = share + squared / 2
    reach = _Z * sqrt(share * (1 - share) / n + squared / (4 * n))
    return max(0.0, (middle - reach) / (1 + squared)), min(1.0, (middle + reach) / (1 + squared))
