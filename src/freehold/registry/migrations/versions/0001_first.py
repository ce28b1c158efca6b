"""The first tables.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_CHAMPION = sa.text("state = 'champion'")


def upgrade() -> None:
    """Makes every table."""
    words = _words()
    _make_results(words)
    _make_data(words)
    _make_models(words)
    _make_traffic(words)


def downgrade() -> None:
    """Removes every table."""
    for table in (
        "reviews",
        "feedback",
        "requests",
        "releases",
        "corrections",
        "models",
        "tasks",
        "sources",
        "splits",
        "stages",
        "files",
        "folders",
        "pending",
        "blobs",
    ):
        op.drop_table(table)


def _words() -> sa.Text:
    """Text that sorts by code point."""
    return sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)


def _make_results(words: sa.Text) -> None:
    op.create_table(
        "blobs",
        sa.Column("home", words, nullable=False),
        sa.Column("sha256", words, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("home", "sha256", name="pk_blobs"),
        comment="Files that are whole in one state folder's blobs.",
    )
    op.create_table(
        "pending",
        sa.Column("home", words, nullable=False),
        sa.Column("token", words, nullable=False),
        sa.Column("path", words, nullable=False),
        sa.PrimaryKeyConstraint("home", "token", "path", name="pk_pending"),
        comment="The journal: paths below a state folder that are being written.",
    )
    op.create_table(
        "folders",
        sa.Column("digest", words, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_folders"),
        comment="Results, named by their content.",
    )
    op.create_table(
        "files",
        sa.Column("digest", words, nullable=False),
        sa.Column("name", words, nullable=False),
        sa.Column("sha256", words, nullable=False),
        sa.PrimaryKeyConstraint("digest", "name", name="pk_files"),
        sa.ForeignKeyConstraint(["digest"], ["folders.digest"], name="fk_files_digest"),
    )
    op.create_index("ix_files_sha256", "files", ["sha256"])
    op.create_table(
        "stages",
        sa.Column("key", words, nullable=False),
        sa.Column("stage", words, nullable=False),
        sa.Column("digest", words, nullable=False),
        sa.Column("facts", words, nullable=False),
        sa.Column("inputs", words, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("created", words, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_stages"),
        sa.ForeignKeyConstraint(["digest"], ["folders.digest"], name="fk_stages_digest"),
    )
    op.create_index("ix_stages_digest", "stages", ["digest"])


def _make_data(words: sa.Text) -> None:
    op.create_table(
        "splits",
        sa.Column("task", words, nullable=False),
        sa.Column("example", words, nullable=False),
        sa.Column("split", words, nullable=False),
        sa.PrimaryKeyConstraint("task", "example", name="pk_splits"),
        sa.CheckConstraint("split IN ('train', 'validation', 'test')", name="ck_splits_known_split"),
    )
    op.create_table(
        "sources",
        sa.Column("task", words, nullable=False),
        sa.Column("uri", words, nullable=False),
        sa.Column("digest", words, nullable=False),
        sa.Column("licence", words, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("noted", words, nullable=False),
        sa.PrimaryKeyConstraint("task", "uri", "digest", name="pk_sources"),
    )


def _make_models(words: sa.Text) -> None:
    op.create_table(
        "tasks",
        sa.Column("name", words, nullable=False),
        sa.Column("definition", words, nullable=False),
        sa.Column("created", words, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_tasks"),
    )
    op.create_table(
        "models",
        sa.Column("task", words, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("digest", words, nullable=False),
        sa.Column("judgement", words, nullable=False),
        sa.Column("labelled", words, nullable=False),
        sa.Column("against", words, nullable=False),
        sa.Column("verdict", words, nullable=False),
        sa.Column("facts", words, nullable=False),
        sa.Column("state", words, nullable=False),
        sa.Column("created", words, nullable=False),
        sa.PrimaryKeyConstraint("task", "version", name="pk_models"),
        sa.ForeignKeyConstraint(["task"], ["tasks.name"], name="fk_models_task"),
        sa.ForeignKeyConstraint(["digest"], ["folders.digest"], name="fk_models_digest"),
        sa.UniqueConstraint("task", "digest", name="uq_models_digest"),
        sa.CheckConstraint(
            "state IN ('champion', 'released', 'refused', 'withdrawn')", name="ck_models_known_state"
        ),
    )
    op.create_index(
        "uq_models_champion",
        "models",
        ["task"],
        unique=True,
        sqlite_where=_CHAMPION,
        postgresql_where=_CHAMPION,
    )
    op.create_table(
        "corrections",
        sa.Column("task", words, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("locator", words, nullable=False),
        sa.PrimaryKeyConstraint("task", "version", "locator", name="pk_corrections"),
        sa.ForeignKeyConstraint(
            ["task", "version"], ["models.task", "models.version"], name="fk_corrections_task"
        ),
        comment="Which corrections a model was trained on.",
    )
    op.create_table(
        "releases",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("task", words, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("action", words, nullable=False),
        sa.Column("who", words, nullable=False),
        sa.Column("why", words, nullable=False),
        sa.Column("time", words, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_releases"),
        sa.ForeignKeyConstraint(["task", "version"], ["models.task", "models.version"], name="fk_releases_task"),
        sa.CheckConstraint("action IN ('promote', 'withdraw', 'rollback')", name="ck_releases_known_action"),
        comment="The log of who put what in service, why and when.",
    )
    op.create_index("ix_releases_task", "releases", ["task"])


def _make_traffic(words: sa.Text) -> None:
    op.create_table(
        "requests",
        sa.Column("id", words, nullable=False),
        sa.Column("task", words, nullable=False),
        sa.Column("model", words, nullable=False),
        sa.Column("inputs", words, nullable=False),
        sa.Column("answers", words, nullable=False),
        sa.Column("created", words, nullable=False),
        sa.Column("milliseconds", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
    )
    op.create_index("ix_requests_task", "requests", ["task", "created"])
    op.create_table(
        "feedback",
        sa.Column("id", words, nullable=False),
        sa.Column("task", words, nullable=False),
        sa.Column("request", words, nullable=False),
        sa.Column("inputs", words, nullable=False),
        sa.Column("kind", words, nullable=False),
        sa.Column("value", words, nullable=False),
        sa.Column("maker", words, nullable=False),
        sa.Column("created", words, nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.Column("batch", words, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
        sa.CheckConstraint("kind IN ('correction', 'rating', 'outcome')", name="ck_feedback_known_kind"),
    )
    op.create_index("ix_feedback_task", "feedback", ["task", "created"])
    op.create_table(
        "reviews",
        sa.Column("task", words, nullable=False),
        sa.Column("example", words, nullable=False),
        sa.Column("field", words, nullable=False),
        sa.Column("inputs", words, nullable=False),
        sa.Column("suggestion", words, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("task", "example", "field", name="pk_reviews"),
    )
