"""The database's shape: the migrations make what the tables say, cheaply, once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import freehold.registry
from freehold.errors import StorageError
from freehold.registry import Registry
from freehold.registry.address import read_address
from freehold.registry.tables import REVISION, metadata


def test_the_newest_migration_is_the_one_that_is_asked_for() -> None:
    config = Config()
    config.set_main_option("script_location", "freehold.registry:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


def test_migrations_make_the_tables(shelf: Registry, database_url: str) -> None:
    engine = sa.create_engine(read_address(shelf.state, url=database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_database_of_the_first_release_gets_what_is_new_and_keeps_what_it_has(
    shelf: Registry, database_url: str
) -> None:
    shelf.fix_splits("banking", {"a": "test"})
    engine = sa.create_engine(read_address(shelf.state, url=database_url))
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE replies"))
        connection.execute(sa.text("DROP TABLE keys"))
        connection.execute(sa.text("DROP TABLE spending"))
        connection.execute(sa.text("DROP TABLE frontier"))
        for table in ("assignments", "judgements", "settlements", "drafts"):
            connection.execute(sa.text(f"DROP TABLE {table}"))
        for column in ("origin", "given", "reason", "worth"):
            connection.execute(sa.text(f"ALTER TABLE reviews DROP COLUMN {column}"))
        review = "INSERT INTO reviews VALUES ('banking', 'e', 'intent', '{}', '\"card\"', 0.5)"
        connection.execute(sa.text(review))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()
    with Registry.open(shelf.state, url=database_url) as opened:
        assert opened.splits("banking") == {"a": "test"}
        assert opened.all_keys() == []
        assert opened.spending("banking", month="2026-11") == {}
        assert list(opened.frontier("manual").urls()) == []
        found = [(each.origin, each.given, each.reason, each.worth) for each in opened.reviews("banking")]
        assert found == [("line", None, "", 0.0)]


def test_a_newer_database_is_left_alone(shelf: Registry, database_url: str) -> None:
    engine = sa.create_engine(read_address(shelf.state, url=database_url))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StorageError, match="migrated to '9999' by a newer Freehold") as caught:
        Registry.open(shelf.state, url=database_url)
    assert "pip install --upgrade freehold" in caught.value.hint


def test_a_name_is_given_once_and_kept(shelf: Registry, database_url: str) -> None:
    home = (shelf.state / "home").read_text()
    with Registry.open(shelf.state, url=database_url):
        assert (shelf.state / "home").read_text() == home


def test_opening_again_loads_no_alembic(tmp_path: Path) -> None:
    Registry.open(tmp_path / "state").close()
    script = (
        "import sys; from pathlib import Path; from freehold.registry import Registry\n"
        f"Registry.open(Path({str(tmp_path / 'state')!r})).close()\n"
        "print(*sorted({'alembic', 'mako', 'psycopg', 'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_sqlite_lets_readers_and_a_writer_work_together(tmp_path: Path) -> None:
    with Registry.open(tmp_path / "state") as shelf:
        engine = sa.create_engine(read_address(shelf.state))
        with engine.connect() as connection:
            assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
            connection.execute(sa.text("SELECT * FROM requests")).all()
            shelf.fix_splits("banking", {"a": "train"})
        engine.dispose()


def test_the_door() -> None:
    assert (
        sorted(freehold.registry.__all__)
        == freehold.registry.__all__
        == [
            "Account",
            "Answered",
            "Asking",
            "Assignment",
            "AssignmentKind",
            "Blind",
            "Blobs",
            "Budget",
            "Claim",
            "Experts",
            "Feedback",
            "Found",
            "Frontier",
            "FrontierCounts",
            "FrontierState",
            "KeptReply",
            "Key",
            "KeyScope",
            "LedgerRow",
            "Listed",
            "MOST_SECONDS",
            "MadeKey",
            "Outcome",
            "Recorded",
            "RecordedRequest",
            "Registry",
            "Replies",
            "Review",
            "Said",
            "Shown",
            "Spent",
            "Taken",
            "Undone",
            "Verification",
            "Waiting",
            "key_id",
            "reckon",
            "row_name",
            "secret_hash",
            "standing",
        ]
    )


def test_feedback_sorts_by_code_point_whatever_the_cluster_speaks(postgres_url: str, tmp_path: Path) -> None:
    admin = sa.create_engine(read_address(tmp_path, url=postgres_url), isolation_level="AUTOCOMMIT")
    name = read_address(tmp_path, url=postgres_url).database
    create = f"CREATE DATABASE {name}_en TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
    with admin.connect() as connection:
        try:
            connection.execute(sa.text(create))
        except sa.exc.DBAPIError as error:
            pytest.skip(f"this PostgreSQL has no ICU: {error.orig}")
        try:
            with Registry.open(tmp_path / "state", url=postgres_url.replace(f"{name}?", f"{name}_en?")) as shelf:
                shelf.fix_splits("banking", dict.fromkeys("aBb_Z", "train"))
                assert list(shelf.splits("banking")) == sorted("aBb_Z")
        finally:
            connection.execute(sa.text(f"DROP DATABASE {name}_en WITH (FORCE)"))
    admin.dispose()
