"""Several experts, one answer: how far they agree, whom to believe, and what is true after all.

Judgements of a task's fields go in as `Annotation`: `measure_agreement` says how far experts agree and what they
take for what, `settle` puts their answers together. Beneath, `Vote` and `tabulate` are for labels that belong to
no field. All of it is arithmetic on what it is given: no database, no files, nothing drawn without a seed. Loads
numpy.
"""

from freehold.label.crowd.agreement import FieldAgreement, measure_agreement
from freehold.label.crowd.alpha import Level, alpha
from freehold.label.crowd.confusions import Confusion, find_confusions
from freehold.label.crowd.consensus import TIE_RULES, Consensus, Settled, TieRule
from freehold.label.crowd.dawid_skene import SMOOTHINGS, DawidSkene, Smoothing, dawid_skene
from freehold.label.crowd.decisions import NOT_MARKED, Annotation, read_votes
from freehold.label.crowd.experts import Expert, measure_experts, measure_on_gold
from freehold.label.crowd.kappas import Weights, cohen, fleiss
from freehold.label.crowd.majority import majority
from freehold.label.crowd.overlap import Agreement
from freehold.label.crowd.resampling import Coefficient
from freehold.label.crowd.settling import METHODS, Means, Method, Outcome, settle
from freehold.label.crowd.votes import Vote, Votes, tabulate

__all__ = [
    "METHODS",
    "NOT_MARKED",
    "SMOOTHINGS",
    "TIE_RULES",
    "Agreement",
    "Annotation",
    "Coefficient",
    "Confusion",
    "Consensus",
    "DawidSkene",
    "Expert",
    "FieldAgreement",
    "Level",
    "Means",
    "Method",
    "Outcome",
    "Settled",
    "Smoothing",
    "TieRule",
    "Vote",
    "Votes",
    "Weights",
    "alpha",
    "cohen",
    "dawid_skene",
    "find_confusions",
    "fleiss",
    "majority",
    "measure_agreement",
    "measure_experts",
    "measure_on_gold",
    "read_votes",
    "settle",
    "tabulate",
]
