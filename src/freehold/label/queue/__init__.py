"""The order in which people are asked: what an answer is expected to be worth, by strategies that can be replaced.

Knows nothing of files or of the registry.
"""

from freehold.label.queue.coverage import cover, pick_covering
from freehold.label.queue.ordering import HELD_REASON, Ordered, interleave
from freehold.label.queue.strategies import STRATEGIES, Pick, Pool, Strategy, put_in_order
from freehold.label.queue.worth import pick_random, pick_uncertain, pick_worth

__all__ = [
    "HELD_REASON",
    "STRATEGIES",
    "Ordered",
    "Pick",
    "Pool",
    "Strategy",
    "cover",
    "interleave",
    "pick_covering",
    "pick_random",
    "pick_uncertain",
    "pick_worth",
    "put_in_order",
]
