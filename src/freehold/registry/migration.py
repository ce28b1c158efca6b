"""Bringing a database to the newest migration. The only module that imports alembic, and only when asked.

Knows nothing of what the migrations do.
"""

from __future__ import annotations

import sqlalchemy as sa

from freehold.errors import StorageError
from freehold.registry.database import Database
from freehold.registry.folder import StateFolder

__all__ = ["upgrade"]

_ADVISORY_LOCK = 0x66_72_65_65_68_6F_6C_64  # "freehold"


def upgrade(database: Database, *, folder: StateFolder) -> None:
    """Migrates in one transaction; a second process that comes at the same moment waits, then finds it done.

    Raises:
        StorageError: A newer Freehold has migrated this database already.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "freehold.registry:migrations")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with folder.exclusive():
        database.use_wal()
        with database.write() as connection:
            if not database.is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            found = database.revision()
            if found and found not in known:
                raise StorageError(
                    f"The database `{database.name}` was migrated to {found!r} by a newer Freehold;"
                    f" this one knows {', '.join(sorted(known))}.",
                    hint="Install the newer one with: pip install --upgrade freehold",
                )
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
