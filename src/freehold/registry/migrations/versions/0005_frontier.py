"""The URLs that crawls know.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Makes the table."""
    words = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    op.create_table(
        "frontier",
        *(sa.Column(name, words, nullable=False) for name in ("crawl", "url", "kind", "host")),
        sa.Column("depth", sa.Integer, nullable=False),
        sa.Column("hops", sa.Integer, nullable=False),
        *(sa.Column(name, words, nullable=False) for name in ("via", "changed")),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("state", words, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("reason", words, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        *(sa.Column(name, words, nullable=False) for name in ("place", "etag", "modified", "sha256", "noted")),
        sa.PrimaryKeyConstraint("crawl", "url", name="pk_frontier"),
        sa.CheckConstraint(
            "state IN ('waiting', 'done', 'moved', 'refused', 'failed')", name="ck_frontier_known_state"
        ),
        comment="Every URL that a crawl knows, and what came of it.",
    )
    op.create_index("ix_frontier_next", "frontier", ["crawl", "state", "host", "depth", "number"])
    op.create_index("ix_frontier_place", "frontier", ["crawl", "place"])


def downgrade() -> None:
    """Removes it."""
    op.drop_table("frontier")
