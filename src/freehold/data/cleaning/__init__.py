"""Cleaning: one text in, a cleaned text with a map of its positions out, or the rule that dropped it.

Owns the steps, their published bars and the count of what they did. Pure functions over text: knows no files, no
rows and no task. Loads ftfy and py3langid when a text needs them.
"""

from freehold.data.cleaning.chunks import Chunk, cut_chunks
from freehold.data.cleaning.cleaning import Cleaned, Cleaning
from freehold.data.cleaning.findings import Finding, Mode
from freehold.data.cleaning.language import tell_language
from freehold.data.cleaning.ledger import Ledger, Passage, Sample, Tally
from freehold.data.cleaning.lines import LineCounts
from freehold.data.cleaning.offsets import Change, Moved, Offsets
from freehold.data.cleaning.pii import PII, PiiFinder
from freehold.data.cleaning.profanity import fold_words, is_word
from freehold.data.cleaning.rules import ENGLISH, RULES, Bar, Dropped, Rule, Words
from freehold.data.cleaning.settings import DOCUMENTS, ROWS, STEPS, VERSION, Settings, list_steps
from freehold.data.cleaning.spans import MovedSpan, move_spans

__all__ = [
    "DOCUMENTS",
    "ENGLISH",
    "PII",
    "ROWS",
    "RULES",
    "STEPS",
    "VERSION",
    "Bar",
    "Change",
    "Chunk",
    "Cleaned",
    "Cleaning",
    "Dropped",
    "Finding",
    "Ledger",
    "LineCounts",
    "Mode",
    "Moved",
    "MovedSpan",
    "Offsets",
    "Passage",
    "PiiFinder",
    "Rule",
    "Sample",
    "Settings",
    "Tally",
    "Words",
    "cut_chunks",
    "fold_words",
    "is_word",
    "list_steps",
    "move_spans",
    "tell_language",
]
