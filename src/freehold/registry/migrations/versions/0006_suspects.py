"""Why a row waits for a person, what label it has, and how much an answer is worth.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds the columns; the reviews that are there are of rows without a label."""
    words = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    op.add_column("reviews", sa.Column("given", words, nullable=False, server_default="null"))
    op.add_column("reviews", sa.Column("reason", words, nullable=False, server_default=""))
    op.add_column("reviews", sa.Column("worth", sa.Double, nullable=False, server_default="0"))


def downgrade() -> None:
    """Removes them."""
    for name in ("given", "reason", "worth"):
        op.drop_column("reviews", name)
