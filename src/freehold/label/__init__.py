"""Stage 2: from examples to labelled examples. Knows nothing of training."""

from freehold.label.annotate import annotate

__all__ = ["annotate"]
