"""Stage 2: from examples to labelled examples. Knows nothing of training."""

from freehold.label.annotate import annotate
from freehold.label.synthesis import synthesise

__all__ = ["annotate", "synthesise"]
