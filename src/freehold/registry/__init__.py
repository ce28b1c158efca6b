"""The memory: a database, content-addressed files, lineage, versions, releases, and what users said.

Loads SQLAlchemy; import it where it is needed, not at the top of an application.
"""

from freehold.registry.acts import MOST_SECONDS, Answered, Said, Taken, Undone
from freehold.registry.assignments import Assignment, AssignmentKind, Blind, Shown
from freehold.registry.blobs import Blobs
from freehold.registry.candidates import Asking
from freehold.registry.dues import Account, reckon
from freehold.registry.experts import Experts
from freehold.registry.frontier import Found, Frontier, FrontierCounts, FrontierState, Outcome, Waiting
from freehold.registry.judgements import LedgerRow, standing
from freehold.registry.keys import Key, KeyScope, MadeKey, key_id, secret_hash
from freehold.registry.queue import Listed
from freehold.registry.registry import Registry
from freehold.registry.replies import Claim, KeptReply, Replies
from freehold.registry.reviews import Review
from freehold.registry.spending import Budget, Spent
from freehold.registry.stages import Recorded
from freehold.registry.traffic import Feedback, RecordedRequest
from freehold.registry.verification import Verification

__all__ = [
    "Account",
    "Answered",
    "Asking",
    "Assignment",
    "AssignmentKind",
    "Blind",
    "Blobs",
    "Budget",
    "Claim",
    "Experts",
    "Feedback",
    "Found",
    "Frontier",
    "FrontierCounts",
    "FrontierState",
    "KeptReply",
    "Key",
    "KeyScope",
    "LedgerRow",
    "Listed",
    "MOST_SECONDS",
    "MadeKey",
    "Outcome",
    "Recorded",
    "RecordedRequest",
    "Registry",
    "Replies",
    "Review",
    "Said",
    "Shown",
    "Spent",
    "Taken",
    "Undone",
    "Verification",
    "Waiting",
    "key_id",
    "reckon",
    "secret_hash",
    "standing",
]
