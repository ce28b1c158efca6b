"""What the experts of a task come to together: how far they agree, how good each is, what is likely true.

From the ledger of judgements in the registry to statistics in plain JSON: the CLI and the server show the same.
The arithmetic is `freehold.label.crowd`'s; it is loaded when something is measured.
"""

from freehold.label.panel.measures import measure
from freehold.label.panel.proposals import propose

__all__ = ["measure", "propose"]
