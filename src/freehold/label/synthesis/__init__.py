"""Rows that are made: generators behind one protocol, filters that are counted, and what they were worth.

Loads numpy when rows are judged, and a network client when a model is asked.
"""

from freehold.label.synthesis import (
    prompting,
    rewriting,
    swapping,
    templates,
)  # built-in generators register themselves
from freehold.label.synthesis.drafts import GENERATORS, Confusion, Draft, Generator, Ground
from freehold.label.synthesis.filters import LEAK, Likeness, Refusals, Sieve
from freehold.label.synthesis.making import SOURCE, synthesise
from freehold.label.synthesis.writers import Prompt, Spending, Writer, Writers, Written

__all__ = [
    "GENERATORS",
    "LEAK",
    "SOURCE",
    "Confusion",
    "Draft",
    "Generator",
    "Ground",
    "Likeness",
    "Prompt",
    "Refusals",
    "Sieve",
    "Spending",
    "Writer",
    "Writers",
    "Written",
    "prompting",
    "rewriting",
    "swapping",
    "synthesise",
    "templates",
]
