"""What remote models cost, and rows for a person that come from requests.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes the table of spending; the reviews that are there come from the line."""
    words = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    op.create_table(
        "spending",
        sa.Column("task", words, nullable=False),
        sa.Column("month", words, nullable=False),
        sa.Column("upstream", words, nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("cost", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("task", "month", "upstream", name="pk_spending"),
        comment="What upstreams cost, in billionths of the currency; the one without a name is all of them.",
    )
    op.add_column("reviews", sa.Column("origin", words, nullable=False, server_default="line"))


def downgrade() -> None:
    """Removes both."""
    op.drop_column("reviews", "origin")
    op.drop_table("spending")
