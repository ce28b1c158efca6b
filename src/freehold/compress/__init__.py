"""Stage 4: from trained weights to a small artifact that decides the same. Knows nothing of releases."""

from freehold.compress.shrink import PARITY, shrink

__all__ = ["PARITY", "shrink"]
