"""The tables of the memory, as SQLAlchemy Core describes them.

Owns names and types of tables and columns, and which migration they stand for. Knows nothing of connections;
what changes here needs a new file in `migrations/versions` (a test compares the two).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from freehold.task import SPLITS

__all__ = [
    "REVISION",
    "Words",
    "assignments",
    "blobs",
    "corrections",
    "drafts",
    "feedback",
    "files",
    "folders",
    "frontier",
    "judgements",
    "keys",
    "metadata",
    "models",
    "pending",
    "releases",
    "replies",
    "requests",
    "reviews",
    "settlements",
    "sources",
    "spending",
    "splits",
    "stages",
    "tasks",
]

REVISION = "0007"
"""The newest migration: what a database must be at to be used as it is."""


class Words(sa.types.TypeDecorator[str]):
    """Text that sorts by code point, and takes any Python string, in SQLite and PostgreSQL alike.

    PostgreSQL refuses NUL and sorts by the cluster's locale; neither takes a lone surrogate. Such characters
    become U+FFFD.
    """

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[str]:
        """Returns the database's own type."""
        return sa.Text(collation="C" if dialect.name == "postgresql" else None)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Returns what can be stored."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in value)


def _words(name: str, *, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, Words, nullable=False, server_default=default)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, Words, primary_key=True)


def _json(name: str, *, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, Words, nullable=False, server_default=default, info={"json": True})


def _one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    allowed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({allowed})", name=f"known_{column}")


metadata = sa.MetaData(
    naming_convention={
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

blobs = sa.Table(
    "blobs",
    metadata,
    _key("home"),
    _key("sha256"),
    sa.Column("size", sa.BigInteger, nullable=False),
    comment="Files that are whole in one state folder's blobs.",
)
pending = sa.Table(
    "pending",
    metadata,
    _key("home"),
    _key("token"),
    _key("path"),
    comment="The journal: paths below a state folder that are being written.",
)
folders = sa.Table("folders", metadata, _key("digest"), comment="Results, named by their content.")
files = sa.Table(
    "files",
    metadata,
    sa.Column("digest", Words, sa.ForeignKey("folders.digest"), primary_key=True),
    _key("name"),
    _words("sha256"),
    sa.Index("ix_files_sha256", "sha256"),
)
stages = sa.Table(
    "stages",
    metadata,
    _key("key"),
    _words("stage"),
    sa.Column("digest", Words, sa.ForeignKey("folders.digest"), nullable=False),
    _json("facts"),
    _json("inputs"),
    sa.Column("seconds", sa.Double, nullable=False),
    _words("created"),
    sa.Index("ix_stages_digest", "digest"),
)
splits = sa.Table("splits", metadata, _key("task"), _key("example"), _words("split"), _one_of("split", SPLITS))
sources = sa.Table(
    "sources",
    metadata,
    _key("task"),
    _key("uri"),
    _key("digest"),
    _words("licence"),
    sa.Column("rows", sa.BigInteger, nullable=False),
    _words("noted"),
)
tasks = sa.Table("tasks", metadata, _key("name"), _json("definition"), _words("created"))
models = sa.Table(
    "models",
    metadata,
    sa.Column("task", Words, sa.ForeignKey("tasks.name"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", Words, sa.ForeignKey("folders.digest"), nullable=False),
    _words("judgement"),
    _words("labelled"),
    _words("against"),
    _json("verdict"),
    _json("facts"),
    _words("state"),
    _words("created"),
    _one_of("state", ("champion", "released", "refused", "withdrawn")),
    sa.UniqueConstraint("task", "digest", name="uq_models_digest"),
    # The condition holds on PostgreSQL too, where the migration says so: saying it here would load that dialect.
    sa.Index("uq_models_champion", "task", unique=True, sqlite_where=sa.text("state = 'champion'")),
)
corrections = sa.Table(
    "corrections",
    metadata,
    _key("task"),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    _key("locator"),
    sa.ForeignKeyConstraint(["task", "version"], ["models.task", "models.version"]),
    comment="Which corrections a model was trained on.",
)
releases = sa.Table(
    "releases",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _words("task"),
    sa.Column("version", sa.Integer, nullable=False),
    _words("action"),
    _words("who"),
    _words("why"),
    _words("time"),
    _one_of("action", ("promote", "withdraw", "rollback")),
    sa.ForeignKeyConstraint(["task", "version"], ["models.task", "models.version"]),
    sa.Index("ix_releases_task", "task"),
    comment="The log of who put what in service, why and when.",
)
requests = sa.Table(
    "requests",
    metadata,
    _key("id"),
    _words("task"),
    _words("model"),
    _json("inputs"),
    _json("answers"),
    _words("created"),
    sa.Column("milliseconds", sa.Double, nullable=False),
    sa.Index("ix_requests_task", "task", "created"),
)
feedback = sa.Table(
    "feedback",
    metadata,
    _key("id"),
    _words("task"),
    _words("request"),
    _json("inputs"),
    _words("kind"),
    _json("value"),
    _words("maker"),
    _words("created"),
    sa.Column("withdrawn", sa.Boolean, nullable=False),
    _words("batch"),
    _one_of("kind", ("correction", "rating", "outcome")),
    sa.Index("ix_feedback_task", "task", "created"),
)
reviews = sa.Table(
    "reviews",
    metadata,
    _key("task"),
    _key("example"),
    _key("field"),
    _json("inputs"),
    _json("suggestion"),
    sa.Column("confidence", sa.Double, nullable=False),
    _words("origin", default="line"),
    _json("given", default="null"),
    _words("reason", default=""),
    sa.Column("worth", sa.Double, nullable=False, server_default="0"),
)
assignments = sa.Table(
    "assignments",
    metadata,
    _key("id"),
    _key("field"),
    *(_words(name) for name in ("task", "example", "expert", "kind", "state")),
    *(_json(name) for name in ("inputs", "shown", "value", "known")),
    *(_words(name) for name in ("taken", "until")),
    _one_of("kind", ("first", "adjudication", "gold")),
    _one_of("state", ("open", "answered", "settled", "skipped", "undone", "lapsed", "over")),
    sa.Index("ix_assignments_item", "task", "example", "field"),
    sa.Index("ix_assignments_state", "task", "state"),
    comment="Which expert holds which fields of which item, until when, and what came of it.",
)
judgements = sa.Table(
    "judgements",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    *(_words(name) for name in ("task", "example", "expert", "kind", "act", "assignment")),
    sa.Column("undoes", sa.Integer, nullable=False),
    *(_json(name) for name in ("answers", "suggestions", "known")),
    *(_words(name) for name in ("reason", "comment")),
    sa.Column("flag", sa.Boolean, nullable=False),
    sa.Column("milliseconds", sa.BigInteger, nullable=False),
    *(_words(name) for name in ("rate", "rate_per", "currency", "created")),
    _one_of("act", ("answer", "skip", "undo")),
    sa.UniqueConstraint("assignment", "undoes", name="uq_judgements_assignment"),
    sa.Index("ix_judgements_expert", "task", "expert"),
    comment="The ledger of what experts said. Rows are only ever added: a trigger refuses all else.",
)
settlements = sa.Table(
    "settlements",
    metadata,
    _key("task"),
    _key("example"),
    _key("field"),
    _words("state"),
    _json("value"),
    _words("makers"),
    _words("feedback"),
    _one_of("state", ("disputed", "settled")),
    sa.Index("ix_settlements_feedback", "feedback"),
    comment="What experts agreed on and which correction that became, or that they disagree.",
)
drafts = sa.Table(
    "drafts",
    metadata,
    _key("assignment"),
    _json("content"),
    _words("saved"),
    comment="What an expert has typed and not sent.",
)
keys = sa.Table(
    "keys",
    metadata,
    _key("id"),
    _words("name"),
    _words("sha256"),
    _json("scopes"),
    _words("created"),
    _words("expires"),
    _words("revoked"),
    _words("used"),
    comment="Who may ask a server; of each secret only its hash.",
)
replies = sa.Table(
    "replies",
    metadata,
    _key("caller"),
    _key("key"),
    _words("stamp"),
    _words("request"),
    _words("sha256"),
    sa.Column("status", sa.Integer, nullable=False),
    _json("headers"),
    sa.Column("body", sa.LargeBinary, nullable=False),
    _words("created"),
    _words("until"),
    sa.Index("ix_replies_created", "created"),
    comment="What requests with an idempotency key were answered; status 0 while one is being answered.",
)
spending = sa.Table(
    "spending",
    metadata,
    _key("task"),
    _key("month"),
    _key("upstream"),
    sa.Column("calls", sa.BigInteger, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("cost", sa.BigInteger, nullable=False),
    comment="What upstreams cost, in billionths of the currency; the one without a name is all of them.",
)
frontier = sa.Table(
    "frontier",
    metadata,
    _key("crawl"),
    _key("url"),
    _words("kind"),
    _words("host"),
    sa.Column("depth", sa.Integer, nullable=False),
    sa.Column("hops", sa.Integer, nullable=False),
    _words("via"),
    _words("changed"),
    sa.Column("number", sa.BigInteger, nullable=False),
    _words("state"),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("due", sa.Double, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    _words("reason"),
    sa.Column("size", sa.BigInteger, nullable=False),
    _words("place"),
    _words("etag"),
    _words("modified"),
    _words("sha256"),
    _words("noted"),
    _one_of("state", ("waiting", "done", "moved", "refused", "failed")),
    sa.Index("ix_frontier_next", "crawl", "state", "host", "depth", "number"),
    sa.Index("ix_frontier_place", "crawl", "place"),
    comment="Every URL that a crawl knows, and what came of it.",
)
