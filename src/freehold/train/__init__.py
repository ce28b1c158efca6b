"""Stage 3: from labelled examples to a trained model. Knows nothing of test rows or releases."""

from freehold.train.fit import fit
from freehold.train.weigh import weigh

__all__ = ["fit", "weigh"]
