"""Replies that are given again to whoever repeats a request under the same key.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Makes the table of replies."""
    words = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    op.create_table(
        "replies",
        sa.Column("caller", words, nullable=False),
        sa.Column("key", words, nullable=False),
        sa.Column("stamp", words, nullable=False),
        sa.Column("request", words, nullable=False),
        sa.Column("sha256", words, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("headers", words, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created", words, nullable=False),
        sa.Column("until", words, nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_replies"),
        comment="What requests with an idempotency key were answered; status 0 while one is being answered.",
    )
    op.create_index("ix_replies_created", "replies", ["created"])


def downgrade() -> None:
    """Removes it."""
    op.drop_table("replies")
