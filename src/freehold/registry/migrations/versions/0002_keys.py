"""API keys.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the table of keys."""
    words = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    op.create_table(
        "keys",
        sa.Column("id", words, nullable=False),
        sa.Column("name", words, nullable=False),
        sa.Column("sha256", words, nullable=False),
        sa.Column("scopes", words, nullable=False),
        sa.Column("created", words, nullable=False),
        sa.Column("expires", words, nullable=False),
        sa.Column("revoked", words, nullable=False),
        sa.Column("used", words, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        comment="Who may ask a server; of each secret only its hash.",
    )


def downgrade() -> None:
    """Removes it."""
    op.drop_table("keys")
