"""Stage 7: what people say about answers, taken in, checked and kept for the next turn."""

from freehold.feedback.inbox import Receipt, Rejected, accept, fit_values, withdraw

__all__ = ["Receipt", "Rejected", "accept", "fit_values", "withdraw"]
