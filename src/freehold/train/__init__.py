"""Stage 3: from labelled examples to a trained model. Knows nothing of test rows or releases."""

from freehold.train.fit import fit

__all__ = ["fit"]
