"""The memory: a database, content-addressed files, lineage, versions, releases, and what users said.

Loads SQLAlchemy; import it where it is needed, not at the top of an application.
"""

from freehold.registry.blobs import Blobs
from freehold.registry.frontier import Found, Frontier, FrontierCounts, FrontierState, Outcome, Waiting
from freehold.registry.keys import Key, KeyScope, MadeKey, key_id, secret_hash
from freehold.registry.registry import Registry
from freehold.registry.replies import Claim, KeptReply, Replies
from freehold.registry.reviews import Review, row_name
from freehold.registry.spending import Budget, Spent
from freehold.registry.stages import Recorded
from freehold.registry.traffic import Feedback, RecordedRequest
from freehold.registry.verification import Verification

__all__ = [
    "Blobs",
    "Budget",
    "Claim",
    "Feedback",
    "Found",
    "Frontier",
    "FrontierCounts",
    "FrontierState",
    "KeptReply",
    "Key",
    "KeyScope",
    "MadeKey",
    "Outcome",
    "Recorded",
    "RecordedRequest",
    "Registry",
    "Replies",
    "Review",
    "Spent",
    "Verification",
    "Waiting",
    "key_id",
    "row_name",
    "secret_hash",
]
