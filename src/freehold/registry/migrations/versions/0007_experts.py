"""Who holds which item, what experts said of it, what that came to, and what is typed so far.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_REFUSED = "the ledger of judgements is only ever added to"


def upgrade() -> None:
    """Makes the tables, and the triggers that keep the ledger as it is."""
    words = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    _make_assignments(words)
    _make_ledger(words)
    op.create_table(
        "settlements",
        *(_column(name, words) for name in ("task", "example", "field", "state", "value", "makers", "feedback")),
        sa.PrimaryKeyConstraint("task", "example", "field", name="pk_settlements"),
        sa.CheckConstraint("state IN ('disputed', 'settled')", name="ck_settlements_known_state"),
        comment="What experts agreed on and which correction that became, or that they disagree.",
    )
    op.create_index("ix_settlements_feedback", "settlements", ["feedback"])
    op.create_table(
        "drafts",
        *(_column(name, words) for name in ("assignment", "content", "saved")),
        sa.PrimaryKeyConstraint("assignment", name="pk_drafts"),
        comment="What an expert has typed and not sent.",
    )
    _guard()


def _column(name: str, words: sa.Text) -> sa.Column[str]:
    return sa.Column(name, words, nullable=False)


def _make_assignments(words: sa.Text) -> None:
    names = ("id", "field", "task", "example", "expert", "kind", "state")
    more = ("inputs", "shown", "value", "known", "taken", "until")
    op.create_table(
        "assignments",
        *(_column(name, words) for name in (*names, *more)),
        sa.PrimaryKeyConstraint("id", "field", name="pk_assignments"),
        sa.CheckConstraint("kind IN ('first', 'adjudication', 'gold')", name="ck_assignments_known_kind"),
        sa.CheckConstraint(
            "state IN ('open', 'answered', 'settled', 'skipped', 'undone', 'lapsed', 'over')",
            name="ck_assignments_known_state",
        ),
        comment="Which expert holds which fields of which item, until when, and what came of it.",
    )
    op.create_index("ix_assignments_item", "assignments", ["task", "example", "field"])
    op.create_index("ix_assignments_state", "assignments", ["task", "state"])


def _make_ledger(words: sa.Text) -> None:
    op.create_table(
        "judgements",
        sa.Column("id", sa.Integer, nullable=False),
        *(_column(name, words) for name in ("task", "example", "expert", "kind", "act", "assignment")),
        sa.Column("undoes", sa.Integer, nullable=False),
        *(_column(name, words) for name in ("answers", "suggestions", "known", "reason", "comment")),
        sa.Column("flag", sa.Boolean, nullable=False),
        sa.Column("milliseconds", sa.BigInteger, nullable=False),
        *(_column(name, words) for name in ("rate", "rate_per", "currency", "created")),
        sa.PrimaryKeyConstraint("id", name="pk_judgements"),
        sa.CheckConstraint("act IN ('answer', 'skip', 'undo')", name="ck_judgements_known_act"),
        sa.UniqueConstraint("assignment", "undoes", name="uq_judgements_assignment"),
        comment="The ledger of what experts said. Rows are only ever added: a trigger refuses all else.",
    )
    op.create_index("ix_judgements_expert", "judgements", ["task", "expert"])


def _guard() -> None:
    """Makes the database itself refuse to change or delete a row of the ledger."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION refuse_judgements() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER judgements_stay BEFORE UPDATE OR DELETE ON judgements "
            "FOR EACH ROW EXECUTE FUNCTION refuse_judgements()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER judgements_stay_{verb.lower()} BEFORE {verb} ON judgements "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        )


def downgrade() -> None:
    """Removes them."""
    for name in ("drafts", "settlements", "judgements", "assignments"):
        op.drop_table(name)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_judgements()")
