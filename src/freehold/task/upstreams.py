"""Who is asked where a task's own model abstains, and what asking may cost.

Owns the frozen description of remote models and of the router's limits, and the arithmetic of prices. How they are
read from a file stands in `remote`, how they are asked in `freehold.engine`, in what order in `freehold.serve`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["OutputLimit", "Price", "Routing", "Upstream"]

OutputLimit = Literal["max_completion_tokens", "max_tokens"]


@dataclass(frozen=True, slots=True)
class Price:
    """What an upstream takes per million tokens, in the owner's currency."""

    input: float = 0.0
    output: float = 0.0

    def cost(self, tokens_in: int, tokens_out: int) -> int:
        """Returns what a call costs, in billionths of the currency, rounded up.

        Example:
            >>> Price(0.25, 2.0).cost(1_000_000, 1) / 1e9
            0.250002
        """
        return math.ceil(round(1000 * (self.input * tokens_in + self.output * tokens_out), 6))


@dataclass(frozen=True, slots=True)
class Upstream:
    """A remote model behind an OpenAI-compatible URL.

    Attributes:
        url: `/chat/completions` stands below it.
        key: Name of the environment variable that holds its key; empty where it asks for none.
        trust: The share of its answers that its user found right: the confidence of its answers.
        fields: What it is asked for.
        price: None where its calls cost nothing.
        output_tokens: The most tokens that it may write.
        output_limit: How it is told that.
    """

    name: str
    url: str
    model: str
    trust: float
    fields: tuple[str, ...]
    key: str = ""
    price: Price | None = None
    output_tokens: int = 1024
    output_limit: OutputLimit = "max_completion_tokens"

    def cost(self, tokens_in: int, tokens_out: int) -> int:
        """Returns what a call costs, in billionths of the currency."""
        return self.price.cost(tokens_in, tokens_out) if self.price else 0


@dataclass(frozen=True, slots=True)
class Routing:
    """How upstreams are asked.

    Attributes:
        deadline_ms: For everything that is done about one row, retries and fallbacks included.
        retries: How often one upstream is asked again after what may pass.
        hedge_ms: After how long the next upstream is asked too; 0 for never.
        cost_per_request: The most that one row may cost; None for any amount. All costs are in the currency.
        cache_seconds: How long an answer is given again; 0 for never.
        policy: The plugin that puts upstreams in order.
    """

    deadline_ms: int = 10_000
    retries: int = 2
    hedge_ms: int = 0
    cost_per_request: float | None = None
    cost_per_month: float | None = None
    tokens_per_request: int | None = None
    tokens_per_month: int | None = None
    cache_seconds: int = 0
    policy: str = "ordered.v1"
